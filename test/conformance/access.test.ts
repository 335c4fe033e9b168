import { testScenarios } from "./scenario-run.ts";
import { access } from "./scenarios/access.ts";

for (const group of access) testScenarios(group);
