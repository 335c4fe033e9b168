import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PendingTable } from "../../../../src/jetstream/consumer/state/pending-table.ts";

const operation = fc.record({
  add: fc.boolean(),
  seq: fc.oneof(
    fc.nat(300),
    fc.nat(30).map((n) => 2 ** 33 + n * 64),
  ),
});

describe("pending table", () => {
  test("equals a map that keeps its order", () => {
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 600 }), (operations) => {
        const table = new PendingTable();
        const model = new Map<number, number>();
        for (const [at, { add, seq }] of operations.entries()) {
          if (add && !model.has(seq)) {
            table.add(seq, at, at * 2);
            model.set(seq, at);
          } else expect(table.remove(seq)).toBe(model.delete(seq));
          expect(table.size).toBe(model.size);
          expect(table.has(seq)).toBe(model.has(seq));
        }
        const found: [number, number][] = [];
        table.forEach((seq, consumerSeq, stamp) => {
          expect(stamp).toBe(consumerSeq * 2);
          found.push([seq, consumerSeq]);
        });
        expect(found).toEqual([...model]);
        expect(table.firstSeq).toBe([...model.keys()][0] ?? 0);
      }),
      { numRuns: 100 },
    );
  });

  test("grows, and can be emptied", () => {
    const table = new PendingTable();
    for (let seq = 1; seq <= 10_000; seq++) table.add(seq, seq, 0);
    for (let seq = 1; seq <= 10_000; seq += 2) expect(table.remove(seq)).toBe(true);
    expect([table.size, table.firstSeq, table.consumerSeq(5_000), table.consumerSeq(5_001)]).toEqual([
      5_000, 2, 5_000, 0,
    ]);
    table.clear();
    expect([table.size, table.has(2), table.firstSeq]).toEqual([0, false, 0]);
    table.add(7, 1, 3);
    expect(table.stamp(7)).toBe(3);
  });
});
