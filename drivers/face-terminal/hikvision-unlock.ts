import { z } from "zod";
import type { CommandOutcome, DeviceCommand } from "../../gateway/domain/command.ts";
import { isGatewayError } from "../../gateway/domain/errors.ts";
import type { DriverContext } from "../../gateway/ports/driver.ts";
import { numeric } from "../facesluice/fields.ts";
import { readDocument } from "../hikvision/document.ts";
import { readBodyText } from "../http-client/body-text.ts";
import { deviceFetch } from "../http-client/device-http-client.ts";
import type { HikvisionTerminalOptions } from "./hikvision-options.ts";

const withinMs = 10_000;

/** ResponseStatus, XML or JSON: 1 OK, 7 reboot needed; all else is no. Devices put errors into a reply of HTTP 200. */
const statusSchema = z.object({ statusCode: numeric });
const done = new Set([1, 7]);

/** Sends the configured request. Confirmed where the device says OK in its own words. */
export async function unlock(
  context: DriverContext<HikvisionTerminalOptions>,
  command: DeviceCommand,
): Promise<CommandOutcome> {
  const { unlock: template, device } = context.options;
  if (command.name !== "unlock" || template === undefined || device === undefined) {
    return { ok: false, why: "unsupported", detail: `no command ${command.name} is configured for this device` };
  }
  if (Object.keys(command.args).length > 0) {
    return {
      ok: false,
      why: "unsupported",
      detail: "unlock takes no arguments: the configured request is sent as it stands",
    };
  }
  const { clock, signal } = context;
  const { address, username, password } = device;
  const { method, path, contentType, body } = template;
  try {
    const response = await deviceFetch({
      url: new URL(path, address),
      method,
      headers: { "content-type": contentType },
      body,
      username,
      password,
      signal,
      timeoutMs: withinMs,
      clock,
    });
    const text = await readBodyText(response, { maxBytes: 64 * 1024, timeoutMs: withinMs, clock });
    return outcomeOf(response.status, text);
  } catch (error) {
    if (!isGatewayError(error)) throw error;
    const why = error.code === "LINK_LOST" ? "not-connected" : "no-answer";
    return { ok: false, why, detail: error.message };
  }
}

function outcomeOf(status: number, text: string): CommandOutcome {
  const read = readDocument(Buffer.from(text));
  const parsed = read.ok ? statusSchema.safeParse(read.fields) : undefined;
  const code = parsed?.success === true ? parsed.data.statusCode : undefined;
  const said = `HTTP ${status}${code === undefined ? "" : `, statusCode ${code}`}`;
  if (status < 200 || status > 299 || (code !== undefined && !done.has(code))) {
    return { ok: false, why: "refused", detail: `the device answers ${said}` };
  }
  return { ok: true, confirmed: code !== undefined, detail: said };
}
