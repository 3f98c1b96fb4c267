/** The severity bits of an OPC UA StatusCode (Part 4 §7.39): 0 good, 1 uncertain, 2 bad. */
const severityShift = 30;
/** InfoType DataValue with the Overflow bit: the server had to drop values before this one. */
const overflowBits = 0x0480;
const waitingForInitialData = 0x8032;

function codeOf(status: unknown): number | undefined {
  if (typeof status !== "object" || status === null || !("value" in status)) return undefined;
  return typeof status.value === "number" ? status.value >>> 0 : undefined;
}

/** Bad or uncertain. What is no StatusCode at all says nothing. */
export function badStatus(status: unknown): boolean {
  const code = codeOf(status);
  return code !== undefined && code >>> severityShift !== 0;
}

/** The server has not asked its own device yet: no value, and no fault either. */
export function waiting(status: unknown): boolean {
  const code = codeOf(status);
  return code !== undefined && code >>> 16 === waitingForInitialData;
}

export function overflowed(status: unknown): boolean {
  const code = codeOf(status);
  return code !== undefined && (code & overflowBits) === overflowBits;
}

/** `BadSensorFailure`, or the number where it has no name. */
export function statusName(status: unknown): string {
  if (typeof status === "object" && status !== null && "name" in status && typeof status.name === "string") {
    return status.name.replace(/[^A-Za-z0-9#]+/g, " ").slice(0, 64);
  }
  return `0x${(codeOf(status) ?? 0).toString(16).padStart(8, "0")}`;
}
