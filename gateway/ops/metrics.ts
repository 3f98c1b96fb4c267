import { Counter, collectDefaultMetrics, Gauge, Registry } from "prom-client";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import { type MetricDeclaration, metricTable } from "./metric-table.ts";

type Labels = Readonly<Record<string, string>>;

export interface MetricsOptions {
  /** True in tests: an undeclared name or label throws. Otherwise it is counted and logged once, and nothing breaks. */
  readonly strict?: boolean;
  readonly logger?: Logger;
  readonly table?: Readonly<Record<string, MetricDeclaration>>;
}

/** The metrics of one gateway for Prometheus, with those of the process (CPU, memory, event loop, file handles). */
export class Metrics implements Telemetry {
  readonly #registry = new Registry();
  readonly #counters = new Map<string, Counter>();
  readonly #gauges = new Map<string, Gauge>();
  readonly #collectors = new Set<() => void>();
  readonly #strict: boolean;
  readonly #logger: Logger | undefined;
  readonly #reported = new Set<string>();

  constructor(options: MetricsOptions = {}) {
    this.#strict = options.strict ?? false;
    this.#logger = options.logger;
    collectDefaultMetrics({ register: this.#registry });
    for (const [name, { kind, help, labels }] of Object.entries(options.table ?? metricTable)) {
      const about = { name, help, labelNames: labels, registers: [this.#registry] };
      if (kind === "counter") this.#counters.set(name, new Counter(about));
      else this.#gauges.set(name, new Gauge(about));
    }
  }

  count(name: string, labels: Labels = {}, by = 1): void {
    const counter = this.#counters.get(name);
    if (counter === undefined) this.#undeclared(name, "counter");
    else this.#measure(name, () => counter.inc(labels, by));
  }

  gauge(name: string, value: number, labels: Labels = {}): void {
    const gauge = this.#gauges.get(name);
    if (gauge === undefined) this.#undeclared(name, "gauge");
    else this.#measure(name, () => gauge.set(labels, value));
  }

  /** `collect` is called before each rendering, to set gauges whose values are read off rather than followed. */
  onRender(collect: () => void): void {
    this.#collectors.add(collect);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The text that Prometheus reads. */
  render(): Promise<string> {
    for (const collect of this.#collectors) collect();
    return this.#registry.metrics();
  }

  #measure(name: string, write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#undeclared(name, error instanceof Error ? error.message : "label");
    }
  }

  #undeclared(name: string, what: string): void {
    if (this.#strict) throw new TypeError(`metric ${name} is not declared so in gateway/ops/metric-table.ts: ${what}`);
    this.#counters.get("zhian_telemetry_undeclared_total")?.inc();
    if (this.#reported.has(name) || this.#reported.size > 100) return;
    this.#reported.add(name);
    this.#logger?.error({ metric: name, what }, "metric is not declared");
  }
}
