import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PatternSet, type Pattern } from "../../src/auth/pattern-set.ts";
import { collides } from "../../src/subjects/subject.ts";
import { pattern } from "./permission-model.ts";
import { processorMs } from "../fixture/processor-time.ts";

const plain = (subject: string): Pattern => ({ subject, queue: null });

describe("patterns that match", () => {
  const set = new PatternSet([
    plain("a.b"),
    plain("a.*"),
    { subject: "a.>", queue: "q" },
    plain("a.b"),
    plain(">"),
  ]);

  test("are all found, each as often as it was listed", () => {
    expect(set.size).toBe(5);
    expect(
      set
        .match("a.b")
        .map(({ subject }) => subject)
        .sort(),
    ).toEqual(["a.*", "a.>", "a.b", "a.b", ">"].sort());
    expect(set.match("a").map(({ subject }) => subject)).toEqual([">"]);
    expect(set.match("a..b")).toEqual([]);
  });

  test("count for has() only without a queue", () => {
    expect(new PatternSet([{ subject: "a.>", queue: "q" }]).has("a.b")).toBe(false);
    expect(new PatternSet([{ subject: "a.b", queue: "q" }, plain("a.*")]).has("a.b")).toBe(true);
    expect(new PatternSet([]).has("a")).toBe(false);
  });
});

test("colliding with the list is colliding with one of it", () => {
  fc.assert(
    fc.property(fc.array(pattern, { maxLength: 5 }), pattern, (patterns, asked) => {
      const set = new PatternSet(patterns.map(plain));
      expect(set.collides(asked, () => true)).toBe(patterns.some((one) => collides(one, asked)));
      expect(set.collides(asked, () => false)).toBe(false);
    }),
    { numRuns: 2000 },
  );
});

test("a long list costs no more than a short one", () => {
  const subject = "svc.orders.42.created";
  const timeOf = (count: number): number => {
    const set = new PatternSet(Array.from({ length: count }, (_, n) => plain(`svc.*.${n + 100}.*`)));
    return processorMs(() => {
      for (let n = 0; n < 20_000; n++) set.has(subject);
    });
  };
  timeOf(10);
  // Walking the list would make it 500 times as much.
  expect(timeOf(5000)).toBeLessThan(50 * Math.max(timeOf(10), 1));
});
