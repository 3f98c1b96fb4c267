import { access, constants, mkdir, open, rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import type { Clock } from "../../ports/clock.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";

/** statfs(2), `f_type`. */
const fileSystems: Readonly<Record<number, string>> = {
  61267: "ext4",
  1481003842: "xfs",
  2435016766: "btrfs",
  16914836: "tmpfs",
  26985: "nfs",
  2035054128: "overlay",
  4283649346: "cifs",
  4266872130: "smb2",
  1702057286: "fuse",
  19780: "vfat",
  4076150800: "f2fs",
  801189825: "zfs",
};
const remote = new Set(["nfs", "cifs", "smb2", "fuse", "vfat"]);

const measureMs = 250;
/** Every acknowledgement waits for one, though many share it. */
const fewSyncs = 50;

/** Can the logs be kept there, and how fast? Leaves nothing behind. */
export async function checkDataDirectory(folder: string, budgetBytes: number, clock: Clock): Promise<Finding[]> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const hint = "Make it and give it to the gateway's user, or name another one with ZHIAN_DATA.";
    return [fail("data directory", `${folder}: ${codeOf(error)}`, hint)];
  }
  return [await place(folder), await speed(folder, clock), await space(folder, budgetBytes)];
}

async function place(folder: string): Promise<Finding> {
  const { type } = await statfs(folder);
  const name = fileSystems[type] ?? `file system 0x${type.toString(16)}`;
  const found = `${folder} on ${name}`;
  if (name === "tmpfs") return warn("data directory", found, "It is in memory: a power cut loses all. Use a disk.");
  if (remote.has(name)) {
    return fail("data directory", found, "What it calls durable is not. Use a local ext4, xfs or btrfs.");
  }
  return ok("data directory", found);
}

async function speed(folder: string, clock: Clock): Promise<Finding> {
  const path = join(folder, `.doctor-${process.pid}`);
  const file = await open(path, "w", 0o600);
  try {
    const block = Buffer.alloc(4096, 1);
    const began = clock.now();
    let syncs = 0;
    for (; clock.now() - began < measureMs; syncs += 1) {
      await file.write(block, 0, block.length, 0);
      await file.datasync();
    }
    const perSecond = Math.round((syncs * 1000) / Math.max(1, clock.now() - began));
    const found = `${perSecond} a second`;
    if (perSecond >= fewSyncs) return ok("disk syncs", found);
    return warn("disk syncs", found, "Slow: a worn card, or a disk that is busy. Acknowledgements take as long.");
  } catch (error) {
    return fail("disk syncs", codeOf(error), "The disk does not write: see dmesg.");
  } finally {
    await file.close();
    await rm(path, { force: true });
  }
}

async function space(folder: string, budgetBytes: number): Promise<Finding> {
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const found = `${mib(free)} free, budget ${mib(budgetBytes)}`;
  if (free >= budgetBytes) return ok("disk space", found);
  const hint = "What the gateway has stored counts as used. If the rest is not to come free, lower storage.budget.";
  return free > budgetBytes / 10 ? warn("disk space", found, hint) : fail("disk space", found, hint);
}

function mib(bytes: number): string {
  return bytes >= 2 ** 30 ? `${(bytes / 2 ** 30).toFixed(1)} GiB` : `${Math.round(bytes / 2 ** 20)} MiB`;
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error ? String(error.code) : String(error);
}
