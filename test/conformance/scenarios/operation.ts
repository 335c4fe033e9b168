import type { ScenarioGroup } from "../scenario.ts";
import { lameDuck, lameDuckEnd } from "./lame-duck.ts";
import { limits } from "./limits.ts";
import { reconnect } from "./reconnect.ts";
import { reload } from "./reload.ts";

/** What happens to clients when their broker is restarted, reconfigured, full or about to leave. */
export const operation: readonly ScenarioGroup[] = [reconnect, reload, lameDuck, lameDuckEnd, ...limits];
