import { isGatewayError } from "../../gateway/domain/errors.ts";
import type { DriverContext } from "../../gateway/ports/driver.ts";
import { readBodyText } from "../http-client/body-text.ts";
import { deviceFetch } from "../http-client/device-http-client.ts";
import type { Asked } from "./command-runner.ts";
import type { CommandRequest } from "./commands.ts";
import { withoutLongStrings } from "./envelope.ts";
import type { OwnServer } from "./http-options.ts";

/** Until the head of the answer, and again until its end: together less than a command may take. */
const answerWithinMs = 5000;
const maxAnswerBytes = 256 * 1024;

/**
 * `POST /action/{operator}` at a device's own server with its own account (HTTP V1.13 §1.2 to §1.4). Never rejects: what went
 * wrong is an outcome.
 */
export async function askAction(
  context: DriverContext<unknown>,
  server: OwnServer,
  { operator, info }: CommandRequest,
): Promise<Asked> {
  const { clock, signal } = context;
  try {
    const response = await deviceFetch({
      url: new URL(`/action/${operator}`, server.address),
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ operator, info }),
      username: server.username,
      password: server.password,
      authenticate: "basic",
      signal,
      timeoutMs: answerWithinMs,
      clock,
    });
    const text = await readBodyText(response, { maxBytes: maxAnswerBytes, timeoutMs: answerWithinMs, clock });
    if (response.status === 401 || response.status === 403) {
      return refused(`it does not know the account of server.username (HTTP ${response.status})`);
    }
    if (response.status !== 200) return refused(`it answered HTTP ${response.status}`);
    const answer = parse(text);
    return answer === undefined ? refused("its answer is not JSON") : { answer };
  } catch (error) {
    if (signal.aborted) return { outcome: { ok: false, why: "no-answer", detail: "the session ended" } };
    const why = isGatewayError(error, "LINK_LOST") ? "not-connected" : "no-answer";
    const found = error instanceof Error ? error.message : "the request failed";
    const detail = why === "no-answer" ? `${found}; it may have been carried out` : found;
    return { outcome: { ok: false, why, detail } };
  }
}

function refused(detail: string): Asked {
  return { outcome: { ok: false, why: "refused", detail } };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(withoutLongStrings(Buffer.from(text)) ?? "");
  } catch {
    return undefined;
  }
}
