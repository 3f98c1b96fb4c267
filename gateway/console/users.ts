import { join } from "node:path";
import { z } from "zod";
import { GatewayError } from "../domain/errors.ts";
import { assertStrong, hashPassword } from "./passwords.ts";
import { PrivateFile } from "./private-file.ts";
import { linkName, type Role, roleSchema } from "./roles.ts";

const userSchema = z.strictObject({
  name: z.string(),
  role: roleSchema,
  /** PHC string. */
  password: z.string(),
});
export type User = z.infer<typeof userSchema>;

const fileSchema = z.strictObject({ version: z.literal(1), users: z.array(userSchema) });

const nameSchema = z.string().regex(/^[\p{L}\p{N}][\p{L}\p{N}._-]{0,31}$/u);

/** The people who may sign in, in `users.json` of the data directory. Changes made by another process are seen at once. */
export class Users {
  readonly #file: PrivateFile<z.infer<typeof fileSchema>>;

  constructor(dataDir: string) {
    this.#file = new PrivateFile(join(dataDir, "users.json"), fileSchema, { version: 1, users: [] });
  }

  /** Throws CONFIG_UNREADABLE where the file is damaged: that is not the same as having no users. */
  all(): readonly User[] {
    return this.#file.read().users;
  }

  find(name: string): User | undefined {
    const wanted = folded(name);
    return this.all().find((user) => folded(user.name) === wanted);
  }

  add(user: User): void {
    this.#file.write({ version: 1, users: [...this.all(), user] });
  }
}

/** Case and width do not make two names: 张伟1 and 张伟１ are one person. */
const folded = (name: string): string => name.normalize("NFKC").toLowerCase();

/** Adds a person, also while the gateway runs. Throws USER_INVALID, USER_EXISTS or PASSWORD_WEAK. */
export async function addUser(options: {
  readonly dataDir: string;
  readonly name: string;
  readonly role: string;
  readonly password: string;
}): Promise<{ name: string; role: Role }> {
  const name = nameSchema.safeParse(options.name.normalize("NFKC"));
  if (!name.success || folded(options.name) === linkName) {
    throw new GatewayError("USER_INVALID", `a user cannot have the name ${JSON.stringify(options.name)}`);
  }
  const role = roleSchema.safeParse(options.role);
  if (!role.success) throw new GatewayError("USER_INVALID", `there is no role ${JSON.stringify(options.role)}`);
  assertStrong(options.password, name.data);
  const users = new Users(options.dataDir);
  const refuseSecond = (): void => {
    if (users.find(name.data) !== undefined) throw new GatewayError("USER_EXISTS", `there is a user ${name.data}`);
  };
  refuseSecond();
  const password = await hashPassword(options.password);
  refuseSecond();
  users.add({ name: name.data, role: role.data, password });
  return { name: name.data, role: role.data };
}
