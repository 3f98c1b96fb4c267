import type { CommandOffer, CommandOutcome, DeviceCommand } from "../../gateway/domain/command.ts";
import type { Condition } from "./condition-board.ts";
import type { Link, Refusal } from "./link.ts";
import type { OpcUaProfile } from "./profile.ts";

const acknowledge: CommandOffer = {
  name: "acknowledge",
  title: { zh: "在消防主机上确认报警", en: "Acknowledge on the panel" },
  actuates: false,
  args: {
    point: "SourceName/ConditionName as in the observations; absent: every one that is not acknowledged",
    comment: "What the panel is to keep with it",
  },
};
const confirm: CommandOffer = {
  ...acknowledge,
  name: "confirm",
  title: { zh: "在消防主机上确认处置完成", en: "Confirm on the panel that it was dealt with" },
};

/** What the profile allows, and nothing else. */
export function offersOf(profile: OpcUaProfile): readonly CommandOffer[] {
  const { conditions, commands } = profile;
  return [
    ...(conditions?.acknowledge === true ? [acknowledge] : []),
    ...(conditions?.confirm === true ? [confirm] : []),
    ...commands.map(({ name, title, actuates }) => ({ name, title, actuates })),
  ];
}

interface Scene {
  readonly link: Link | undefined;
  readonly profile: OpcUaProfile;
  readonly conditions: readonly Condition[];
}

export async function carryOut({ name, args }: DeviceCommand, scene: Scene): Promise<CommandOutcome> {
  const { link, profile, conditions } = scene;
  const method = profile.commands.find((each) => each.name === name);
  const known = method !== undefined || name === "acknowledge" || name === "confirm";
  if (!known) return { ok: false, why: "unsupported", detail: `the profile has no command ${name}` };
  if (!offersOf(profile).some((offer) => offer.name === name)) {
    return { ok: false, why: "forbidden", detail: `the profile does not allow ${name}: conditions.${name}` };
  }
  const allowed: readonly string[] = method === undefined ? ["point", "comment"] : [];
  const extra = Object.keys(args).find((key) => !allowed.includes(key));
  if (extra !== undefined) return { ok: false, why: "unsupported", detail: `${name} takes no ${extra}` };
  if (link === undefined) return { ok: false, why: "not-connected", detail: "the server is not connected" };
  if (method !== undefined) return outcomeOf(() => link.call(method));
  const { point, comment = "" } = args;
  const wanted = conditions.filter(
    (condition) =>
      (point === undefined || condition.point === point) &&
      condition[name === "confirm" ? "confirmed" : "acked"] === false,
  );
  if (wanted.length === 0)
    return {
      ok: false,
      why: "refused",
      detail: `no condition${point === undefined ? "" : " of this point"} waits for that`,
    };
  const act = name === "confirm" ? link.confirm : link.acknowledge;
  let done = 0;
  for (const { id, eventId } of wanted) {
    const outcome = await outcomeOf(() => act(id, eventId, String(comment)));
    if (!outcome.ok) return { ...outcome, detail: `${done} of ${wanted.length} done: ${outcome.detail}` };
    done += 1;
  }
  return { ok: true, confirmed: true, detail: `${done} condition${done === 1 ? "" : "s"}` };
}

async function outcomeOf(act: () => Promise<Refusal>): Promise<CommandOutcome> {
  try {
    const refusal = await act();
    if (refusal === undefined) return { ok: true, confirmed: true };
    return { ok: false, why: "refused", detail: `the server says ${refusal}` };
  } catch {
    return { ok: false, why: "no-answer", detail: "the server did not answer; it may have been carried out" };
  }
}
