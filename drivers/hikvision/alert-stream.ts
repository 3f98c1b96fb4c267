import { GatewayError, isGatewayError } from "../../gateway/domain/errors.ts";
import type { Clock } from "../../gateway/ports/clock.ts";
import { deviceFetch } from "../http-client/device-http-client.ts";
import { MultipartStream, type StreamedPart } from "./multipart-stream.ts";
import type { IsapiDevice } from "./options.ts";

export interface AlertStreamOptions {
  readonly device: IsapiDevice;
  readonly path: string;
  /** Without a byte for so long the stream is given up. */
  readonly silentAfterMs: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** The device answered and the stream is open. */
  readonly onOpen: () => void;
  /** One part after the other; the next is read when it resolves, so that what we cannot take waits in the device. */
  readonly onPart: (part: StreamedPart) => Promise<void>;
}

const answerWithinMs = 10_000;

/**
 * Holds the alert stream of a device open: `GET …/alertStream`, multipart/mixed without an end. Resolves with the number of
 * parts where the device ends it in form. Rejects with DEVICE_REFUSED where the device does not let us in, NO_ANSWER after
 * silence, LINK_LOST where the connection breaks, and with what `onPart` rejects.
 */
export async function readAlertStream(options: AlertStreamOptions): Promise<number> {
  const { device, path, clock, signal, onOpen, onPart } = options;
  const { address, username, password } = device;
  const url = new URL(path, address);
  const headers = { accept: "multipart/mixed, */*" };
  const request = { url, headers, username, password, signal, timeoutMs: answerWithinMs, clock };
  const response = await deviceFetch(request);
  if (response.status !== 200 || response.body === null) {
    await response.body?.cancel().catch(() => undefined);
    throw refusal(response.status, url.host);
  }
  onOpen();
  const reader: ReadableStreamDefaultReader<Uint8Array> = response.body.getReader();
  const parser = new MultipartStream();
  let parts = 0;
  try {
    for (;;) {
      const chunk = await next(reader, options);
      for (const part of chunk === undefined ? parser.end() : parser.push(chunk)) {
        parts += 1;
        await onPart(part);
      }
      if (chunk === undefined) return parts;
    }
  } finally {
    void reader.cancel().catch(() => undefined);
  }
}

function refusal(status: number, host: string): GatewayError {
  const why = status === 401 || status === 403 ? "refuses our user name or password" : `answers with HTTP ${status}`;
  return new GatewayError("DEVICE_REFUSED", `${host} ${why} to the request for its alert stream`);
}

/** The next bytes; undefined at the end. */
async function next(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  { silentAfterMs, clock, signal }: AlertStreamOptions,
): Promise<Uint8Array | undefined> {
  const { promise: silence, reject } = Promise.withResolvers<never>();
  const cancel = clock.after(silentAfterMs, () => {
    reject(new GatewayError("NO_ANSWER", `the alert stream was silent for ${silentAfterMs / 1000} s`));
  });
  try {
    const { done, value } = await Promise.race([reader.read(), silence]);
    return done ? undefined : value;
  } catch (cause) {
    if (signal.aborted || isGatewayError(cause)) throw cause;
    throw new GatewayError("LINK_LOST", "the connection of the alert stream broke", { cause });
  } finally {
    cancel();
  }
}
