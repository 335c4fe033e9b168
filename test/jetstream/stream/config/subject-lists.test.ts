import { describe, expect, it } from "vitest";
import {
  collidingPair,
  excessOf,
  hasCovered,
} from "../../../../src/jetstream/stream/config/subject-lists.ts";
import { collides, isCoveredBy } from "../../../../src/subjects/subject.ts";
import { Random, seedFromEnvironment } from "../../../fuzz/random.ts";
import { processorMs } from "../../../fixture/processor-time.ts";

const seed = seedFromEnvironment();

function list(count: number, subjectOf: (at: number) => string): string[] {
  return Array.from({ length: count }, (_, at) => subjectOf(at));
}

describe("long lists of subjects", () => {
  it(`say the same as all pairs one by one, seed ${seed}`, () => {
    const random = new Random(seed);
    for (let round = 0; round < 2_000; round++) {
      const subjects = list(1 + random.below(5), () =>
        list(1 + random.below(3), () => random.pick(["a", "b", "c", "*"]))
          .concat(random.chance(15) ? [">"] : [])
          .join("."),
      );
      const pairs = subjects.flatMap((left, at) =>
        subjects.slice(at + 1).map((right) => [left, right] as const),
      );
      expect([subjects, collidingPair(subjects) !== null]).toEqual([
        subjects,
        pairs.some(([left, right]) => collides(left, right)),
      ]);
      expect([subjects, hasCovered(subjects)]).toEqual([
        subjects,
        pairs.some(([left, right]) => isCoveredBy(left, right) || isCoveredBy(right, left)),
      ]);
    }
  });

  it("are refused where that would take long", () => {
    expect(excessOf(list(10_000, (at) => `a.${at}`))).toBeNull();
    expect(excessOf(list(10_001, (at) => `a.${at}`))).toBe("more than 10000 subjects");
    expect(excessOf(list(2_000, (at) => `*.${at}`))).toBeNull();
    expect(excessOf(list(5_000, (at) => `*.${at}`))).toBe("too many subjects with wildcards");
  });

  it.each<[string, number, (at: number) => string]>([
    ["words", 10_000, (at) => `a.${at}.x`],
    ["wildcards in front", 2_000, (at) => `*.${at}.*.x`],
    ["wildcards on both sides", 2_000, (at) => (at % 2 === 0 ? `k${at}.x` : `*.y${at}`)],
    ["what overlaps without being covered", 2_000, (at) => (at % 2 === 0 ? `k${at}.*` : `*.y${at}`)],
  ])("are looked through in no time: %s", (_name, count, subjectOf) => {
    const subjects = list(count, subjectOf);
    const took = processorMs(() => {
      collidingPair(subjects);
      hasCovered(subjects);
    });
    expect(took).toBeLessThan(15_000);
  });
});
