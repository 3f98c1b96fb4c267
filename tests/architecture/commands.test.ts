import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { zhian } from "../support/command-line.ts";

const page = readFileSync(new URL("../../docs/commands.md", import.meta.url), "utf8");
/** What the page says of each command. */
const sections = new Map(
  [...page.matchAll(/^## `zhian ([a-z ]+)`\n([\s\S]*?)(?=^## |(?![\s\S]))/gm)].map(([, name = "", text = ""]) => [
    name,
    text,
  ]),
);

interface Command {
  readonly name: string;
  readonly help: string;
}

/** The commands that the program offers, with those below them; one that only groups others is none. */
async function commandsBelow(name: string): Promise<Command[]> {
  const { out: help } = await zhian([...name.split(" ").filter((word) => word !== ""), "--help"]);
  const listed = /^Commands:\n([\s\S]*)/m.exec(help)?.[1];
  if (listed === undefined) return [{ name, help }];
  const names = [...listed.matchAll(/^ {2}([a-z-]+)/gm)].map(([, word = ""]) => word).filter((word) => word !== "help");
  return (await Promise.all(names.map((word) => commandsBelow(`${name} ${word}`.trim())))).flat();
}

const options = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([, option = ""]) => option).filter((option) => option !== "--help");

describe("docs/commands.md", () => {
  let commands: Command[];
  beforeAll(async () => {
    commands = await commandsBelow("");
  });

  it("names exactly the commands that there are", () => {
    expect(commands.length).toBeGreaterThan(5);
    expect([...sections.keys()].sort()).toEqual(commands.map(({ name }) => name).sort());
  });

  it("names exactly the options of each, and its arguments", () => {
    for (const { name, help } of commands) {
      const section = sections.get(name) ?? "";
      const documented = options(section, /^\| `(--[a-z]+)/gm);
      expect([name, documented.sort()]).toEqual([name, options(help, /^ {2}(?:-[a-zA-Z], )?(--[a-z]+)/gm).sort()]);
      const args = options(help.split("\n")[0] ?? "", /(<[a-z]+>)/g);
      for (const arg of args) expect(section).toContain(`| \`${arg}\``);
    }
  });

  it("gives an example and the exit codes of each", () => {
    for (const [name, section] of sections) {
      expect([name, section]).toEqual([name, expect.stringMatching(/^Exit codes?: 0/m)]);
      expect(section).toMatch(name === "start" ? /npm start/ : new RegExp(`npx zhian ${name}`));
    }
  });
});
