import { access, constants, readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Finding, fail, ok, warn } from "./finding.ts";

const byId = "/dev/serial/by-id";

/** Is the line there, may we use it, and will its name last? */
export async function checkSerialLine(id: string, path: string, folder = byId): Promise<Finding> {
  const check = `serial line ${id}`;
  const target = await realpath(path).catch(() => undefined);
  if (target === undefined) return fail(check, `${path} is not there`, await whatThereIs(folder));
  if (!(await stat(target)).isCharacterDevice()) {
    return fail(check, `${path} is no serial device`, await whatThereIs(folder));
  }
  try {
    await access(target, constants.R_OK | constants.W_OK);
  } catch {
    const hint = "Put the gateway's user into the group dialout: usermod -aG dialout zhian, and start it again.";
    return fail(check, `${path}: no right to use it`, hint);
  }
  if (!/^\/dev\/tty(USB|ACM)\d+$/.test(path)) return ok(check, path);
  const lasting = await nameOf(target, folder);
  const hint = lasting === undefined ? "Name it by a udev rule." : `Write path: ${lasting}`;
  return warn(check, `${path}, a name that may change when something is plugged in`, hint);
}

async function links(folder: string): Promise<readonly string[]> {
  return (await readdir(folder).catch(() => [])).map((name) => join(folder, name));
}

async function nameOf(target: string, folder: string): Promise<string | undefined> {
  for (const link of await links(folder)) if ((await realpath(link).catch(() => undefined)) === target) return link;
  return undefined;
}

async function whatThereIs(folder: string): Promise<string> {
  const found = await links(folder);
  if (found.length === 0) return "Check the cable and the adapter; ls /dev/tty* lists what there is.";
  return `There is: ${found.join(", ")}`;
}
