/**
 * Finding messages of a log on disk by sequence and filter. Literal subjects go by their postings; other filters look at
 * some messages one by one and then, if these were in vain and the filter takes few subjects, by the postings of all of
 * them. A filter that takes many subjects finds something soon, or has to look at everything.
 */
import type { LogFilter, StoredMessage } from "../contract.ts";
import type { DiskBlocks } from "./disk-blocks.ts";
import type { DiskSubjects } from "./disk-subjects.ts";
import { indexFrom } from "../sorted-sequences.ts";
import type { LogView } from "./log-view.ts";
import { SubjectEntry } from "../lmdb/subject-entry.ts";
import { SubjectMatcher } from "./subject-matcher.ts";
import { prefixOf } from "./subject-patterns.ts";

/** So many messages are looked at before the index is asked. */
const scanMax = 256;
/** A filter that takes more subjects is not for the index, nor is one for which more have to be seen. */
const takenMax = 1_000;
const seenMax = 5_000;
/** Postings that a cursor holds, about. */
const cursorMax = 256;
const cursorsMax = 256;

/** The postings of one or several subjects in a span of sequences; as they were, so some may be gone. */
interface PostingCursor {
  readonly from: number;
  readonly through: number;
  /** Ascending. */
  readonly seqs: readonly number[];
  /** Where it was found last. */
  position: number;
}

export class DiskSearch {
  readonly #view: LogView;
  readonly #blocks: DiskBlocks;
  readonly #subjects: DiskSubjects;
  readonly #cursors = new Map<LogFilter | string, PostingCursor>();
  readonly #matchers = new WeakMap<LogFilter, SubjectMatcher>();
  readonly #entry = new SubjectEntry();

  constructor(view: LogView, blocks: DiskBlocks, subjects: DiskSubjects) {
    this.#view = view;
    this.#blocks = blocks;
    this.#subjects = subjects;
  }

  read(seq: number, into: StoredMessage): boolean {
    const { tail, baseSeq } = this.#view;
    if (seq > baseSeq) {
      const index = tail.indexOf(seq);
      if (index === -1) return false;
      tail.fill(index, into);
      return true;
    }
    if (!this.#view.hasBase || seq <= this.#view.removalOverlay.floor) return false;
    const block = this.#blocks.at(seq);
    const index = block?.indexOf(seq) ?? -1;
    if (block === null || index === -1 || block.isDead(index)) return false;
    block.fill(index, into);
    return true;
  }

  /** The first message from `fromSeq` to `throughSeq`. */
  nextAny(fromSeq: number, throughSeq: number, into: StoredMessage): boolean {
    const { baseSeq, removalOverlay, hasBase } = this.#view;
    let from = Math.max(fromSeq, hasBase ? removalOverlay.floor + 1 : baseSeq + 1);
    while (from <= baseSeq && from <= throughSeq) {
      const block = this.#blocks.from(from);
      if (block === null) break;
      let index = block.indexFrom(from);
      while (index < block.count && block.isDead(index)) index++;
      if (index < block.count) {
        if (block.seqAt(index) > throughSeq) return false;
        block.fill(index, into);
        return true;
      }
      from = block.lastSeq + 1;
    }
    const { tail } = this.#view;
    const index = tail.liveFrom(tail.indexFrom(Math.max(fromSeq, baseSeq + 1)));
    if (index === tail.end || tail.seqAt(index) > throughSeq) return false;
    tail.fill(index, into);
    return true;
  }

  /** The last message at or before `throughSeq`, and not before `fromSeq`. */
  lastAny(throughSeq: number, fromSeq: number, into: StoredMessage): boolean {
    const { tail, baseSeq, removalOverlay, hasBase } = this.#view;
    if (throughSeq > baseSeq) {
      const from = tail.indexFrom(throughSeq + 1) - 1;
      const index = tail.liveBefore(from);
      if (index !== -1) {
        if (tail.seqAt(index) < fromSeq) return false;
        tail.fill(index, into);
        return true;
      }
    }
    if (!hasBase) return false;
    const floor = Math.max(fromSeq, removalOverlay.floor + 1);
    let through = Math.min(throughSeq, baseSeq);
    while (through >= floor) {
      const block = this.#blocks.before(through);
      if (block === null) return false;
      let index = block.indexFrom(through + 1) - 1;
      while (index >= 0 && block.isDead(index)) index--;
      if (index >= 0) {
        if (block.seqAt(index) < floor) return false;
        block.fill(index, into);
        return true;
      }
      through = block.firstSeq - 1;
    }
    return false;
  }

  nextOf(subject: string, fromSeq: number, throughSeq: number, into: StoredMessage): boolean {
    const { baseSeq } = this.#view;
    for (let from = fromSeq; from <= baseSeq && from <= throughSeq; ) {
      let cursor = this.#cursorAt(subject, from);
      if (cursor === null) {
        if (!this.#subjects.reader.read(subject, this.#entry)) break;
        cursor = this.#cursorFrom(subject, [this.#entry], from);
      }
      const seq = seek(cursor, from);
      if (seq > throughSeq && seq !== Infinity) return false;
      if (seq !== Infinity && this.read(seq, into)) return true;
      from = seq === Infinity ? cursor.through + 1 : seq + 1;
    }
    const seq = this.#subjects.nextOf(subject, Math.max(fromSeq, baseSeq + 1));
    return seq <= throughSeq && this.read(seq, into);
  }

  nextTaken(fromSeq: number, throughSeq: number, filter: LogFilter, into: StoredMessage): boolean {
    const { baseSeq } = this.#view;
    const matcher = this.#matcherOf(filter);
    let from = fromSeq;
    let left = scanMax;
    for (; this.nextAny(from, throughSeq, into); from = into.seq + 1, left--) {
      if (matcher.takes(into)) return true;
      if (left !== 0 || into.seq >= baseSeq) continue;
      const found = this.#nextByIndex(into.seq + 1, Math.min(throughSeq, baseSeq), filter, into);
      if (found === true) return true;
      // What is behind the snapshot has to be looked at still.
      if (found === false) into.seq = baseSeq;
    }
    return false;
  }

  lastTaken(throughSeq: number, fromSeq: number, filter: LogFilter, into: StoredMessage): boolean {
    const matcher = this.#matcherOf(filter);
    let through = throughSeq;
    let left = scanMax;
    for (; this.lastAny(through, fromSeq, into); through = into.seq - 1, left--) {
      if (matcher.takes(into)) return true;
      if (left !== 0) continue;
      const names = this.#takenBy(filter);
      if (names === null) continue;
      let seq = 0;
      const before = into.seq - 1;
      for (const name of names) seq = Math.max(seq, this.#subjects.lastOf(name, before));
      return seq >= fromSeq && seq > 0 && this.read(seq, into);
    }
    return false;
  }

  /** One by one. */
  countTaken(fromSeq: number, throughSeq: number, filter: LogFilter, into: StoredMessage): number {
    const matcher = this.#matcherOf(filter);
    let count = 0;
    for (let from = fromSeq; this.nextAny(from, throughSeq, into); from = into.seq + 1)
      if (matcher.takes(into)) count++;
    return count;
  }

  /** Null: the filter is not one for the index. */
  #nextByIndex(fromSeq: number, throughSeq: number, filter: LogFilter, into: StoredMessage): boolean | null {
    for (let from = fromSeq; from <= throughSeq; ) {
      let cursor = this.#cursorAt(filter, from);
      if (cursor === null) {
        const entries = this.#entriesOf(filter);
        if (entries === null) return null;
        cursor = this.#cursorFrom(filter, entries, from);
      }
      const seq = seek(cursor, from);
      if (seq > throughSeq && seq !== Infinity) return false;
      if (seq !== Infinity && this.read(seq, into)) return true;
      from = seq === Infinity ? cursor.through + 1 : seq + 1;
    }
    return false;
  }

  /** Of the snapshot's subjects; null when they are many. */
  #entriesOf(filter: LogFilter): SubjectEntry[] | null {
    const entries = new Map<string, SubjectEntry>();
    const isDone = this.#eachStored(filter, (subject, entry) => entries.set(subject, entry).size <= takenMax);
    return isDone ? [...entries.values()] : null;
  }

  /** Of all subjects; null when they are many. */
  #takenBy(filter: LogFilter): Set<string> | null {
    const names = new Set<string>();
    if (!this.#eachStored(filter, (subject) => names.add(subject).size <= takenMax)) return null;
    for (const { subject } of this.#view.tail.subjects()) {
      if (filter.matches(subject)) names.add(subject);
      if (names.size > takenMax) return null;
    }
    return names;
  }

  /** Calls back for subjects of the snapshot, some maybe more than once. @returns false when that was ended early */
  #eachStored(filter: LogFilter, visit: (subject: string, entry: SubjectEntry) => boolean): boolean {
    let seen = 0;
    for (const pattern of filter.patterns) {
      const prefix = prefixOf(pattern);
      if (prefix === pattern) {
        const entry = new SubjectEntry();
        if (this.#subjects.reader.read(pattern, entry) && !visit(pattern, entry)) return false;
        continue;
      }
      for (const { subject, entry } of this.#subjects.reader.range(prefix)) {
        if (++seen > seenMax) return false;
        if (filter.matches(subject) && !visit(subject, entry)) return false;
      }
    }
    return true;
  }

  #cursorAt(key: LogFilter | string, seq: number): PostingCursor | null {
    const cursor = this.#cursors.get(key);
    return cursor !== undefined && cursor.from <= seq && seq <= cursor.through ? cursor : null;
  }

  #cursorFrom(key: LogFilter | string, entries: readonly SubjectEntry[], from: number): PostingCursor {
    let through = this.#view.baseSeq;
    const each = Math.max(16, Math.floor(cursorMax / Math.max(1, entries.length)));
    const seqs: number[] = [];
    for (const entry of entries) {
      let left = each;
      for (const seq of this.#subjects.reader.postings(entry, from)) {
        if (seq > through) break;
        seqs.push(seq);
        if (--left > 0) continue;
        through = seq;
        break;
      }
    }
    const within = entries.length === 1 ? seqs : seqs.filter((seq) => seq <= through).sort((a, b) => a - b);
    const cursor = { from, through, seqs: within, position: 0 };
    this.#cursors.delete(key);
    this.#cursors.set(key, cursor);
    if (this.#cursors.size > cursorsMax) {
      const [oldest] = this.#cursors.keys();
      if (oldest !== undefined) this.#cursors.delete(oldest);
    }
    return cursor;
  }

  #matcherOf(filter: LogFilter): SubjectMatcher {
    let matcher = this.#matchers.get(filter);
    if (matcher === undefined) {
      matcher = new SubjectMatcher(filter);
      this.#matchers.set(filter, matcher);
    }
    return matcher;
  }
}

/** The first one at or after `seq`; Infinity when the cursor has none. */
function seek(cursor: PostingCursor, seq: number): number {
  const { seqs } = cursor;
  let { position } = cursor;
  // Readers go on where they were, by one or two.
  if ((seqs[position - 1] ?? 0) >= seq || (seqs[position + 1] ?? Infinity) < seq)
    position = indexFrom(seqs, 0, seq);
  else while (position < seqs.length && (seqs[position] as number) < seq) position++;
  cursor.position = position;
  return seqs[position] ?? Infinity;
}
