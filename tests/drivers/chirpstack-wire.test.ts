import { connectAsync, type MqttClient } from "mqtt";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadProfile } from "../../config/profiles.ts";
import { open } from "../../drivers/thermal-extinguisher/chirpstack-mqtt.ts";
import { chirpStackOptions } from "../../drivers/thermal-extinguisher/chirpstack-options.ts";
import { chirpStackProfileSchema } from "../../drivers/thermal-extinguisher/chirpstack-profile.ts";
import { LoraNode } from "../../simulators/lorawan/node.ts";
import { LoraServer } from "../../simulators/lorawan/server.ts";
import { Mosquitto } from "../../simulators/mosquitto-for-tests.ts";
import { ExtinguisherUnit } from "../../simulators/thermal-extinguisher/unit.ts";
import { FakeDriverContext } from "../support/driver-context.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { waitFor } from "../support/wait-for.ts";

const account = { applicationId: "17c82e96-be03-4f38-aef3-f83d48582d97", username: "lns", password: "p" };
const euis = ["0101010101010101", "0202020202020202"] as const;

let broker: Mosquitto;
let client: MqttClient;
let server: LoraServer | undefined;

beforeEach(async () => {
  broker = await Mosquitto.start();
  client = await connectAsync(broker.url);
});
afterEach(async () => {
  await server?.stop();
  await client.endAsync(true);
  await broker.stop();
});

/** A simulated server behind a real broker, and a session for each of its two devices. */
async function start(version: 3 | 4) {
  const loaded = loadProfile("lorawan-extinguisher-example", ".", chirpStackProfileSchema);
  const sessions = euis.map((devEui) => {
    const options = chirpStackOptions.parse({ ...account, devEui, profile: "lorawan-extinguisher-example" });
    const profile = loaded.ok ? loaded.value : undefined;
    const context = new FakeDriverContext({ options, profile, clock: new ManualClock(Date.now()) });
    open(context);
    return context;
  });
  // As the broker does: each gets what its own grants cover.
  client.on("message", (topic, payload) => {
    for (const context of sessions) if (context.options.topics.has(topic)) void context.mqtt.say(topic, payload);
  });
  await client.subscribeAsync(`application/${account.applicationId}/#`);
  const opened = new LoraServer({ ...account, url: broker.url, version });
  server = opened;
  await waitFor("the server", () => opened.connected);
  const nodes = euis.map((devEui, i) => new LoraNode({ devEui, unit: new ExtinguisherUnit({ seed: i + 1 }) }));
  return { server: opened, sessions, nodes };
}

const kindsOf = (context: { observed: readonly { kind: string }[] }) => context.observed.map(({ kind }) => kind);

test.each([3, 4] as const)("a discharge is told by the device that had it, by ChirpStack %s", async (version) => {
  const { server, sessions, nodes } = await start(version);
  for (const node of nodes) server.hear(node);
  await waitFor("both readings", () => sessions.every((context) => kindsOf(context).includes("thermal.reading")));
  nodes[0]?.unit.ignite({ growth: "ultrafast", ceilingM: 2.5, radiusM: 0.5 });
  nodes[0]?.unit.advanceTo(240);
  for (const node of nodes) server.hear(node);
  const stateOf = (context: (typeof sessions)[number]) =>
    context.observed.findLast(({ kind }) => kind === "extinguisher.state")?.body;
  await waitFor("the discharge", () => sessions.some((context) => JSON.stringify(stateOf(context))?.includes("true")));
  await waitFor("the other reading", () =>
    sessions.every((each) => kindsOf(each).filter((k) => k === "thermal.reading").length === 2),
  );
  expect(sessions.map(stateOf)).toMatchObject([{ discharged: true }, { discharged: false }]);
  expect(sessions.flatMap(({ rejections }) => rejections)).toEqual([]);
});

test("copies are told once, cut frames are told to the installer, and what waited comes with its own time", async () => {
  const { server, sessions, nodes } = await start(4);
  const [node, context] = [nodes[0], sessions[0]];
  if (node === undefined || context === undefined) throw new Error("no device");
  server.faults = { copies: 3 };
  server.hear(node);
  // What comes while the first is not durable yet bears its keys, and the log knows them.
  await waitFor("three messages", () => context.outcomes.length === 3);
  const told = new Set(context.observed.map(({ dedupKey }) => dedupKey));
  expect([...told].filter((key) => key?.includes("thermal.reading"))).toHaveLength(1);
  const before = kindsOf(context).filter((kind) => kind === "thermal.reading").length;
  server.faults = { cutAfter: 4 };
  server.hear(node);
  await waitFor("the rejection", () => context.rejections.length === 1);
  expect(context.rejections[0]?.reason).toBe("unknown-layout");
  server.faults = { clockSkewMs: -120_000 };
  server.hold(true);
  server.hear(node);
  server.hear(node);
  server.hold(false);
  await waitFor(
    "what waited",
    () => kindsOf(context).filter((kind) => kind === "thermal.reading").length === before + 2,
  );
  const late = context.observed.at(-1);
  expect(Math.abs((late?.occurredAtMs ?? 0) - (context.clock.wall() - 120_000))).toBeLessThan(60_000);
});
