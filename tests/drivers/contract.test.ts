import { describe, expect, test } from "vitest";
import { drivers } from "../../drivers/drivers.ts";
import { GatewayError } from "../../gateway/domain/errors.ts";
import type { DriverManifest } from "../../gateway/ports/driver.ts";
import { FakeDriverContext } from "../support/driver-context.ts";
import { type Rig, rigs } from "./rigs.ts";

const named = drivers.map((manifest): [string, DriverManifest] => [`${manifest.driver}/${manifest.dialect}`, manifest]);

test("no two drivers have the same name, and each has its part in this contract", () => {
  const names = named.map(([name]) => name);
  expect(new Set(names).size).toBe(names.length);
  expect(names.filter((name) => !rigs.has(name))).toEqual([]);
  expect([...rigs.keys()].filter((name) => !names.includes(name))).toEqual([]);
});

describe.each(named)("%s", (name, manifest) => {
  const rig = rigs.get(name);
  if (rig === undefined) return;
  const options = manifest.options.parse(rig.options);

  test("is named in both languages, and says when silence is news", () => {
    expect(manifest.title.zh).toMatch(/\p{Script=Han}/u);
    expect(manifest.title.en).not.toBe("");
    expect(manifest.silentAfterMs(options)).toBeGreaterThan(0);
  });

  test("refuses options that it does not know, without repeating what was given", () => {
    const result = manifest.options.safeParse({ ...rig.options, password: { secret: "canary" } });
    const unknown = manifest.options.safeParse({ ...rig.options, unheardOf: "canary" });
    expect(unknown.success).toBe(false);
    expect(JSON.stringify([result.error, unknown.error])).not.toContain("canary");
  });

  test("asks the broker for topics without wildcards only", () => {
    const grants = manifest.mqtt?.(options);
    const below = grants?.publishBelow ?? [];
    const topics = grants === undefined ? [] : [...grants.publish, ...below, ...grants.subscribe];
    expect(topics.filter((topic) => /[+#\0]/.test(topic))).toEqual([]);
    expect(below.filter((subtree) => !/[^/]\/$/.test(subtree))).toEqual([]);
  });

  test("opens and observes what the device reports", async () => {
    const { context, abort } = await open(manifest, rig);
    await rig.fact(context, 1);
    expect(context.observed.map(({ kind }) => kind)).toContain(rig.kind);
    await abort();
  });

  test("gives two reports of the device different keys, if it gives keys", async () => {
    const { context, abort } = await open(manifest, rig);
    await rig.fact(context, 1);
    await rig.fact(context, 2);
    const keys = context.observed.map(({ dedupKey }) => dedupKey).filter((key) => key !== undefined);
    expect(new Set(keys).size).toBe(keys.length);
    await abort();
  });

  test("acknowledges nothing to the device before it is durable", async () => {
    const { context, abort } = await open(manifest, rig);
    context.held = true;
    const said = rig.fact(context, 1);
    expect(context.mqtt.published).toEqual([]);
    expect(context.http.replies.filter(({ status }) => status < 500)).toEqual([]);
    context.held = false;
    context.commit();
    await said;
    await abort();
  });

  test("acknowledges nothing when the log refuses, and goes on when it takes again", async () => {
    const { context, abort } = await open(manifest, rig);
    context.logError = new GatewayError("DISK_FULL", "no space");
    await rig.fact(context, 1).catch(() => undefined);
    expect(context.mqtt.published).toEqual([]);
    expect(context.http.replies.filter(({ status }) => status < 500)).toEqual([]);
    expect(context.observed).toEqual([]);
    context.logError = undefined;
    await rig.fact(context, 2);
    expect(context.observed.map(({ kind }) => kind)).toContain(rig.kind);
    await abort();
  });

  test("survives garbage: it is told, and the next fact is observed", async () => {
    const { context, abort, ended } = await open(manifest, rig);
    await rig.garbage(context);
    expect(context.rejections.length).toBeGreaterThan(0);
    expect(context.observed).toEqual([]);
    expect(ended()).toBe(false);
    await rig.fact(context, 1);
    expect(context.observed.map(({ kind }) => kind)).toContain(rig.kind);
    await abort();
  });

  test.skipIf(rig.lose === undefined)("reports the loss of its link", async () => {
    const { context, abort } = await open(manifest, rig);
    await rig.fact(context, 1);
    expect(context.goneReasons).toEqual([]);
    await rig.lose?.(context);
    expect(context.goneReasons.length).toBeGreaterThan(0);
    await abort();
  });

  test("stops on abort and is silent from then on", async () => {
    const { context, abort } = await open(manifest, rig);
    await abort();
    const outcomes = context.outcomes.length;
    await rig.fact(context, 1).catch(() => undefined);
    await rig.lose?.(context);
    expect(context.outcomes.length).toBe(outcomes);
    expect(context.goneReasons).toEqual([]);
    expect(context.mqtt.published).toEqual([]);
    expect(context.http.replies.filter(({ status }) => status < 500)).toEqual([]);
  });
});

async function open(manifest: DriverManifest, rig: Rig) {
  const { driver, dialect } = manifest;
  const options = manifest.options.parse(rig.options);
  const profile = manifest.profileSchema?.parse(rig.profile);
  const context = new FakeDriverContext<unknown>({ options, driver, dialect, profile });
  rig.prepare?.(context);
  const session = (await manifest.load()).open(context);
  let over = false;
  session.done.then(
    () => {
      over = true;
    },
    () => {
      over = true;
    },
  );
  const abort = async () => {
    context.abort();
    // One that could not go on without its link has ended already, by rejecting.
    if (!over) await session.done;
  };
  return { context, abort, ended: () => over };
}
