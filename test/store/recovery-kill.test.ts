import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkStore } from "../../src/store/check/check.ts";
import { openStore, temporaryDirectory } from "../fixture/disk-store.ts";
import { countGroups } from "../fixture/store-groups.ts";
import { buildWriter, exitOf, lastNumber, startWriter } from "../fixture/store-process.ts";

let script = "";
beforeAll(async () => {
  script = await buildWriter();
});
afterAll(() => rmSync(script, { force: true }));

async function waitForNumber(path: string, number: number): Promise<void> {
  for (let tries = 0; lastNumber(path) < number && tries < 1_000; tries++)
    await new Promise<void>((resolve) => setTimeout(resolve, 5));
  expect(lastNumber(path)).toBeGreaterThanOrEqual(number);
}

describe("a killed process", () => {
  it.each(["always", 60_000] as const)("loses nothing that was durable, with sync %s", async (sync) => {
    const directory = temporaryDirectory();
    const numbersPath = join(temporaryDirectory(), "numbers");
    for (let round = 1, before = 0; round <= 3; round++) {
      const child = startWriter(script, { directory, numbersPath, sync, groups: 1_000_000 });
      await waitForNumber(numbersPath, before + 50 * round);
      child.kill("SIGKILL");
      expect(await exitOf(child)).toBe("SIGKILL");
      const { store } = openStore(directory);
      before = countGroups(store);
      expect(before).toBeGreaterThanOrEqual(lastNumber(numbersPath));
      await store.close();
      expect((await checkStore(directory)).diagnostics).toEqual([]);
    }
    expect(() => readFileSync(`${numbersPath}.faults`)).toThrow("ENOENT");
  });
});
