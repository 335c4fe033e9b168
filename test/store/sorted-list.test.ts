import fc from "fast-check";
import { expect, test } from "vitest";
import { SortedList } from "../../src/store/sorted-list.ts";

test("a sorted list is a sorted set, through chunks that split and join", () => {
  const value = fc.integer({ min: 0, max: 3000 });
  const seeds = fc.tuple(value, value, fc.integer({ min: 1, max: 2999 }), fc.array(value, { maxLength: 20 }));
  fc.assert(
    fc.property(seeds, ([start, count, stride, probes]) => {
      const list = new SortedList<number>((a, b) => a - b);
      const model = new Set<number>();
      for (let at = 0; at < count; at++) {
        const one = (start + at * stride) % 3001;
        expect(list.add(one)).toBe(!model.has(one));
        model.add(one);
      }
      for (const one of [...model].filter((_, at) => at % 3 > 0)) {
        expect(list.delete(one)).toBe(true);
        expect(list.delete(one)).toBe(false);
        model.delete(one);
      }
      const sorted = [...model].sort((a, b) => a - b);
      expect([...list]).toEqual(sorted);
      expect(list.size).toBe(sorted.length);
      expect([list.first, list.last]).toEqual([sorted[0], sorted.at(-1)]);
      for (const probe of [...probes, 0, 3001]) {
        const after = sorted.filter((one) => one >= probe);
        expect(list.atOrAfter(probe)).toBe(after[0]);
        expect(list.countFrom(probe)).toBe(after.length);
        expect(list.atOrBefore(probe)).toBe(sorted.filter((one) => one <= probe).at(-1));
      }
    }),
    { numRuns: 50 },
  );
});
