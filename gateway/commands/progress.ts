/** Shorter work is over before anybody wonders. */
const worthShowing = 20_000;

interface Screen {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** How far a long piece of work has come, on one line of a terminal; silent elsewhere. */
export class Progress {
  readonly #what: string;
  readonly #screen: Screen;
  #shown = "";

  constructor(what: string, screen: Screen = process.stderr) {
    this.#what = what;
    this.#screen = screen;
  }

  at(done: number, of: number): void {
    if (!this.#screen.isTTY || of < worthShowing) return;
    const line = `${this.#what} ${Math.floor((100 * done) / of)} %`;
    if (line === this.#shown) return;
    this.#shown = line;
    this.#screen.write(`\r${line}`);
  }

  /** Leaves the line empty. */
  end(): void {
    if (this.#shown !== "") this.#screen.write(`\r${" ".repeat(this.#shown.length)}\r`);
    this.#shown = "";
  }
}
