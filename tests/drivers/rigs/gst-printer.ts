import type { Rig } from "../rigs.ts";

/** GBK of 火警, from the published message. */
const fire = [0xbb, 0xf0, 0xbe, 0xaf];

/** The printer port of a panel. */
export const gstPrinter: Rig = {
  options: { line: "rs232-1" },
  profile: {},
  kind: "panel.event",
  fact: async (context, nth) => {
    const head = `\u001b626/11/24  08:0${nth}\n  004-00${nth}\n\u001b9`;
    context.feed.say(Uint8Array.from([...Buffer.from(head), ...fire, 0x0a, 0x0a]));
    await new Promise((resolve) => setImmediate(resolve));
  },
  garbage: async (context) => {
    for (const noise of ["\n\nhello\n\n", "\u0000\u00ff\u0080\n\n"]) context.feed.say(Buffer.from(noise, "latin1"));
    context.feed.say(new Uint8Array(5000).fill(0x55));
    context.clock.advance(5000);
  },
  lose: async (context) => {
    context.feed.plug(false);
  },
};
