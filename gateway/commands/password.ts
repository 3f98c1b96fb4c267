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
  const ask = async (question: string): Promise<string> => {
    output.write(question);
    const answer = await lines.question("");
    output.write("\n");
    return answer;
  };
  try {
    const value = await ask(`New password for ${name}: `);
    const again = await ask("The same again: ");
    return value === again
      ? { ok: true, value }
      : { ok: false, why: "The two are not the same. Nothing was changed; try again." };
  } finally {
    lines.close();
  }
}
