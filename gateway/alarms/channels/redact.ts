/** What replaces a secret. */
const mask = "•••";

/** Shorter ones are no secrets, and would mask parts of other words. */
const minLength = 4;

/** Puts a mask over every secret in a text, also where it is written as in an address or in JSON. */
export function redactor(secrets: readonly string[]): (text: string) => string {
  const forms = new Set(
    secrets
      .filter((secret) => secret.length >= minLength)
      .flatMap((secret) => [secret, encodeURIComponent(secret.toWellFormed()), JSON.stringify(secret).slice(1, -1)]),
  );
  // The longest first, so that none leaves the rest of another behind.
  const ordered = [...forms].sort((a, b) => b.length - a.length);
  return (text) => ordered.reduce((masked, form) => masked.replaceAll(form, mask), text);
}
