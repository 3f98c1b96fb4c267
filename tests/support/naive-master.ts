import type { Tty } from "../../drivers/serial-line/tty.ts";
import type { Clock } from "../../gateway/ports/clock.ts";
import type { Exchange } from "../../gateway/ports/driver.ts";
import { frame } from "./modbus-frames.ts";

/**
 * A master as many are: it sends, and takes the next frame with a sound checksum for the answer. It neither looks at who
 * sent it nor waits for what may still come. The control that has to fail where the gateway's line must not.
 */
export class NaiveMaster {
  readonly #tty: Tty;
  readonly #clock: Clock;
  #input: number[] = [];
  #heard: (() => void) | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(tty: Tty, clock: Clock) {
    this.#tty = tty;
    this.#clock = clock;
    tty.listen({
      received: (bytes) => {
        this.#input.push(...bytes);
        this.#heard?.();
      },
      lost: () => {},
    });
  }

  read(unit: number, fn: number, address: number, count: number, timeoutMs: number): Promise<Exchange> {
    const turn = this.#queue.then(() => this.#exchange(unit, fn, address, count, timeoutMs));
    this.#queue = turn;
    return turn;
  }

  #exchange(unit: number, fn: number, address: number, count: number, timeoutMs: number): Promise<Exchange> {
    return new Promise((resolve) => {
      const end = (exchange: Exchange): void => {
        cancel();
        this.#heard = undefined;
        resolve(exchange);
      };
      const cancel = this.#clock.after(timeoutMs, () => end({ ok: false, why: "timeout", detail: "" }));
      this.#heard = () => {
        const values = this.#takeFrame(count, fn);
        if (values !== undefined) end({ ok: true, registers: values });
      };
      this.#tty.write(frame(unit, fn, [address >> 8, address & 255, count >> 8, count & 255]));
    });
  }

  /** The first well-formed frame of the expected length in the input. */
  #takeFrame(count: number, fn: number): number[] | undefined {
    const data = fn <= 2 ? Math.ceil(count / 8) : 2 * count;
    for (let i = 0; i + 5 + data <= this.#input.length; i++) {
      const [unit = 0, code = 0, ...body] = this.#input.slice(i, i + 3 + data);
      const sound = frame(unit, code, body);
      if (sound.some((byte, k) => byte !== this.#input[i + k])) continue;
      this.#input.splice(0, i + sound.length);
      const bytes = body.slice(1);
      if (fn <= 2) return Array.from({ length: count }, (_, k) => ((bytes[k >> 3] ?? 0) >> (k & 7)) & 1);
      return Array.from({ length: count }, (_, k) => (bytes[2 * k] ?? 0) * 256 + (bytes[2 * k + 1] ?? 0));
    }
    return undefined;
  }
}
