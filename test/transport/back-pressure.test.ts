import { expect, test } from "vitest";
import { Clock } from "../../src/base/clock.ts";
import { Phases } from "../../src/base/phases.ts";
import { BackPressure } from "../../src/transport/back-pressure.ts";

function make() {
  const clock = new Clock();
  clock.freeze();
  const phases = new Phases();
  const pressure = new BackPressure(clock, (phase, work) => phases.add(phase, work));
  const receiver = { id: 9, isAboveHighWaterMark: true, closed: false, makesProgress: true };
  return { clock, phases, pressure, receiver };
}

test("tells who waits for whom, since when and until when, in numbers", () => {
  const { clock, pressure, receiver } = make();
  const sinceMs = clock.nowMs();
  pressure.report(receiver);
  expect(pressure.stall(7, () => {})).toBe(true);
  pressure.reportStore(() => {});
  expect(pressure.stallForStore(8, () => {})).toBe(true);
  pressure.onReceiverDrain(receiver, () => {});
  expect(pressure.stalls()).toEqual([
    { waiterId: 7, receiverId: 9, sinceMs, untilMs: sinceMs + 1_000 },
    { waiterId: null, receiverId: 9, sinceMs, untilMs: null },
    { waiterId: 8, receiverId: null, sinceMs, untilMs: null },
  ]);
  expect([7, 8, 9].map((id) => pressure.isStalled(id))).toEqual([true, true, false]);
});

test("a connection waits for one thing at a time, and for nothing once it is gone", () => {
  const { phases, pressure, receiver } = make();
  const ended: string[] = [];
  pressure.report(receiver);
  pressure.stall(7, () => ended.push("receiver"));
  let drainStore = (): void => {};
  pressure.reportStore((callback) => (drainStore = callback));
  expect(pressure.stallForStore(7, () => ended.push("store"))).toBe(false);
  pressure.forget(7);
  pressure.reportStore((callback) => (drainStore = callback));
  pressure.stallForStore(7, () => ended.push("store"));
  pressure.forget(7);
  drainStore();
  pressure.gone(receiver);
  phases.run();
  expect([ended, pressure.stalls(), pressure.isAnyoneWaiting]).toEqual([[], [], false]);
});

test("what was reported in a pass stalls nobody in the next", () => {
  const { pressure, receiver } = make();
  pressure.report(receiver);
  pressure.reportStore(() => {});
  pressure.endPass();
  expect([pressure.stall(7, () => {}), pressure.stallForStore(7, () => {})]).toEqual([false, false]);
});

test("those who wait go on one by one, as long as the receiver stays below its mark", () => {
  const { phases, pressure, receiver } = make();
  const ended: number[] = [];
  for (const id of [1, 2, 3]) {
    pressure.report(receiver);
    pressure.stall(id, () => {
      ended.push(id);
      if (id === 2) receiver.isAboveHighWaterMark = true;
    });
  }
  receiver.isAboveHighWaterMark = false;
  pressure.drained(receiver);
  pressure.drained(receiver);
  phases.run();
  expect([ended, pressure.isStalled(3)]).toEqual([[1, 2], true]);
  receiver.isAboveHighWaterMark = false;
  pressure.drained(receiver);
  phases.run();
  expect([ended, pressure.isAnyoneWaiting]).toEqual([[1, 2, 3], false]);
});

test("the broker itself waits for a receiver, or a moment when there is none to wait for", async () => {
  const { clock, phases, pressure, receiver } = make();
  let runs = 0;
  pressure.report(receiver);
  const cancel = pressure.onDrain(() => runs++);
  expect(pressure.stalls()).toMatchObject([{ waiterId: null, receiverId: 9 }]);
  cancel();
  expect(pressure.isAnyoneWaiting).toBe(false);
  receiver.makesProgress = false;
  pressure.report(receiver);
  pressure.onDrain(() => runs++);
  await clock.advance(0);
  phases.run();
  expect([runs, pressure.isAnyoneWaiting]).toEqual([1, false]);
});
