import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { LogView } from "../../../src/store/disk/log-view.ts";
import { Snapshot } from "../../../src/store/lmdb/snapshot.ts";
import { freshState, type StreamState } from "../../../src/store/lmdb/stream-state.ts";
import { decodeEntry, encodeEntry, SubjectEntry } from "../../../src/store/lmdb/subject-entry.ts";
import type { SubjectChange } from "../../../src/store/lmdb/subject-changes.ts";
import { SubjectIndex } from "../../../src/store/lmdb/subject-index.ts";
import { SubjectReader } from "../../../src/store/disk/subject-reader.ts";
import { NumberReader, NumberWriter } from "../../../src/store/varint.ts";
import { keyKinds } from "../../../src/store/lmdb/keys.ts";
import { DiskFixture } from "../disk-log-fixture.ts";

let fixture: DiskFixture;
let state: StreamState;

beforeEach(() => {
  fixture = new DiskFixture();
  state = { ...freshState("A", "S", 77), messages: 1, lastSeq: Number.MAX_SAFE_INTEGER };
});

afterEach(() => fixture.close());

function apply(changes: Record<string, SubjectChange>): void {
  const index = new SubjectIndex(fixture.env);
  fixture.env.transactionSync(() => index.apply(state, new Map(Object.entries(changes))));
}

function within<T>(body: (reader: SubjectReader) => T): T {
  const snapshot = new Snapshot(fixture.env);
  try {
    return body(new SubjectReader(new LogView(1, snapshot, state)));
  } finally {
    snapshot.close();
  }
}

/** Count, first, last and every posting. */
function told(subject: string): unknown {
  return within((reader) => {
    const entry = new SubjectEntry();
    if (!reader.read(subject, entry)) return null;
    const { count, firstSeq, lastSeq } = entry;
    const up = [...reader.postings(entry, 0)];
    expect([...reader.postingsDown(entry, Infinity)].reverse()).toEqual(up);
    return { count, firstSeq, lastSeq, postings: up };
  });
}

function expected(seqs: readonly number[]): unknown {
  if (seqs.length === 0) return null;
  return { count: seqs.length, firstSeq: seqs[0], lastSeq: seqs.at(-1), postings: seqs };
}

function keysOf(kind: number): number {
  return fixture.env.getKeysCount({ start: Buffer.from([kind]), end: Buffer.from([kind + 1]) });
}

describe("index by subject", () => {
  test("any history of postings", () => {
    const batch = fc.record({
      add: fc.integer({ min: 0, max: 3_000 }),
      step: fc.integer({ min: 1, max: 900 }),
      keep: fc.double({ min: 0, max: 1, noNaN: true }),
      at: fc.integer({ min: 0, max: 9 }),
    });
    let run = 0;
    fc.assert(
      fc.property(fc.array(batch, { maxLength: 8 }), (batches) => {
        const subject = `s.${run++}`;
        let seqs: number[] = [];
        let next = 1;
        for (const { add, step, keep, at } of batches) {
          const added: number[] = [];
          for (let left = add; left > 0; left--) added.push((next += step));
          const all = seqs.concat(added);
          const removed = all.filter((_, index) => (index * 7919 + at) % 100 >= keep * 100);
          const gone = new Set(removed);
          apply({ [subject]: { added, removed: removed.toReversed() } });
          seqs = all.filter((seq) => !gone.has(seq));
          expect(told(subject)).toEqual(expected(seqs));
        }
        within((reader) => {
          const entry = new SubjectEntry();
          if (!reader.read(subject, entry)) return;
          for (const from of [0, 1, seqs[0] ?? 1, (seqs[seqs.length >> 1] ?? 1) + 1, next, next + 1]) {
            const after = seqs.filter((seq) => seq >= from);
            expect(reader.countFrom(entry, from)).toBe(after.length);
            expect([...reader.postings(entry, from)]).toEqual(after);
            expect([...reader.postingsDown(entry, from)].reverse()).toEqual(
              seqs.filter((seq) => seq <= from),
            );
          }
        });
      }),
      { numRuns: 40 },
    );
  });

  test("nothing is left when all messages are gone", () => {
    const added = Array.from({ length: 5_000 }, (_, index) => index + 1);
    apply({ hot: { added, removed: [] }, cold: { added: [9_000], removed: [] } });
    expect([state.subjectCount, keysOf(keyKinds.postings) > 3]).toEqual([2, true]);
    apply({ hot: { added: [], removed: added.slice(0, -1) } });
    expect(told("hot")).toEqual(expected([5_000]));
    expect([state.subjectCount, keysOf(keyKinds.postings)]).toEqual([2, 0]);
    apply({ hot: { added: [9_001], removed: [5_000, 9_001] }, brief: { added: [9_002], removed: [9_002] } });
    expect([state.subjectCount, keysOf(keyKinds.subject)]).toEqual([1, 1]);
    expect([told("hot"), told("brief")]).toEqual([null, null]);
  });

  test("a posting that is not there is told of", () => {
    apply({ a: { added: Array.from({ length: 100 }, (_, index) => index * 2), removed: [] } });
    expect(() => apply({ a: { added: [], removed: [3] } })).toThrow("posting 3");
  });

  test("subjects in the order of their bytes, too long ones among them", () => {
    const long = "x".repeat(1_900);
    const subjects = [
      `${long}.b`,
      "a",
      `${long}`,
      `${long}.a`,
      "a.b",
      `${long}.aa.${"y".repeat(3_000)}`,
      "a-b",
      "\u00ff",
      `${"x".repeat(1_899)}z.1`,
    ];
    for (const [index, subject] of subjects.entries())
      apply({ [subject]: { added: [index + 1], removed: [] } });
    const found = within((reader) => [...reader.range("")].map(({ subject }) => subject));
    expect(found).toEqual([...subjects].sort());
    expect(told(`${long}.a`)).toEqual(expected([4]));
    expect(told(`${long}.c`)).toBeNull();
    expect(within((reader) => [...reader.range(`${long}.a`)].map(({ subject }) => subject))).toEqual(
      subjects.filter((subject) => subject.startsWith(`${long}.a`)).sort(),
    );
    expect(within((reader) => [...reader.range("a.")].map(({ subject }) => subject))).toEqual(["a.b"]);
  });

  test("spaces do not see one another", () => {
    apply({ a: { added: [1], removed: [] } });
    state.incarnation = 78;
    expect(told("a")).toBeNull();
    expect(within((reader) => [...reader.range("")])).toEqual([]);
  });
});

describe("entry", () => {
  test("a lone posting takes few bytes", () => {
    const entry = Object.assign(new SubjectEntry(), { count: 1, firstSeq: 5, lastSeq: 5, recent: [5] });
    const bytes = encodeEntry("a", entry);
    expect(bytes.length).toBe(4);
    const again = new SubjectEntry();
    decodeEntry(bytes, false, again);
    expect(again).toEqual(entry);
  });

  test("numbers of every size", () => {
    const numbers = [0, 1, 127, 128, 2 ** 31 - 1, 2 ** 31, 2 ** 32, 2 ** 35 + 1, Number.MAX_SAFE_INTEGER];
    const writer = new NumberWriter();
    for (const number of numbers) writer.put(number);
    writer.putText("t".repeat(500));
    const reader = new NumberReader().read(writer.take());
    expect(numbers.map(() => reader.next())).toEqual(numbers);
    expect(reader.nextText()).toBe("t".repeat(500));
  });
});
