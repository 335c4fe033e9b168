import fc from "fast-check";
import { afterEach, describe, expect, it } from "vitest";
import { Deadlines, type Deadline } from "../../src/base/deadlines.ts";
import { delay } from "../fixture/waiting.ts";

const open: Deadlines[] = [];
afterEach(() => {
  for (const deadlines of open.splice(0)) deadlines.close();
});

/** Deadlines by a clock that the test sets. */
function byHand(onFault: (error: unknown) => void = () => {}): {
  deadlines: Deadlines;
  time: { nowMs: number };
} {
  const time = { nowMs: 0 };
  const deadlines = new Deadlines(() => time.nowMs, onFault);
  deadlines.pause();
  open.push(deadlines);
  return { deadlines, time };
}

describe("deadlines", () => {
  it("fire in the order of their times, the first of equals first, whatever was cancelled", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(20), fc.option(fc.nat(), { nil: null })), { maxLength: 60 }),
        fc.array(fc.nat(25), { maxLength: 10 }),
        (steps, times) => {
          const { deadlines, time } = byHand();
          const fired: number[] = [];
          let expected: { at: number; name: number; deadline: Deadline }[] = [];
          for (const [name, [at, victim]] of steps.entries()) {
            if (victim === null || expected.length === 0) {
              expected.push({ at, name, deadline: deadlines.add(at, () => fired.push(name)) });
            } else {
              const [gone] = expected.splice(victim % expected.length, 1);
              gone?.deadline.cancel();
              gone?.deadline.cancel();
            }
            expect(deadlines.size).toBe(expected.length);
            expect(deadlines.nextMs()).toBe(
              expected.length === 0 ? null : Math.min(...expected.map((each) => each.at)),
            );
          }
          for (const now of [...times, 25].sort((a, b) => a - b)) {
            time.nowMs = now;
            deadlines.fireDue();
            const due = expected.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at || a.name - b.name);
            expect(fired.splice(0)).toEqual(due.map(({ name }) => name));
            expected = expected.filter(({ at }) => at > now);
          }
          expect(deadlines.size).toBe(0);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("may be cancelled and added by one that fires", () => {
    const { deadlines, time } = byHand();
    const fired: string[] = [];
    const victim = deadlines.add(2, () => fired.push("victim"));
    deadlines.add(1, () => {
      fired.push("first");
      victim.cancel();
      deadlines.add(3, () => fired.push("third"));
    });
    time.nowMs = 5;
    deadlines.fireDue();
    expect(fired).toEqual(["first", "third"]);
    victim.cancel();
  });

  it("fire no more than asked for", () => {
    const { deadlines, time } = byHand();
    let fired = 0;
    for (let at = 0; at < 5; at++) deadlines.add(at, () => fired++);
    time.nowMs = 10;
    deadlines.fireDue(2);
    expect([fired, deadlines.size]).toEqual([2, 3]);
  });

  it("go on after one that fails", () => {
    const faults: unknown[] = [];
    const { deadlines, time } = byHand((error) => faults.push(error));
    let fired = 0;
    const error = new Error("a mistake");
    deadlines.add(1, () => {
      throw error;
    });
    deadlines.add(2, () => fired++);
    time.nowMs = 5;
    deadlines.fireDue();
    expect([faults, fired]).toEqual([[error], 1]);
  });

  it("are all forgotten by close", () => {
    const { deadlines, time } = byHand();
    let fired = 0;
    const deadline = deadlines.add(1, () => fired++);
    deadlines.close();
    time.nowMs = 5;
    deadlines.fireDue();
    deadline.cancel();
    expect([fired, deadlines.size, deadlines.nextMs()]).toEqual([0, 0, null]);
  });
});

describe("deadlines on a timer", () => {
  function running(onFault: (error: unknown) => void = () => {}): Deadlines {
    const deadlines = new Deadlines(() => performance.now(), onFault);
    open.push(deadlines);
    return deadlines;
  }

  it("fire by themselves, not before their time", async () => {
    const deadlines = running();
    const start = performance.now();
    const fired: number[] = [];
    await new Promise<void>((resolve) => {
      for (const delayMs of [30, 5, 15])
        deadlines.add(start + delayMs, () => {
          expect(performance.now() - start).toBeGreaterThanOrEqual(delayMs);
          if (fired.push(delayMs) === 3) resolve();
        });
    });
    expect(fired).toEqual([5, 15, 30]);
  });

  it("fire sooner when one is added that is due sooner, and when the first is cancelled", async () => {
    const deadlines = running();
    const start = performance.now();
    // Who waited for this one would wait for ever.
    const late = deadlines.add(start + 3_600_000, () => {});
    await new Promise<void>((resolve) => void deadlines.add(start + 10, resolve));
    late.cancel();
    await new Promise<void>((resolve) => void deadlines.add(start + 20, resolve));
  });

  it("stand still while paused", async () => {
    const deadlines = running();
    let fired = 0;
    deadlines.pause();
    const firing = new Promise<void>((resolve) => {
      deadlines.add(performance.now() + 5, () => {
        fired++;
        resolve();
      });
    });
    await delay(30);
    expect(fired).toBe(0);
    deadlines.resume();
    await firing;
    expect(fired).toBe(1);
  });

  it("may be further away than a timer can count", async () => {
    const deadlines = running();
    let fired = 0;
    deadlines.add(performance.now() + 2 ** 40, () => fired++);
    deadlines.add(Infinity, () => fired++);
    // A timer that is given too much fires at once.
    await delay(30);
    expect([fired, deadlines.size]).toEqual([0, 2]);
  });
});
