import { z } from "zod";
import { durationSchema } from "../../domain/duration.ts";
import { type ObservationId, siteZoneId } from "../../domain/ids.ts";
import { defineRule } from "../rule.ts";

const params = z.strictObject({
  within: durationSchema.prefault("10m").describe("ISA-18.2 counts new alarms in ten minutes."),
  begins: z.number().int().min(3).max(1000).default(10).describe("More new alarms than this are a flood."),
  ends: z.number().int().min(0).max(999).default(5).describe("It is over when they are fewer than this."),
});

interface State {
  /** New alarms of the last minutes: when, and what they are about. */
  readonly recent: readonly { readonly at: number; readonly alarm: string }[];
  readonly open?: { readonly by: ObservationId; readonly most: number };
}

const siteKey = "site";
const mostRecent = 1024;

/**
 * An alarm flood, ISA-18.2 / EEMUA 191: more new alarms in ten minutes than anybody can handle. It says so, so that whoever is on
 * duty gets help and pushes are grouped; it hides nothing.
 */
export const alarmFlood = (names: readonly string[]) =>
  defineRule<z.infer<typeof params>, State>({
    name: "alarm-flood",
    title: { zh: "警情泛滥", en: "Alarm flood" },
    params,
    kinds: [],
    maxKeys: 1,
    keyOf: () => undefined,
    hears: names,
    keysOfSignal: (signal) => (signal.type === "raise" ? [siteKey] : []),

    step(state, input, { params, at }) {
      const recent = (state?.recent ?? []).filter((each) => each.at > at - params.within);
      const open = state?.open;
      const wakeAt = (recent[0]?.at ?? at) + params.within;
      if (input.type !== "signal" || input.signal.type !== "raise") {
        if (open !== undefined && recent.length < params.ends) {
          const explanation = {
            zh: `警情泛滥已结束，10分钟内最多${open.most}条。`,
            en: `The flood is over; there were at most ${open.most} alarms in the window.`,
          };
          const clear = { type: "clear", subject: siteKey, explanation } as const;
          return recent.length === 0 ? { signals: [clear] } : { state: { recent }, wakeAt, signals: [clear] };
        }
        if (recent.length === 0) return {};
        return { state: open === undefined ? { recent } : { recent, open }, wakeAt };
      }
      const { rule, signal } = input;
      const alarm = `${rule} ${signal.subject} ${signal.openedBy}`;
      // What is told again is no new alarm.
      const all = recent.some((each) => each.alarm === alarm) ? recent : [...recent, { at, alarm }].slice(-mostRecent);
      const next = (all[0]?.at ?? at) + params.within;
      const most = Math.max(open?.most ?? 0, all.length);
      if (open !== undefined) return { state: { recent: all, open: { ...open, most } }, wakeAt: next };
      if (all.length <= params.begins) return { state: { recent: all }, wakeAt: next };
      const by = signal.causes.at(-1) ?? signal.openedBy;
      return {
        state: { recent: all, open: { by, most } },
        wakeAt: next,
        signals: [
          {
            type: "raise",
            subject: siteKey,
            zoneId: siteZoneId,
            openedBy: by,
            severity: "major",
            certainty: "observed",
            causes: [by],
            explanation: {
              zh: `${Math.round(params.within / 60_000)}分钟内新增警情超过${params.begins}条。请增派人手，先处理红色警情。`,
              en: `More than ${params.begins} new alarms within ${Math.round(params.within / 60_000)} minutes. Get help, and see to the red ones first.`,
            },
          },
        ],
      };
    },
  });
