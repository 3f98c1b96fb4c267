import { argon2, randomBytes, timingSafeEqual } from "node:crypto";
import { GatewayError } from "../domain/errors.ts";

/** OWASP Password Storage Cheat Sheet: argon2id with 19 MiB, 2 passes, 1 lane. About 90 ms on the 2-core reference box. */
const cost = { memory: 19_456, passes: 2, parallelism: 1 };
const saltBytes = 16;
const hashBytes = 32;
const shortest = 12;
const longest = 256;
/** Hashing takes threads and memory: at most so many at once, so many waiting, and the rest is told to come back. */
const atOnce = 2;
const waitingAtMost = 16;

/** PHC string: `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const hash = await derive(password, salt, cost);
  return `$argon2id$v=19$m=${cost.memory},t=${cost.passes},p=${cost.parallelism}$${base64(salt)}$${base64(hash)}`;
}

const phc = /^\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$([A-Za-z0-9+/]+)\$([A-Za-z0-9+/]+)$/;
const nobody = `$argon2id$v=19$m=${cost.memory},t=${cost.passes},p=${cost.parallelism}$${"A".repeat(22)}$${"A".repeat(43)}`;

/**
 * Is it the password? Takes as long for an account that does not exist (`stored` absent) as for one that does.
 * Throws TOO_MANY_ATTEMPTS where too many wait already.
 */
export async function verifyPassword(password: string, stored: string | undefined): Promise<boolean> {
  const match = phc.exec(stored ?? nobody);
  if (match === null) return false;
  const [, memory, passes, parallelism, salt = "", hash = ""] = match;
  const expected = Buffer.from(hash, "base64");
  const found = await derive(password, Buffer.from(salt, "base64"), {
    memory: Number(memory),
    passes: Number(passes),
    parallelism: Number(parallelism),
  });
  return found.length === expected.length && timingSafeEqual(found, expected) && stored !== undefined;
}

/** NIST SP 800-63B §3.1.1: length, a list of well-known ones, nothing made of the name; no rules on kinds of characters. */
export function assertStrong(password: string, name: string): void {
  const text = normalised(password);
  const length = [...text].length;
  if (length < shortest) throw weak(`it has ${length} characters, at least ${shortest} are needed`);
  if (length > longest) throw weak(`it has ${length} characters, at most ${longest} are taken`);
  const plain = text.toLowerCase();
  if (new Set(plain).size < 5) throw weak("it has fewer than 5 different characters");
  if (plain.includes(name.normalize("NFKC").toLowerCase()) && [...name].length > 3) throw weak("it contains the name");
  const letters = plain.replace(/[^a-z]/g, "").replace(/(.+?)\1+$/, "$1");
  if (wellKnown.has(plain) || wellKnownWords.has(letters) || isSequence(plain)) throw weak("it is well known");
}

const wellKnown = new Set([
  "1qaz2wsx3edc",
  "1q2w3e4r5t6y",
  "qwer1234asdf",
  "qwertyuiop[]",
  "zaq12wsxcde3",
  "a1b2c3d4e5f6",
  "5201314520131",
  "woaini1314520",
  "woaini5201314",
  "123456abcdef",
  "correcthorsebatterystaple",
]);
/** What is left when digits and signs are taken away: `Password-1234` is no better than `password`. */
const wellKnownWords = new Set(
  "password passwd passphrase administrator admin root guest user letmein welcome changeme default qwerty qwertyuiop qwertyuiopasdfgh asdfghjkl qazwsxedc abc abcd abcdef abcdefgh test testing secret iloveyou woaini zhian zhiangateway gateway hikvision hik dahua adminadmin passwordpassword mima wode baoan wuye".split(
    " ",
  ),
);

function isSequence(text: string): boolean {
  const codes = [...text].map((char) => char.codePointAt(0) ?? 0);
  const steps = codes.slice(1).map((code, i) => code - (codes[i] ?? 0));
  return steps.filter((step) => step === steps[0]).length >= steps.length - 1 && Math.abs(steps[0] ?? 9) <= 1;
}

function weak(why: string): GatewayError {
  return new GatewayError("PASSWORD_WEAK", `the password is too weak: ${why}`);
}

const normalised = (password: string): string => password.normalize("NFKC");
const base64 = (bytes: Buffer): string => bytes.toString("base64").replace(/=+$/, "");

let running = 0;
const waiting: (() => void)[] = [];

async function derive(password: string, nonce: Buffer, parameters: typeof cost): Promise<Buffer> {
  if (running >= atOnce) {
    if (waiting.length >= waitingAtMost) throw new GatewayError("TOO_MANY_ATTEMPTS", "too many sign-ins at once");
    await new Promise<void>((resolve) => waiting.push(resolve));
  }
  running += 1;
  try {
    return await new Promise((resolve, reject) => {
      const message = normalised(password).slice(0, longest);
      argon2("argon2id", { message, nonce, tagLength: hashBytes, ...parameters }, (error, key) =>
        error === null ? resolve(key) : reject(error),
      );
    });
  } finally {
    running -= 1;
    waiting.shift()?.();
  }
}
