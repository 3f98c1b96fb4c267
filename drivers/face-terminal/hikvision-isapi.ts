import type { DeviceSession, DriverContext } from "../../gateway/ports/driver.ts";
import { RecordClock } from "../hikvision/record-clock.ts";
import { openIsapi } from "../hikvision/session.ts";
import { TerminalEvents } from "./hikvision-events.ts";
import type { HikvisionTerminalOptions } from "./hikvision-options.ts";
import { unlock } from "./hikvision-unlock.ts";

/** A terminal that reports AccessControllerEvent, by HTTP listening, by its alert stream, or by both at once. */
export function open(context: DriverContext<HikvisionTerminalOptions>): DeviceSession {
  const clock = new RecordClock(context);
  const events = new TerminalEvents({
    clock,
    pseudonym: (personId) => context.pseudonym(personId),
    ownId: context.options.deviceId,
  });
  const session = openIsapi(context, context.options, {
    interpret: (fields) => [events.interpret(fields)],
    mark: () => clock.mark(),
  });
  return { ...session, command: (command) => unlock(context, command) };
}
