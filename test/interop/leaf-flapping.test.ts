/** A short share of `test/long/leaf-flapping.test.ts`. `FROND_SEED` repeats a course. */
import { expect } from "vitest";
import { Random, seedFromEnvironment } from "../fuzz/random.ts";
import { flap } from "./flapping.ts";
import { peers } from "./peer.ts";
import { testWith } from "../fixture/needs.ts";

for (const hub of ["frond", "nats-server"] as const) {
  const title = `a Frond edge of a hub that is ${hub} copies both ways over a link that breaks at random`;
  testWith(peers(hub), title, async () => {
    const seed = seedFromEnvironment();
    console.log(`FROND_SEED=${seed}`);
    const { up, down, pendingBytesMax, faults } = await flap(hub, 8_000, new Random(seed));
    expect(Object.values(faults).length).toBeGreaterThan(1);
    for (const { acknowledged, origin, copy } of [up, down]) {
      expect(acknowledged.length).toBeGreaterThan(100);
      expect(new Set(origin).size).toBe(origin.length);
      const kept = new Set(origin);
      expect(acknowledged.filter((id) => !kept.has(id))).toEqual([]);
      expect(copy).toEqual(origin);
    }
    expect(pendingBytesMax).toBeLessThan(8 * 1024 * 1024);
  });
}
