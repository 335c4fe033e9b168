import { testScenarios } from "./scenario-run.ts";
import { operation } from "./scenarios/operation.ts";

for (const group of operation) testScenarios(group);
