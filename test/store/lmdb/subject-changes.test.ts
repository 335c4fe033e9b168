import { expect, test } from "vitest";
import { SubjectChanges } from "../../../src/store/lmdb/subject-changes.ts";

test("each subject has its own change, however many there are", () => {
  const changes = new SubjectChanges();
  for (const count of [3, 1_000, 7_000]) {
    const subjects = Array.from(
      { length: count * 2 },
      (_, at) => `s.${at % count}${at > count ? ".x".repeat(40) : ""}`,
    );
    const bytes = Buffer.from(`..${subjects.join("..")}..`, "latin1");
    let at = 2;
    for (const [seq, subject] of subjects.entries()) {
      changes.add(bytes, at, at + subject.length, seq);
      // At once again, as a rule.
      if (seq % 3 > 0) changes.remove(bytes, at, at + subject.length, seq);
      at += subject.length + 2;
    }
    const expected = new Map<string, { added: number[]; removed: number[] }>();
    for (const [seq, subject] of subjects.entries()) {
      const change = expected.get(subject) ?? { added: [], removed: [] };
      change.added.push(seq);
      if (seq % 3 > 0) change.removed.push(seq);
      expected.set(subject, change);
    }
    expect([...changes.bySubject.keys()]).toEqual([...expected.keys()]);
    for (const [subject, change] of expected) expect(changes.bySubject.get(subject)).toMatchObject(change);
    changes.clear();
    expect(changes.bySubject.size).toBe(0);
  }
});
