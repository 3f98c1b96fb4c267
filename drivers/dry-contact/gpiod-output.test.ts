import { expect, it } from "vitest";
import { edgeFormat, isBanner, parseDetected, parseEdge, parseInfo, parseLevel, parseVersion } from "./gpiod-output.ts";

it("the version of the tools is read, of either generation, and of nothing else", () => {
  expect(parseVersion("gpiodetect (libgpiod) v1.6.3\nCopyright (C) 2017-2018 Bartosz Golaszewski\n")).toEqual({
    generation: 1,
    text: "1.6.3",
  });
  expect(parseVersion("gpiodetect (libgpiod) v2.2.1\n")).toEqual({ generation: 2, text: "2.2.1" });
  expect(parseVersion("gpiodetect (libgpiod) v2.1-devel\n")).toEqual({ generation: 2, text: "2.1-devel" });
  expect(parseVersion("gpiodetect (libgpiod) v0.4\n")).toBeUndefined();
  expect(parseVersion("BusyBox v1.35.0 multi-call binary.")).toBeUndefined();
});

it("chips are listed, also one with blanks in its label", () => {
  const output = "gpiochip0 [pinctrl-bcm2835] (54 lines)\ngpiochip4 [0000:00:1f.0 LPC] (8 lines)\nnonsense\n";
  expect(parseDetected(output)).toEqual([
    { name: "gpiochip0", label: "pinctrl-bcm2835", lines: 54 },
    { name: "gpiochip4", label: "0000:00:1f.0 LPC", lines: 8 },
  ]);
});

it("lines are listed with their names and who has them, in the words of either generation", () => {
  const old = [
    "gpiochip1 - 5 lines:",
    '\tline   0: "gpio-mockup-B-0" unused input active-high ',
    "\tline   1:      unnamed       unused  output   active-low [open-drain pull-up]",
    '\tline   2:      "DOOR"   "gpiomon"   input  active-high [used]',
    "\tline   3:      unnamed       kernel   input  active-high [used]",
    '\tline   4: "RELAY" "gpioset" output active-high [used]',
  ].join("\n");
  expect(parseInfo(old)).toEqual([
    { offset: 0, name: "gpio-mockup-B-0", output: false },
    { offset: 1, output: true },
    { offset: 2, name: "DOOR", consumer: "gpiomon", output: false },
    { offset: 3, consumer: "kernel", output: false },
    { offset: 4, name: "RELAY", consumer: "gpioset", output: true },
  ]);
  const now = [
    "gpiochip1 - 3 lines:",
    '\tline   0:\t"gpio-mockup-B-0"\tinput',
    '\tline   1:\tunnamed         \toutput active-low drive=open-drain consumer="gpioset"',
    '\tline   2:\t"DOOR"          \tinput edges=both consumer="gpiomon"',
  ].join("\n");
  expect(parseInfo(now)).toEqual([
    { offset: 0, name: "gpio-mockup-B-0", output: false },
    { offset: 1, consumer: "gpioset", output: true },
    { offset: 2, name: "DOOR", consumer: "gpiomon", output: false },
  ]);
});

it("a level is 0 or 1, and nothing else is one", () => {
  expect(["0\n", "1\n", "1", "", "2\n", '"3"=active\n', "0 1\n"].map(parseLevel)).toEqual([
    false,
    true,
    true,
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

it("an edge is read as the tools were told to write it, whose nanoseconds 1.6 does not fill up with zeros", () => {
  expect(edgeFormat).toEqual({ 1: "edge %e %s %n", 2: "edge %E %S" });
  expect(parseEdge("edge 1 12 345")).toEqual({ rising: true, timestampNs: 12_000_000_345n });
  expect(parseEdge("edge falling 12.000000345")).toEqual({ rising: false, timestampNs: 12_000_000_345n });
  for (const bad of ["", "edge", "edge 2 12 3", "edge rising 12.5", "edge 1 12", "edge 1 -1 3", "edge 1 12 345 "]) {
    expect([bad, parseEdge(bad)]).toEqual([bad, undefined]);
  }
  expect(isBanner("Monitoring line '3'...")).toBe(true);
  expect(isBanner("edge rising 1.000000000")).toBe(false);
});
