import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { waitFor } from "../../tests/support/wait-for.ts";
import { readPassword } from "./password.ts";

/** A terminal at which somebody answers each question with the next line. */
async function atTerminal(answers: readonly string[]): Promise<{ result: unknown; shown: string }> {
  const input = Object.assign(new PassThrough(), { isTTY: true });
  const output = new PassThrough();
  let shown = "";
  output.on("data", (chunk) => {
    shown += String(chunk);
  });
  const reading = readPassword(input, output, "wang");
  for (const [index, answer] of answers.entries()) {
    await waitFor("the question", () => shown.split(": ").length > index + 1);
    input.write(answer);
  }
  return { result: await reading, shown };
}

describe("a new password", () => {
  it("is asked for twice at a terminal and never shown", async () => {
    const { result, shown } = await atTerminal(["correct horse\n", "correct horse\n"]);
    expect(result).toEqual({ ok: true, value: "correct horse" });
    expect(shown).toBe("New password for wang: \nThe same again: \n");
  });

  it("typed differently the second time is not taken", async () => {
    const { result } = await atTerminal(["correct horse\n", "correct hors\n"]);
    expect(result).toMatchObject({ ok: false, why: expect.stringContaining("not the same") });
  });

  it("is given up with Ctrl-C", async () => {
    const { result } = await atTerminal(["corr\u0003"]);
    expect(result).toEqual({ ok: false, why: "Nothing was changed." });
  });

  it.each([
    ["from-a-file\n", "from-a-file"],
    ["from-a-file", "from-a-file"],
    [" with blanks \r\n", " with blanks "],
  ])("comes from standard input where that is no terminal: %j", async (given, value) => {
    const input = new PassThrough();
    input.end(given);
    expect(await readPassword(input, new PassThrough(), "wang")).toEqual({ ok: true, value });
  });

  it("is refused where standard input is empty", async () => {
    const input = new PassThrough();
    input.end("\n");
    expect(await readPassword(input, new PassThrough(), "wang")).toMatchObject({ ok: false });
  });
});
