import { expect, test } from "vitest";
import { openEnvelope, withoutLongStrings } from "./envelope.ts";

const bytes = (value: unknown) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value));

test("operator, message id and every device id of a message are found", () => {
  const payload = {
    operator: "RecPush",
    messageId: 7,
    facesluiceId: 1026700,
    info: { deviceId: "cam", facesluiceId: " t1 " },
  };
  expect(openEnvelope(bytes(payload))).toEqual({
    ok: true,
    envelope: {
      operator: "RecPush",
      messageId: "7",
      deviceIds: ["1026700", "t1", "cam"],
      info: { deviceId: "cam", facesluiceId: " t1 " },
    },
  });
});

test("a picture of 3 MB is emptied before the JSON is parsed, and the fields around it are kept", () => {
  const picture = `data:image/jpeg;base64,${"QUJD".repeat(786_432)}`;
  const text = withoutLongStrings(
    bytes({ operator: "RecPush", pic: picture, info: { RecordID: "2", scene: picture } }),
  );
  expect(JSON.parse(text ?? "")).toEqual({ operator: "RecPush", pic: "", info: { RecordID: "2", scene: "" } });
});

test("quotes and backslashes within a long string do not end it early", () => {
  const tricky = `${'\\"'.repeat(900)}\\`;
  const text = withoutLongStrings(bytes({ before: 'a\\"b', tricky, after: "c" }));
  expect(JSON.parse(text ?? "")).toEqual({ before: 'a\\"b', tricky: "", after: "c" });
});

test("a frame cut off within its picture is not JSON, and the reason says that it was cut", () => {
  const whole = bytes({ operator: "RecPush", info: { RecordID: "2", pic: "A".repeat(100_000) } });
  const opened = openEnvelope(whole.subarray(0, 50_000));
  expect(opened).toEqual({
    ok: false,
    reason: "bad-json",
    detail: "50000 bytes that are not JSON, cut off before the closing brace",
  });
});

test("a valid message followed by blanks and an open string does not pass as valid", () => {
  expect(openEnvelope(bytes(`{"operator":"Online"}${" ".repeat(2000)}"`))).toMatchObject({ reason: "bad-json" });
});

test("a frame that is large beside its pictures is refused before it is parsed", () => {
  expect(openEnvelope(bytes(`[${"1,".repeat(200_000)}1]`))).toMatchObject({ ok: false, reason: "too-large" });
  expect(openEnvelope(bytes(`[${'"",'.repeat(20_000)}""]`))).toMatchObject({ ok: false, reason: "too-large" });
  expect(openEnvelope(bytes(`["${'\\"'.repeat(20_000)}"]`))).toMatchObject({ ok: false, reason: "too-large" });
  expect(openEnvelope(bytes(`${" ".repeat(400_000)}"`))).toMatchObject({ ok: false, reason: "too-large" });
});

test("names that are not UTF-8 (GBK firmware) cost their characters, not the record", () => {
  const name = Buffer.from([0xd5, 0xc5, 0xc8, 0xfd]);
  const payload = Buffer.concat([
    bytes('{"operator":"RecPush","info":{"personName":"'),
    name,
    bytes('","RecordID":"2"}}'),
  ]);
  expect(openEnvelope(payload)).toMatchObject({ ok: true, envelope: { info: { RecordID: "2" } } });
});

test.each([
  ["", "bad-json"],
  ["null", "wrong-shape"],
  ["[]", "wrong-shape"],
  ['"Online"', "wrong-shape"],
  ["{}", "wrong-shape"],
  ['{"operator":7}', "wrong-shape"],
  ['{"operator":""}', "wrong-shape"],
])("%j has no operator and is refused as %s", (text, reason) => {
  expect(openEnvelope(bytes(text))).toMatchObject({ ok: false, reason });
});
