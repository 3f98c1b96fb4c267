import { z } from "zod";
import { durationSchema } from "../../domain/duration.ts";
import type { Delivery, Person, PushMessage } from "../../ports/push.ts";
import { cutUnits } from "./cut.ts";
import { Modem } from "./modem.ts";
import { ModemFailure } from "./modem-failure.ts";
import { openModemPort } from "./modem-port.ts";
import { type ChannelContext, channelIdSchema, failed, type Sender } from "./sender.ts";
import { referenceOf, submitPdus, unitsOfTwoParts } from "./sms-pdu.ts";
import { briefWords } from "./words.ts";

const e164 = /^\+[1-9]\d{3,14}$/;

export const smsSchema = z.strictObject({
  id: channelIdSchema,
  type: z
    .literal("sms")
    .describe("Text messages by a GSM or LTE modem on a serial line; works with the internet down."),
  path: z.string().min(1).describe("The modem's AT port. A /dev/serial/by-id path survives a change of socket."),
  baudRate: z.number().int().min(1200).max(3_000_000).default(115_200).describe("Without effect on USB modems."),
  pin: z
    .string()
    .regex(/^\d{4,8}$/, "4 to 8 digits")
    .optional()
    .describe("PIN of the SIM, where it wants one. Tried once: after a refusal only a restart tries it again."),
  smsc: z
    .string()
    .regex(e164, "an E.164 number such as +8613800100500")
    .optional()
    .describe("The operator's service centre, where the SIM does not know it."),
  validFor: durationSchema
    .prefault("2h")
    .describe("How long the network keeps a message for a telephone that is off: an old alarm helps nobody."),
  checkEvery: durationSchema
    .refine((ms) => ms >= 10_000, "at least 10s")
    .prefault("10m")
    .describe("How often the modem, its SIM and its network are looked at while nothing is to be sent."),
});

type SmsConfig = z.infer<typeof smsSchema>;

/** Pushes that wait for the modem; it sends one message at a time. */
const maxWaiting = 8;
/** Pushes of which it is remembered who has got them, so that another try does not tell them twice. */
const maxRemembered = 256;

/** Opens the line for each push and each check, so that a modem that was unplugged is found when it is back. */
export function openSms(config: SmsConfig, context: ChannelContext, openPort = openModemPort): Sender {
  const { clock, logger, telemetry } = context;
  const told = new Map<string, Set<string>>();
  let pinOpen = true;
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  const closing = new AbortController();
  let wasWell: boolean | undefined;

  const pin = {
    take() {
      const given = pinOpen ? config.pin : undefined;
      pinOpen = false;
      return given;
    },
    accepted() {
      pinOpen = true;
    },
  };

  /** One conversation after the other. */
  function inTurn<T>(talk: (modem: Modem) => Promise<T>, signal: AbortSignal): Promise<T> {
    const turn = last.then(() => conversation(talk, signal));
    last = turn.catch(() => {});
    return turn;
  }

  async function conversation<T>(talk: (modem: Modem) => Promise<T>, signal: AbortSignal): Promise<T> {
    const ending = AbortSignal.any([signal, closing.signal]);
    if (ending.aborted) throw new ModemFailure(true, "given up by the gateway");
    let modem: Modem | undefined;
    const giveUp = () => modem?.giveUp();
    ending.addEventListener("abort", giveUp, { once: true });
    try {
      modem = await Modem.open(config, openPort, clock);
      if (ending.aborted) giveUp();
      const { signalDbm } = await modem.prepare(pin);
      notice(true, "is well");
      if (signalDbm !== undefined) telemetry.gauge("zhian_modem_signal_dbm", signalDbm, { channel: config.id });
      return await talk(modem);
    } catch (error) {
      // A number that does not exist says nothing about the modem.
      if (error instanceof ModemFailure && !error.ofNumber && !ending.aborted) notice(false, error.message);
      throw error;
    } finally {
      ending.removeEventListener("abort", giveUp);
      await modem?.close();
    }
  }

  function notice(well: boolean, why: string): void {
    telemetry.gauge("zhian_modem_ready", well ? 1 : 0, { channel: config.id });
    if (well === wasWell) return;
    wasWell = well;
    if (well) logger.info({}, "the modem is ready to send");
    else logger.warn({ why }, "the modem cannot send");
  }

  let cancelCheck = clock.after(0, check);
  function check(): void {
    void inTurn(() => Promise.resolve(), new AbortController().signal)
      .catch(() => {})
      .finally(() => {
        if (!closing.signal.aborted) cancelCheck = clock.after(config.checkEvery, check);
      });
  }

  function remembered(pushId: string): Set<string> {
    const known = told.get(pushId) ?? new Set<string>();
    told.delete(pushId);
    told.set(pushId, known);
    for (const oldest of told.keys()) {
      if (told.size <= maxRemembered) break;
      told.delete(oldest);
    }
    return known;
  }

  return {
    secrets: [config.pin ?? ""],
    async send(message, signal) {
      const people = message.to.filter(({ phone }) => phone !== undefined && e164.test(phone));
      if (people.length === 0) return failed(false, "nobody in this tier has a telephone number");
      if (waiting >= maxWaiting) return failed(true, "too many pushes wait for the modem");
      waiting++;
      const done = remembered(message.id);
      try {
        return await inTurn((modem) => tellAll(modem, message, people, done, config, context, signal), signal);
      } catch (error) {
        if (!(error instanceof ModemFailure)) throw error;
        return failed(error.transient, `${done.size} of ${people.length} told: ${error.message}`);
      } finally {
        waiting--;
      }
    },
    async close() {
      closing.abort();
      cancelCheck();
      await last;
    },
  };
}

/** Tells each who was not told by an earlier try. What concerns one number alone does not keep it from the others. */
async function tellAll(
  modem: Modem,
  message: PushMessage,
  people: readonly Person[],
  done: Set<string>,
  config: SmsConfig,
  context: ChannelContext,
  signal: AbortSignal,
): Promise<Delivery> {
  const text = cutUnits(briefWords(message, context, unitsOfTwoParts), unitsOfTwoParts - 1);
  const references: number[] = [];
  const refusals: string[] = [];
  for (const { id, phone = "" } of people) {
    if (done.has(id)) continue;
    const options = {
      to: phone,
      validForMs: config.validFor,
      reference: referenceOf(message.id, id),
      ...(config.smsc === undefined ? {} : { smsc: config.smsc }),
    };
    try {
      for (const pdu of submitPdus(text, options)) {
        if (signal.aborted) throw new ModemFailure(true, "given up by the gateway");
        references.push(await modem.submit(pdu));
      }
      done.add(id);
    } catch (error) {
      if (!(error instanceof ModemFailure) || !error.ofNumber) throw error;
      refusals.push(`${id}: ${error.message}`);
    }
  }
  const share = `${done.size} of ${people.length} told`;
  const why = refusals.length === 0 ? "" : `; ${refusals.join("; ")}`;
  if (done.size === 0) return failed(false, `${share}${why}`);
  return { ok: true, receipt: `${share}, references ${references.join(" ")}${why}` };
}
