import type { Push } from "../../ports/logs.ts";

/** What the people of the first tier heard last of a rule in a zone, and what waits for them. */
export interface Cooling {
  readonly sent?: { readonly at: number; readonly priority: number };
  readonly waiting?: Push;
}

/**
 * Holds a push of the first tier back while people were just told of the same rule in the same zone, and lets one push tell
 * all that was held back: nothing is dropped. What is graver than what they heard goes at once. Returns the push as it has
 * to be recorded: the new one, or the waiting one with the new alarms in it.
 */
export function coolDown(
  before: Cooling,
  push: Push,
  forMs: number,
): { readonly cooling: Cooling; readonly push: Push } {
  const cooling = passed(before, push.at);
  const { sent, waiting } = cooling;
  const freeAt = sent === undefined ? push.at : sent.at + forMs;
  if (freeAt <= push.at || sent === undefined || push.priority < sent.priority) {
    return { cooling: { ...cooling, sent: { at: push.at, priority: push.priority } }, push };
  }
  const held: Push =
    waiting === undefined
      ? { ...push, due: freeAt }
      : {
          ...waiting,
          alarms: [...new Set([...waiting.alarms, ...push.alarms])],
          priority: Math.min(waiting.priority, push.priority),
          // A group with something that got graver in it is told also to those who acknowledged it before.
          why: push.why === "graver" ? push.why : waiting.why,
        };
  return { cooling: { ...cooling, waiting: held }, push: held };
}

/** As it stands by what was recorded, oldest first. */
export function coolingFrom(pushes: readonly Push[]): Map<string, Cooling> {
  const all = new Map<string, Cooling>();
  for (const push of pushes) {
    const before = passed(all.get(push.key) ?? {}, push.at);
    const sent = { at: push.at, priority: push.priority };
    all.set(push.key, push.due > push.at ? { ...before, waiting: push } : { ...before, sent });
  }
  return all;
}

/** Lets go of what was told last before this moment. */
export function forgetCooled(all: Map<string, Cooling>, before: number): void {
  for (const [key, { sent, waiting }] of all) {
    if (Math.max(sent?.at ?? 0, waiting?.due ?? 0) < before) all.delete(key);
  }
}

/** What waited has been told by now. */
function passed(cooling: Cooling, now: number): Cooling {
  const { waiting } = cooling;
  if (waiting === undefined || waiting.due > now) return cooling;
  return { sent: { at: waiting.due, priority: waiting.priority } };
}
