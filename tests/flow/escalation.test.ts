import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import mqtt from "mqtt";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { CityRecorder } from "../support/city-recorder.ts";
import { freePort } from "../support/free-port.ts";
import { type GatewayProcess, type SiteFiles, startGatewayProcess, writeSite } from "../support/gateway-process.ts";
import { type Mosquitto, startMosquitto } from "../support/mosquitto.ts";
import { RecordSender } from "../support/record-sender.ts";
import { waitFor } from "../support/wait-for.ts";

const prefix = "zhian/v1/jinshuiwan/gw-01";
const bodySchema = z.object({
  id: z.string(),
  tier: z.number(),
  to: z.array(z.string()),
  title: z.object({ zh: z.string() }),
  alarm: z.object({ id: z.string(), rule: z.string() }),
});
type Pushed = z.infer<typeof bodySchema> & { readonly path: string };

/** Where the pushes of the site arrive. */
class Receiver {
  readonly got: Pushed[] = [];
  /** Answers the push that came in last; absent: 200. */
  answer: ((push: Pushed, response: ServerResponse) => void) | undefined;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => void this.#take(request, response));
  }

  listen(port: number): Promise<void> {
    return new Promise((resolve) => this.#server.listen(port, "127.0.0.1", resolve));
  }

  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }

  at(path: string, rule: string): readonly Pushed[] {
    return this.got.filter((push) => push.path === path && push.alarm.rule === rule);
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = "";
    for await (const chunk of request) text += String(chunk);
    const push = { ...bodySchema.parse(JSON.parse(text)), path: request.url ?? "" };
    this.got.push(push);
    if (this.answer === undefined) response.writeHead(200).end();
    else this.answer(push, response);
  }
}

const escalation = (port: number) => `
people:
  - { id: li, name: 李明 }
  - { id: wang, name: 王经理 }
groups:
  - { id: duty, name: 值班, members: [li] }
  - { id: managers, name: 责任人, members: [wang] }
channels:
  - { id: duty-hook, type: webhook, url: "http://127.0.0.1:${port}/duty" }
  - { id: manager-hook, type: webhook, url: "http://127.0.0.1:${port}/managers" }
escalation:
  coolDown: 0s
  bySeverity: { minor: { upTo: 3 } }
  tiers:
    1: { to: [duty], channels: [duty-hook] }
    2: { to: [managers], channels: [manager-hook], after: ${secondTierAfterMs}ms }
    3: { after: 6s }
rules: { thrown-object: { window: 500ms } }
`;
const secondTierAfterMs = 5000;
const denied = "access-denied-repeated";
const thrown = "thrown-object";

let city: Mosquitto;
let recorder: CityRecorder;
let receiver: Receiver;
let site: SiteFiles;
let gateway: GatewayProcess;
let senders: RecordSender[];
beforeEach(async () => {
  city = await startMosquitto();
  recorder = await CityRecorder.start(city.url, prefix);
  receiver = new Receiver();
  const port = await freePort();
  await receiver.listen(port);
  site = await writeSite({ uplinkPort: city.port, extra: escalation(port) });
  gateway = await startGatewayProcess(site);
  senders = [];
});
afterEach(async () => {
  for (const sender of senders) sender.close();
  await gateway.kill();
  receiver.close();
  await recorder.stop();
  await city.stop();
  site.remove();
});

/** Somebody is refused at the gate again and again. */
async function refuse(): Promise<void> {
  await send({ deviceId: "1026700", username: "gate-east", password: "gate-secret-1", denyEvery: 1, throwEvery: 1e9 });
}

/** Something falls from a window. */
async function fall(): Promise<void> {
  await send({ deviceId: "005a213b000b93cc", username: "cam-b3", password: "cam-secret-1", throwEvery: 1 });
}

async function send(device: Omit<ConstructorParameters<typeof RecordSender>[0], "port">): Promise<void> {
  const sender = new RecordSender({ port: site.brokerPort, window: 5, ...device });
  senders.push(sender);
  sender.start();
  await waitFor("the records to be taken", () => sender.acknowledged.size >= 5);
  sender.pause();
}

/** By the city, which says so on its own topic. */
async function acknowledge(alarmId: string): Promise<void> {
  const client = await mqtt.connectAsync(city.url);
  const command = { requestId: "r1", alarmId, by: "coordination" };
  await client.publishAsync(`${prefix}/commands/acknowledge`, JSON.stringify(command), { qos: 1 });
  await client.endAsync();
}

const tiersAtCity = (rule: string): readonly unknown[] =>
  recorder
    .lane("alarms")
    .filter(({ data }) => data?.["rule"] === rule && data["step"] === "escalated")
    .map(({ data }) => data?.["tier"]);

describe("one incident, three pushes", () => {
  it("tries again what failed, goes to the manager and then to the city, and stops where somebody acknowledges", {
    timeout: 60_000,
  }, async () => {
    receiver.answer = ({ alarm }, response) => {
      response.writeHead(alarm.rule === thrown && receiver.at("/duty", thrown).length === 1 ? 503 : 200).end();
    };
    await refuse();
    const settled = await waitFor("the push to the people on duty", () => receiver.at("/duty", denied)[0]);
    expect(settled).toMatchObject({ tier: 1, to: ["li"], title: { zh: "3栋1单元 门禁多次被拒" } });
    await acknowledge(settled.alarm.id);
    await waitFor("the acknowledgement", () =>
      recorder.lane("alarms").some(({ data }) => data?.["step"] === "acknowledged"),
    );

    await fall();
    await waitFor("the throw at the city's coordination", () => tiersAtCity(thrown).includes(3), 20_000);
    const [first, again] = receiver.at("/duty", thrown);
    expect(again?.id).toBe(first?.id);
    expect(receiver.at("/managers", thrown)[0]).toMatchObject({ tier: 2, to: ["wang"] });
    expect(new Set(tiersAtCity(thrown))).toEqual(new Set([1, 2, 3]));
    // The throw came later, and went all the way.
    expect(receiver.at("/managers", denied)).toEqual([]);
    expect(tiersAtCity(denied)).toEqual([1]);
    expect(recorder.faults("alarms")).toEqual([]);
    expect(gateway.log()).not.toContain("李明");
  });

  it("goes on after kill -9: the push under way comes again under its id, and the tiers count from before", {
    timeout: 60_000,
  }, async () => {
    // The first push is taken and never answered.
    receiver.answer = (push, response) => {
      if (push.path !== "/duty" || receiver.at("/duty", denied).length > 1) response.writeHead(200).end();
    };
    await refuse();
    const [before] = await waitFor("the push under way", () => receiver.at("/duty", denied).length > 0 && receiver.got);
    await gateway.kill();
    const restartedAt = Date.now();
    gateway = await startGatewayProcess(site);
    const after = await waitFor("the same push once more", () => receiver.at("/duty", denied)[1]);
    expect(after.id).toBe(before?.id);
    await waitFor("the step at the city", () => tiersAtCity(denied).includes(3));
    const second = recorder.lane("alarms").find(({ data }) => data?.["tier"] === 2);
    expect(Date.parse(String(second?.data?.["at"]))).toBeLessThan(restartedAt + secondTierAfterMs);
    expect(tiersAtCity(denied)).toEqual([1, 2, 3]);
    expect(receiver.at("/duty", denied)).toHaveLength(2);
    expect(receiver.at("/managers", denied)).toHaveLength(1);
    expect([...recorder.faults("alarms"), ...recorder.unreadable]).toEqual([]);
  });
});
