import { describe, expect, it } from "vitest";
import { runCrashes } from "./crash-run.ts";

const seed = Number(process.env["FROND_SEED"] ?? Math.floor(Math.random() * 2 ** 31));

describe(`a broker that is killed while clients publish and consume, seed ${seed}`, () => {
  it.each([null, "2m"])("loses nothing that it acknowledged, with sync_interval %s", async (syncInterval) => {
    const { stored } = await runCrashes({ seed, kills: 3, syncInterval });
    expect(stored).toBeGreaterThan(0);
  });
});
