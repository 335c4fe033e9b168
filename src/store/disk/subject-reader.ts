/** The index by subject as the snapshot has it. */
import {
  endKey,
  keyKinds,
  postingsKey,
  prefixKey,
  seqOfPostingsKey,
  subjectBytesMax,
  subjectKey,
  subjectOfKey,
} from "../lmdb/keys.ts";
import type { LogView } from "./log-view.ts";
import type { Entry } from "../lmdb/reads.ts";
import { chunkCount, decodeChunk, decodeEntry, SubjectEntry } from "../lmdb/subject-entry.ts";

export interface NamedEntry {
  readonly subject: string;
  readonly entry: SubjectEntry;
}

export class SubjectReader {
  readonly #view: LogView;

  constructor(view: LogView) {
    this.#view = view;
  }

  /** @returns false when the snapshot has no message of this subject */
  read(subject: string, into: SubjectEntry): boolean {
    if (!this.#view.hasBase) return false;
    const value = this.#view.snapshot.reads.peek(subjectKey(this.#view.incarnation, subject));
    if (value === undefined) return false;
    decodeEntry(value, subject.length > subjectBytesMax, into);
    return true;
  }

  /** Whether every subject begins with `prefix`: the first one and the last one tell. */
  allBeginWith(prefix: string): boolean {
    if (!this.#view.hasBase || prefix === "") return true;
    if (prefix.length > subjectBytesMax) return false;
    const { reads } = this.#view.snapshot;
    const start = prefixKey(keyKinds.subject, this.#view.incarnation);
    const end = endKey(start);
    const wanted = subjectKey(this.#view.incarnation, prefix);
    const ends = [reads.first({ start, end }), reads.last(start, end)];
    return ends.every((entry) => entry === null || entry.key.subarray(0, wanted.length).equals(wanted));
  }

  /** Every subject that begins with `prefix`, in the order of their bytes. */
  *range(prefix: string): Generator<NamedEntry> {
    if (!this.#view.hasBase) return;
    const start = subjectKey(this.#view.incarnation, prefix.slice(0, subjectBytesMax));
    // Of subjects that are alike for as long as a key can tell, keys are not in order.
    let alike: NamedEntry[] = [];
    let alikeKey: Buffer | null = null;
    for (const { key, value } of this.#view.snapshot.reads.range({ start, end: endKey(start) })) {
      const entry = new SubjectEntry();
      const shown = subjectOfKey(key);
      const subject = decodeEntry(value, shown === null, entry) ?? (shown as string);
      const isAlike =
        alikeKey !== null &&
        shown === null &&
        key.compare(alikeKey, 0, alikeKey.length, 0, alikeKey.length) === 0;
      if (!isAlike && alike.length > 0) {
        yield* alike.sort(bySubject);
        alike = [];
      }
      if (shown === null) {
        alikeKey = key.subarray(0, -16);
        if (subject.startsWith(prefix)) alike.push({ subject, entry });
      } else if (subject.startsWith(prefix)) yield { subject, entry };
    }
    yield* alike.sort(bySubject);
  }

  /** Ascending, at or after `fromSeq`; what was removed since is among them. */
  *postings(entry: SubjectEntry, fromSeq: number): Generator<number> {
    const { recent, number } = entry;
    if (number !== 0 && fromSeq < (recent[0] ?? Infinity)) {
      for (const { key, value } of this.#chunksFrom(number, fromSeq))
        for (const seq of decodeChunk(seqOfPostingsKey(key), value)) if (seq >= fromSeq) yield seq;
    }
    for (const seq of recent) if (seq >= fromSeq) yield seq;
  }

  /** Descending, at or before `throughSeq`; what was removed since is among them. */
  *postingsDown(entry: SubjectEntry, throughSeq: number): Generator<number> {
    const { recent, number } = entry;
    for (let at = recent.length - 1; at >= 0; at--) {
      const seq = recent[at] as number;
      if (seq <= throughSeq) yield seq;
    }
    if (number === 0) return;
    const start = postingsKey(this.#view.incarnation, number, 0);
    const through = postingsKey(this.#view.incarnation, number, throughSeq);
    for (const { key, value } of this.#view.snapshot.reads.rangeDown(start, through)) {
      const postings = decodeChunk(seqOfPostingsKey(key), value);
      for (let at = postings.length - 1; at >= 0; at--) {
        const seq = postings[at] as number;
        if (seq <= throughSeq) yield seq;
      }
    }
  }

  /** How many postings are at or after `fromSeq`. */
  countFrom(entry: SubjectEntry, fromSeq: number): number {
    const { recent, number } = entry;
    if (fromSeq <= entry.firstSeq) return entry.count;
    if (fromSeq > entry.lastSeq) return 0;
    let count = 0;
    for (const seq of recent) if (seq >= fromSeq) count++;
    if (number === 0 || fromSeq >= (recent[0] ?? Infinity)) return count;
    for (const { key, value } of this.#chunksFrom(number, fromSeq)) {
      if (seqOfPostingsKey(key) >= fromSeq) count += chunkCount(value);
      else for (const seq of decodeChunk(seqOfPostingsKey(key), value)) if (seq >= fromSeq) count++;
    }
    return count;
  }

  /** Chunks of postings, the first of which may begin before `fromSeq`. */
  #chunksFrom(number: number, fromSeq: number): Iterable<Entry> {
    const { incarnation, snapshot } = this.#view;
    const start = postingsKey(incarnation, number, 0);
    const found = snapshot.reads.last(start, postingsKey(incarnation, number, fromSeq));
    return snapshot.reads.range({ start: found?.key ?? start, end: endKey(start.subarray(0, -8)) });
  }
}

function bySubject(a: NamedEntry, b: NamedEntry): number {
  return a.subject < b.subject ? -1 : 1;
}
