// Sets up what `npm start` (run) or `npm test` (test) needs, and says what it does. Plain JavaScript without
// dependencies: it runs on any Node from 20 up, before anything is installed. A second run finds all in place at once.
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const neededMajor = 24;
/** Debian's own, since its modules are not seen by another that comes first on the path. */
const debianPython = "/usr/bin/python3";

/** What the tests use beside npm packages: Debian package and the command or Python module that shows it is there. */
const testTools = [
  { package: "mosquitto", command: "mosquitto" },
  { package: "mosquitto-clients", command: "mosquitto_pub" },
  { package: "socat", command: "socat" },
  { package: "mbpoll", command: "mbpoll" },
  { package: "curl", command: "curl" },
  { package: "lighttpd", command: "lighttpd" },
  { package: "gcc", command: "gcc" },
  { package: "libc6-dev", file: "/usr/include/stdio.h" },
  { package: "chromium", command: "chromium" },
  { package: "fonts-noto-cjk", file: "/usr/share/fonts/opentype/noto" },
  { package: "python3-pymodbus", module: "pymodbus" },
  { package: "python3-serial", module: "serial" },
  { package: "gammu", command: "gammu" },
  { package: "python3-gammu", module: "gammu" },
  { package: "python3-aiosmtpd", module: "aiosmtpd" },
  { package: "python3-serial-asyncio", module: "serial_asyncio" },
];

/** @returns {string | undefined} the Node to run the product on; absent where none is new enough */
export function findNode() {
  const own = Number(process.versions.node.split(".")[0]);
  if (own >= neededMajor) return process.execPath;
  const brought = join(root, "node_modules", ".bin", "node");
  return existsSync(brought) ? brought : undefined;
}

/** Installs the packages of package-lock.json where they are not there. Throws an Error whose message is for people. */
export function ensurePackages() {
  const lock = readFileSync(join(root, "package-lock.json"));
  const stampFile = join(root, "node_modules", ".zhian-setup");
  const stamp = `${createHash("sha256").update(lock).digest("hex")} ${process.platform} ${process.arch}\n`;
  if (!existsSync(stampFile) || readFileSync(stampFile, "utf8") !== stamp) {
    if (!installedAsLocked(JSON.parse(lock.toString()))) installPackages();
    writeFileSync(stampFile, stamp);
  }
  if (findNode() !== undefined) return;
  throw new Error(
    `Node ${process.versions.node} is too old, and the npm registry brings Node ${neededMajor} only for Linux on x64 and ` +
      `arm64 with glibc.\nInstall Node ${neededMajor} from your system or https://nodejs.org, then try again.`,
  );
}

/** Does node_modules hold the locked version of each package that this machine wants? */
function installedAsLocked(lock) {
  const hidden = join(root, "node_modules", ".package-lock.json");
  if (!existsSync(hidden)) return false;
  const installed = JSON.parse(readFileSync(hidden, "utf8")).packages;
  process.report.excludeNetwork = true;
  const libc = process.report.getReport().header.glibcVersionRuntime === undefined ? "musl" : "glibc";
  return Object.entries(lock.packages).every(([path, entry]) => {
    if (path === "" || entry.link) return true;
    const there = installed[path];
    if (there === undefined) return entry.optional === true && !isMeantForThisMachine(entry, libc);
    return there.version === entry.version && existsSync(join(root, path));
  });
}

/** Optional packages that name no machine belong to some other one that does. */
function isMeantForThisMachine({ os, cpu, libc }, ownLibc) {
  if (os === undefined && cpu === undefined) return false;
  const fits = (list, own) => list === undefined || list.includes(own);
  return fits(os, process.platform) && fits(cpu, process.arch) && fits(libc, ownLibc);
}

function installPackages() {
  say("Setting up: npm ci installs the packages of package-lock.json (once, about half a minute with a good line) …");
  const started = Date.now();
  const npm = spawnSync(
    "npm",
    ["ci", "--include=dev", "--include=optional", "--no-fund", "--no-audit", "--loglevel=error"],
    {
      cwd: root,
      stdio: ["ignore", process.stderr, process.stderr],
    },
  );
  if (npm.error !== undefined)
    throw new Error(`npm could not be run (${npm.error.message}). Install npm, then try again.`);
  if (npm.status !== 0) throw new Error("npm ci failed, see above. Is the npm registry reachable?");
  say(`Packages are installed (${seconds(started)} s).`);
}

/** Installs the Debian packages that tests use where they are missing. */
export function ensureTestTools() {
  const missing = testTools.filter((tool) => !isThere(tool));
  if (missing.length === 0) return;
  const names = missing.map((tool) => tool.package);
  if (spawnSync("apt-get", ["--version"], { stdio: "ignore" }).status !== 0) {
    throw new Error(
      `The tests need these tools, named as in Debian: ${names.join(" ")}.\n` +
        "There is no apt-get on this system: install them by its own package manager, then try again.",
    );
  }
  const root = process.getuid?.() === 0;
  if (!root && spawnSync("sudo", ["--version"], { stdio: "ignore" }).status !== 0) {
    throw new Error(
      `The tests need Debian packages, and there is no sudo. As root: apt-get install ${names.join(" ")}`,
    );
  }
  say(`Setting up: apt-get installs for the tests${root ? "" : ", with sudo"}: ${names.join(" ")} …`);
  const started = Date.now();
  const script = ["sh", "-euc", installScript, "setup", ...names];
  const [command, ...args] = root ? script : ["sudo", ...script];
  const apt = spawnSync(command, args, { stdio: ["inherit", process.stderr, process.stderr] });
  if (apt.status !== 0) throw new Error("apt-get failed, see above. Are the package sources reachable?");
  const still = testTools.filter((tool) => !isThere(tool)).map((tool) => tool.package);
  if (still.length > 0) throw new Error(`These are installed and yet not usable: ${still.join(" ")}`);
  say(`Test tools are installed (${seconds(started)} s).`);
}

/**
 * Run as root with the packages as arguments. While it installs, policy-rc.d forbids packages to start their services
 * (Debian Policy §9.3.3.2): the tests start brokers of their own. One that a package enabled for the next boot is
 * disabled again, unless it was there before.
 */
const installScript = `
policy=/usr/sbin/policy-rc.d
if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  printf '#!/bin/sh\\nexit 101\\n' > "$policy"
  chmod 755 "$policy"
fi
export DEBIAN_FRONTEND=noninteractive
apt-get update -qq
apt-get install -qq -y -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120 --no-install-recommends "$@"
for service in mosquitto lighttpd; do
  case " $* " in
    *" $service "*)
      if command -v systemctl > /dev/null; then systemctl disable $service.service > /dev/null 2>&1 || true; fi ;;
  esac
done
`;

function isThere({ command, module, file }) {
  if (file !== undefined) return statSync(file, { throwIfNoEntry: false }) !== undefined;
  if (module !== undefined)
    return spawnSync(debianPython, ["-c", `import ${module}`], { stdio: "ignore" }).status === 0;
  const folders = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/usr/local/sbin"];
  return folders.some((folder) => folder !== "" && existsSync(join(folder, command)));
}

function seconds(since) {
  return ((Date.now() - since) / 1000).toFixed(1);
}

function say(line) {
  process.stderr.write(`${line}\n`);
}

/** @param {string} what `run` or `test` */
export function setUp(what) {
  try {
    ensurePackages();
    if (what === "test") ensureTestTools();
    return 0;
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    return 1;
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const what = process.argv[2];
  if (what === "run" || what === "test") process.exitCode = setUp(what);
  else {
    say("Usage: node scripts/setup.mjs run|test");
    process.exitCode = 2;
  }
}
