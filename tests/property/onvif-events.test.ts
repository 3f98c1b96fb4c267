import fc from "fast-check";
import { expect, test } from "vitest";
import { throwCameraOnvifMqtt } from "../../drivers/throw-camera/onvif-manifest.ts";
import { parseOnvifPayload, parseOnvifTopic } from "../../drivers/throw-camera/onvif-message.ts";
import { open } from "../../drivers/throw-camera/onvif-mqtt.ts";
import { FakeDriverContext } from "../support/driver-context.ts";
import { bytesFrom, odd, patience, runs } from "../support/odd-json.ts";

type Options = Parameters<typeof open>[0]["options"];
const thrown = "RuleEngine/acme:Thrown";
const options = throwCameraOnvifMqtt.options.parse({
  username: "u",
  password: "p",
  topicPrefix: "cam",
  events: [
    {
      topic: thrown,
      when: { Rule: ["a", 1] },
      active: { State: true },
      as: "throw",
      box: "/Data/Object/Shape",
      transformation: "/Data/Transformation",
      confidence: { at: "Likelihood", of: 100 },
      record: "ObjectId",
    },
    { topic: thrown, as: "fire" },
    { topic: "fireAlarm", as: "fire" },
  ],
}) as Options;

const names =
  "State Rule ObjectId Likelihood Object Shape Transformation SimpleItem Name Value __proto__ constructor toString".split(
    " ",
  );
const section = fc.oneof(
  fc.dictionary(fc.constantFrom(...names), odd),
  fc.record({ SimpleItem: fc.array(fc.record({ Name: odd, Value: odd }, { requiredKeys: [] })) }),
  odd,
);
const message = fc.record({ UtcTime: odd, Source: section, Key: section, Data: section }, { requiredKeys: [] });
const payload = bytesFrom(message);
const topic = fc.oneof(
  fc.constantFrom(
    `cam/onvif-ej/${thrown}/&1/a`,
    `cam/onvif-ej/tns1:RuleEngine/acme:Thrown`,
    "cam/onvif-ej/tns1:Device/tns1:Trigger/tns1:Relay/&Relay-1",
    "cam/onvif-ej/VideoSource/GlobalSceneChange/ImagingService/&1",
    "cam/onvif-mj/VideoAnalytics/1/a",
    "cam/fireAlarm",
    "cam/onvif-ej",
    "cam/onvif-ej/",
    "cam/",
    "other/onvif-ej/x",
  ),
  fc.string({ unit: "binary", maxLength: 60 }).map((text) => `cam/onvif-ej/${text}`),
);
const sent = fc.record({
  topic,
  payload,
  retained: fc.boolean(),
  will: fc.constantFrom(false, false, false, true),
  connect: fc.boolean(),
  ms: fc.nat(90_000),
});

test(
  "whatever a camera publishes ends as exactly one of observed, filtered or rejected, and never throws",
  async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(sent, { maxLength: 3 }), async (all) => {
        const context = new FakeDriverContext({ options });
        open(context);
        for (const { topic, payload, retained, will, connect, ms } of all) {
          if (connect) context.mqtt.connect(true);
          context.clock.advance(ms);
          const before = context.outcomes.length;
          await context.mqtt.say(topic, payload, will, retained);
          expect(context.outcomes.length).toBe(before + 1);
        }
        expect(({} as { State?: unknown }).State).toBeUndefined();
      }),
      { numRuns: runs },
    );
  },
  patience,
);

test(
  "no payload and no topic breaks the parsers",
  () => {
    fc.assert(
      fc.property(
        payload,
        fc.string({ unit: "binary", maxLength: 80 }),
        fc.string({ maxLength: 8 }),
        (bytes, text, prefix) => {
          const parsed = parseOnvifPayload(bytes);
          if (parsed.ok)
            for (const value of parsed.message.items.values()) expect(typeof value).toMatch(/string|number|boolean/);
          parseOnvifTopic(text, prefix);
        },
      ),
      { numRuns: runs },
    );
  },
  patience,
);

test(
  "any run of states is a throw exactly where it turns to true, however often a message is told again",
  async () => {
    const rule = { topic: thrown, active: { State: true }, as: "throw" };
    const given = { username: "u", password: "p", topicPrefix: "cam", events: [rule] };
    const simple = throwCameraOnvifMqtt.options.parse(given) as Options;
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.boolean(), fc.nat(2)), { maxLength: 20 }), async (states) => {
        const context = new FakeDriverContext({ options: simple });
        open(context);
        let last = false;
        let expected = 0;
        const say = (state: boolean, at: number) =>
          context.mqtt.say(
            `cam/onvif-ej/${thrown}`,
            { UtcTime: new Date(at).toISOString(), Source: {}, Data: { State: state } },
            false,
            true,
          );
        await say(false, context.clock.wall());
        for (const [state, again] of states) {
          context.clock.advance(1000);
          const at = context.clock.wall();
          for (let time = 0; time <= again; time++) await say(state, at);
          if (state && !last) expected += 1;
          last = state;
        }
        expect(context.observed).toHaveLength(expected);
        expect(context.observed.every(({ body }) => "delivery" in body && body.delivery === "live")).toBe(true);
      }),
      { numRuns: Math.min(runs, 2000) },
    );
  },
  patience,
);
