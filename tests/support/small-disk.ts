import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A disk of a few megabytes that can really be filled. */
export interface SmallDisk {
  readonly path: string;
  /** Another program's file takes all that is free but `leave` bytes. */
  fill(leave: number): void;
  free(): void;
  remove(): void;
}

/** Why there is none here, or `undefined`: mounting wants root and a kernel that lets it. */
export function noSmallDisk(): string | undefined {
  try {
    smallDisk(1).remove();
    return undefined;
  } catch (error) {
    return `no size-limited tmpfs can be mounted here: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** A tmpfs of `mebibytes`. */
export function smallDisk(mebibytes: number): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), "zhian-disk-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m`, "tmpfs", path], { stdio: "pipe" });
  } catch (error) {
    rmSync(path, { recursive: true });
    throw error;
  }
  const hog = join(path, "hog");
  return {
    path,
    fill(leave) {
      const free = Number(execFileSync("df", ["--output=avail", "-B1", path], { encoding: "utf8" }).split("\n")[1]);
      writeFileSync(hog, Buffer.alloc(Math.max(0, free - leave), 1));
    },
    free: () => rmSync(hog, { force: true }),
    remove() {
      execFileSync("umount", ["-l", path], { stdio: "pipe" });
      rmSync(path, { recursive: true, force: true });
    },
  };
}
