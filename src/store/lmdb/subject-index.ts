/** The index by subject as the applier keeps it: what a batch of operations changed is merged into the entries. */
import type { Environment } from "./environment.ts";
import { endKey, postingsKey, seqOfPostingsKey, subjectBytesMax, subjectKey } from "./keys.ts";
import { Reads } from "./reads.ts";
import type { SubjectChange } from "./subject-changes.ts";
import { decodeChunk, decodeEntry, encodeChunk, encodeEntry, SubjectEntry } from "./subject-entry.ts";

/** More postings than this in an entry go to chunks, all but the last few. */
const recentMax = 64;
const recentKept = 16;
const chunkMax = 1_024;

/** What of a stream's state the index counts. */
export interface IndexCounters {
  readonly incarnation: number;
  subjectCount: number;
  nextSubjectNumber: number;
}

export class SubjectIndex {
  readonly #env: Environment;
  readonly #reads: Reads;

  constructor(env: Environment) {
    this.#env = env;
    this.#reads = new Reads(env);
  }

  /** Within a transaction. */
  apply(counters: IndexCounters, changes: ReadonlyMap<string, SubjectChange>): void {
    // In the order of the keys, pages are touched one after the other.
    for (const subject of [...changes.keys()].sort()) {
      const { added, removed } = changes.get(subject) as SubjectChange;
      if (removed.length === 0) this.#merge(counters, subject, added, removed);
      else {
        const gone = new Set(removed);
        const stay = added.filter((seq) => !gone.delete(seq));
        this.#merge(
          counters,
          subject,
          stay,
          [...gone].sort((a, b) => a - b),
        );
      }
    }
  }

  #merge(
    counters: IndexCounters,
    subject: string,
    added: readonly number[],
    removed: readonly number[],
  ): void {
    if (added.length === 0 && removed.length === 0) return;
    const key = subjectKey(counters.incarnation, subject);
    const entry = new SubjectEntry();
    const value = this.#reads.peek(key);
    if (value === undefined) counters.subjectCount++;
    else decodeEntry(value, subject.length > subjectBytesMax, entry);
    if (removed.length > 0) this.#remove(counters.incarnation, entry, removed);
    this.#add(counters, entry, added);
    if (entry.count === 0) {
      counters.subjectCount--;
      if (value !== undefined) this.#env.removeSync(key);
      return;
    }
    if (entry.count === 1) this.#settleLast(counters.incarnation, entry);
    this.#env.putSync(key, encodeEntry(subject, entry));
  }

  #add(counters: IndexCounters, entry: SubjectEntry, added: readonly number[]): void {
    if (added.length === 0) return;
    if (entry.count === 0) entry.firstSeq = added[0] as number;
    entry.count += added.length;
    entry.lastSeq = added.at(-1) as number;
    entry.recent = entry.recent.concat(added);
    if (entry.recent.length > recentMax) this.#spill(counters, entry);
  }

  /** Moves the older postings of the entry into chunks. */
  #spill(counters: IndexCounters, entry: SubjectEntry): void {
    const { incarnation } = counters;
    if (entry.number === 0) entry.number = counters.nextSubjectNumber++;
    const { number } = entry;
    let moved = entry.recent.slice(0, -recentKept);
    entry.recent = entry.recent.slice(-recentKept);
    const latest = this.#reads.last(
      postingsKey(incarnation, number, 0),
      postingsKey(incarnation, number, moved[0] ?? 0),
    );
    if (latest !== null) {
      const before = decodeChunk(seqOfPostingsKey(latest.key), latest.value);
      if (before.length < chunkMax) moved = before.concat(moved);
    }
    for (let at = 0; at < moved.length; at += chunkMax) {
      const chunk = moved.slice(at, at + chunkMax);
      this.#env.putSync(postingsKey(incarnation, number, chunk[0] as number), encodeChunk(chunk));
    }
  }

  /** @param removed ascending; all of them in the index */
  #remove(incarnation: number, entry: SubjectEntry, removed: readonly number[]): void {
    const gone = new Set(removed);
    entry.recent = entry.recent.filter((seq) => !gone.delete(seq));
    if (gone.size > 0) this.#removeFromChunks(incarnation, entry.number, gone);
    entry.count -= removed.length;
    if (entry.count === 0) return;
    if (removed.at(-1) === entry.lastSeq)
      entry.lastSeq = entry.recent.at(-1) ?? this.#lastInChunks(incarnation, entry.number);
    if (removed[0] === entry.firstSeq)
      entry.firstSeq = this.#firstInChunks(incarnation, entry.number) ?? (entry.recent[0] as number);
  }

  /** @param gone ascending as a set keeps it */
  #removeFromChunks(incarnation: number, number: number, gone: Set<number>): void {
    const start = postingsKey(incarnation, number, 0);
    for (const seq of [...gone]) {
      if (!gone.has(seq)) continue;
      const found = this.#reads.last(start, postingsKey(incarnation, number, seq));
      if (found === null) throw new Error(`the index of subjects has no posting ${seq} of subject ${number}`);
      const postings = decodeChunk(seqOfPostingsKey(found.key), found.value);
      const left = postings.filter((posting) => !gone.delete(posting));
      if (gone.has(seq)) throw new Error(`the index of subjects lacks posting ${seq} of subject ${number}`);
      if (left.length === 0 || left[0] !== postings[0]) this.#env.removeSync(found.key);
      if (left.length > 0)
        this.#env.putSync(postingsKey(incarnation, number, left[0] as number), encodeChunk(left));
    }
  }

  #firstInChunks(incarnation: number, number: number): number | null {
    if (number === 0) return null;
    const start = postingsKey(incarnation, number, 0);
    const found = this.#reads.first({ start, end: endKey(start.subarray(0, -8)) });
    return found === null ? null : seqOfPostingsKey(found.key);
  }

  #lastInChunks(incarnation: number, number: number): number {
    const found = this.#reads.last(
      postingsKey(incarnation, number, 0),
      postingsKey(incarnation, number, Number.MAX_SAFE_INTEGER),
    );
    if (found === null) throw new Error(`the index of subjects has lost the postings of subject ${number}`);
    return decodeChunk(seqOfPostingsKey(found.key), found.value).at(-1) as number;
  }

  /** A lone posting stands in the entry, and nowhere else. */
  #settleLast(incarnation: number, entry: SubjectEntry): void {
    if (entry.recent.length === 1) return;
    entry.recent = [entry.firstSeq];
    this.#env.removeSync(postingsKey(incarnation, entry.number, entry.firstSeq));
  }
}
