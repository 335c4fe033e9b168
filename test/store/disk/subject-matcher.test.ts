import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { StoredMessage } from "../../../src/store/contract.ts";
import { SubjectMatcher } from "../../../src/store/disk/subject-matcher.ts";
import { SubjectFilter } from "../../../src/subjects/filter.ts";

const tokens = fc.constantFrom("a", "b", "ab", "\u00c3\u00a9", "abc");
const subjects = fc.array(tokens, { minLength: 1, maxLength: 4 }).map((all) => all.join("."));
const patterns = fc
  .tuple(fc.array(fc.oneof(tokens, fc.constant("*")), { maxLength: 4 }), fc.boolean())
  .map(([all, isOpen]) => [...all, ...(isOpen || all.length === 0 ? [">"] : [])].join("."));

describe("SubjectMatcher", () => {
  test("takes from bytes what the filter takes as text", () => {
    fc.assert(
      fc.property(subjects, fc.array(patterns, { minLength: 1, maxLength: 3 }), (subject, some) => {
        const filter = new SubjectFilter(some);
        const message = new StoredMessage();
        message.bytes = Buffer.from(`x.${subject}.y`, "latin1");
        message.subjectStart = 2;
        message.subjectEnd = 2 + subject.length;
        expect(new SubjectMatcher(filter).takes(message)).toBe(filter.matches(subject));
      }),
      { numRuns: 2_000 },
    );
  });
});
