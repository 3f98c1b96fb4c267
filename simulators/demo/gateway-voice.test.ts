import { describe, expect, it } from "vitest";
import { GatewayVoice } from "./gateway-voice.ts";

describe("the gateway's log in the story", () => {
  const line = (fields: object) => JSON.stringify({ level: "info", time: "t", msg: "m", ...fields });

  it("tells the steps of alarms", () => {
    const { tale } = new GatewayVoice().hear(line({ alarm: "a1b2c3d4e5", rule: "fire", step: "raised", subject: "x" }));
    expect(tale?.zh).toBe("规则 fire x 触发警情");
    expect(tale?.en).toBe("rule fire x: alarm a1b2c3d4 raised");
  });

  it("tells an error once, hands on the sign-in, and is silent about the rest", () => {
    const voice = new GatewayVoice();
    expect(voice.hear(line({ level: "error", msg: "no disk" })).tale?.en).toBe("no disk");
    expect(voice.hear(line({ level: "error", msg: "no disk" }))).toEqual({});
    expect(voice.hear(line({ signInUrl: "http://x" }))).toEqual({ signInUrl: "http://x" });
    expect(voice.hear(line({}))).toEqual({});
    expect(voice.hear("    at Object.storage")).toEqual({});
  });
});
