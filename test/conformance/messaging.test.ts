import { testScenarios } from "./scenario-run.ts";
import { messaging } from "./scenarios/messaging.ts";

for (const group of messaging) testScenarios(group);
