import type { ScenarioGroup } from "../scenario.ts";
import { access } from "./access.ts";
import { messaging } from "./messaging.ts";
import { operation } from "./operation.ts";

export const scenarioGroups: readonly ScenarioGroup[] = [...messaging, ...access, ...operation];
