/**
 * Minutes of streams that cross a link which breaks at random: half of `FROND_LONG_SECONDS` (at most ten minutes) for each
 * kind of hub. `FROND_SEED` repeats a course.
 */
import { expect, test } from "vitest";
import { Random, seedFromEnvironment } from "../fuzz/random.ts";
import { flap } from "../interop/flapping.ts";
import { peers } from "../interop/peer.ts";
import { describeWith } from "../fixture/needs.ts";

const seconds = Math.min(600, Number(process.env["FROND_LONG_SECONDS"] ?? 600)) / 2;
const mebibyte = 1024 * 1024;

for (const hub of ["frond", "nats-server"] as const)
  describeWith(peers(hub), `a Frond edge of a hub that is ${hub}`, () => testHub(hub));

function testHub(hub: "frond" | "nats-server"): void {
  test(`${seconds} seconds of faults`, { timeout: seconds * 1_000 + 240_000 }, async () => {
    const seed = seedFromEnvironment();
    console.log(`FROND_SEED=${seed}`);
    const { up, down, pendingBytesMax, rssBytes, faults } = await flap(
      hub,
      seconds * 1_000,
      new Random(seed),
    );
    console.log(JSON.stringify({ faults, up: up.copy.length, down: down.copy.length, pendingBytesMax }));
    for (const { acknowledged, origin, copy } of [up, down]) {
      expect(acknowledged.length).toBeGreaterThan(seconds * 20);
      expect(new Set(origin).size).toBe(origin.length);
      const kept = new Set(origin);
      expect(acknowledged.filter((id) => !kept.has(id))).toEqual([]);
      expect(copy).toEqual(origin);
    }
    expect(pendingBytesMax).toBeLessThan(8 * mebibyte);
    // The lists of this test itself grow, and caches fill; what is stored does not stay in memory.
    const warm = rssBytes.slice(0, Math.ceil(rssBytes.length / 4));
    expect(Math.max(...rssBytes)).toBeLessThan(Math.max(...warm) + 200 * mebibyte);
  });
}
