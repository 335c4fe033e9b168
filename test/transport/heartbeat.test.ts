import { describe, expect, test } from "vitest";
import { Clock } from "../../src/base/clock.ts";
import { Heartbeat } from "../../src/transport/heartbeat.ts";

/** Says when pings go out; the peer answers each. */
function beat(
  intervalMs: number,
  firstMsMax: number,
): { heartbeat: Heartbeat; clock: Clock; atMs: number[] } {
  const clock = new Clock();
  clock.freeze();
  const startMs = clock.nowMs();
  const atMs: number[] = [];
  const heartbeat: Heartbeat = new Heartbeat(
    clock,
    { intervalMs, firstMsMax, outstandingMax: 2 },
    () => {
      atMs.push(Math.round(clock.nowMs() - startMs));
      void clock.soon(() => heartbeat.onPong());
    },
    () => atMs.push(-1),
  );
  return { heartbeat, clock, atMs };
}

describe("pings to a peer that answers them", () => {
  test("come once in each interval, the first of them spread", async () => {
    const { heartbeat, clock, atMs } = beat(200, 2_000);
    heartbeat.start(0.5);
    await clock.advance("1s");
    expect(atMs).toEqual([220, 420, 620, 820]);
  });

  test("begin after the short first wait, however long the interval is", async () => {
    const { heartbeat, clock, atMs } = beat(120_000, 1_000);
    heartbeat.start(0);
    await clock.advance("4m");
    expect(atMs).toEqual([1_000, 121_000]);
  });

  test("are left out while the peer is busy, unless the peer is pinged regardless", async () => {
    for (const [isConstant, expected] of [
      [false, [100, 500]],
      [true, [100, 200, 300, 400, 500]],
    ] as const) {
      const { heartbeat, clock, atMs } = beat(100, 1_000);
      heartbeat.start(0, isConstant);
      for (let time = 0; time < 7; time++) {
        await clock.advance("50ms");
        heartbeat.active();
      }
      await clock.advance("150ms");
      expect(atMs).toEqual(expected);
    }
  });
});
