import { mkdirSync } from "node:fs";
import { addToken } from "../../gateway/console/tokens.ts";
import type { SiteFiles } from "./gateway-process.ts";

/** Reads /metrics of a running gateway as Prometheus would, with a token of its own. */
export class MetricsReader {
  readonly #url: string;
  readonly #token: string;

  /** Before the gateway starts or while it runs. */
  constructor(site: SiteFiles) {
    mkdirSync(site.dataDir, { recursive: true, mode: 0o700 });
    this.#token = addToken({ dataDir: site.dataDir, name: "prometheus", role: "auditor" });
    this.#url = `http://127.0.0.1:${site.consolePort}`;
  }

  /** Sum over all series of the name that have these labels; 0 where there is none. */
  async value(name: string, labels: Readonly<Record<string, string>> = {}): Promise<number> {
    const response = await fetch(`${this.#url}/metrics`, { headers: { authorization: `Bearer ${this.#token}` } });
    const text = await response.text();
    if (!response.ok) throw new Error(`/metrics answers ${response.status}: ${text.slice(0, 200)}`);
    const wanted = Object.entries(labels).map(([key, value]) => `${key}="${value}"`);
    return text
      .split("\n")
      .filter((line) => line.startsWith(`${name}{`) || line.startsWith(`${name} `))
      .filter((line) => wanted.every((label) => line.includes(label)))
      .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
  }
}
