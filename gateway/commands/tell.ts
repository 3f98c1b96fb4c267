import type { Mistake, Warning } from "../../config/mistakes.ts";
import { errorCatalogue, isGatewayError } from "../domain/errors.ts";
import { colorsFor } from "./colors.ts";

const { bold, cyan, dim, red, yellow } = colorsFor(process.stderr);

/** Errors and warnings go to standard error, so that standard output stays fit for a program to read. */
export function complain(line: string): void {
  process.stderr.write(`${line}\n`);
}

export function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

export function tellMistakes(mistakes: readonly Mistake[]): void {
  for (const { file, line, column, path, found, expected, hint } of mistakes) {
    complain(`${bold(`${file}:${line}:${column}`)}${path === "" ? "" : `  ${cyan(path)}`}`);
    complain(`  ${dim("found   ")}  ${found}`);
    complain(`  ${dim("expected")}  ${expected}`);
    if (hint !== undefined) complain(`  ${dim("hint    ")}  ${hint}`);
  }
  const count = mistakes.length === 1 ? "1 mistake" : `${mistakes.length} mistakes`;
  complain(`${red(`CONFIG_INVALID: ${count}.`)} ${errorCatalogue.CONFIG_INVALID.hint}`);
}

export function tellWarnings(warnings: readonly Warning[]): void {
  for (const { file, line, column, path, message, hint } of warnings) {
    complain(`${bold(`${file}:${line}:${column}`)}  ${cyan(path)}  ${yellow(`warning: ${message}`)}`);
    if (hint !== undefined) complain(`  ${dim("hint    ")}  ${hint}`);
  }
}

/** What failed, and what to do, in words of the place where it failed if need be. Our own bug shows its stack. */
export function tellError(error: unknown, hint?: string): void {
  if (isGatewayError(error)) {
    complain(`${red(`${error.code}: ${error.message}`)}`);
    complain(`  ${dim("hint    ")}  ${hint ?? error.hint}`);
    return;
  }
  complain(red(error instanceof Error ? (error.stack ?? error.message) : String(error)));
  complain("This is a bug of the gateway. Please report it with the lines above.");
}
