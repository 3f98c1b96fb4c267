import type { IPublishPacket } from "mqtt-packet";
import { afterEach, describe, expect, test } from "vitest";
import { addsUp } from "../../gateway/uplink/ledger.ts";
import type { UplinkOptions } from "../../gateway/uplink/options.ts";
import type { Uplink } from "../../gateway/uplink/start-uplink.ts";
import { openWire } from "../../gateway/uplink/wire.ts";
import type { OpenWire, Wire } from "../../gateway/uplink/wire-types.ts";
import { startFaultProxy } from "../support/fault-proxy.ts";
import { type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { seededRandom } from "../support/random.ts";
import { CityEar, disorder } from "../support/uplink/city-ear.ts";
import { CitySite } from "../support/uplink/city-site.ts";
import { MqttTap, type Passed } from "../support/uplink/mqtt-tap.ts";
import { type Connection, type Script, ScriptedBroker } from "../support/uplink/scripted-broker.ts";
import { waitFor } from "../support/wait-for.ts";

const endings: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function scripted(script: Script = {}): Promise<ScriptedBroker> {
  const broker = await ScriptedBroker.start(script);
  endings.push(() => broker.stop());
  return broker;
}

function start(site: CitySite, urls: readonly string[], more: Partial<UplinkOptions> = {}): Uplink {
  const uplink = site.start(urls, more);
  endings.push(() => uplink.stop());
  return uplink;
}

interface Message {
  readonly id: string;
  readonly subject: string;
  readonly sequence: string;
  readonly replayed?: boolean;
  readonly [name: string]: unknown;
}
const messagesOn = (passed: readonly { topic: string; payload: string | Buffer }[], ending: string): Message[] =>
  passed.filter((p) => p.topic.endsWith(ending)).map((p) => JSON.parse(p.payload.toString()));
const distinct = (messages: readonly Message[]): number => new Set(messages.map((m) => m.id)).size;
const isLane = (packet: IPublishPacket): boolean => /\/(events|alarms)$/.test(packet.topic);

/** A city's broker that is killed and comes back on the same port, again and again, while a backlog goes out. */
async function drainOverKills(
  site: CitySite,
  total: number,
  kills: number,
  more: Partial<UplinkOptions> = {},
): Promise<Passed[]> {
  const random = seededRandom(7);
  let broker: Mosquitto = await startMosquitto();
  const { port } = broker;
  const tap = await MqttTap.start(port);
  endings.push(
    () => broker.stop(),
    () => tap.stop(),
  );
  site.events.append(total);
  const uplink = start(site, [tap.url], more);
  for (let i = 1; i <= kills; i++) {
    const from = site.cursor("events");
    const some = Math.floor(random() * 1_500);
    await waitFor("some progress", () => site.cursor("events") > from + some || site.cursor("events") === total);
    process.kill(broker.pid, "SIGKILL");
    await broker.stop();
    site.alarms.append();
    broker = await startMosquitto({ port });
  }
  await waitFor(
    "the end of the backlog",
    () => site.cursor("events") === total && site.cursor("alarms") === kills,
    30_000,
  );
  for (const report of Object.values(uplink.ledger())) expect(addsUp(report.ledger)).toBe(true);
  return tap.passed;
}

/** Sequences that no broker ever took into its care. */
function neverTaken(passed: readonly Passed[], ending: string, total: number): number[] {
  const taken = new Set(
    passed.filter((p) => p.acknowledged && p.topic.endsWith(ending)).map((p) => Number(JSON.parse(p.payload).sequence)),
  );
  return Array.from({ length: total }, (_, i) => i + 1).filter((seq) => !taken.has(seq));
}

describe("a broker that is killed and comes back during a drain", () => {
  test("misses nothing: all is acknowledged once, in order within a device, and duplicates go by id", async () => {
    const total = 20_000;
    const passed = await drainOverKills(new CitySite(), total, 6);
    expect(neverTaken(passed, "/events", total)).toEqual([]);
    expect(neverTaken(passed, "/alarms", 6)).toEqual([]);
    const events = messagesOn(passed, "/events");
    expect(distinct(events)).toBe(total);
    expect(events.length).toBeGreaterThan(total);
    expect(disorder(events)).toEqual([]);
  });

  test("the check bites: a wire that takes sent for delivered loses messages", async () => {
    const total = 20_000;
    const passed = await drainOverKills(new CitySite(), total, 4, { openWire: trustingWire });
    expect(neverTaken(passed, "/events", total)).not.toEqual([]);
  });
});

/** The control: what was written to the socket counts as delivered. */
const trustingWire: OpenWire = async (options, onMessage) => {
  const opened = await openWire(options, onMessage);
  if (!opened.ok) return opened;
  const { wire } = opened;
  const trusting: Wire = Object.create(wire, {
    publish: {
      value: (...args: Parameters<Wire["publish"]>) => {
        void wire.publish(...args);
        return new Promise((resolve) => setImmediate(() => resolve({ kind: "accepted", heard: true })));
      },
    },
    ended: { value: wire.ended },
    subscribe: { value: wire.subscribe.bind(wire) },
    unsubscribe: { value: wire.unsubscribe.bind(wire) },
    close: { value: wire.close.bind(wire) },
    destroy: { value: wire.destroy.bind(wire) },
    version: { value: wire.version },
    receiveMaximum: { value: wire.receiveMaximum },
    retainAvailable: { value: wire.retainAvailable },
  });
  return { ok: true, wire: trusting };
};

describe("a line that is cut again and again", () => {
  test("loses nothing on the way to a city that listens: end to end, in order, duplicates by id", async () => {
    const broker = await startMosquitto();
    const tap = await MqttTap.start(broker.port);
    const ear = await CityEar.listen(broker.url);
    endings.push(
      () => broker.stop(),
      () => tap.stop(),
      () => ear.stop(),
    );
    const site = new CitySite();
    site.events.append(6_000);
    start(site, [tap.url]);
    for (let i = 1; i <= 6; i++) {
      const from = site.cursor("events");
      await waitFor("some progress", () => site.cursor("events") > from + 300 || site.cursor("events") === 6_000);
      site.alarms.append();
      tap.cut();
    }
    await waitFor(
      "all",
      () => ear.sequences("events").length === 6_000 && ear.sequences("alarms").length === 6,
      30_000,
    );
    expect(disorder(ear.on("events").map((heard) => heard.message))).toEqual([]);
    expect(disorder(ear.on("alarms").map((heard) => heard.message))).toEqual([]);
    expect(ear.faults).toEqual([]);
    expect(ear.retained.get("gateway")?.message["type"]).toBe("zhian.gateway.birth");
  });

  test("that is half dead is found out within one and a half keep-alives, and the rest goes over a new one", async () => {
    const broker = await startMosquitto();
    const proxy = await startFaultProxy(broker.port);
    const ear = await CityEar.listen(broker.url);
    endings.push(
      () => broker.stop(),
      () => proxy.close(),
      () => ear.stop(),
    );
    const site = new CitySite();
    const uplink = start(site, [`mqtt://127.0.0.1:${proxy.port}`], { keepAliveSeconds: 1 });
    await waitFor("the line", () => uplink.state().state === "up");
    proxy.freeze();
    site.events.append(10);
    const from = performance.now();
    await waitFor("the end of the line", () => uplink.state().state !== "up");
    expect(performance.now() - from).toBeLessThan(2_500);
    proxy.mend();
    await waitFor("the events", () => ear.sequences("events").length === 10);
  });
});

describe("a broker that answers pings and never acknowledges", () => {
  test("is left for a new connection after the acknowledgement time-out, until it acknowledges; nothing is lost", async () => {
    let mute = true;
    const broker = await scripted({
      publish: (packet, connection) => {
        if (!mute || !isLane(packet)) connection.acknowledge(packet);
      },
    });
    const site = new CitySite();
    site.events.append(20);
    const uplink = start(site, [broker.url], { ackTimeoutMs: 300 });
    await waitFor("three connections", () => broker.connections.length >= 3);
    expect(site.states.some((state) => state.code === "UPLINK_ACK_TIMEOUT")).toBe(true);
    expect(site.cursor("events")).toBe(0);
    mute = false;
    await waitFor("all", () => site.cursor("events") === 20);
    expect(site.gaps.quarantine_).toEqual([]);
    expect(broker.open).toBe(1);
    expect(uplink.state().state).toBe("up");
  });
});

describe("a broker with a small Receive Maximum that acknowledges late and in any order", () => {
  test.each([1, 2, 3, 5])("of %i is never sent more than it takes, and gets everything", async (receiveMaximum) => {
    const random = seededRandom(receiveMaximum);
    const held: { packet: IPublishPacket; connection: Connection }[] = [];
    let most = 0;
    const broker = await scripted({
      connack: () => ({ cmd: "connack", sessionPresent: false, reasonCode: 0, properties: { receiveMaximum } }),
      publish: (packet, connection) => {
        held.push({ packet, connection });
        most = Math.max(most, held.length);
      },
    });
    const site = new CitySite();
    site.devices.set("ext-1");
    site.zones.set("b3", "red");
    site.events.append(300);
    site.alarms.append(20);
    start(site, [broker.url]);
    // Any one that is under way, now and then several at once.
    const acknowledging = setInterval(() => {
      while (held.length > 0) {
        const [answer] = held.splice(Math.floor(random() * held.length), 1);
        answer?.connection.acknowledge(answer.packet);
        if (random() < 0.2) break;
      }
    }, 1);
    endings.push(async () => clearInterval(acknowledging));
    await waitFor("all", () => site.cursor("events") === 300 && site.cursor("alarms") === 20);
    expect(most).toBeLessThanOrEqual(receiveMaximum);
    const events = messagesOn(broker.published, "/events");
    expect([distinct(events), events.length]).toEqual([300, 300]);
    expect(disorder(events)).toEqual([]);
  });
});

describe("a broker that dies between PUBLISH and PUBACK", () => {
  test("gets again what it did not acknowledge, under the same id, epoch and sequence", async () => {
    const random = seededRandom(3);
    let deaths = 0;
    const broker = await scripted({
      publish: (packet, connection) => {
        if (isLane(packet) && deaths < 10 && random() < 0.02) {
          deaths += 1;
          connection.socket.resetAndDestroy();
        } else connection.acknowledge(packet);
      },
    });
    const site = new CitySite();
    site.events.append(2_000);
    start(site, [broker.url]);
    await waitFor("all", () => site.cursor("events") === 2_000, 25_000);
    expect(deaths).toBeGreaterThan(3);
    const events = messagesOn(broker.published, "/events");
    expect(distinct(events)).toBe(2_000);
    expect(disorder(events)).toEqual([]);
    const places = new Map<string, string>();
    for (const { id, epoch, sequence, lane } of events) {
      const place = `${lane} ${epoch} ${sequence}`;
      expect(places.get(id) ?? place).toBe(place);
      places.set(id, place);
    }
    expect(site.gaps.quarantine_).toEqual([]);
  });
});

describe("a broker that refuses", () => {
  test("the connection and leaves the socket open is asked again by a new client", async () => {
    let refusals = 0;
    const broker = await scripted({
      connack: () => {
        if (refusals >= 2) return { cmd: "connack", sessionPresent: false, reasonCode: 0 };
        refusals += 1;
        return { cmd: "connack", sessionPresent: false, reasonCode: 0x86 };
      },
    });
    const site = new CitySite();
    site.events.append(3);
    start(site, [broker.url]);
    await waitFor("the events", () => site.cursor("events") === 3);
    expect(
      site.states.some((s) => s.code === "UPLINK_REFUSED" && s.reason?.includes("bad user name or password")),
    ).toBe(true);
    expect([broker.accepted, broker.open]).toEqual([3, 1]);
  });

  test("for lack of quota is tried again, and nothing is lost or out of order in the alarm lane", async () => {
    let refusals = 0;
    const broker = await scripted({
      publish: (packet, connection) => {
        const refuse = packet.topic.endsWith("/alarms") && refusals < 2;
        if (refuse) refusals += 1;
        connection.acknowledge(packet, refuse ? 0x97 : 0);
      },
    });
    const site = new CitySite();
    site.alarms.append(1);
    start(site, [broker.url]);
    await waitFor("the alarm", () => site.cursor("alarms") === 1);
    expect(messagesOn(broker.published, "/alarms").map((m) => [m.sequence, m.replayed])).toEqual([
      ["1", true],
      ["1", true],
      ["1", true],
    ]);
  });

  test("a message for good costs this message: it is set aside, declared as a gap, and the books add up", async () => {
    const broker = await scripted({
      publish: (packet, connection) => {
        const poison = packet.topic.endsWith("/events") && packet.payload.toString().includes('"sequence":"7"');
        connection.acknowledge(packet, poison ? 0x99 : 0);
      },
    });
    const site = new CitySite();
    site.events.append(20);
    const uplink = start(site, [broker.url]);
    await waitFor("the gap", () => broker.on("/gaps").length === 1);
    await waitFor("the rest", () => site.cursor("events") === 20);
    expect(JSON.parse(broker.on("/gaps")[0]?.payload ?? "").data).toMatchObject({
      lane: "events",
      from: 7,
      to: 7,
      reason: "poison",
    });
    expect(uplink.ledger().events?.ledger).toEqual({
      accepted: 20,
      delivered: 19,
      pending: 0,
      quarantined: 1,
      evicted: 0,
    });
  });

  test("a message by closing the connection (MQTT 3.1.1 has no other way) costs this message, and alarms go on meanwhile", async () => {
    const broker = await scripted({
      speaks: [4],
      publish: (packet, connection) => {
        if (packet.payload.toString().includes('"sequence":"5"') && packet.topic.endsWith("/events"))
          connection.socket.destroy();
        else connection.acknowledge(packet);
      },
    });
    const site = new CitySite();
    site.events.append(10);
    site.alarms.append(3);
    start(site, [broker.url]);
    await waitFor("the alarms", () => site.cursor("alarms") === 3);
    await waitFor("the events", () => site.cursor("events") === 10, 25_000);
    expect(site.gaps.quarantine_.map((q) => [q.lane, q.seq])).toEqual([["events", 5]]);
  });

  test("a lane for lack of rights stops this lane, says so, and the other goes on", async () => {
    const broker = await scripted({
      publish: (packet, connection) => connection.acknowledge(packet, packet.topic.endsWith("/events") ? 0x87 : 0),
    });
    const site = new CitySite();
    site.events.append(10);
    const uplink = start(site, [broker.url]);
    await waitFor("the stop", () => uplink.ledger().events?.blocked !== undefined);
    site.alarms.append(5);
    await waitFor("the alarms", () => site.cursor("alarms") === 5);
    expect(uplink.ledger().events?.blocked).toBe("0x87 not authorised");
    expect([site.cursor("events"), site.gaps.quarantine_.length]).toEqual([0, 0]);
  });

  test("packets above its size never gets one", async () => {
    const properties = { maximumPacketSize: 1_000 };
    const broker = await scripted({
      connack: () => ({ cmd: "connack", sessionPresent: false, reasonCode: 0, properties }),
    });
    const site = new CitySite();
    site.events.append(5);
    site.alarms.append(2);
    start(site, [broker.url]);
    await waitFor("the events", () => site.cursor("events") === 5);
    for (const packet of broker.published) {
      if (!packet.topic.endsWith("/gateway")) expect((packet.length ?? 0) + 5).toBeLessThanOrEqual(1_000);
    }
  });
});

describe("another client with our name", () => {
  test("does not make the two throw each other out: the one that was thrown out stays away for a minute", async () => {
    const holders = new Map<string, Connection>();
    const broker = await scripted({
      connack: ({ clientId }, connection) => {
        const holder = holders.get(clientId);
        holder?.send({ cmd: "disconnect", reasonCode: 0x8e });
        holder?.socket.end();
        holders.set(clientId, connection);
        return { cmd: "connack", sessionPresent: false, reasonCode: 0 };
      },
    });
    const [one, two] = [new CitySite(), new CitySite()];
    const first = start(one, [broker.url]);
    await waitFor("the first", () => first.state().state === "up");
    const second = start(two, [broker.url]);
    await waitFor("the take-over", () => first.state().state === "down");
    expect(first.state().reason).toBe("0x8e session taken over by another client with our name");
    two.events.append(5_000);
    await waitFor("the work of the other", () => two.cursor("events") === 5_000);
    expect(second.state().state).toBe("up");
    expect(broker.connections).toHaveLength(2);
    expect(one.telemetry.total("zhian_uplink_takeovers_total")).toBe(1);
  });
});

describe("a live alarm", () => {
  /** A broker that acknowledges one message every few milliseconds; how many came in between the alarm and its arrival. */
  async function placesBehind(backlog: number): Promise<{ behind: number; ms: number }> {
    const held: { packet: IPublishPacket; connection: Connection }[] = [];
    let broker: ScriptedBroker | undefined;
    broker = await scripted({ publish: (packet, connection) => void held.push({ packet, connection }) });
    const acknowledging = setInterval(() => {
      const answer = held.shift();
      answer?.connection.acknowledge(answer.packet);
    }, 10);
    const site = new CitySite();
    site.events.append(backlog);
    start(site, [broker.url]);
    await waitFor("the drain to be under way", () => site.cursor("events") > 40);
    const before = broker.published.length;
    const from = performance.now();
    site.alarms.append();
    const found = await waitFor("the alarm", () => {
      const index = broker?.published.findIndex((p) => p.topic.endsWith("/alarms")) ?? -1;
      return index >= 0 ? index : undefined;
    });
    const ms = performance.now() - from;
    clearInterval(acknowledging);
    return { behind: found - before, ms };
  }

  test("is among the next messages on the wire, whether a thousand events wait or a hundred thousand", async () => {
    const few = await placesBehind(1_000);
    const many = await placesBehind(100_000);
    expect(few.behind).toBeLessThanOrEqual(3);
    expect(many.behind).toBeLessThanOrEqual(3);
    expect(many.ms).toBeLessThan(500);
  });
});
