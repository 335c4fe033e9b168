import { rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { checkStore } from "../../src/store/check/check.ts";
import { openStore, temporaryDirectory } from "../fixture/disk-store.ts";
import { buildRecorder, RecordedDisk } from "../fixture/power-cut.ts";
import { countGroups } from "../fixture/store-groups.ts";
import { buildWriter, exitOf, lastNumber, startWriter } from "../fixture/store-process.ts";
import { compiler, describeWith, linux } from "../fixture/needs.ts";
import { eventually } from "../fixture/waiting.ts";

const imageCount = process.env["FROND_LONG"] === "1" ? 400 : 40;

let script = "";
beforeAll(async () => {
  script = await buildWriter();
});
afterAll(() => rmSync(script, { force: true }));

/** Two runs over one directory: the first is killed, the second ends by itself. */
async function recordRuns(
  root: string,
  library: string,
  sync: "always" | number,
  more: Readonly<Record<string, string>> = {},
): Promise<string> {
  const recordPath = join(temporaryDirectory(), "record");
  const numbersPath = join(root, "numbers");
  const env = { LD_PRELOAD: library, FROND_RECORD: recordPath, FROND_RECORD_DIR: root, ...more };
  const settings = { directory: join(root, "store"), numbersPath, sync, env };
  const first = startWriter(script, { ...settings, groups: 1_000_000 });
  await eventually(() => lastNumber(numbersPath) >= 120, "120 groups");
  first.kill("SIGKILL");
  await exitOf(first);
  expect(await exitOf(startWriter(script, { ...settings, groups: 80 }))).toBe(0);
  return recordPath;
}

function numbersFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >> 8) / 2 ** 23;
  };
}

describeWith([linux(), compiler()], "a power cut", () => {
  it.each(["always", 20] as const)("leaves whole groups, with sync %s", async (sync) => {
    const library = buildRecorder(temporaryDirectory());
    const root = temporaryDirectory();
    const disk = new RecordedDisk(await recordRuns(root, library, sync), "numbers");
    const seed = Number(process.env["FROND_SEED"] ?? (Math.random() * 2 ** 31) | 0);
    const random = numbersFrom(seed);
    const moments = Array.from({ length: imageCount }, () => Math.floor(random() * disk.length)).sort(
      (a, b) => a - b,
    );
    for (const moment of moments) {
      disk.moveTo(moment);
      const durable = Number(disk.seen.split("\n").slice(0, -1).at(-1) ?? 0);
      const image = join(temporaryDirectory(), "image");
      disk.writeImage(image, random);
      const where = `FROND_SEED=${seed}, event ${moment} of ${disk.length}, ${image}`;
      const found = await reopen(image, where);
      if (sync === "always")
        expect([found >= durable, found, durable, where]).toEqual([true, found, durable, where]);
      rmSync(image, { recursive: true });
    }
  });

  it("is noticed where nothing is synced", async () => {
    const library = buildRecorder(temporaryDirectory());
    const root = temporaryDirectory();
    const disk = new RecordedDisk(
      await recordRuns(root, library, "always", { FROND_SKIP_SYNC: "1" }),
      "numbers",
    );
    const random = numbersFrom(1);
    let noticed = 0;
    for (let count = 1; count <= 10; count++) {
      disk.moveTo(Math.floor((disk.length * count) / 10));
      const durable = Number(disk.seen.split("\n").slice(0, -1).at(-1) ?? 0);
      const image = join(temporaryDirectory(), "image");
      disk.writeImage(image, random);
      const found = await reopen(image, "").catch(() => -1);
      if (found < durable) noticed++;
    }
    expect(noticed).toBeGreaterThan(0);
  });
});

/** @returns how many groups there are, all of them whole; and more can be decided */
async function reopen(image: string, where: string): Promise<number> {
  try {
    const { store, faults } = openStore(image);
    const found = countGroups(store);
    await store.close();
    expect(faults).toEqual([]);
    expect((await checkStore(image)).diagnostics).toEqual([]);
    return found;
  } catch (error) {
    throw new Error(`${where}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}
