import { defineConfig } from "vitest/config";
import { SkipReporter } from "./test/fixture/skip-reporter.ts";

/** What depends on how fast the machine is, and holds where nothing else runs: one file after the other. */
export default defineConfig({
  test: {
    include: ["test/timing/**/*.test.ts"],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    globalSetup: ["test/fixture/store-workers.ts"],
    reporters: ["default", new SkipReporter()],
    pool: "forks",
    maxWorkers: 1,
  },
});
