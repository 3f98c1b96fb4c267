import { FakeChip } from "../../../simulators/gpio/fake-chip.ts";
import type { FakeDriverContext } from "../../support/driver-context.ts";
import type { Rig } from "../rigs.ts";

const chip = new FakeChip({ label: "fake-contacts", gpiod: "1.6.3" });
process.on("exit", () => chip.close());

/** Lets time pass while the tools do their work, until it is so, or for some seconds. */
async function pass(context: FakeDriverContext<unknown>, until: () => boolean): Promise<void> {
  for (let step = 0; step < 1000 && !until() && !context.signal.aborted; step += 1) {
    context.clock.advance(25);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

const observations = ({ outcomes }: FakeDriverContext<unknown>) =>
  outcomes.filter((what) => what === "observed").length;

/** One contact on a simulated chip, by the gpiod tools; at first the chip says nonsense. */
export const dryContact: Rig = {
  options: { chip: "fake-contacts", line: 3, direction: "in", role: "door", root: chip.root },
  kind: "contact.state",
  prepare: () => {
    chip.remove();
    chip.plug();
    chip.confuse(true);
  },
  fact: async (context, nth) => {
    const before = observations(context);
    chip.confuse(false);
    chip.set(3, nth % 2 === 1);
    await pass(context, () => observations(context) > before);
  },
  garbage: (context) => pass(context, () => context.rejections.length > 2),
  lose: async (context) => {
    chip.remove();
    await pass(context, () => context.goneReasons.length > 0);
  },
};
