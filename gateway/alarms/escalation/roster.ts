import type { Person } from "../../ports/push.ts";
import type { EscalationPolicy, Group, Hours, Weekday } from "./policy.ts";

const weekdays: readonly Weekday[] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const formats = new Map<string, Intl.DateTimeFormat>();

/**
 * Does a moment (wall clock, ms) lie within the hours, as the site's clock shows it? So a shift from 22:00 to 06:00 lasts an
 * hour more or less in the night when the clock is changed, and an hour that comes twice is in it twice.
 */
export function within({ days, from, to }: Hours, wall: number, timeZone: string): boolean {
  const { day, minute } = localTime(wall, timeZone);
  const today = weekdays[day];
  const yesterday = weekdays[(day + 6) % 7];
  const on = (name: Weekday | undefined): boolean => name !== undefined && days.includes(name);
  if (from < to) return on(today) && minute >= from && minute < to;
  return (on(today) && minute >= from) || (on(yesterday) && minute < to);
}

/** Those of the groups who are on duty, each once. Absent `wall`: nobody knows what time it is, so all are. */
export function onDuty(
  { people, groups, timeZone }: EscalationPolicy,
  ids: readonly string[],
  wall: number | undefined,
): readonly Person[] {
  const members = groups
    .filter(({ id }) => ids.includes(id))
    .flatMap((group) => (wall === undefined ? group.members : onShift(group, wall, timeZone)));
  return people.filter(({ id }) => members.includes(id));
}

/** A shift that nobody has, or an hour that no shift covers, is everybody's. */
function onShift({ members, shifts }: Group, wall: number, timeZone: string): readonly string[] {
  const now = (shifts ?? []).filter((shift) => within(shift, wall, timeZone)).flatMap((shift) => shift.members);
  return now.length === 0 ? members : now;
}

function localTime(wall: number, timeZone: string): { readonly day: number; readonly minute: number } {
  const parts = new Map(
    formatOf(timeZone)
      .formatToParts(wall)
      .map(({ type, value }) => [type, value]),
  );
  const names: readonly string[] = weekdays;
  const day = names.indexOf(parts.get("weekday")?.toLowerCase() ?? "");
  return { day, minute: Number(parts.get("hour")) * 60 + Number(parts.get("minute")) };
}

function formatOf(timeZone: string): Intl.DateTimeFormat {
  const known = formats.get(timeZone);
  if (known !== undefined) return known;
  const made = new Intl.DateTimeFormat("en-US", {
    timeZone,
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  });
  formats.set(timeZone, made);
  return made;
}
