// Asks the gateway whether it is alive: exit code 0 when it says so, 1 when it says no or nothing.
// `node healthcheck.mjs [ATTEMPTS]`: fails only when so many in a row fail, 10 s apart. ZHIAN_HEALTH_URL names another
// address than http://127.0.0.1:8080/healthz.
const url = process.env.ZHIAN_HEALTH_URL ?? "http://127.0.0.1:8080/healthz";
const attempts = Number(process.argv[2] ?? 1);
const answerWithinMs = 4_000;
const everyMs = 10_000;

async function failure() {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(answerWithinMs) });
    return response.ok ? undefined : `${response.status} ${await response.text()}`;
  } catch (error) {
    return error.cause?.message ?? error.message;
  }
}

for (let attempt = 1; ; attempt++) {
  const why = await failure();
  if (why === undefined) process.exit(0);
  console.error(`${url}: ${why}`);
  if (attempt >= attempts) process.exit(1);
  await new Promise((resolve) => setTimeout(resolve, everyMs));
}
