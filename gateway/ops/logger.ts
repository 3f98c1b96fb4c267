import pino from "pino";
import type { Clock } from "../ports/clock.ts";
import type { Logger } from "../ports/telemetry.ts";
import { LogSink } from "./log-sink.ts";
import { redact, redactText } from "./redaction.ts";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

export interface LoggerOptions {
  readonly level: LogLevel;
  readonly clock: Clock;
  /** Takes one whole line; standard output where absent. */
  readonly sink?: { write(line: string): void };
}

/**
 * JSON lines with ISO time (wall clock) and level by name, written in the call itself, secrets and personal data
 * redacted. See LogSink for what happens when nobody reads them.
 */
export function createLogger(options: LoggerOptions): Logger {
  const sink = options.sink ?? new LogSink(options.clock);
  const root = pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${new Date(options.clock.wall()).toISOString()}"`,
      // pino's own serialiser would fold the cause into the message and drop the hint.
      serializers: { err: (err: unknown) => err },
      formatters: { level: (label) => ({ level: label }) },
    },
    sink,
  );
  return wrap(root);
}

function wrap(target: pino.Logger): Logger {
  const at =
    (level: "debug" | "info" | "warn" | "error") =>
    (fields: object, message: string): void => {
      if (target.isLevelEnabled(level)) target[level](redact(fields), redactText(message));
    };
  return {
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
    child: (fields) => wrap(target.child(redact(fields))),
  };
}
