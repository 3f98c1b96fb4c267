import fc from "fast-check";
import { beforeEach, describe, expect, it } from "vitest";
import { deviceId, grantsOf, RecordedLogger, RecordedTelemetry } from "../../tests/support/ingress/test-broker.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import { isGatewayError } from "../domain/errors.ts";
import { Admission, type Knock } from "./admission.ts";

let clock: ManualClock;
let admission: Admission;
let telemetry: RecordedTelemetry;
let logger: RecordedLogger;
const east = deviceId("gate-east");
const west = deviceId("gate-west");
const both = new Map([east, west].map((id) => [id, grantsOf(id)]));

beforeEach(() => {
  clock = new ManualClock();
  telemetry = new RecordedTelemetry();
  logger = new RecordedLogger();
  admission = new Admission({ clock, logger, telemetry });
  admission.replace(both);
});

function knock(over: Partial<Knock> & { user?: string; secret?: string } = {}) {
  const { user = "gate-east", secret = `pw-${user}`, ...rest } = over;
  return admission.judge({
    address: "192.168.1.20",
    username: user,
    password: Buffer.from(secret),
    clientId: "terminal",
    clean: true,
    will: undefined,
    ...rest,
  });
}

const account = (id: string) => ({ owner: id, username: id, shared: false, devices: [deviceId(id)] });
const because = (verdict: ReturnType<typeof knock>) => (verdict.admitted ? "admitted" : verdict.reason);

describe("admission", () => {
  it("admits a device by its own credentials, in a namespace of its own", () => {
    expect(knock()).toMatchObject({
      admitted: true,
      by: { owner: east, devices: [east], shared: false },
      clientId: "terminal",
      sessionId: "gate-east/terminal",
    });
  });

  it("refuses a wrong, a missing and another device's password", () => {
    expect(because(knock({ secret: "pw-gate-eas" }))).toBe("wrong-password");
    expect(because(knock({ password: undefined }))).toBe("wrong-password");
    expect(because(knock({ secret: "pw-gate-west" }))).toBe("wrong-password");
  });

  it("lists a configured device whose password is wrong, with what to do and without the password", () => {
    knock({ secret: "tried-in-vain" });
    expect(admission.strangers()).toEqual([
      {
        via: "mqtt",
        username: "gate-east",
        clientId: "terminal",
        address: "192.168.1.20",
        lastAt: clock.wall(),
        attempts: 1,
        snippet: "# gate-east: the password in the device is another than in the configuration.",
      },
    ]);
    expect(JSON.stringify(admission.strangers())).not.toContain("tried-in-vain");
  });

  it("refuses nobody in particular: without a user name, and everyone before there are devices", () => {
    expect(because(knock({ username: undefined }))).toBe("unknown-user");
    const fresh = new Admission({ clock, logger, telemetry });
    admission = fresh;
    expect(because(knock())).toBe("unknown-user");
  });

  it("lists who knocked and is not configured, newest first, with its attempts", () => {
    knock({ user: "cam-new", clientId: "ipc758732" });
    clock.advance(1000);
    knock({ user: "other" });
    knock({ user: "cam-new", clientId: "ipc758732" });
    const common = { via: "mqtt", address: "192.168.1.20", lastAt: clock.wall(), snippet: expect.any(String) };
    expect(admission.strangers()).toEqual([
      { ...common, username: "cam-new", clientId: "ipc758732", attempts: 2 },
      { ...common, username: "other", clientId: "terminal", attempts: 1 },
    ]);
  });

  it("names a stranger by its last will, as far as that says who it is", () => {
    const payload = Buffer.from('{"operator":"Offline","info":{"facesluiceId":"1026700","name":"private"}}');
    knock({ user: "gate-new", will: { topic: "mqtt/face/basic", qos: 0, payload } });
    const { snippet = "" } = admission.strangers()[0] ?? {};
    expect(snippet).toContain("dialect: facesluice-mqtt");
    expect(snippet).toContain('deviceId: "1026700", username: gate-new');
    expect(snippet).not.toContain("private");
  });

  it("keeps the newest 64 strangers, short and without control characters", () => {
    for (let i = 0; i < 200; i++) knock({ user: `stranger-${i}`, address: `10.0.0.${i}` });
    knock({ user: `evil\u0007${"x".repeat(60_000)}`, clientId: "\u202eabc", address: "10.0.1.1" });
    const strangers = admission.strangers();
    expect(strangers).toHaveLength(64);
    expect(strangers[0]?.username).toMatch(/^evil·x{123}$/);
    expect(strangers[0]?.clientId).toBe("·abc");
    expect(strangers[63]?.username).toBe("stranger-137");
  });

  it("backs off from a guesser: five free attempts, then longer and longer, even for the right password", () => {
    for (let i = 0; i < 5; i++) expect(because(knock({ secret: `guess-${i}` }))).toBe("wrong-password");
    expect(because(knock())).toBe("backing-off");
    clock.advance(1000);
    expect(because(knock({ secret: "guess-6" }))).toBe("wrong-password");
    clock.advance(1999);
    expect(because(knock())).toBe("backing-off");
    clock.advance(1);
    expect(because(knock())).toBe("admitted");
    expect(because(knock({ secret: "mistyped" }))).toBe("wrong-password");
  });

  it("does not let a guesser lock out another device at the same address, nor the same one at another", () => {
    for (let i = 0; i < 50; i++) knock({ secret: `guess-${i}` });
    for (let i = 0; i < 50; i++) knock({ user: "nobody" });
    expect(because(knock())).toBe("backing-off");
    expect(because(knock({ user: "gate-west", clientId: "w" }))).toBe("admitted");
    expect(because(knock({ address: "192.168.1.21" }))).toBe("admitted");
  });

  it("lets at most a minute pass between attempts, and forgets after ten", () => {
    for (let i = 0; i < 400; i++) {
      knock({ secret: "guess" });
      clock.advance(60_000);
    }
    expect(because(knock())).toBe("admitted");
    for (let i = 0; i < 5; i++) knock({ secret: "guess" });
    clock.advance(600_001);
    knock({ secret: "guess" });
    expect(because(knock())).toBe("admitted");
  });

  it("does not give a client id that one device uses to another, and keeps it for its owner a while", () => {
    expect(because(knock())).toBe("admitted");
    expect(because(knock({ user: "gate-west" }))).toBe("client-id-taken");
    expect(because(knock())).toBe("admitted");
    admission.leave("terminal", account(east));
    admission.leave("terminal", account(east));
    clock.advance(299_999);
    expect(because(knock({ user: "gate-west" }))).toBe("client-id-taken");
    expect(because(knock())).toBe("admitted");
    admission.leave("terminal", account(east));
    clock.advance(300_000);
    expect(because(knock({ user: "gate-west" }))).toBe("admitted");
    expect(because(knock())).toBe("client-id-taken");
  });

  it("does not let one device squat on the client ids of all others", () => {
    for (let i = 0; i < 50; i++) {
      knock({ clientId: `id-${i}` });
      admission.leave(`id-${i}`, account(east));
    }
    const taken = Array.from({ length: 50 }, (_, i) => knock({ user: "gate-west", clientId: `id-${i}` }));
    expect(taken.filter((verdict) => !verdict.admitted).length).toBeLessThanOrEqual(9);
  });

  it("gives an empty client id one of its own, and refuses it where the session is to last", () => {
    const [a, b] = [knock({ clientId: "" }), knock({ user: "gate-west", clientId: "" })];
    expect(a.admitted && b.admitted && a.sessionId !== b.sessionId).toBe(true);
    expect(knock({ clientId: "", clean: false })).toMatchObject({ reason: "client-id-invalid", returnCode: 2 });
  });

  it("refuses client ids that are too long or hold control characters", () => {
    expect(because(knock({ clientId: "x".repeat(257) }))).toBe("client-id-invalid");
    expect(because(knock({ clientId: "a\u0000b" }))).toBe("client-id-invalid");
    expect(because(knock({ clientId: "x".repeat(256) }))).toBe("admitted");
  });

  it("checks a last will when it is left, not when it is due", () => {
    expect(because(knock({ will: { topic: "up/gate-east", qos: 0 } }))).toBe("admitted");
    expect(knock({ will: { topic: "up/gate-west", qos: 0 } })).toMatchObject({
      reason: "will-forbidden",
      returnCode: 5,
    });
    expect(because(knock({ will: { topic: "up/gate-east", qos: 3 } }))).toBe("will-forbidden");
    expect(because(knock({ will: { topic: "up/#", qos: 0 } }))).toBe("will-forbidden");
  });

  it.each([
    ["up/gate-east", true],
    ["state/gate-east", true],
    ["up/gate-west", false],
    ["down/gate-east", false],
    ["up/gate-east/", false],
    ["/up/gate-east", false],
    ["UP/gate-east", false],
    ["up/gate\u2010east", false],
    ["up/gate-east\u0000", false],
    ["$SYS/up/gate-east", false],
    ["up/#", false],
    ["", false],
  ])("a device may publish on %j: %j", (topic, may) => {
    expect(admission.mayPublish(east, topic)).toBe(may);
  });

  it.each([
    ["cam/onvif-ej/RuleEngine/&1/2", true],
    ["cam/onvif-ej/x", true],
    ["cam/onvif-ej/", false],
    ["cam/onvif-ej", false],
    ["cam/onvif-ejx/y", false],
    ["CAM/onvif-ej/x", false],
    ["/cam/onvif-ej/x", false],
    ["other/cam/onvif-ej/x", false],
    ["cam/onvif-ej/a/b/c/d/e/f/g/h", true],
    ["cam/onvif-ej/a/b/c/d/e/f/g/h/i/j/k/l/m/n/o/p/q/r/s", false],
    [`cam/onvif-ej/${"x".repeat(243)}`, true],
    [`cam/onvif-ej/${"x".repeat(244)}`, false],
    ["cam/onvif-ej/+", false],
    ["cam/onvif-ej/#", false],
    ["cam/onvif-ej/a\u0000", false],
    ["cam/onvif-ej/a\u202eb", false],
    ["$SYS/cam/onvif-ej/x", false],
    ["up/gate-east", true],
  ])("a device with a subtree may publish on %j: %j, and leave a last will there likewise", (topic, may) => {
    const below = { ...grantsOf("gate-east"), publishBelow: ["cam/onvif-ej/"] };
    admission.replace(new Map(both).set(east, below));
    expect(admission.mayPublish(east, topic)).toBe(may);
    expect(admission.mayPublish(west, topic)).toBe(false);
    expect(because(knock({ will: { topic, qos: 0 } }))).toBe(may ? "admitted" : "will-forbidden");
  });

  it("lets each device publish exactly within its grants, whatever they are", () => {
    const level = fc.constantFrom("a", "b", "ab", "", "é", "$x", "+", "#");
    const topic = fc.array(level, { minLength: 1, maxLength: 5 }).map((levels) => levels.join("/"));
    const good = fc.array(fc.constantFrom("a", "b", "ab"), { minLength: 1, maxLength: 3 }).map((all) => all.join("/"));
    const grants = fc.record({ publish: fc.array(good, { maxLength: 3 }), below: fc.array(good, { maxLength: 2 }) });
    fc.assert(
      fc.property(grants, grants, topic, (first, second, wire) => {
        const wanted = [first, second].map(({ publish, below }) => ({
          publish,
          publishBelow: below.map((start) => `${start}/`),
        }));
        admission.replace(
          new Map([east, west].map((id, index) => [id, { ...grantsOf(id), publish: [], ...wanted[index] }])),
        );
        const sound = wire !== "" && !wire.startsWith("$") && !/[+#]/.test(wire);
        for (const [index, id] of [east, west].entries()) {
          const { publish = [], publishBelow = [] } = wanted[index] ?? {};
          // The other way round than the code: is a beginning of the topic, cut behind a slash, one of the subtrees?
          const starts = [...wire].flatMap((char, at) =>
            char === "/" && at + 1 < wire.length ? wire.slice(0, at + 1) : [],
          );
          const may = sound && (publish.includes(wire) || starts.some((start) => publishBelow.includes(start)));
          expect(admission.mayPublish(id, wire)).toBe(may);
        }
      }),
      { numRuns: 2000 },
    );
  });

  it.each([
    ["down/gate-east", true],
    ["down/gate-west", false],
    ["down/+", false],
    ["#", false],
    ["+/gate-east", false],
    ["down/#", false],
    ["$SYS/#", false],
    ["$share/x/down/gate-east", false],
    ["up/gate-east", false],
  ])("a device may subscribe to %j: %j", (filter, may) => {
    expect(admission.maySubscribe(east, filter)).toBe(may);
  });

  it("allows a wildcard where exactly that is granted, and nothing under it", () => {
    admission.replace(new Map([[east, { ...grantsOf("gate-east"), subscribe: ["down/#"] }]]));
    expect(admission.maySubscribe(east, "down/#")).toBe(true);
    expect(admission.maySubscribe(east, "down/gate-east")).toBe(false);
  });

  it.each([
    ["a user name used twice", { username: "gate-west" }],
    ["an empty password", { password: "" }],
    ["an empty user name", { username: "" }],
    ["a wildcard to publish on", { publish: ["up/+"] }],
    ["a topic with a NUL", { publish: ["up/\u0000"] }],
    ["a topic of 21 levels", { publish: [Array.from({ length: 21 }, (_, i) => i).join("/")] }],
    ["a topic of 257 bytes", { subscribe: ["x".repeat(257)] }],
    ["a topic of the broker", { subscribe: ["$SYS/x"] }],
    ["an empty topic", { publish: [""] }],
    ["a subtree without its slash", { publishBelow: ["cam"] }],
    ["the whole tree as a subtree", { publishBelow: ["/"] }],
    ["a subtree of the broker", { publishBelow: ["$SYS/"] }],
    ["a subtree with a wildcard", { publishBelow: ["cam/+/"] }],
    ["a shared user name that is another's own", { username: "gate-west", shared: true }],
  ])("does not take over devices with %s, and keeps those it has", (_what, over) => {
    const wrong = new Map(both).set(east, { ...grantsOf("gate-east"), ...over });
    try {
      admission.replace(wrong);
      expect.unreachable();
    } catch (error) {
      expect(isGatewayError(error, "CONFIG_INVALID")).toBe(true);
    }
    expect(because(knock())).toBe("admitted");
  });

  it("says whose rights changed or ended", () => {
    const next = new Map([[east, { ...grantsOf("gate-east"), password: "new" }]]);
    expect(admission.replace(next)).toEqual([east, west]);
    expect(admission.replace(new Map(next))).toEqual([]);
    expect(because(knock())).toBe("wrong-password");
    expect(because(knock({ secret: "new" }))).toBe("admitted");
  });

  it("knows whether what it said still holds", () => {
    const [a, b] = [knock(), knock({ user: "gate-west", clientId: "w" })];
    admission.replace(new Map(both).set(east, { ...grantsOf("gate-east"), publish: ["other"] }));
    expect([a, b].map((verdict) => verdict.admitted && admission.stillAdmits(verdict))).toEqual([false, true]);
  });

  it("counts each refusal, and logs one line a minute for the same one, without the password", () => {
    for (let i = 0; i < 4; i++) knock({ secret: "s3cret" });
    expect(telemetry.of("zhian_ingress_sign_ins_refused_total wrong-password")).toBe(4);
    expect(logger.lines).toHaveLength(1);
    clock.advance(60_000);
    knock({ secret: "s3cret" });
    expect(logger.lines).toHaveLength(2);
    expect(logger.lines[1]).toContain('"count":4');
    expect(logger.lines.join()).not.toContain("s3cret");
  });
});

describe("a client that speaks for several devices", () => {
  const member = (id: string, over: object = {}) => ({
    ...grantsOf(id),
    username: "chirpstack",
    password: "pw-chirpstack",
    shared: true,
    ...over,
  });
  const shared = new Map([east, west].map((id) => [id, member(id)]));
  const signIn = (over: object = {}) => knock({ user: "chirpstack", ...over });

  it("is admitted once, for all of them, in a namespace that no device has", () => {
    admission.replace(shared);
    const verdict = signIn();
    expect(verdict).toMatchObject({ admitted: true, by: { shared: true, devices: [east, west] } });
    expect(verdict.admitted && verdict.sessionId).toMatch(/^~[0-9a-f]{32}\/terminal$/);
    expect(because(knock())).toBe("unknown-user");
  });

  it("leaves each its own topics", () => {
    admission.replace(shared);
    expect([east, west].map((id) => admission.mayPublish(id, "up/gate-east"))).toEqual([true, false]);
    expect(because(signIn({ will: { topic: "state/gate-west", qos: 0 } }))).toBe("admitted");
    expect(because(signIn({ will: { topic: "state/other", qos: 0 } }))).toBe("will-forbidden");
  });

  it.each([
    ["one of them does not share", { shared: false }],
    ["their passwords differ", { password: "another" }],
  ])("is refused where %s", (_what, over) => {
    const wrong = new Map(shared).set(west, member("gate-west", over));
    expect(() => admission.replace(wrong)).toThrow("the same broker user name");
    expect(because(knock())).toBe("admitted");
  });

  it.each([
    ["one joins", new Map(shared).set(deviceId("third"), member("third"))],
    ["one leaves", new Map([[east, member("gate-east")]])],
    ["one may do something else", new Map(shared).set(west, member("gate-west", { publish: ["other"] }))],
  ])("has to connect anew when %s", (_what, next) => {
    admission.replace(shared);
    const verdict = signIn();
    expect(verdict.admitted && admission.stillAdmits(verdict)).toBe(true);
    expect(admission.replace(new Map(shared))).toEqual([]);
    expect(admission.replace(next)).toEqual([east, west]);
    expect(verdict.admitted && admission.stillAdmits(verdict)).toBe(false);
    expect(because(signIn())).toBe("admitted");
  });
});
