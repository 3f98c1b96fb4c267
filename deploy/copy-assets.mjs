// Puts what the compiled gateway reads at run time beside it in dist/: the page, the schemas, the profiles, a script.
// `npm run build && node deploy/copy-assets.mjs`
import { cpSync } from "node:fs";
import { fileURLToPath } from "node:url";

const at = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));

for (const folder of ["gateway/console/web", "gateway/uplink/schemas", "config/profiles", "config/examples"]) {
  cpSync(at(folder), at(`dist/${folder}`), { recursive: true, filter: (path) => !path.endsWith("tsconfig.json") });
}
cpSync(at("simulators/gpio/gpiod-tool.py"), at("dist/simulators/gpio/gpiod-tool.py"));
