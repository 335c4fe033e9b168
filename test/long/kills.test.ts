import { describe, expect, it } from "vitest";
import { runCrashes } from "../crash/crash-run.ts";

/** At full length a hundred kills and more; a share of it has some. */
const seconds = Number(process.env["FROND_LONG_SECONDS"] ?? 600);
const rounds = Math.max(1, Math.min(12, Math.round(seconds / 50)));
const killsPerRound = 10;
const firstSeed = Number(process.env["FROND_SEED"] ?? Math.floor(Math.random() * 2 ** 31));

describe(`a broker that is killed ${rounds * killsPerRound} times, seeds from ${firstSeed}`, () => {
  it.each(Array.from({ length: rounds }, (_, round) => firstSeed + round))(
    "loses nothing, seed %i",
    { timeout: 300_000 },
    async (seed) => {
      const syncInterval = seed % 4 === 0 ? "2m" : null;
      const { stored } = await runCrashes({ seed, kills: killsPerRound, syncInterval });
      expect(stored).toBeGreaterThan(0);
    },
  );
});
