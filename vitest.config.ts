import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/long/**"],
    testTimeout: 20_000,
    hookTimeout: 30_000,
    globalSetup: ["test/fixture/store-workers.ts"],
    pool: "forks",
    maxWorkers: 2,
    // A machine that many share may stall for longer than a test's patience; what fails twice there is wrong.
    retry: process.env["CI"] === "true" ? 2 : 0,
  },
});
