// The directions of the house, see docs/architecture.md: a file stands above all that it imports.
const rooms = ["log", "ingress", "fusion", "alarms", "uplink", "console", "ops", "opcua-server"];
const tests = "\\.test\\.ts$";
/** Folders of drivers/ that several families share. */
const shared = "facesluice|hikvision|http-client|json-events|modbus|serial-line|throw-view";
/** Test files may reach across; they stand beside what they test. */
const sources = (path) => ({ path, pathNot: tests });

/** Only files at `from` may import a package of this name. */
const onlyIn = (name, from) => ({
  name: `${name}-in-its-place`,
  comment: `${name} is named in ${from} alone, so that it can be replaced there.`,
  severity: "error",
  from: { path: "^(gateway|drivers|config)/", pathNot: [from, tests] },
  to: { path: `^node_modules/${name}/` },
});

/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    {
      name: "nothing-unresolved",
      comment: "An import that cannot be found is an import whose direction is not known.",
      severity: "error",
      from: {},
      to: { couldNotResolve: true },
    },
    {
      name: "domain-is-pure",
      comment: "No I/O and no package but the schema validator; nothing else of ours.",
      severity: "error",
      from: sources("^gateway/domain/"),
      to: { pathNot: ["^gateway/domain/", "^node_modules/zod/"] },
    },
    {
      name: "ports-are-words-of-the-domain",
      severity: "error",
      from: sources("^gateway/ports/"),
      to: { pathNot: ["^gateway/(domain|ports)/", "^node_modules/zod/"] },
    },
    {
      name: "rooms-meet-at-ports",
      comment: "A room imports itself, domain and ports; gateway.ts alone joins rooms.",
      severity: "error",
      from: { path: `^gateway/(${rooms.join("|")})/`, pathNot: tests },
      to: {
        path: "^(gateway|drivers|config|simulators|tests|bench)/",
        pathNot: ["^gateway/(domain|ports)/", "^gateway/$1/"],
      },
    },
    {
      name: "drivers-and-config-see-domain-and-ports",
      severity: "error",
      from: { path: "^(drivers|config)/", pathNot: tests },
      to: { path: "^(gateway|drivers|config|simulators|tests|bench)/", pathNot: ["^gateway/(domain|ports)/", "^$1/"] },
    },
    {
      name: "no-driver-imports-a-driver",
      comment: "drivers.ts lists them all; what several share has a folder of its own.",
      severity: "error",
      from: { path: "^drivers/([^/]+)/", pathNot: tests },
      to: { path: "^drivers/[^/]+/", pathNot: ["^drivers/$1/", `^drivers/(${shared})/`] },
    },
    {
      name: "shared-parts-import-no-driver",
      severity: "error",
      from: { path: `^drivers/(${shared})/`, pathNot: tests },
      to: { path: "^drivers/", pathNot: ["^drivers/$1/", `^drivers/(${shared})/`] },
    },
    {
      name: "simulators-share-nothing-with-what-they-test",
      comment: "An error in a shared parser would cancel out.",
      severity: "error",
      from: sources("^simulators/"),
      to: { path: "^(gateway|drivers|config|tests|bench)/" },
    },
    {
      name: "the-product-imports-no-test",
      severity: "error",
      from: { path: "^(gateway|drivers|config|simulators)/", pathNot: tests },
      to: { path: ["^(tests|bench)/", tests] },
    },
    {
      name: "nobody-imports-the-roof",
      comment: "gateway.ts and the command line stand above all else.",
      severity: "error",
      from: {
        path: "^(gateway|drivers|config|simulators)/",
        pathNot: ["^gateway/(gateway|main)\\.ts$", "^gateway/commands/", tests],
      },
      to: { path: ["^gateway/(gateway|main)\\.ts$", "^gateway/commands/"] },
    },
    onlyIn("better-sqlite3", "^gateway/log/database\\.ts$"),
    onlyIn("mqtt", "^gateway/uplink/wire\\.ts$"),
    onlyIn("aedes", "^gateway/ingress/"),
    {
      name: "the-product-needs-no-dev-package",
      comment: "What only tests use is absent where the product is installed.",
      severity: "error",
      from: { path: "^(gateway|drivers|config)/", pathNot: tests },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "npm-unknown"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(dist|coverage)/|/web/" },
    tsConfig: { fileName: "tsconfig.json" },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "types", "default"],
      extensions: [".ts", ".mjs", ".js"],
    },
  },
};
