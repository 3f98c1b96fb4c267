/** What replaces a secret. */
const mask = "•••";

/** Puts a mask over every secret in a text, also where it is written as in an address or in JSON. Empty ones do not count. */
export function redactor(secrets: readonly string[]): (text: string) => string {
  const forms = new Set(
    secrets
      .filter((secret) => secret !== "")
      .flatMap((secret) => [secret, encodeURIComponent(secret.toWellFormed()), JSON.stringify(secret).slice(1, -1)]),
  );
  // The longest first, so that none leaves the rest of another behind.
  const ordered = [...forms].sort((a, b) => b.length - a.length);
  return (text) => ordered.reduce((masked, form) => masked.replaceAll(form, mask), text);
}
