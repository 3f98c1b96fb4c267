import { GatewayError } from "../../gateway/domain/errors.ts";
import type { ObservationDraft } from "../../gateway/domain/observation.ts";
import type { DeviceSession, DriverContext, SerialFeed } from "../../gateway/ports/driver.ts";
import { localTimeReader, type ReadTime } from "../facesluice/local-time.ts";
import { GstBlocks } from "./gst-blocks.ts";
import { readMessage } from "./gst-message.ts";
import type { GstPrinterOptions } from "./gst-printer-options.ts";
import { type GstProfile, gstProfileSchema } from "./gst-words.ts";

/** A message takes 100 ms at 9600 baud: after a silence like this nothing more of it comes. */
const silenceMs = 2000;
/** What the log refused is told again after so long. */
const againMs = 1000;
/** Events kept while the log refuses; at the bound the oldest goes that is no fire. */
const mostWaiting = 256;
/** The panel prints minutes. */
const minuteMs = 60_000;

/** Listens to the printer port of a fire panel. Bytes come once: what they said is kept until it is durable. */
export function open(context: DriverContext<GstPrinterOptions>): DeviceSession {
  const { signal, options } = context;
  const done = new Promise<void>((resolve, reject) => {
    if (signal.aborted) return resolve();
    const profile = gstProfileSchema.safeParse(context.profile ?? {});
    if (!profile.success)
      return reject(
        new GatewayError("PROFILE_INVALID", `the profile ${options.profile} is not one`, { cause: profile.error }),
      );
    const feed = context.serialFeed?.(options.line);
    if (feed === undefined) return reject(new GatewayError("LINK_ABSENT", `there is no serial line ${options.line}`));
    const session = new Session(context, feed, profile.data);
    signal.addEventListener("abort", () => {
      session.close();
      resolve();
    });
  });
  return { done };
}

class Session {
  readonly #context: DriverContext<GstPrinterOptions>;
  readonly #profile: GstProfile;
  readonly #source: string;
  readonly #readTime: ReadTime;
  readonly #blocks = new GstBlocks();
  readonly #stop: () => void;
  #waiting: Printed[] = [];
  #telling = false;
  #cancelSilence = (): void => undefined;
  #cancelAgain = (): void => undefined;

  constructor(context: DriverContext<GstPrinterOptions>, feed: SerialFeed, profile: GstProfile) {
    this.#context = context;
    this.#profile = profile;
    this.#source = feed.id;
    this.#readTime = localTimeReader(context.timeZone);
    let wasOpen = false;
    this.#stop = feed.listen(
      (bytes) => this.#received(bytes),
      (isOpen) => {
        // The rest of what was being printed is lost with the line.
        if (!isOpen) this.#silence();
        if (wasOpen && !isOpen) context.gone("link-lost");
        wasOpen = isOpen;
      },
    );
  }

  close(): void {
    this.#stop();
    this.#cancelSilence();
    this.#cancelAgain();
  }

  #received(bytes: Uint8Array): void {
    this.#cancelSilence();
    for (const block of this.#blocks.push(bytes)) this.#take(block);
    if (this.#blocks.waiting) this.#cancelSilence = this.#context.clock.after(silenceMs, () => this.#silence());
  }

  #silence(): void {
    this.#cancelSilence();
    const block = this.#blocks.flush();
    if (block !== undefined) this.#take(block);
  }

  #take(block: Uint8Array): void {
    const message = readMessage(block, this.#profile);
    if (message === undefined) {
      const detail = `${block.length} bytes without ESC 6, ESC 9 or a word of fire: check baud rate and parity`;
      this.#context.reject({ reason: "noise", detail, source: this.#source, bytes: block.length });
      return;
    }
    const { event, point, text, localTime } = message;
    this.#context.seen(this.#skew(localTime));
    this.#waiting.push({
      draft: {
        kind: "panel.event",
        body: { event, ...(point === undefined ? {} : { point }), ...(text === "" ? {} : { text }) },
      },
      atMs: this.#context.clock.wall(),
      refused: false,
    });
    void this.#tell();
  }

  /** The time of receipt is finer than a printed minute; the panel's own time only shows how wrong its clock is. */
  #skew(localTime: string | undefined): { clockSkewMs?: number } {
    const wall = this.#context.clock.wall();
    const at = localTime === undefined ? undefined : this.#readTime(localTime, wall);
    if (at === undefined) return {};
    const skew = at + minuteMs / 2 - wall;
    return { clockSkewMs: Math.abs(skew) <= minuteMs ? 0 : skew };
  }

  /** One at a time, in order; what is refused is told again, with the time at which it was printed. */
  async #tell(): Promise<void> {
    if (this.#telling) return;
    this.#telling = true;
    this.#cancelAgain();
    while (this.#waiting.length > 0 && !this.#context.signal.aborted) {
      const batch = this.#waiting;
      this.#waiting = [];
      try {
        await this.#context.observe(
          batch.map(({ draft, atMs, refused }) => (refused ? { ...draft, occurredAtMs: atMs } : draft)),
        );
      } catch {
        // The log says elsewhere why it refuses.
        this.#waiting = kept([...batch, ...this.#waiting].map((printed) => ({ ...printed, refused: true })));
        if (!this.#context.signal.aborted)
          this.#cancelAgain = this.#context.clock.after(againMs, () => void this.#tell());
        break;
      }
    }
    this.#telling = false;
  }
}

/** An event, and when it was printed, ms. */
interface Printed {
  readonly draft: ObservationDraft;
  readonly atMs: number;
  /** The log did not take it at once: by now it is older than its receipt. */
  readonly refused: boolean;
}

function kept(all: Printed[]): Printed[] {
  while (all.length > mostWaiting) {
    const spare = all.findIndex(({ draft }) => !(draft.kind === "panel.event" && draft.body.event === "fire"));
    all.splice(Math.max(0, spare), 1);
  }
  return all;
}
