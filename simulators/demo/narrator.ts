import { storyLine, type Tale } from "../tale.ts";

/** Prints the story: lines for people, or with `json` one JSON object a line. */
export class Narrator {
  readonly #json: boolean;

  constructor(json: boolean) {
    this.#json = json;
  }

  tell(tale: Tale): void {
    const now = Date.now();
    this.#print(this.#json ? JSON.stringify({ at: new Date(now).toISOString(), ...tale }) : storyLine(tale, now));
  }

  say(zh: string, en: string, tone: Tale["tone"] = "plain"): void {
    this.tell({ from: "demo", tone, zh, en });
  }

  /** A fact for programs, told to people in their own words. */
  fact(fact: Readonly<Record<string, unknown>>, zh: string, en: string, tone: Tale["tone"] = "plain"): void {
    if (this.#json) this.#print(JSON.stringify({ at: new Date().toISOString(), ...fact }));
    else this.say(zh, en, tone);
  }

  /** An entry of a list: no part of the story. */
  line(entry: Readonly<Record<string, unknown>>, text: string): void {
    this.#print(this.#json ? JSON.stringify(entry) : text);
  }

  #print(line: string): void {
    process.stdout.write(`${line}\n`);
  }
}
