import type { z } from "zod";
import type { Rule } from "./rule.ts";
import { accessDeniedRepeated } from "./rules/access-denied-repeated.ts";
import { alarmFlood } from "./rules/alarm-flood.ts";
import { correlation } from "./rules/correlation.ts";
import { deviceOffline } from "./rules/device-offline.ts";
import { doorForced } from "./rules/door-forced.ts";
import { doorHeld } from "./rules/door-held.ts";
import { doorUnreleased } from "./rules/door-unreleased.ts";
import { duress } from "./rules/duress.ts";
import { exitBlocked } from "./rules/exit-blocked.ts";
import { fault } from "./rules/fault.ts";
import { fire } from "./rules/fire.ts";
import { fireNearby } from "./rules/fire-nearby.ts";
import { fireWarning } from "./rules/fire-warning.ts";
import { passback } from "./rules/passback.ts";
import { pressureLow } from "./rules/pressure-low.ts";
import { tailgating } from "./rules/tailgating.ts";
import { tamper } from "./rules/tamper.ts";
import { thrownObject } from "./rules/thrown-object.ts";
import { zoneOutage } from "./rules/zone-outage.ts";

/** In the order in which they see an observation; one that hears another stands behind it. */
const fromObservations: readonly Rule[] = [
  fire,
  fireNearby,
  fireWarning,
  thrownObject,
  duress,
  doorForced,
  doorHeld,
  doorUnreleased,
  exitBlocked,
  accessDeniedRepeated,
  passback,
  tailgating,
  tamper,
  pressureLow,
  zoneOutage,
  deviceOffline,
  fault,
  correlation,
];

/** Every rule. A new one is a file and a line here. */
export const rules: readonly Rule[] = [...fromObservations, alarmFlood(fromObservations.map(({ name }) => name))];

/** Schemas of the rules' parameters by name, for the configuration. */
export const ruleSchemas: Readonly<Record<string, z.ZodType>> = Object.fromEntries(
  rules.map((r) => [r.name, r.params]),
);
