import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { SiteFiles } from "../support/gateway-process.ts";
import { type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { type Outcome, ordeal } from "../support/ordeal.ts";

const cuts = process.env["ZHIAN_NIGHTLY"] === "1" ? 200 : 40;

describe("a power cut, in which a disk drops all that was not fsynced", () => {
  let build: string;
  let city: Mosquitto;
  beforeAll(async () => {
    build = mkdtempSync(join(tmpdir(), "zhian-power-cut-"));
    const source = resolve(import.meta.dirname, "power-cut.c");
    execFileSync("gcc", ["-shared", "-fPIC", "-O2", "-o", join(build, "power-cut.so"), source, "-ldl", "-lpthread"]);
    city = await startMosquitto();
  });
  afterAll(async () => {
    await city.stop();
    rmSync(build, { recursive: true, force: true });
  });

  function run(times: number, env: NodeJS.ProcessEnv, patienceMs?: number): Promise<Outcome> {
    const shadow = (site: SiteFiles): string => join(site.dir, "shadow");
    return ordeal({
      city,
      times,
      ...(patienceMs === undefined ? {} : { patienceMs }),
      start(site) {
        mkdirSync(shadow(site), { recursive: true });
        return {
          env: {
            LD_PRELOAD: join(build, "power-cut.so"),
            POWERCUT_DIR: site.dataDir,
            POWERCUT_SHADOW: shadow(site),
            ...env,
          },
        };
      },
      whileDown(site) {
        rmSync(site.dataDir, { recursive: true, force: true });
        if (existsSync(shadow(site)))
          cpSync(shadow(site), site.dataDir, { recursive: true, filter: (file) => !file.endsWith(".part") });
      },
    });
  }

  test(`${cuts} cuts lose no acknowledged record and no alarm, and the city gets all in order`, {
    timeout: cuts * 15_000,
  }, async () => {
    const outcome = await run(cuts, {});
    console.info(
      `${cuts} power cuts: ${outcome.acknowledged} acknowledged, ${outcome.lost.length} lost, ${outcome.raised} alarms raised`,
    );
    expect(outcome).toMatchObject({ lost: [], faults: [], lostSteps: [] });
    expect(outcome.acknowledged).toBeGreaterThan(cuts);
    expect(outcome.raised).toBeGreaterThan(cuts / 4);
  });

  test("control: with synchronous=NORMAL the same cuts lose acknowledged records", { timeout: 180_000 }, async () => {
    const outcome = await run(10, { ZHIAN_UNSAFE_SYNCHRONOUS: "NORMAL" }, 8000);
    console.info(
      `control, 10 cuts: ${outcome.acknowledged} acknowledged, ${outcome.lost.length} lost, ${outcome.faults.length} out of order`,
    );
    expect(outcome.lost.length).toBeGreaterThan(0);
  });
});
