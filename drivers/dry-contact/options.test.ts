import { expect, it } from "vitest";
import { dryContactGpio } from "./manifest.ts";
import { gpioOptions } from "./options.ts";

const relay = { chip: "pinctrl-bcm2835", line: 5, direction: "out", role: "siren", maxOn: "3m" };
const contact = { chip: "pinctrl-bcm2835", line: "DOOR_E", direction: "in", role: "door" };

it("a contact and a relay are accepted as the page shows them, with their defaults", () => {
  expect(gpioOptions.parse({ ...contact, activeLow: true, bias: "pull-up" })).toMatchObject({
    debounce: 50,
    recheck: 60_000,
    backend: "auto",
    root: "/",
  });
  expect(gpioOptions.parse(relay)).toMatchObject({ safe: "off", maxOn: 180_000 });
});

it.each([
  ["a siren without a longest time", { ...relay, maxOn: undefined }, "maxOn"],
  ["a siren whose safe state is noise", { ...relay, safe: "on" }, "safe"],
  ["a contact with a longest time", { ...contact, maxOn: "3m" }, "maxOn"],
  ["a debounce that lets bounce through", { ...contact, debounce: "5ms" }, "debounce"],
  ["a debounce that swallows alarms", { ...contact, debounce: "2s" }, "debounce"],
  ["a bias that sysfs cannot set", { ...contact, backend: "sysfs", bias: "pull-up" }, "bias"],
  ["a negative line", { ...contact, line: -1 }, "line"],
  ["a chip with a slash", { ...contact, chip: "../dev/gpiochip0" }, "chip"],
  ["a role that is no word", { ...contact, role: "Front Door" }, "role"],
])("%s is refused", (_, options, path) => {
  expect(gpioOptions.safeParse(options).error?.issues.map((issue) => issue.path[0])).toEqual([path]);
});

it("a relay offers on and off, which move something; a contact offers nothing", () => {
  const offers = (options: object) => dryContactGpio.commands?.(gpioOptions.parse(options), undefined) ?? [];
  expect(offers(relay).map(({ name, actuates }) => [name, actuates])).toEqual([
    ["on", true],
    ["off", true],
  ]);
  expect(offers(relay)[0]?.args?.["seconds"]).toContain("180");
  expect(offers(contact)).toEqual([]);
});
