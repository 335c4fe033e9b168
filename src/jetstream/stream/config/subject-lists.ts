/**
 * Long lists of subjects in one configuration, compared without keeping the broker from everybody else: pairs are looked
 * at one by one only where that is soon over.
 */
import { areTokensCoveredBy, collides, hasWildcard, tokensOf } from "../../../subjects/subject.ts";
import { SubjectClaims } from "./subject-claims.ts";

/** No stream captures more, and no consumer has more filters. */
const subjectsMax = 10_000;
/** Lists up to here are compared pair by pair. */
export const shortListMax = 256;
/** Of pairs that have to be looked at; beyond it is not worth anybody's time. */
const pairsMax = 5_000_000;

/** Why there are too many to be compared; null when there are not. */
export function excessOf(subjects: readonly string[]): string | null {
  if (subjects.length > subjectsMax) return `more than ${subjectsMax} subjects`;
  // Each wildcard may have to be compared with everything else.
  const wildcards = subjects.filter(hasWildcard).length;
  return wildcards * subjects.length > pairsMax ? "too many subjects with wildcards" : null;
}

/** Two of which some subject matches both; null when there are none. All must be valid. */
export function collidingPair(subjects: readonly string[]): readonly [string, string] | null {
  const claims = new SubjectClaims();
  for (const [at, subject] of subjects.entries()) {
    if (claims.overlaps(subject, null)) {
      const before = subjects.slice(0, at).find((each) => collides(each, subject));
      return [before ?? subject, subject];
    }
    claims.add(subject, {});
  }
  return null;
}

/** Whether one is covered by another, or too many overlap for that to be found out. All must be valid. */
export function hasCovered(subjects: readonly string[]): boolean {
  const claims = new SubjectClaims();
  const owners = subjects.map((subject) => {
    const owner = {};
    claims.add(subject, owner);
    return owner;
  });
  const tokens = subjects.map(tokensOf);
  const overlapping: number[] = [];
  for (const [at, subject] of subjects.entries())
    if (claims.overlaps(subject, owners[at] as object)) overlapping.push(at);
  if (overlapping.length * tokens.length > pairsMax) return true;
  return overlapping.some((at) =>
    tokens.some((pattern, other) => other !== at && areTokensCoveredBy(tokens[at] as string[], pattern)),
  );
}
