import { z } from "zod";

const loopback = /^(localhost|127(\.\d{1,3}){3}|\[::1\])$/i;

function read(text: string): URL | undefined {
  return URL.canParse(text) ? new URL(text) : undefined;
}

/** An address that what we send stays secret on the way to: https, or a program on this machine. */
export function isSafe(text: string): boolean {
  const url = read(text);
  return url?.protocol === "https:" || (url?.protocol === "http:" && loopback.test(url.hostname));
}

export const webAddressSchema = z
  .string()
  .max(2048)
  .refine((text) => /^https?:$/.test(read(text)?.protocol ?? ""), "an address such as https://host/path");

/** Of the robots, whose address is a key to the group. */
export const safeAddressSchema = webAddressSchema.refine(isSafe, "an https address: it holds the key to the group");

/** What in an address may be a key: each value of its query, the last step of its path, an account. */
export function keysOf(url: string): string[] {
  const { pathname, searchParams, username, password } = new URL(url);
  const last = pathname.split("/").at(-1) ?? "";
  // A short last step is the name of a method, as in /robot/send.
  return [...searchParams.values(), ...(last.length >= 16 ? [last] : []), username, password];
}

export const authoritySchema = z
  .string()
  .includes("-----BEGIN CERTIFICATE-----", { error: "PEM text, by a file: reference" })
  .optional()
  .describe(
    "PEM text of the authority that signed the other side's certificate, where it is a private one. Name its file with the file: reference.",
  );
