import { beforeEach, describe, expect, it } from "vitest";
import { deviceId, RecordedTelemetry } from "../../tests/support/ingress/test-broker.ts";
import { ManualClock } from "../../tests/support/manual-clock.ts";
import type { DeviceState } from "../domain/device.ts";
import type { ObservationDraft } from "../domain/observation.ts";
import { graceMs, Liveness } from "./liveness.ts";

const gate = deviceId("gate-east");
const silentAfterMs = 90_000;
let clock: ManualClock;
let liveness: Liveness;
let edges: string[];
let drafts: ObservationDraft[];
let changes: DeviceState[];

beforeEach(() => {
  clock = new ManualClock();
  edges = [];
  drafts = [];
  changes = [];
  liveness = new Liveness({
    clock,
    telemetry: new RecordedTelemetry(),
    onEdge: (_device, draft) => {
      drafts.push(draft);
      edges.push(draft.kind === "device.offline" ? `offline ${draft.body.reason}` : draft.kind.replace("device.", ""));
    },
  });
  liveness.onChanged((state) => changes.push(state));
  liveness.watch(gate, silentAfterMs);
});

const state = () => liveness.states()[0];

describe("liveness", () => {
  it("shows a device that was not heard yet as unknown, never as normal", () => {
    expect(state()).toEqual({ deviceId: gate, online: "unknown", since: clock.wall() });
    expect(edges).toEqual([]);
  });

  it("reports a device that never speaks, once", () => {
    clock.advance(silentAfterMs - 1);
    expect(edges).toEqual([]);
    clock.advance(1);
    expect(edges).toEqual(["offline never-seen"]);
    clock.advance(10 * silentAfterMs);
    expect(edges).toEqual(["offline never-seen"]);
    expect(state()).toMatchObject({ online: "offline", reason: "never-seen" });
  });

  it("reports the first sign of life, once, and silence only after the last one", () => {
    for (let i = 0; i < 20; i++) {
      clock.advance(30_000);
      liveness.heard(gate);
    }
    expect(edges).toEqual(["online"]);
    clock.advance(silentAfterMs - 1);
    expect(edges).toEqual(["online"]);
    clock.advance(1);
    expect(edges).toEqual(["online", "offline silent"]);
    liveness.heard(gate);
    clock.advance(silentAfterMs);
    expect(edges).toEqual(["online", "offline silent", "online", "offline silent"]);
  });

  it("gives an edge the time at which it happened", () => {
    clock.advance(1234);
    liveness.heard(gate);
    expect(drafts[0]).toEqual({ kind: "device.online", body: {}, occurredAtMs: clock.wall() });
  });

  it("believes a device that says it goes, and says so once", () => {
    liveness.heard(gate);
    liveness.gone(gate, "said-so");
    liveness.gone(gate, "last-will");
    expect(edges).toEqual(["online", "offline said-so"]);
    clock.advance(silentAfterMs);
    expect(edges).toHaveLength(2);
  });

  it("gives a device that lost its connection five seconds to come back", () => {
    liveness.heard(gate);
    liveness.connection(gate, false);
    clock.advance(graceMs - 1);
    liveness.connection(gate, true);
    clock.advance(10 * graceMs);
    expect(edges).toEqual(["online"]);
    liveness.connection(gate, false);
    clock.advance(graceMs);
    expect(edges).toEqual(["online", "offline disconnected"]);
    liveness.connection(gate, true);
    liveness.heard(gate);
    expect(edges).toEqual(["online", "offline disconnected", "online"]);
  });

  it("knows a last will better than a mere disconnect", () => {
    liveness.heard(gate);
    liveness.gone(gate, "last-will");
    liveness.connection(gate, false);
    clock.advance(graceMs);
    expect(edges).toEqual(["online", "offline last-will"]);
  });

  it("does not follow a wall clock that jumps, and dates by it", () => {
    liveness.heard(gate);
    clock.step(365 * 24 * 3_600_000);
    clock.advance(1000);
    expect(edges).toEqual(["online"]);
    clock.step(-2 * 365 * 24 * 3_600_000);
    clock.advance(silentAfterMs - 1001);
    expect(edges).toEqual(["online"]);
    clock.advance(1);
    expect(edges).toEqual(["online", "offline silent"]);
    expect(state()?.since).toBe(clock.wall());
  });

  it("tells battery and signal, and what changed in them, but not how a radio wavers", () => {
    liveness.heard(gate, { batteryPercent: 90.2, signalDbm: -80 });
    expect(state()).toMatchObject({ batteryPercent: 90.2, signalDbm: -80 });
    const before = changes.length;
    liveness.heard(gate, { batteryPercent: 90.4, signalDbm: -85 });
    expect(changes).toHaveLength(before);
    expect(state()).toMatchObject({ batteryPercent: 90.4, signalDbm: -85 });
    liveness.heard(gate, { batteryPercent: 88 });
    liveness.heard(gate, { signalDbm: -86 });
    expect(changes).toHaveLength(before + 2);
    liveness.heard(gate);
    expect(state()).toMatchObject({ batteryPercent: 88, signalDbm: -86 });
  });

  it("tells firmware and clock skew, and what changed in them, but not each sign of life", () => {
    liveness.heard(gate, { firmware: "1.0", clockSkewMs: 200 });
    liveness.heard(gate, { clockSkewMs: 900 });
    liveness.heard(gate);
    expect(changes).toHaveLength(1);
    expect(state()).toMatchObject({ firmware: "1.0", clockSkewMs: 900, lastSeen: clock.wall() });
    liveness.heard(gate, { clockSkewMs: 1200 });
    liveness.heard(gate, { firmware: "1.1" });
    expect(changes.map(({ firmware, clockSkewMs }) => [firmware, clockSkewMs])).toEqual([
      ["1.0", 200],
      ["1.0", 1200],
      ["1.1", 1200],
    ]);
    expect(drafts[0]).toMatchObject({ body: { firmware: "1.0" } });
  });

  it("takes over a new bound of silence without a new beginning", () => {
    liveness.heard(gate);
    clock.advance(50_000);
    liveness.watch(gate, 60_000);
    clock.advance(9_999);
    expect(edges).toEqual(["online"]);
    clock.advance(1);
    expect(edges).toEqual(["online", "offline silent"]);
  });

  it("forgets a device that is no longer configured", () => {
    liveness.heard(gate);
    liveness.forget(gate);
    clock.advance(silentAfterMs);
    liveness.heard(gate);
    expect(edges).toEqual(["online"]);
    expect(liveness.states()).toEqual([]);
  });
});
