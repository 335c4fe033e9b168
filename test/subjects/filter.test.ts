import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { filterOf, SubjectFilter } from "../../src/subjects/filter.ts";
import { isCoveredBy } from "../../src/subjects/subject.ts";

describe("a subject filter", () => {
  it("takes what one of its patterns covers, whatever the subject is", () => {
    const token = fc.constantFrom("a", "b", "ab", "", "a*", "x>");
    const subject = fc.array(fc.oneof(token, fc.constant(">")), { minLength: 1, maxLength: 4 });
    const patternToken = fc.constantFrom("a", "ab", "*", "*", "a*", "b");
    const pattern = fc
      .tuple(fc.array(patternToken, { minLength: 1, maxLength: 4 }), fc.boolean())
      .map(([tokens, isOpen]) => (isOpen ? [...tokens, ">"] : tokens).join("."));
    fc.assert(
      fc.property(subject, fc.array(pattern, { minLength: 1, maxLength: 3 }), (tokens, patterns) => {
        const text = tokens.join(".");
        const covers = patterns.some((each) => each === text || isCoveredBy(text, each));
        expect([text, patterns, new SubjectFilter(patterns).matches(text)]).toEqual([text, patterns, covers]);
      }),
      { numRuns: 2_000 },
    );
  });

  it("is none where everything is taken", () => {
    expect(filterOf([])).toBeNull();
    expect(filterOf(["a", ">"])).toBeNull();
    expect(filterOf(["a.b"])?.literal).toBe("a.b");
    expect(filterOf(["a.*"])?.literal).toBeNull();
  });
});
