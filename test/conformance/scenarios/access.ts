import type { ScenarioGroup } from "../scenario.ts";
import { accounts } from "./accounts.ts";
import { credentials } from "./credentials.ts";
import { permissions } from "./permissions.ts";

/** Who gets in, and what they may do then. */
export const access: readonly ScenarioGroup[] = [...credentials, accounts, permissions];
