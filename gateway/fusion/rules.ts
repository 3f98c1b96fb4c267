import type { z } from "zod";
import type { Rule } from "./rule.ts";
import { accessDeniedRepeated } from "./rules/access-denied-repeated.ts";
import { deviceOffline } from "./rules/device-offline.ts";
import { doorForced } from "./rules/door-forced.ts";
import { doorHeld } from "./rules/door-held.ts";
import { duress } from "./rules/duress.ts";
import { fault } from "./rules/fault.ts";
import { fire } from "./rules/fire.ts";
import { fireNearby } from "./rules/fire-nearby.ts";
import { fireWarning } from "./rules/fire-warning.ts";
import { pressureLow } from "./rules/pressure-low.ts";
import { tamper } from "./rules/tamper.ts";
import { thrownObject } from "./rules/thrown-object.ts";
import { zoneOutage } from "./rules/zone-outage.ts";

/** Every rule, in the order in which they see an observation. A new rule is a file and a line here. */
export const rules: readonly Rule[] = [
  fire,
  fireNearby,
  fireWarning,
  thrownObject,
  duress,
  doorForced,
  doorHeld,
  accessDeniedRepeated,
  tamper,
  pressureLow,
  zoneOutage,
  deviceOffline,
  fault,
];

/** Schemas of the rules' parameters by name, for the configuration. */
export const ruleSchemas: Readonly<Record<string, z.ZodType>> = Object.fromEntries(
  rules.map((r) => [r.name, r.params]),
);
