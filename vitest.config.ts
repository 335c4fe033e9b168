import { defineConfig } from "vitest/config";
import { SkipReporter } from "./test/fixture/skip-reporter.ts";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/long/**", "test/timing/**"],
    // Above what a test waits for anything (`patienceMs`), so that its own message is seen.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    globalSetup: ["test/fixture/store-workers.ts"],
    reporters: ["default", new SkipReporter()],
    pool: "forks",
    maxWorkers: 2,
  },
});
