import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { metricTable } from "./metric-table.ts";
import { Metrics } from "./metrics.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));

test("counts and gauges are rendered with their labels and help texts, beside those of the process", async () => {
  const metrics = new Metrics({ strict: true });
  metrics.count("zhian_alarm_transitions_total", { rule: "fire", step: "raised" });
  metrics.count("zhian_alarm_transitions_total", { rule: "fire", step: "raised" }, 2);
  metrics.gauge("zhian_alarms_open", 3);
  const text = await metrics.render();
  expect(text).toContain('zhian_alarm_transitions_total{rule="fire",step="raised"} 3');
  expect(text).toContain("# HELP zhian_alarms_open Alarms that are not closed.");
  expect(text).toContain("zhian_alarms_open 3");
  expect(text).toMatch(/^process_resident_memory_bytes \d+/m);
  expect(metrics.contentType).toContain("text/plain");
});

test("gauges that are read off are set before each rendering", async () => {
  const metrics = new Metrics({ strict: true });
  let open = 0;
  metrics.onRender(() => metrics.gauge("zhian_alarms_open", open));
  open = 7;
  expect(await metrics.render()).toContain("zhian_alarms_open 7");
});

test("an undeclared name, kind or label is an error in tests", () => {
  const metrics = new Metrics({ strict: true });
  expect(() => metrics.count("zhian_no_such_total")).toThrow("metric-table.ts");
  expect(() => metrics.gauge("zhian_alarm_transitions_total", 1)).toThrow("metric-table.ts");
  expect(() => metrics.count("zhian_alarm_transitions_total", { colour: "red" })).toThrow("metric-table.ts");
});

test("an undeclared name breaks nothing in the field: it is counted, and logged once", async () => {
  const lines: object[] = [];
  const keep = (fields: object) => lines.push(fields);
  const logger = { debug: keep, info: keep, warn: keep, error: keep, child: () => logger };
  const metrics = new Metrics({ logger });
  metrics.count("zhian_no_such_total");
  metrics.count("zhian_no_such_total");
  expect(lines).toHaveLength(1);
  expect(await metrics.render()).toContain("zhian_telemetry_undeclared_total 2");
});

test("every metric that the gateway's code names is declared, under the kind it is used as", () => {
  const used = globSync("{gateway,drivers,config}/**/*.ts", { cwd: root, exclude: (name) => name.endsWith(".test.ts") })
    .flatMap((file) => [...readFileSync(root + file, "utf8").matchAll(/\.(count|gauge)\(\s*"([^"]+)"/g)])
    .map(([, method, name]) => `${method === "count" ? "counter" : "gauge"} ${name}`);
  const declared = Object.entries(metricTable).map(([name, { kind }]) => `${kind} ${name}`);
  expect(used.length).toBeGreaterThan(0);
  expect([...new Set(used)].filter((name) => !declared.includes(name))).toEqual([]);
});

test("names follow Prometheus: ours begin with zhian_, counters alone end in _total, each has a help sentence", () => {
  for (const [name, { kind, help }] of Object.entries(metricTable)) {
    expect(name).toMatch(/^zhian_[a-z_]+$/);
    expect(name.endsWith("_total"), name).toBe(kind === "counter");
    expect(help).toMatch(/\.$/);
  }
});
