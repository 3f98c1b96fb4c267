import { createInterface } from "node:readline/promises";
import { type Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";

type Answer = { readonly ok: true; readonly value: string } | { readonly ok: false; readonly why: string };

/**
 * A new password: asked for twice and not shown where there is a terminal, else all of standard input without the
 * newline at its end.
 */
export async function readPassword(
  input: Readable & { readonly isTTY?: boolean },
  output: NodeJS.WritableStream,
  name: string,
): Promise<Answer> {
  if (input.isTTY !== true) {
    const value = (await text(input)).replace(/\r?\n$/, "");
    if (value !== "") return { ok: true, value };
    return {
      ok: false,
      why: "No password on standard input. Give one there, for example from a file: zhian user add … < FILE",
    };
  }
  const silence = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input, output: silence, terminal: true });
  // Ctrl-C and Ctrl-D close it, and a question that is open then is never answered.
  const closed = new Promise<undefined>((done) => lines.once("close", () => done(undefined)));
  const ask = async (question: string): Promise<string | undefined> => {
    output.write(question);
    const answer = await Promise.race([lines.question(""), closed]);
    output.write("\n");
    return answer;
  };
  try {
    const value = await ask(`New password for ${name}: `);
    const again = value === undefined ? undefined : await ask("The same again: ");
    if (value === undefined || again === undefined) return { ok: false, why: "Nothing was changed." };
    if (value === again) return { ok: true, value };
    return { ok: false, why: "The two are not the same. Nothing was changed; try again." };
  } finally {
    lines.close();
  }
}
