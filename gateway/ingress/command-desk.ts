import type { Actor } from "../domain/alarm.ts";
import type { CommandOffer, CommandOutcome, DeviceCommand } from "../domain/command.ts";
import type { DeviceId } from "../domain/ids.ts";
import type { Clock } from "../ports/clock.ts";
import type { DeviceCommands } from "../ports/devices.ts";
import type { DeviceSession } from "../ports/driver.ts";
import type { Logger, Telemetry } from "../ports/telemetry.ts";
import { describeFault } from "./fault-description.ts";
import { presentable } from "./strangers.ts";

/** A session gets this long to carry out a command, ms. */
const carryOutWithinMs = 30_000;
/** Commands that wait for the one before them. Beyond: refused. */
const waitingAtMost = 4;
/** A door that opens a minute late opens for another person: a command that waited so long is refused, ms. */
const waitAtMostMs = 10_000;

/** A device as the desk needs it. */
export interface Commanded {
  readonly offers: () => readonly CommandOffer[];
  /** Absent while no session is open. */
  readonly session: () => DeviceSession | undefined;
}

export interface CommandDeskOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly deviceOf: (deviceId: DeviceId) => Commanded | undefined;
}

type Refused = Extract<CommandOutcome, { ok: false }>;

/** Tells devices what to do: one thing at a time each, now or not at all, and every one of them on record. */
export class CommandDesk implements DeviceCommands {
  readonly #options: CommandDeskOptions;
  /** By device: who carries out now, and what lets the next one go. */
  readonly #busy = new Map<DeviceId, (() => void)[]>();

  constructor(options: CommandDeskOptions) {
    this.#options = options;
  }

  offers(deviceId: DeviceId): readonly CommandOffer[] {
    return this.#options.deviceOf(deviceId)?.offers() ?? [];
  }

  async command(deviceId: DeviceId, command: DeviceCommand, by: Actor): Promise<CommandOutcome> {
    const { clock, logger, telemetry } = this.#options;
    const since = clock.now();
    const offer = this.offers(deviceId).find(({ name }) => name === command.name);
    const outcome =
      unsuitable(deviceId, command, offer, this.offers(deviceId)) ?? (await this.#inTurn(deviceId, command));
    const result = outcome.ok ? (outcome.confirmed ? "confirmed" : "sent") : outcome.why;
    telemetry.count("zhian_device_commands_total", { device: deviceId, command: offer?.name ?? "unknown", result });
    // Of the arguments only the names: a value may be a person's.
    const args = Object.keys(command.args).map((name) => presentable(name));
    const audit = { device: deviceId, command: presentable(command.name), args, by, result, ms: clock.now() - since };
    logger.info({ audit: { ...audit, actuates: offer?.actuates ?? false } }, "a device was told to do something");
    return outcome;
  }

  async #inTurn(deviceId: DeviceId, command: DeviceCommand): Promise<CommandOutcome> {
    const busy = await this.#turn(deviceId);
    if (busy !== undefined) return busy;
    try {
      return await this.#carryOut(deviceId, command);
    } finally {
      const [next] = this.#busy.get(deviceId) ?? [];
      if (next === undefined) this.#busy.delete(deviceId);
      else next();
    }
  }

  /** Resolves without a value when it is this one's turn. */
  #turn(deviceId: DeviceId): Promise<Refused | undefined> {
    const waiting = this.#busy.get(deviceId);
    if (waiting === undefined) {
      this.#busy.set(deviceId, []);
      return Promise.resolve(undefined);
    }
    if (waiting.length >= waitingAtMost) return Promise.resolve(refused("commands wait already; try again later"));
    return new Promise((resolve) => {
      const leave = (outcome: Refused | undefined): void => {
        cancel();
        waiting.splice(waiting.indexOf(go), 1);
        resolve(outcome);
      };
      const go = (): void => leave(undefined);
      const cancel = this.#options.clock.after(waitAtMostMs, () =>
        leave(refused("the device is still busy with the command before; try again later")),
      );
      waiting.push(go);
    });
  }

  #carryOut(deviceId: DeviceId, command: DeviceCommand): Promise<CommandOutcome> {
    const session = this.#options.deviceOf(deviceId)?.session();
    if (session === undefined)
      return Promise.resolve(notDone("not-connected", "the driver of the device is not running; see its state"));
    if (session.command === undefined)
      return Promise.resolve(notDone("unsupported", "the driver of the device takes no commands"));
    const carryOut = session.command.bind(session);
    return new Promise((resolve) => {
      const late = "the device was told and has not answered within 30 s; it may have done it";
      const cancel = this.#options.clock.after(carryOutWithinMs, () => resolve(notDone("no-answer", late)));
      void attempt(() => carryOut(command))
        .catch((error: unknown) => {
          this.#options.logger.warn({ deviceId, ...describeFault(error) }, "a command failed in the driver");
          return notDone("no-answer", "the driver failed while it told the device; it may have done it");
        })
        .then(resolve)
        .finally(cancel);
    });
  }
}

/** What is wrong with it before anybody is asked. */
function unsuitable(
  deviceId: DeviceId,
  { name, args }: DeviceCommand,
  offer: CommandOffer | undefined,
  offers: readonly CommandOffer[],
): Refused | undefined {
  if (offer === undefined) {
    const known = offers.map((each) => each.name).join(", ");
    const offered = known === "" ? "no command is offered" : `offered: ${known}`;
    return notDone("unsupported", `${deviceId} has no command ${presentable(name)}; ${offered}`);
  }
  const foreign = Object.keys(args).find((key) => !Object.hasOwn(offer.args ?? {}, key));
  if (foreign === undefined) return undefined;
  const known = Object.keys(offer.args ?? {}).join(", ");
  const taken = known === "" ? "it has none" : `it has ${known}`;
  return notDone("unsupported", `${name} has no argument ${presentable(foreign)}; ${taken}`);
}

function notDone(why: Refused["why"], detail: string): Refused {
  return { ok: false, why, detail };
}

const refused = (detail: string): Refused => notDone("refused", detail);

async function attempt<T>(act: () => Promise<T>): Promise<T> {
  return act();
}
