import fc from "fast-check";
import { expect, test } from "vitest";
import { cutBytes, cutUnits, oneLine } from "../../gateway/alarms/channels/cut.ts";
import { markdownOf, plainOf } from "../../gateway/alarms/channels/markdown.ts";
import { patienceOf } from "../../gateway/alarms/channels/post.ts";
import { redactor } from "../../gateway/alarms/channels/redact.ts";
import { judge, readVerdict } from "../../gateway/alarms/channels/robot.ts";
import { briefWords, wordsOf } from "../../gateway/alarms/channels/words.ts";
import { fire, push } from "../interop/channels-fixture.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { bytesFrom, odd, patience, runs } from "../support/odd-json.ts";

const codes = { later: { 130101: 60_000 }, clock: new Set([310000]), hints: { 310000: "look" } };
const site = { name: "金水湾小区", timezone: "Asia/Shanghai" };
const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 3000 }),
  fc.string({ unit: "grapheme", maxLength: 500 }),
  fc.string({
    unit: fc.constantFrom("[", "]", "(", ")", "<", ">", "@", "*", "`", "#", "|", "火", "😉", "\u202e", "\n"),
    maxLength: 60,
  }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 60 }).map((units) => String.fromCharCode(...units)),
);

test(
  "an answer of any shape is a verdict with a whole code, or none; only a whole 0 is a receipt",
  () => {
    const field = fc.constantFrom(
      "errcode",
      "errmsg",
      "code",
      "msg",
      "StatusCode",
      "StatusMessage",
      "data",
      "__proto__",
    );
    const value = fc.oneof(
      odd,
      fc.constantFrom(0, "0", "", 0.5, -0, "00", 130101, 310000, [0], { code: 0 }, "0 ", true),
    );
    const message = fc.oneof(fc.dictionary(field, value, { maxKeys: 5 }), odd);
    fc.assert(
      fc.property(bytesFrom(message), fc.boolean(), (bytes, clockWrong) => {
        const body = Buffer.from(bytes).toString("utf8");
        const verdict = readVerdict(body);
        if (verdict === undefined) return;
        expect(Number.isSafeInteger(verdict.code)).toBe(true);
        expect(verdict.words.length).toBeLessThanOrEqual(200);
        expect(verdict.words).not.toMatch(/\p{Cc}/u);
        const delivery = judge(verdict, codes, clockWrong);
        expect(delivery.ok).toBe(verdict.code === 0);
        if (delivery.ok) expect(body).toMatch(/"(errcode|code|StatusCode)"\s*:\s*("-?0+"|-?0)/);
      }),
      { numRuns: runs },
    );
  },
  patience,
);

test(
  "any Retry-After is a wait of an hour at most, or none",
  () => {
    const clock = new ManualClock();
    const header = fc.oneof(
      anyText,
      fc.integer().map(String),
      fc.double().map(String),
      fc.date().map(String),
      fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
    );
    fc.assert(
      fc.property(header, (value) => {
        const ms = patienceOf(value, clock);
        if (ms !== undefined) expect(ms >= 0 && ms <= 3_600_000).toBe(true);
      }),
      { numRuns: runs },
    );
  },
  patience,
);

test(
  "a text that is cut keeps its bound and its characters whole",
  () => {
    fc.assert(
      fc.property(anyText, fc.integer({ min: 0, max: 300 }), (text, max) => {
        const whole = text.toWellFormed();
        for (const [cut, size] of [
          [cutBytes(text, max), (t: string) => Buffer.byteLength(t)],
          [cutUnits(text, max), (t: string) => t.length],
        ] as const) {
          expect(size(cut)).toBeLessThanOrEqual(max);
          expect(cut.isWellFormed()).toBe(true);
          if (size(whole) <= max) expect(cut).toBe(whole);
          else expect(whole.startsWith(cut.replace(/…$/, ""))).toBe(true);
        }
        expect(oneLine(text)).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e]/u);
      }),
      { numRuns: runs },
    );
  },
  patience,
);

test(
  "whatever names and stories say, a message keeps its bound, its link and its mark, and forms no link or mention of its own",
  () => {
    const link = "https://gw.site.example/alarms/a-1?x=(1)";
    fc.assert(
      fc.property(anyText, anyText, anyText, anyText, fc.boolean(), (zh, en, storyZh, storyEn, exercise) => {
        const message = push({
          title: { zh, en },
          exercise,
          link,
          alarm: { ...fire, explanation: { zh: storyZh, en: storyEn } },
        });
        const words = wordsOf(message, { site });
        const markdown = markdownOf(words, 4096, "@13800138000");
        expect(Buffer.byteLength(markdown)).toBeLessThanOrEqual(4096);
        expect(markdown.match(/\]\(/g)).toHaveLength(1);
        expect(markdown).toContain("(https://gw.site.example/alarms/a-1?x=%281%29)");
        expect(markdown).not.toContain("<");
        expect(markdown.endsWith("@13800138000")).toBe(true);
        const text = plainOf(words, 2048);
        expect(Buffer.byteLength(text)).toBeLessThanOrEqual(2048);
        expect(text).toContain(link);
        const brief = cutUnits(briefWords(message, { site }, 134), 134);
        expect(brief.length).toBeLessThanOrEqual(134);
        for (const told of [markdown.slice(4), text, brief])
          expect(told.startsWith("【演练 EXERCISE】")).toBe(exercise);
      }),
      { numRuns: runs },
    );
  },
  patience,
);

test(
  "no secret is left in a text, however often, and in whichever writing, it stands there",
  () => {
    const secret = fc.string({ unit: "grapheme", minLength: 4, maxLength: 30 }).filter((text) => !text.includes("•"));
    const secrets = fc.uniqueArray(secret, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(secrets, fc.array(fc.oneof(fc.nat(4), anyText), { maxLength: 20 }), (known, pieces) => {
        const text = pieces.map((piece) => (typeof piece === "string" ? piece : known[piece % known.length])).join("");
        const masked = redactor(known)(text);
        for (const one of known) expect(masked.includes(one) || masked.includes(encodeURIComponent(one))).toBe(false);
      }),
      { numRuns: runs },
    );
  },
  patience,
);
