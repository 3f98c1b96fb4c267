const timeoutMs = 5_000;

/** @typedef {{ ok: true, data: any } | { ok: false, code: string, message: string, retryAfterS?: number }} Answer */

/**
 * Asks the gateway. Never throws and never hangs: after 5 s there is an answer, `NO_ANSWER` at the worst.
 * @param {"GET" | "POST" | "DELETE"} method
 * @param {string} path
 * @param {object} [body]
 * @returns {Promise<Answer>}
 */
export async function ask(method, path, body) {
  try {
    const response = await fetch(path, {
      method,
      signal: AbortSignal.timeout(timeoutMs),
      ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) }),
    });
    const data = await response.json();
    if (response.ok) return { ok: true, data };
    const { code = "INTERNAL", message = "" } = data.error ?? {};
    const after = response.headers.get("retry-after");
    return { ok: false, code, message, ...(after === null ? {} : { retryAfterS: Number(after) }) };
  } catch {
    return { ok: false, code: "NO_ANSWER", message: "" };
  }
}
