import fc from "fast-check";
import { expect, test } from "vitest";
import { SubjectClaims } from "../../../../src/jetstream/stream/config/subject-claims.ts";
import { collides, isValidSubject } from "../../../../src/subjects/subject.ts";

const pattern = fc
  .array(fc.constantFrom("a", "b", "*", ">"), { minLength: 1, maxLength: 4 })
  .map((tokens) => tokens.join("."))
  .filter(isValidSubject);

test("overlaps as each pattern with each other", () => {
  fc.assert(
    fc.property(
      fc.array(pattern, { maxLength: 12 }),
      fc.array(pattern, { maxLength: 6 }),
      (claimed, asked) => {
        const claims = new SubjectClaims();
        const owner = {};
        const taken: string[] = [];
        for (const subject of claimed) {
          const isTaken = taken.some((other) => collides(other, subject));
          expect([subject, claims.overlaps(subject, null)]).toEqual([subject, isTaken]);
          if (isTaken) continue;
          claims.add(subject, owner);
          taken.push(subject);
        }
        for (const subject of asked) {
          const isTaken = taken.some((other) => collides(other, subject));
          expect([subject, claims.overlaps(subject, {})]).toEqual([subject, isTaken]);
          expect(claims.overlaps(subject, owner)).toBe(false);
        }
        for (const subject of taken) claims.remove(subject, owner);
        expect(claims.overlaps(">", null)).toBe(false);
      },
    ),
    { numRuns: 300 },
  );
});

test("nobody gives up what is another's", () => {
  const claims = new SubjectClaims();
  const owner = {};
  claims.add("a.b", owner);
  claims.remove("a.b", {});
  claims.remove("a", owner);
  expect(claims.overlaps("a.*", null)).toBe(true);
});
