import { evening } from "./evening.ts";
import { fire } from "./fire.ts";
import { nightOutage } from "./night-outage.ts";
import { quiet } from "./quiet.ts";
import type { Scenario } from "./step.ts";
import { thrown } from "./throw.ts";

/** All stories of the demo site; the first is told when none is named. */
export const scenarios: readonly [Scenario, ...Scenario[]] = [evening, fire, thrown, nightOutage, quiet];
