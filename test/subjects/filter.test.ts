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

  it("does so with many patterns as well", () => {
    // No message has a subject with an empty token.
    const token = fc.constantFrom("a", "b", "ab", "a*", "x>");
    const patternToken = fc.constantFrom("a", "ab", "*", "a*", "b", "c", "d", "x>");
    const pattern = fc
      .tuple(fc.array(patternToken, { minLength: 1, maxLength: 4 }), fc.boolean())
      .map(([tokens, isOpen]) => (isOpen ? [...tokens, ">"] : tokens).join("."));
    const patterns = fc.array(pattern, { minLength: 17, maxLength: 60 });
    fc.assert(
      fc.property(fc.array(token, { minLength: 1, maxLength: 4 }), patterns, (tokens, all) => {
        const text = tokens.join(".");
        const covers = all.some((each) => each === text || isCoveredBy(text, each));
        expect([text, all, new SubjectFilter(all).matches(text)]).toEqual([text, all, covers]);
      }),
      { numRuns: 1_000 },
    );
    const long = `${"a.".repeat(3_000)}*`;
    const many = Array.from({ length: 40 }, (_, at) => `b.*.${at}`);
    expect(new SubjectFilter([...many, long]).matches(`${"a.".repeat(3_000)}z`)).toBe(true);
    expect(new SubjectFilter([...many, long]).matches("b.x.39")).toBe(true);
    expect(new SubjectFilter([...many, long]).matches("b.x.40")).toBe(false);
  });

  it("is none where everything is taken", () => {
    expect(filterOf([])).toBeNull();
    expect(filterOf(["a", ">"])).toBeNull();
    expect(filterOf(["a.b"])?.literal).toBe("a.b");
    expect(filterOf(["a.*"])?.literal).toBeNull();
  });
});
