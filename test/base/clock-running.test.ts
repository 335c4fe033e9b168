import { afterEach, describe, expect, it } from "vitest";
import { Clock } from "../../src/base/clock.ts";
import { delay } from "../fixture/waiting.ts";

const open: Clock[] = [];
afterEach(() => {
  for (const clock of open.splice(0)) clock.close();
});

function newClock(): Clock {
  const clock = new Clock();
  open.push(clock);
  return clock;
}

describe("a clock", () => {
  it("moves the time of day as far as it is moved", async () => {
    const before = Date.now();
    const clock = newClock();
    clock.freeze();
    const start = clock.wallMs();
    expect(start).toBeGreaterThan(before - 1_000);
    expect(start).toBeLessThan(Date.now() + 1_000);
    await clock.advance("36h");
    expect(clock.wallMs() - start).toBeCloseTo(36 * 3_600_000, 3);
  });

  it("stands still until it is resumed", async () => {
    const clock = newClock();
    clock.freeze();
    const at = clock.nowMs();
    let fired = false;
    const firing = new Promise<void>((resolve) => {
      clock.after(1, () => {
        fired = true;
        resolve();
      });
    });
    await delay(20);
    expect([clock.nowMs(), fired]).toEqual([at, false]);
    clock.resume();
    clock.resume();
    await firing;
    expect(clock.nowMs()).toBeGreaterThan(at);
  });

  it("waits for what a deadline has begun before it goes on", async () => {
    const clock = newClock();
    const seen: string[] = [];
    let work = Promise.resolve();
    const stop = clock.onSettle(async () => work);
    clock.after(10, () => {
      work = delay(10).then(() => void seen.push("work"));
    });
    clock.after(20, () => seen.push("second"));
    await clock.advance(30);
    expect(seen).toEqual(["work", "second"]);
    stop();
    work = Promise.reject(new Error("nobody waits for this"));
    work.catch(() => {});
    await clock.advance(1);
  });

  it("runs on although a deadline has failed and nobody looks after that", async () => {
    const clock = newClock();
    clock.after(1, () => {
      throw new Error("a mistake");
    });
    const firing = new Promise<void>((resolve) => void clock.after(15, resolve));
    await expect(clock.advance(10)).rejects.toThrow("a mistake");
    await firing;
  });

  it("takes a delay below zero for none", async () => {
    const clock = newClock();
    clock.freeze();
    let fired = false;
    clock.after(-50, () => (fired = true));
    await clock.advance(0);
    expect(fired).toBe(true);
  });

  it("forgets its deadlines when it is closed, and still tells the time", async () => {
    const clock = newClock();
    let fired = false;
    clock.after(1, () => (fired = true));
    clock.close();
    await clock.advance(10);
    expect(fired).toBe(false);
    expect(clock.nowMs()).toBeGreaterThan(0);
  });
});
