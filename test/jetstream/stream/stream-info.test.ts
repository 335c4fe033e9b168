import { describe, expect, test } from "vitest";
import { subjectPage, subjectsMax } from "../../../src/jetstream/stream/stream-info.ts";

/** Numbered subjects, each with as many messages as its number. */
function numbered(subjectCount: number) {
  let walkCount = 0;
  return {
    get walkCount() {
      return walkCount;
    },
    *subjects() {
      walkCount++;
      for (let count = 1; count <= subjectCount; count++)
        yield { subject: `a.${count}`, count, firstSeq: 1, lastSeq: count };
    },
  };
}

describe("a page of subjects", () => {
  test("takes one walk, and no more of them than an answer has room for", () => {
    const log = numbered(subjectsMax + 5);
    const { total, counts } = subjectPage(log, "a.*", 0);
    expect([total, counts.length, counts.at(-1)]).toEqual([
      subjectsMax + 5,
      subjectsMax,
      [`a.${subjectsMax}`, subjectsMax],
    ]);
    expect(log.walkCount).toBe(1);
  });

  test("begins at its offset", () => {
    const { total, counts } = subjectPage(numbered(3), "a.*", 2);
    expect([total, counts]).toEqual([3, [["a.3", 3]]]);
  });

  test("behind the last is empty, and says how many there are", () => {
    expect(subjectPage(numbered(3), "a.*", 3)).toEqual({ offset: 3, total: 3, counts: [] });
  });

  test("has text, not bytes", () => {
    const log = { subjects: () => [{ subject: "a.\u00c3\u00a9", count: 1, firstSeq: 1, lastSeq: 1 }] };
    expect(subjectPage(log, "a.*", 0).counts).toEqual([["a.\u00e9", 1]]);
  });
});
