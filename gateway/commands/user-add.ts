import { addUser } from "../console/users.ts";
import { loadConfiguration } from "./configuration.ts";
import { readPassword } from "./password.ts";
import { complain, say, tellMistakes } from "./tell.ts";

export interface UserAddOptions {
  readonly role: string;
  readonly config: string;
  readonly json?: boolean;
}

/** `zhian user add NAME --role ROLE --config FILE`: the password comes from the terminal or from standard input. */
export async function userAdd(name: string, { role, config: file, json }: UserAddOptions): Promise<number> {
  const result = loadConfiguration(file);
  if (!result.ok) {
    tellMistakes(result.mistakes);
    return 2;
  }
  const password = await readPassword(process.stdin, process.stderr, name);
  if (!password.ok) {
    complain(password.why);
    return 2;
  }
  const added = await addUser({ dataDir: result.config.gateway.data, name, role, password: password.value });
  say(json === true ? JSON.stringify(added) : `${added.name} may sign in as ${added.role}.`);
  return 0;
}
