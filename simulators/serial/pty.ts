import { type ChildProcess, spawn } from "node:child_process";
import { constants, promises as fs } from "node:fs";
import { createInterface } from "node:readline";
import { Duplex, type Readable, type Writable } from "node:stream";

/** A pseudo-terminal: `path` is opened by the program under test as its serial port, `stream` is the other end of the wire. */
export interface Pty {
  readonly path: string;
  readonly stream: Duplex;
  close(): Promise<void>;
}

/** A way to make one with what the machine has. Rejects where the machine does not have it. */
export interface PtyMaker {
  readonly name: string;
  open(): Promise<Pty>;
}

const pythonRelay = `
import os, pty, select, tty
master, slave = pty.openpty()
tty.setraw(slave)
os.write(3, (os.ttyname(slave) + "\\n").encode())
def all(fd, data):
    while data: data = data[os.write(fd, data):]
while True:
    ready, _, _ = select.select([0, master], [], [])
    if 0 in ready:
        data = os.read(0, 65536)
        if not data: break
        all(master, data)
    if master in ready: all(1, os.read(master, 65536))
`;

/**
 * `script` is in Debian's essential package bsdutils, so it is there on every Debian without root. Its shell sets the
 * line raw, names it on descriptor 3, and holds it open until descriptor 4 ends: with us, even if we are killed.
 */
const byScript: PtyMaker = {
  name: "script",
  open: () => {
    const hold = "stty raw -echo && tty >&3 && exec cat <&4 >/dev/null";
    return relay(
      spawn("script", ["-qfec", hold, "/dev/null"], {
        stdio: ["pipe", "pipe", "pipe", "pipe", "pipe"],
        env: { ...process.env, SHELL: "/bin/sh" },
      }),
    );
  },
};

const byPython: PtyMaker = {
  name: "python3",
  open: () => relay(spawn("python3", ["-c", pythonRelay], { stdio: ["pipe", "pipe", "pipe", "pipe"] })),
};

/** socat leaves when the last reader of the slave leaves, hence the descriptor that we hold ourselves. */
const bySocat: PtyMaker = {
  name: "socat",
  open: async () => {
    const child = spawn("socat", ["-d", "-d", "pty,rawer", "stdio"], { stdio: ["pipe", "pipe", "pipe"] });
    const pty = await relay(child, child.stderr, /PTY is (\S+)/);
    const held = await fs.open(pty.path, constants.O_RDWR | constants.O_NOCTTY);
    return {
      ...pty,
      close: async () => {
        await held.close();
        await pty.close();
      },
    };
  },
};

export const ptyMakers: readonly PtyMaker[] = [byScript, byPython, bySocat];

/** A raw pseudo-terminal without root and without packages. Rejects with what was tried when none of the makers works. */
export async function openPty(makers: readonly PtyMaker[] = ptyMakers): Promise<Pty> {
  const failures: string[] = [];
  for (const maker of makers) {
    try {
      return await maker.open();
    } catch (error) {
      failures.push(`${maker.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new Error(`no pseudo-terminal could be made (${failures.join("; ")})`);
}

async function relay(child: ChildProcess, speaksOn?: Readable, pattern = /^(\/dev\/\S+)/): Promise<Pty> {
  const exited = new Promise<void>((resolve) => child.once("close", () => resolve()));
  const path = await announcedPath(child, pattern, speaksOn).catch((error: unknown) => {
    child.kill();
    throw error;
  });
  if (child.stdin === null || child.stdout === null) throw new Error("has no pipes");
  const stream = Duplex.from({ readable: child.stdout, writable: child.stdin });
  // The end of the relay is the end of the wire; whoever reads the stream sees it close.
  stream.on("error", () => {});
  return {
    path,
    stream,
    close: async () => {
      stream.destroy();
      // Killed, `script` would sleep two seconds; without its hold it ends at once.
      const hold = child.stdio[4];
      if (hold === undefined || hold === null) child.kill();
      else hold.destroy();
      await exited;
    },
  };
}

function announcedPath(child: ChildProcess, pattern: RegExp, speaksOn?: Readable): Promise<string> {
  return new Promise((resolve, reject) => {
    let complaint = "";
    child.once("error", reject);
    child.stderr?.on("data", (data: Buffer) => {
      complaint = (complaint + data.toString()).slice(-200);
    });
    child.once("close", (code) => reject(new Error(`ended with ${code} ${complaint.trim()}`.trim())));
    const source = speaksOn ?? asReadable(child.stdio[3]);
    if (source === undefined) {
      reject(new Error("has no descriptor to speak on"));
      return;
    }
    createInterface({ input: source }).on("line", (line) => {
      const path = pattern.exec(line)?.[1];
      if (path !== undefined) resolve(path);
    });
  });
}

function asReadable(stream: Readable | Writable | null | undefined): Readable | undefined {
  return stream !== null && stream !== undefined && "read" in stream ? stream : undefined;
}
