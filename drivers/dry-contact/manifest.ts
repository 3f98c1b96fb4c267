import type { CommandOffer } from "../../gateway/domain/command.ts";
import { defineDriver } from "../../gateway/ports/driver.ts";
import { type GpioOptions, gpioOptions } from "./options.ts";

export const dryContactGpio = defineDriver<GpioOptions>({
  driver: "dry-contact",
  dialect: "gpio",
  title: { zh: "干接点与继电器（本机 GPIO）", en: "Dry contact or relay (GPIO of this machine)" },
  options: gpioOptions,
  commands: ({ direction, role, maxOn }) => (direction === "out" ? offers(role, maxOn) : []),
  silentAfterMs: ({ recheck }) => 3 * recheck + 15_000,
  load: () => import("./gpio.ts"),
});

function offers(role: string, maxOnMs: number | undefined): readonly CommandOffer[] {
  const { zh, en } = named[role] ?? { zh: `继电器（${role}）`, en: `relay (${role})` };
  const most = maxOnMs === undefined ? "until it is switched again" : `at most and by default ${maxOnMs / 1000}`;
  const args = { seconds: `for so long, then back to the safe state; ${most}` };
  return [
    { name: "on", title: { zh: `接通${zh}`, en: `Switch on the ${en}` }, actuates: true, args },
    { name: "off", title: { zh: `断开${zh}`, en: `Switch off the ${en}` }, actuates: true, args },
  ];
}

const named: Readonly<Record<string, { zh: string; en: string }>> = {
  siren: { zh: "警号", en: "siren" },
  "door-release": { zh: "门锁释放", en: "door release" },
};
