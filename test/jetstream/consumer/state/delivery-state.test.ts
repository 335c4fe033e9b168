import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DeliveryState } from "../../../../src/jetstream/consumer/state/delivery-state.ts";
import { readState, StateJournal } from "../../../../src/jetstream/consumer/state/state-journal.ts";
import type { StreamStore } from "../../../../src/store/contract.ts";
import { MemoryStore } from "../../../../src/store/memory/memory-store.ts";
import { StateModel } from "../state-model.ts";

function storeForTest(): StreamStore {
  return new MemoryStore((_phase, work) => work()).create("A", "S", "file");
}

function shown(state: DeliveryState): object {
  const out: number[][] = [];
  state.pending.forEach((seq, consumerSeq) => out.push([seq, consumerSeq]));
  return {
    out,
    again: [...state.redelivered].sort(([a], [b]) => a - b),
    queue: state.queued(),
    next: state.nextSeq,
    consumerSeq: state.consumerSeq,
    delivered: state.deliveredSeq,
    floorConsumerSeq: state.floorConsumerSeq,
    floorSeq: state.floorSeq,
  };
}

function shownModel(model: StateModel): object {
  const { next, consumerSeq, delivered, floorConsumerSeq, floorSeq } = model;
  return {
    out: model.out.map(({ seq, consumerSeq: first }) => [seq, first]),
    again: [...model.again].sort(([a], [b]) => a - b),
    queue: model.queue,
    ...{ next, consumerSeq, delivered, floorConsumerSeq, floorSeq },
  };
}

const step = fc.oneof(
  fc.record({ do: fc.constant("deliver" as const), pick: fc.constant(0) }),
  fc.record({
    do: fc.constantFrom("settle" as const, "enqueue" as const, "redeliver" as const, "exhaust" as const),
    pick: fc.nat(40),
  }),
);

describe("delivery state", () => {
  test("is what the slow model says, and comes back from its journal", () => {
    fc.assert(
      fc.property(
        fc.array(step, { maxLength: 120 }),
        fc.integer({ min: 1, max: 30 }),
        fc.integer({ min: 1, max: 12 }),
        // More than a few milliseconds apart, and what is written of the time is another.
        fc.constantFrom(0, 1, 7),
        (steps, snapshotEvery, flushEvery, stepMs) => {
          const state = new DeliveryState("explicit", 1);
          const model = new StateModel();
          const store = storeForTest();
          const journal = new StateJournal(store, "s", state, () => 0);
          for (const [at, { do: what, pick }] of steps.entries()) {
            const seq = pick + 1;
            const nowMs = at * stepMs;
            if (what === "deliver") {
              journal.deliver(model.deliver(), nowMs);
              state.deliver(state.nextSeq, nowMs);
            } else if (what === "redeliver") {
              const again = model.redeliver();
              expect(state.nextQueued()).toBe(again);
              if (again > 0) {
                state.redeliver(again, nowMs);
                journal.redeliver(again, nowMs);
              }
            } else if (what === "enqueue") {
              model.enqueue(seq);
              state.enqueue(seq);
            } else if (model.isOut(seq)) {
              model[what](seq);
              state[what](seq);
              journal[what](seq);
            }
            if (at % snapshotEvery === 0) journal.snapshot();
            else if (at % flushEvery === 0) journal.flush();
            expect(shown(state)).toEqual(shownModel(model));
          }
          journal.flush();
          const record = store.record("s");
          const restored = new DeliveryState("explicit", 1);
          if (record !== null) readState(restored, record.value, record.changes, 0);
          // Who waits to be delivered again is found out anew.
          expect({ ...shown(restored), queue: [] }).toEqual({ ...shown(state), queue: [] });
        },
      ),
      { numRuns: 150 },
    );
  });

  test("a run of deliveries or acks is a few numbers", () => {
    const store = storeForTest();
    const state = new DeliveryState("explicit", 1);
    const journal = new StateJournal(store, "s", state, () => 0);
    journal.snapshot();
    for (let seq = 1; seq <= 10_000; seq++) {
      state.deliver(seq, 1);
      journal.deliver(seq, 1);
    }
    for (let seq = 1; seq <= 9_000; seq++) {
      state.settle(seq);
      journal.settle(seq);
    }
    journal.flush();
    const record = store.record("s");
    expect(record?.changes.map((change) => change.length < 40)).toEqual([true]);
    const restored = new DeliveryState("explicit", 1);
    readState(restored, record?.value ?? Buffer.alloc(0), record?.changes ?? [], 0);
    expect(shown(restored)).toEqual(shown(state));
    expect(restored.pending.size).toBe(1_000);
  });

  test("acks of all before", () => {
    const state = new DeliveryState("all", 1);
    for (let seq = 1; seq <= 5; seq++) state.deliver(seq, 0);
    const settled: number[] = [];
    expect(state.settleThrough(3, 3, settled)).toBe(true);
    expect(settled).toEqual([1, 2, 3]);
    expect(state.settleThrough(2, 2, settled)).toBe(false);
    expect([state.floorSeq, state.floorConsumerSeq, state.pending.size]).toEqual([3, 3, 2]);
    expect([state.needs(3), state.needs(4), state.needs(6)]).toEqual([false, true, true]);
  });

  test("nothing to acknowledge: the floor goes with the deliveries", () => {
    const state = new DeliveryState("none", 7);
    expect([state.deliveredSeq, state.floorSeq]).toEqual([6, 6]);
    state.deliver(9, 0);
    expect([state.nextSeq, state.floorSeq, state.pending.size]).toEqual([10, 9, 0]);
  });

  test("waits are over one by one, longer ones after redeliveries", () => {
    const state = new DeliveryState("explicit", 1);
    for (let seq = 1; seq <= 3; seq++) state.deliver(seq, seq * 10);
    const wait = (deliveries: number): number => deliveries * 100;
    const expired: number[] = [];
    expect(state.collectExpired(110, wait, expired)).toBe(120);
    expect(expired).toEqual([1]);
    state.enqueue(1);
    state.redeliver(1, 110);
    expired.length = 0;
    expect(state.collectExpired(200, wait, expired)).toBe(310);
    expect(expired).toEqual([2, 3]);
  });

  test("a purge takes what is out with it", () => {
    const state = new DeliveryState("explicit", 1);
    for (let seq = 1; seq <= 6; seq++) state.deliver(seq, 0);
    state.enqueue(2);
    state.purge(4, (seq) => seq === 5);
    expect(shown(state)).toMatchObject({
      out: [
        [4, 4],
        [6, 6],
      ],
      queue: [],
      next: 7,
      floorSeq: 3,
    });
    state.purge(10, () => false);
    expect(shown(state)).toMatchObject({ out: [], next: 10, delivered: 9, floorSeq: 9, floorConsumerSeq: 6 });
  });

  test("in another order by key, the floor stops before what is still to come", () => {
    const state = new DeliveryState("explicit", 1, true);
    state.deliver(1, 0);
    state.defer(2);
    state.deliver(3, 0);
    state.settle(3);
    state.settle(1);
    state.settleFloors();
    expect([state.floorSeq, state.needs(2), state.needs(3)]).toEqual([1, true, false]);
    state.deliver(2, 0);
    state.settle(2);
    state.settleFloors();
    expect([state.floorSeq, state.deferred.size]).toEqual([3, 0]);
  });

  test("sequences beyond 32 bits, far apart, and a snapshot of last messages", () => {
    const store = storeForTest();
    const start = 2 ** 40;
    const state = new DeliveryState("explicit", start);
    state.snapshot = [start - 20, start - 10, start - 5];
    const journal = new StateJournal(store, "s", state, () => 1_700_000_000_000);
    journal.snapshot();
    for (const seq of [start - 20, start - 10, start + 3_000_000_000]) {
      if (state.snapshotSeq === seq) state.stepSnapshot();
      state.deliver(seq, 5);
      journal.deliver(seq, 5);
    }
    journal.stamp(start - 10, 77);
    state.pending.setStamp(start - 10, 77);
    journal.flush();
    const restored = new DeliveryState("explicit", 1);
    const record = store.record("s");
    readState(restored, record?.value ?? Buffer.alloc(0), record?.changes ?? [], 1_700_000_000_000);
    expect(shown(restored)).toEqual(shown(state));
    expect(restored.pending.stamp(start - 10)).toBe(77);
    // A message of the log came after: the rest of the snapshot is over.
    expect(restored.snapshotCount).toBe(0);
  });
});
