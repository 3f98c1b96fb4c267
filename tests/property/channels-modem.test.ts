import fc from "fast-check";
import { expect, test } from "vitest";
import { channelSchema } from "../../gateway/alarms/channels/channels.ts";
import {
  finalResult,
  ModemLines,
  type ModemWord,
  messageReference,
  registration,
  signalDbm,
} from "../../gateway/alarms/channels/modem-lines.ts";
import type { ModemPortListener } from "../../gateway/alarms/channels/modem-port.ts";
import { openSms } from "../../gateway/alarms/channels/sms.ts";
import { splitText, submitPdus } from "../../gateway/alarms/channels/sms-pdu.ts";
import type { Clock } from "../../gateway/ports/clock.ts";
import { readSubmit } from "../../simulators/channels/pdu.ts";
import { li, push } from "../interop/channels-fixture.ts";
import { patience, runs } from "../support/odd-json.ts";
import { countingTelemetry, quietLogger } from "../support/quiet.ts";

const digits = fc.stringMatching(/^[1-9][0-9]{3,14}$/);
const text = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 300 }),
  fc.string({ unit: "binary", maxLength: 300 }),
  fc.string({ unit: fc.constantFrom("火", "a", "😉"), minLength: 60, maxLength: 140 }),
);

test(
  "what is encoded, another decoder reads: number, text, parts and validity",
  () => {
    const options = fc.record(
      {
        to: digits.map((number) => `+${number}`),
        smsc: digits.map((number) => `+${number}`),
        validForMs: fc.integer({ min: 1, max: 63 * 7 * 86_400_000 }),
        reference: fc.integer({ min: 0, max: 255 }),
      },
      { requiredKeys: ["to", "reference"] },
    );
    fc.assert(
      fc.property(text, options, (said, asked) => {
        const read = submitPdus(said, asked).map(({ hex, length }) => readSubmit(hex, length));
        expect(read.map((part) => part.text).join("")).toBe(said.toWellFormed());
        read.forEach((part, i) => {
          expect(part.to).toBe(asked.to);
          expect(part.serviceCentre).toBe(asked.smsc);
          expect(part.text.isWellFormed()).toBe(true);
          expect(part.part).toEqual(
            read.length === 1 ? undefined : { reference: asked.reference, of: read.length, number: i + 1 },
          );
          if (asked.validForMs === undefined) expect(part.validForMinutes).toBeUndefined();
          else expect(part.validForMinutes).toBeGreaterThanOrEqual(asked.validForMs / 60_000);
        });
      }),
      { numRuns: runs },
    );
  },
  patience,
);

test("a validity is kept to its next step and no longer", () => {
  const minutesOf = (minutes: number) =>
    readSubmit(
      submitPdus("x", { to: "+8613800138000", validForMs: minutes * 60_000, reference: 0 })[0]?.hex ?? "",
      submitPdus("x", { to: "+8613800138000", validForMs: minutes * 60_000, reference: 0 })[0]?.length ?? 0,
    ).validForMinutes;
  expect([1, 5, 6, 120, 720, 721, 1440, 1441, 43_200, 43_201, 635_040].map(minutesOf)).toEqual([
    5, 5, 10, 120, 720, 750, 1440, 2880, 43_200, 50_400, 635_040,
  ]);
});

/** ModemManager, src/tests/test-sms-part-3gpp.c: test_create_pdu_ucs2_with_smsc, test_create_pdu_ucs2_no_smsc. */
test("the published vectors of ModemManager come out octet by octet", () => {
  const tpdu =
    "11000B915155551532F40008003A0414043000200437043404400430043204410442043204430435" +
    "04420020043A043E0440043E043B044C002C002004340435" +
    "0442043A04300021";
  const said = "Да здравствует король, детка!";
  const asked = { to: "+15555551234", validForMs: 300_000, reference: 0 };
  expect(submitPdus(said, asked)).toEqual([{ hex: `00${tpdu}`, length: tpdu.length / 2 }]);
  const [withCentre] = submitPdus(said, { ...asked, smsc: "+19037029920" });
  expect(withCentre).toEqual({ hex: `07919130079229F0${tpdu}`, length: tpdu.length / 2 });
});

/** The same file: text-split/ucs2 and utf16. */
test("texts are split where ModemManager splits them", () => {
  expect(splitText("你好".repeat(35))).toEqual(["你好".repeat(35)]);
  expect(splitText(`${"你好".repeat(35)}好`)).toEqual([`${"你好".repeat(33)}你`, "好你好好"]);
  const pairs = "\u{11c00}".repeat(35);
  expect(splitText(pairs)).toEqual([pairs]);
  expect(splitText(`${pairs}a`)).toEqual(["\u{11c00}".repeat(33), `${"\u{11c00}".repeat(2)}a`]);
});

const modemTalk = fc.oneof(
  fc
    .constantFrom(
      "\r\nOK\r\n",
      "\r\nERROR\r\n",
      "\r\n> ",
      "> ",
      "\r\n+CMGS: 12\r\n\r\nOK\r\n",
      "\r\n+CMS ERROR: 38\r\n",
      "\r\n+CMS ERROR: \r\n",
      "\r\n+CME ERROR: 10\r\n",
      "\r\n+CREG: 0,1\r\n",
      '\r\n+CREG: 1,"1A2B"\r\n',
      "\r\n+CSQ: 99,99\r\n",
      "\r\n+CPIN: READY\r\n",
      "\r\n+CPIN: SIM PIN\r\n",
      "\r\nRING\r\n",
      "AT\r",
      "+CMGS: 999999999999\r\n",
    )
    .map((said) => Buffer.from(said)),
  fc.uint8Array({ maxLength: 40 }).map((bytes) => Buffer.from(bytes)),
  fc.constant(Buffer.alloc(5000, 0x41)),
);

test(
  "any bytes are cut into the same words however they arrive, each of them bounded",
  () => {
    fc.assert(
      fc.property(fc.array(modemTalk, { maxLength: 12 }), fc.array(fc.integer({ min: 1, max: 50 })), (talk, sizes) => {
        const bytes = Buffer.concat(talk);
        const whole = new ModemLines().push(bytes);
        const pieces = new ModemLines();
        const words: ModemWord[] = [];
        for (let at = 0, i = 0; at < bytes.length; i++) {
          const size = sizes[i % Math.max(sizes.length, 1)] ?? 1;
          words.push(...pieces.push(bytes.subarray(at, at + size)));
          at += size;
        }
        expect(words).toEqual(whole);
        for (const word of words) {
          if (word.kind === "prompt") continue;
          expect(word.text.length).toBeLessThanOrEqual(2048);
          expect(word.text).toMatch(/^[\x20-\x7e\t]+$/);
          finalResult(word.text);
          const [stat, dbm, reference] = [registration(word.text), signalDbm(word.text), messageReference(word.text)];
          if (stat !== undefined) expect(stat).toBeLessThanOrEqual(99);
          if (dbm !== undefined) expect(dbm >= -113 && dbm <= -51).toBe(true);
          if (reference !== undefined) expect(reference).toBeLessThanOrEqual(999);
        }
      }),
      { numRuns: runs },
    );
  },
  patience,
);

/** Timers run out as soon as nothing else is to be done. */
const impatient: Clock = {
  now: () => 0,
  wall: () => 0,
  quality: () => ({ state: "synchronised", steppedMs: 0 }),
  after(_, call) {
    const timer = setImmediate(call);
    return () => clearImmediate(timer);
  },
};

test(
  "a modem that answers anything at all never makes a push fail to end, and is believed only with a reference",
  async () => {
    const config = channelSchema.parse({ id: "sms", type: "sms", path: "/dev/none", pin: "1234" });
    if (config.type !== "sms") throw new Error("not a modem");
    const answers = fc.array(fc.oneof(modemTalk, fc.constant(undefined)), { maxLength: 16 });
    await fc.assert(
      fc.asyncProperty(answers, async (script) => {
        const heard: string[] = [];
        let said = "";
        const openPort = async (_: object, listener: ModemPortListener) => {
          const rest = [...script];
          return {
            write(line: string) {
              heard.push(line);
              const answer = rest.shift();
              if (answer === undefined) listener.lost();
              else {
                said += answer.toString("latin1");
                queueMicrotask(() => listener.received(answer));
              }
            },
            close: () => Promise.resolve(),
          };
        };
        const once: Clock = { ...impatient, after: (ms, call) => (ms === 0 ? () => {} : impatient.after(ms, call)) };
        const context = {
          clock: once,
          logger: quietLogger,
          telemetry: countingTelemetry(),
          site: { name: "x", timezone: "UTC" },
        };
        const sender = openSms(config, context, openPort);
        const delivery = await sender.send(push({ to: [li] }), new AbortController().signal);
        if (delivery.ok) expect(said).toContain("+CMGS: ");
        expect(heard.filter((line) => line.startsWith("AT+CPIN=")).length).toBeLessThanOrEqual(1);
        await sender.close();
      }),
      { numRuns: runs },
    );
  },
  patience,
);
