import { describe, expect, test } from "vitest";
import { literalPrefix, prefixOf, takesAllBelow } from "../../../src/store/disk/subject-patterns.ts";
import { SubjectFilter } from "../../../src/subjects/filter.ts";

describe("what patterns have in common", () => {
  test.each([
    [["a.b"], "a.b"],
    [["a.*"], "a."],
    [["a.b.>", "a.bc.*"], "a.b"],
    [["*.a", "a.b"], ""],
    [[">"], ""],
    [["a*.b>.c"], "a*.b>.c"],
    [["a.b", "b.a"], ""],
  ])("%j begin with %j", (patterns, prefix) => {
    expect(literalPrefix(new SubjectFilter(patterns))).toBe(prefix);
  });

  test("a wildcard is a whole token", () => {
    expect(["a.b>", "a.>b.*", "*a.>"].map(prefixOf)).toEqual(["a.b>", "a.>b.", "*a."]);
  });

  test.each([
    [["a.>"], "a.", true],
    [["a.>"], "a.b.", true],
    [["a.>"], "a", false],
    [["b.*", ">"], "", true],
    [["a.*"], "a.", false],
    [["a.b>", "a.b>.c"], "a.b>", false],
  ])("%j takes all below %j: %s", (patterns, prefix, takes) => {
    expect(takesAllBelow(new SubjectFilter(patterns), prefix)).toBe(takes);
  });
});
