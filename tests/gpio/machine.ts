import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { createInterface } from "node:readline";

const project = resolve(import.meta.dirname, "../..");
const packages = ["busybox-static", "gpiod", "libgpiod2", "libcap-ng0", "util-linux"];
/** onoff with what it loads. */
const modules = ["onoff", "epoll", "bindings", "file-uri-to-path", "lodash.debounce"];

export interface Machine {
  readonly kernel: string;
  readonly initramfs: string;
}

/**
 * A Debian kernel with two simulated GPIO chips, this driver, Node, onoff and the gpiod tools, to be booted by QEMU. What was
 * downloaded and built is kept in node_modules/.cache. Installs qemu and make where they are missing; no kernel is installed.
 * @param gpiod a folder with gpiod tools to take instead of Debian's
 */
export function buildMachine(say: (line: string) => void, gpiod?: string): Machine {
  const version = kernelVersion();
  const cache = join(project, "node_modules/.cache/zhian-gpio", version);
  const step = <T>(what: string, act: () => T): T => {
    const started = performance.now();
    const result = act();
    say(`${what}: ${((performance.now() - started) / 1000).toFixed(1)} s`);
    return result;
  };
  mkdirSync(cache, { recursive: true });
  step("packages", () => fetchPackages(version, cache));
  const module = step("kernel module", () => buildModule(version, cache));
  const initramfs = step("initramfs", () => packTree(cache, module, gpiod));
  return { kernel: join(cache, "root/boot", `vmlinuz-${version}`), initramfs };
}

/** Boots it, hands over every line that it writes to its console, and resolves when it has powered off. */
export async function bootMachine({ kernel, initramfs }: Machine, line: (text: string) => void): Promise<void> {
  const args = ["-accel", "tcg", "-m", "1024", "-nographic", "-no-reboot", "-kernel", kernel, "-initrd", initramfs];
  const append = "console=ttyS0 quiet panic=-1 mitigations=off";
  const qemu = spawn("qemu-system-x86_64", [...args, "-append", append], { stdio: ["ignore", "pipe", "pipe"] });
  const limit = setTimeout(() => qemu.kill("SIGKILL"), 720_000);
  let complaint = "";
  qemu.stderr.on("data", (chunk: Buffer) => {
    complaint += chunk.toString();
  });
  createInterface({ input: qemu.stdout }).on("line", line);
  const code = await new Promise((done) => qemu.once("close", done));
  clearTimeout(limit);
  if (code !== 0) throw new Error(`qemu ended with ${code}: ${complaint}`);
}

function run(command: string, args: readonly string[], cwd = project, input?: string): string {
  return execFileSync(command, args, {
    cwd,
    encoding: "utf8",
    maxBuffer: 64e6,
    stdio: ["pipe", "pipe", "pipe"],
    env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    ...(input === undefined ? {} : { input }),
  });
}

function isThere(command: string): boolean {
  return (process.env["PATH"] ?? "").split(":").some((folder) => existsSync(join(folder, command)));
}

/** Of Debian's current kernel: `6.1.0-56-amd64`. */
function kernelVersion(): string {
  const missing = [
    ["qemu-system-x86_64", "qemu-system-x86"],
    ["make", "make"],
    ["gcc", "gcc"],
  ].filter(([command = ""]) => !isThere(command));
  run("apt-get", ["update", "-qq"]);
  if (missing.length > 0) {
    const names = missing.map(([, name = ""]) => name);
    run("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...names]);
  }
  const depends = run("apt-cache", ["depends", "linux-image-amd64"]);
  const version = /Depends: linux-image-(\S+-amd64)$/m.exec(depends)?.[1];
  if (version === undefined) throw new Error(`linux-image-amd64 depends on no kernel:\n${depends}`);
  return version;
}

function fetchPackages(version: string, cache: string): void {
  const root = join(cache, "root");
  if (existsSync(join(cache, "fetched"))) return;
  rmSync(root, { recursive: true, force: true });
  const common = version.replace(/-amd64$/, "-common");
  const series = /^\d+\.\d+/.exec(version)?.[0] ?? "";
  const headers = [`linux-headers-${version}`, `linux-headers-${common}`, `linux-kbuild-${series}`];
  const source = `linux-source-${series}`;
  run("apt-get", ["download", `linux-image-${version}`, ...headers, source, ...packages], cache);
  for (const deb of readdirSync(cache).filter((name) => name.endsWith(".deb"))) {
    run("dpkg-deb", ["-x", deb, root], cache);
    rmSync(join(cache, deb));
  }
  // The kernel's own modules: nothing of them is needed, and they are most of it.
  rmSync(join(root, "lib/modules"), { recursive: true, force: true });
  const archive = join(root, "usr/src", `${source}.tar.xz`);
  const wanted = ["drivers/gpio/gpio-mockup.c", "drivers/gpio/gpiolib.h", "kernel/irq/irq_sim.c"];
  run("tar", ["-xJf", archive, "-C", cache, "--strip-components=1", ...wanted.map((file) => `${source}/${file}`)]);
  rmSync(archive);
  writeFileSync(join(cache, "fetched"), "");
}

/**
 * gpio-mockup with the interrupts that it simulates, both of Debian's kernel source. `irq_to_desc` is not exported to
 * modules; `generic_handle_irq` does the same for one of theirs.
 */
function buildModule(version: string, cache: string): string {
  const folder = join(cache, "module");
  const built = join(folder, "gpio_sim_chip.ko");
  if (existsSync(built)) return built;
  mkdirSync(folder, { recursive: true });
  for (const file of ["drivers/gpio/gpio-mockup.c", "drivers/gpio/gpiolib.h"]) {
    copyFileSync(join(cache, file), join(folder, basename(file)));
  }
  const source = readFileSync(join(cache, "kernel/irq/irq_sim.c"), "utf8");
  const changed = source.replace("handle_simple_irq(irq_to_desc(irqnum))", "generic_handle_irq(irqnum)");
  if (changed === source) throw new Error("irq_sim.c has changed: look at it anew");
  writeFileSync(join(folder, "irq_sim.c"), changed);
  writeFileSync(join(folder, "Makefile"), "obj-m := gpio_sim_chip.o\ngpio_sim_chip-y := gpio-mockup.o irq_sim.o\n");
  const headers = join(cache, "root/usr/src", `linux-headers-${version}`);
  const common = headers.replace(/-amd64$/, "-common");
  writeFileSync(join(headers, "Makefile"), `include ${common}/Makefile\n`);
  run("make", ["-C", headers, `M=${folder}`, "modules"]);
  return built;
}

function packTree(cache: string, module: string, gpiod: string | undefined): string {
  const tree = join(cache, "tree");
  const debian = join(cache, "root");
  rmSync(tree, { recursive: true, force: true });
  for (const folder of ["bin", "usr/bin", "proc", "sys", "dev", "tmp", "zhian", "root"]) {
    mkdirSync(join(tree, folder), { recursive: true });
  }
  copyFileSync(join(debian, "bin/busybox"), join(tree, "bin/busybox"));
  symlinkSync("busybox", join(tree, "bin/sh"));
  copyFileSync(module, join(tree, "gpio_sim_chip.ko"));
  const node = join(tree, "usr/bin/node");
  run("strip", ["-o", node, process.execPath]);
  const tools = ["gpiodetect", "gpioinfo", "gpioget", "gpiomon", "gpioset"];
  const bin = join(debian, "usr/bin");
  const programs = [...tools.map((tool) => join(gpiod ?? bin, tool)), join(bin, "setpriv")];
  for (const program of programs) copyFileSync(program, join(tree, "usr/bin", basename(program)));
  for (const program of [node, ...programs]) copyLibraries(program, tree, debian);
  for (const name of modules) {
    cpSync(join(project, "node_modules", name), join(tree, "zhian/node_modules", name), {
      recursive: true,
      filter: (path) => !/obj\.target|\/deps$|\/test|\/example/.test(path),
    });
  }
  const sources = globSync("{drivers/dry-contact,gateway/domain,gateway/ports,tests/gpio}/*.ts", { cwd: project });
  for (const file of sources) {
    mkdirSync(join(tree, "zhian", dirname(file)), { recursive: true });
    copyFileSync(join(project, file), join(tree, "zhian", file));
  }
  writeFileSync(join(tree, "zhian/package.json"), '{"type":"module"}\n');
  writeFileSync(join(tree, "init"), init);
  chmodSync(join(tree, "init"), 0o755);
  const initramfs = join(cache, "initramfs.cpio");
  const list = run("find", ["."], tree);
  const packed = execFileSync(join(debian, "bin/busybox"), ["cpio", "-o", "-H", "newc"], {
    cwd: tree,
    input: list,
    maxBuffer: 1e9,
    stdio: ["pipe", "pipe", "ignore"],
  });
  writeFileSync(initramfs, packed);
  return initramfs;
}

/** Those of Debian's own packages where they came with them, else this machine's. */
function copyLibraries(program: string, tree: string, debian: string): void {
  const folders = [join(debian, "usr/lib/x86_64-linux-gnu"), join(debian, "lib/x86_64-linux-gnu")].join(":");
  const listed = execFileSync("ldd", [program], {
    encoding: "utf8",
    env: { ...process.env, LD_LIBRARY_PATH: folders },
  });
  for (const [, path = ""] of listed.matchAll(/(\/\S+) \(0x/g)) {
    const target = join(tree, path.startsWith(debian) ? path.slice(debian.length) : path);
    mkdirSync(dirname(target), { recursive: true });
    copyFileSync(path, target);
  }
}

const init = `#!/bin/sh
export PATH=/usr/bin:/bin
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
/bin/busybox mount -t debugfs debugfs /sys/kernel/debug
/bin/busybox mount -t tmpfs tmpfs /tmp
/bin/busybox ip link set lo up
/bin/busybox insmod /gpio_sim_chip.ko gpio_mockup_ranges=-1,4,-1,8 gpio_mockup_named_lines=1
cd /zhian
node tests/gpio/in-machine-process.ts || echo "GPIO-FAILED $?"
/bin/busybox poweroff -f
`;
