import { fileURLToPath } from "node:url";
import { tellDemo } from "../../simulators/demo/demo.ts";

/**
 * `npm start` without a configuration: the built-in demo site around a gateway that is run as anybody runs it. Until it
 * is interrupted, or with `once` until the story is told. Exit code: 0 fine, 1 a process failed, 2 no such scenario.
 */
export function runDemo(
  options: { scenario?: string; list?: boolean; json?: boolean; once?: boolean } = {},
): Promise<number> {
  const main = fileURLToPath(new URL(import.meta.url.endsWith(".ts") ? "../main.ts" : "../main.js", import.meta.url));
  return tellDemo({
    ...options,
    gateway: (configFile) => ({ command: process.execPath, args: [main, "run", "--config", configFile] }),
  });
}
