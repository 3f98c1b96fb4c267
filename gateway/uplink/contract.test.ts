import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { contractErrors } from "../../tests/support/contract.ts";
import { commandSchemas } from "./contract.ts";
import { jsonSchemas } from "./write-schemas.ts";

const folder = new URL("schemas/", import.meta.url);

describe("the published schemas", () => {
  test("are the ones that the code gives; after a change run `node gateway/uplink/write-schemas.ts`", () => {
    const made = jsonSchemas();
    expect(readdirSync(folder).toSorted()).toEqual([...made.keys()].toSorted());
    for (const [file, text] of made) expect(readFileSync(new URL(file, folder), "utf8"), file).toBe(text);
  });

  test("take ids in capitals, as the gateway does", () => {
    const ask = { requestId: "r", lane: "events", epoch: "e", from: 1, to: "2" };
    expect(contractErrors("x/commands/replay-range", ask)).toEqual([]);
    const birth = readFileSync(new URL("gateway-birth.schema.json", folder), "utf8");
    expect(birth).toContain("^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$");
  });

  test("of the commands agree with what the gateway takes", () => {
    const asks: [keyof typeof commandSchemas, object, boolean][] = [
      ["acknowledge", { requestId: "r", alarmId: "alarm-000001", by: "李明" }, true],
      ["acknowledge", { requestId: "r", alarmId: "alarm-000001" }, false],
      ["acknowledge", { requestId: "r", alarmId: "A/#", by: "李明" }, false],
      ["close", { requestId: "r", alarmId: "alarm-000001", by: "李明", disposition: "true", comment: "好" }, true],
      ["close", { requestId: "r", alarmId: "alarm-000001", by: "李明", disposition: "maybe" }, false],
      ["replay-range", { requestId: "r", lane: "alarms", epoch: "e", from: "1", to: "18" }, true],
      ["replay-range", { requestId: "r", lane: "alarms", epoch: "e", from: 0, to: 3 }, false],
      ["replay-range", { requestId: "r", lane: "state", epoch: "e", from: 1, to: 3 }, false],
      ["snapshot", { requestId: "r", whatever: 1 }, true],
      ["ping", { requestId: "" }, false],
      ["ping", {}, false],
    ];
    for (const [name, ask, fine] of asks) {
      expect(commandSchemas[name].safeParse(ask).success, JSON.stringify(ask)).toBe(fine);
      expect(contractErrors(`x/commands/${name}`, ask).length === 0, JSON.stringify(ask)).toBe(fine);
    }
  });
});
