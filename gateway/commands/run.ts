import { showPlace } from "../../config/mistakes.ts";
import { isGatewayError } from "../domain/errors.ts";
import { startGateway } from "../gateway.ts";
import { createLogger } from "../ops/logger.ts";
import { SystemClock } from "../ops/system-clock.ts";
import { loadConfiguration } from "./configuration.ts";
import { onSignals } from "./signals.ts";
import { complain, tellError, tellMistakes, tellWarnings } from "./tell.ts";
import { version } from "./version.ts";

/** A clean stop has so long; what is not durable by then was never acknowledged. */
const stopWithinMs = 5_000;

/**
 * `zhian run --config FILE`: runs until it is told to stop. 0 after a clean stop, 1 where it could not start, go on
 * or stop, 2 on a bad configuration. SIGHUP reads the configuration again; a bad one changes nothing.
 */
export async function run({ config: file }: { readonly config: string }): Promise<number> {
  const load = () => loadConfiguration(file);
  const first = load();
  if (!first.ok) {
    tellMistakes(first.mistakes);
    return 2;
  }
  tellWarnings(first.warnings);

  const clock = new SystemClock();
  const logger = createLogger({ level: first.config.log.level, clock });
  const { promise: asked, resolve: stop } = Promise.withResolvers<void>();
  let gateway: Awaited<ReturnType<typeof startGateway>> | undefined;
  let reloading = Promise.resolve();

  const reload = async (): Promise<void> => {
    const next = load();
    if (!next.ok) {
      const mistakes = next.mistakes.map(
        (each) => `${showPlace(each)}: found ${each.found}, expected ${each.expected}`,
      );
      logger.error({ file, mistakes }, "the configuration has mistakes: the one in force stays");
      return;
    }
    for (const warning of next.warnings) logger.warn({ at: showPlace(warning), hint: warning.hint }, warning.message);
    try {
      await gateway?.reload(next.config);
    } catch (err) {
      logger.error(
        { err, file, hint: isGatewayError(err) ? err.hint : undefined },
        "the configuration could not be put in force",
      );
    }
  };
  const endSoon = (): void => {
    clock.after(stopWithinMs, () => giveUp(`it did not stop within ${stopWithinMs / 1000} s`));
  };
  const offSignals = onSignals(clock, {
    stop: () => {
      endSoon();
      stop();
    },
    stopNow: () => giveUp("it was told a second time"),
    reload: () => {
      reloading = reloading.then(reload);
    },
  });

  try {
    gateway = await startGateway(first.config, { clock, logger, version: version() });
    const broken = await Promise.race([asked, gateway.failed]);
    if (broken !== undefined) {
      tellError(broken);
      complain("The gateway cannot go on by itself and has to be started anew.");
      endSoon();
    }
    await gateway.stop();
    return broken === undefined ? 0 : 1;
  } finally {
    offSignals();
    clock.close();
  }
}

function giveUp(why: string): never {
  complain(`The gateway is ended at once: ${why}. Nothing that was acknowledged is lost.`);
  process.exit(1);
}
