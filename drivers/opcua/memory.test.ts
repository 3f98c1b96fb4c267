import { expect, test } from "vitest";
import { Memory } from "./memory.ts";

const told = (drafts: ReturnType<Memory["fault"]>) => drafts.map(({ body }) => body);

test("a fault is told when it begins and when it is over", () => {
  const memory = new Memory();
  const none = () => false;
  expect(memory.fault("node-missing", "", none)).toEqual([]);
  expect(told(memory.fault("node-missing", "s=Z1: BadNodeIdUnknown", none))).toEqual([
    { code: "node-missing", active: true, detail: "s=Z1: BadNodeIdUnknown" },
  ]);
  expect(memory.fault("node-missing", "s=Z1: BadNodeIdUnknown", none)).toEqual([]);
  expect(told(memory.fault("node-missing", "", none))).toEqual([{ code: "node-missing", active: false }]);
});

test("one that was told before the profile was put right, or the gateway started anew, is over once all was heard", () => {
  const memory = new Memory();
  const asked: string[] = [];
  const stands = (code: string) => asked.push(code) > 0;
  expect(memory.fault("node-missing", "")).toEqual([]);
  expect(told(memory.fault("node-missing", "", stands))).toEqual([{ code: "node-missing", active: false }]);
  expect(memory.fault("node-missing", "", stands)).toEqual([]);
  expect(told(memory.fault("sensor-quality", "Z1: Bad", stands))).toEqual([
    { code: "sensor-quality", active: true, detail: "Z1: Bad" },
  ]);
  expect(asked).toEqual(["node-missing"]);
});
