import { defineConfig } from "vitest/config";
import { SkipReporter } from "./test/fixture/skip-reporter.ts";

/** The soak, and what a short share of runs in `npm test`, at full length. */
const soak = ["test/long/**/*.test.ts"];
const longer = ["test/fuzz/**/*.test.ts", "test/client/**/*.property.test.ts"];

/** A share of it is the soak alone. */
const shareSecondsMax = 300;
const isShare = Number(process.env["FROND_LONG_SECONDS"] ?? shareSecondsMax) < shareSecondsMax;

export default defineConfig({
  test: {
    include: isShare ? soak : [...soak, ...longer],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    globalSetup: ["test/fixture/store-workers.ts"],
    reporters: ["default", new SkipReporter()],
    pool: "forks",
    maxWorkers: 2,
  },
});
