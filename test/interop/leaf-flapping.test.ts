/** A short share of `test/long/leaf-flapping.test.ts`. `FROND_SEED` repeats a course. */
import { describe, expect, test } from "vitest";
import { Random, seedFromEnvironment } from "../fuzz/random.ts";
import { flap } from "./flapping.ts";
import { noNatsServer } from "./peer.ts";

describe.each(["frond", "nats-server"] as const)("a Frond edge of a hub that is %s", (hub) => {
  const it = noNatsServer !== null && hub === "nats-server" ? test.skip : test;

  it("copies both ways over a link that breaks at random", async () => {
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
});
