import { createHash, randomBytes } from "node:crypto";
import { join } from "node:path";
import { z } from "zod";
import { GatewayError } from "../domain/errors.ts";
import { PrivateFile } from "./private-file.ts";
import { type Identity, roleSchema } from "./roles.ts";

const fileSchema = z.strictObject({
  version: z.literal(1),
  tokens: z.array(z.strictObject({ name: z.string(), role: roleSchema, sha256: z.string() })),
});

/** Tokens for programs (`Authorization: Bearer …`), hashed in `tokens.json` of the data directory. */
export class Tokens {
  readonly #file: PrivateFile<z.infer<typeof fileSchema>>;

  constructor(dataDir: string) {
    this.#file = new PrivateFile(join(dataDir, "tokens.json"), fileSchema, { version: 1, tokens: [] });
  }

  /** Whose token it is; absent for an unknown one. */
  find(token: string): Identity | undefined {
    // A look-up by hash gives away nothing about the token by its timing.
    const sha256 = hashed(token);
    const found = this.#file.read().tokens.find((entry) => entry.sha256 === sha256);
    return found && { name: found.name, role: found.role, via: "token" };
  }

  add(name: string, role: Identity["role"]): string {
    const { tokens } = this.#file.read();
    if (tokens.some((entry) => entry.name === name)) throw new GatewayError("USER_EXISTS", `there is a token ${name}`);
    const token = `zhian_${randomBytes(32).toString("base64url")}`;
    this.#file.write({ version: 1, tokens: [...tokens, { name, role, sha256: hashed(token) }] });
    return token;
  }
}

/** The bits are random, so a fast hash is enough. */
const hashed = (token: string): string => createHash("sha256").update(token).digest("hex");

/** Makes a token; it is told this once and cannot be read again. Throws USER_INVALID or USER_EXISTS. */
export function addToken(options: { dataDir: string; name: string; role: string }): string {
  const role = roleSchema.safeParse(options.role);
  if (!role.success) throw new GatewayError("USER_INVALID", `there is no role ${JSON.stringify(options.role)}`);
  return new Tokens(options.dataDir).add(options.name, role.data);
}
