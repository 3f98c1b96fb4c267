import { runDemo } from "./demo.ts";
import { run } from "./run.ts";
import { complain } from "./tell.ts";

export interface StartOptions {
  readonly config?: string;
  readonly scenario?: string;
  readonly list?: boolean;
  readonly once?: boolean;
  readonly json?: boolean;
}

/** `npm start`: the site of the configuration, else the demo site. */
export function start({ config, ...demo }: StartOptions): Promise<number> {
  if (config === undefined) return runDemo(demo);
  const [extra] = Object.keys(demo);
  if (extra === undefined) return run({ config });
  complain(`--${extra} belongs to the demo, which --config leaves out. Say one of the two.`);
  return Promise.resolve(2);
}
