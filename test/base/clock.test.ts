import { describe, expect, test } from "vitest";
import { Clock, realDelay } from "../../src/base/clock.ts";

function frozen(): Clock {
  const clock = new Clock();
  clock.freeze();
  return clock;
}

describe("a clock that is moved by hand", () => {
  test("stops at each deadline, in order of time, and at those that they start", async () => {
    const clock = frozen();
    const startMs = clock.nowMs();
    const fired: string[] = [];
    const note = (name: string): void => void fired.push(`${name} ${Math.round(clock.nowMs() - startMs)}`);
    clock.after(3_000, () => note("c"));
    clock.after(1_000, () => {
      note("a");
      clock.after(1_000, () => note("b"));
    });
    clock.after(60_000, () => note("never"));
    await clock.advance("10s");
    expect(fired).toEqual(["a 1000", "b 2000", "c 3000"]);
    expect(clock.nowMs() - startMs).toBeCloseTo(10_000);
  });

  test("lets work in slices go on while it stands still", async () => {
    const clock = frozen();
    const done: string[] = [];
    clock.soon(() => {
      done.push("a");
      clock.soon(() => void done.push("b"));
    });
    clock.soon(() => void done.push("never")).cancel();
    await realDelay(10);
    expect(done).toEqual(["a", "b"]);
  });

  test("moves once for each advance, one after the other", async () => {
    const clock = frozen();
    const startMs = clock.nowMs();
    const fired: number[] = [];
    for (const afterMs of [500, 1_500, 2_500])
      clock.after(afterMs, () => fired.push(Math.round(clock.nowMs() - startMs)));
    await Promise.all([clock.advance("1s"), clock.advance(1_000), clock.advance("1s")]);
    expect([fired, Math.round(clock.nowMs() - startMs)]).toEqual([[500, 1_500, 2_500], 3_000]);
  });

  test("runs on from where it stood", async () => {
    const clock = new Clock();
    const before = [clock.nowMs(), clock.wallMs()] as const;
    await clock.advance("1h");
    expect(clock.nowMs() - before[0]).toBeGreaterThanOrEqual(3_600_000);
    expect(clock.wallMs() - before[1]).toBeGreaterThanOrEqual(3_599_000);
    await new Promise<void>((resolve) => void clock.after(5, resolve));
    expect(clock.nowMs() - before[0]).toBeLessThan(3_605_000);
  });

  test("moves on after a deadline that failed", async () => {
    const clock = frozen();
    const faults: unknown[] = [];
    clock.onFault = (error) => void faults.push(error);
    let fired = 0;
    clock.after(1_000, () => {
      throw new Error("a mistake");
    });
    clock.after(2_000, () => fired++);
    await clock.advance("3s");
    expect([faults.map(String), fired]).toEqual([["Error: a mistake"], 1]);
  });

  test("runs on when what it waited for has failed", async () => {
    const clock = new Clock();
    const forget = clock.onSettle(async () => Promise.reject(new Error("no commit")));
    await expect(clock.advance("1s")).rejects.toThrow("no commit");
    forget();
    const startMs = clock.nowMs();
    await new Promise<void>((resolve) => void clock.after(5, resolve));
    expect(clock.nowMs()).toBeGreaterThan(startMs);
    await clock.advance("1s");
    expect(clock.nowMs() - startMs).toBeGreaterThan(1_000);
  });

  test("refuses to go back", async () => {
    const clock = frozen();
    await expect(clock.advance(-1)).rejects.toThrow("a clock only moves forward: advance(-1)");
    await expect(clock.advance("soon")).rejects.toThrow();
    await clock.advance(1);
  });

  test("waits for an answer that is on its way, and not long for one that is not", async () => {
    const clock = frozen();
    const order: string[] = [];
    clock.after(1_000, () => {
      clock.expect(
        new Promise((resolve) => {
          setTimeout(() => {
            order.push("answer");
            resolve();
          }, 30);
        }),
      );
    });
    clock.after(2_000, () => order.push("next"));
    await clock.advance("3s");
    expect(order).toEqual(["answer", "next"]);
    const startMs = performance.now();
    for (let each = 1; each <= 1_000; each++)
      clock.after(each, () => clock.expect(new Promise<void>(() => {})));
    await clock.advance("3s");
    // A tenth of a second for each would be 100 s.
    expect(performance.now() - startMs).toBeLessThan(50_000);
  });
});

describe("clocks that share their time", () => {
  test("stand still and move together", async () => {
    const clock = new Clock();
    const other = new Clock(clock);
    other.freeze();
    const startMs = clock.nowMs();
    const fired: string[] = [];
    clock.after(2_000, () => fired.push("second"));
    other.after(1_000, () => fired.push("first"));
    await clock.advance("5s");
    expect([fired, Math.round(other.nowMs() - startMs)]).toEqual([["first", "second"], 5_000]);
  });

  test("are each told of what their own deadlines throw", async () => {
    const clock = frozen();
    const others = [new Clock(clock), new Clock(clock)];
    const faults: string[] = [];
    for (const [at, each] of others.entries()) {
      each.onFault = (error) => void faults.push(`${at}: ${String(error)}`);
      each.after(1_000, () => {
        throw new Error(`of ${at}`);
      });
    }
    await clock.advance("2s");
    expect(faults).toEqual(["0: Error: of 0", "1: Error: of 1"]);
  });
});
