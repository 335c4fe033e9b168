/** Subjects of a log on disk: the snapshot's index, less what was removed since, and the tail. */
import type { LogFilter, SubjectState } from "../contract.ts";
import type { LogView } from "./log-view.ts";
import { literalPrefix, takesAllBelow } from "./subject-patterns.ts";
import { indexFrom } from "../sorted-sequences.ts";
import { SubjectEntry } from "../lmdb/subject-entry.ts";
import { SubjectReader } from "./subject-reader.ts";

/** How many states are kept. They cost about 200 bytes each. */
const statesMax = 20_000;

interface KnownSubject extends SubjectState {
  count: number;
  firstSeq: number;
  lastSeq: number;
}

export class DiskSubjects {
  readonly reader: SubjectReader;
  readonly #view: LogView;
  /** Of subjects that were asked for, as they are decided. */
  readonly #known = new Map<string, KnownSubject>();
  readonly #entry = new SubjectEntry();

  constructor(view: LogView) {
    this.#view = view;
    this.reader = new SubjectReader(view);
  }

  get(subject: string): SubjectState | null {
    const known = this.#known.get(subject);
    if (known !== undefined) return copyOf(known, subject);
    const state = this.#compute(subject, this.reader.read(subject, this.#entry) ? this.#entry : null);
    if (state === null) return null;
    if (this.#known.size >= statesMax) this.#known.clear();
    this.#known.set(subject, state);
    return copyOf(state, subject);
  }

  /** In the order of their bytes. */
  *taken(filter: LogFilter | null): Generator<SubjectState> {
    if (filter !== null && filter.literal !== null) {
      const state = this.get(filter.literal);
      if (state !== null) yield state;
      return;
    }
    const prefix = literalPrefix(filter);
    const isAll = filter === null || takesAllBelow(filter, prefix);
    const fresh = this.#freshSubjects(prefix);
    let at = 0;
    for (const { subject, entry } of this.reader.range(prefix)) {
      for (; at < fresh.length && (fresh[at] as string) < subject; at++) {
        const state = this.#stateIf(filter, fresh[at] as string);
        if (state !== null) yield state;
      }
      if (fresh[at] === subject) at++;
      if (!isAll && filter?.matches(subject) === false) continue;
      const state = this.#compute(subject, entry);
      if (state !== null) yield state;
    }
    for (; at < fresh.length; at++) {
      const state = this.#stateIf(filter, fresh[at] as string);
      if (state !== null) yield state;
    }
  }

  /** Whether it is plain, without asking for each subject, that the filter takes all there are. */
  areAllTaken(filter: LogFilter): boolean {
    const prefix = literalPrefix(filter);
    if (!takesAllBelow(filter, prefix) || !this.reader.allBeginWith(prefix)) return false;
    for (const { subject } of this.#view.tail.subjects()) if (!subject.startsWith(prefix)) return false;
    return true;
  }

  /** How many subjects have messages. */
  count(): number {
    const { base, removalOverlay, tail } = this.#view;
    if (base === null || !this.#view.hasBase) return [...tail.subjects()].length;
    if (removalOverlay.floor >= base.firstSeq) {
      let all = 0;
      for (const _ of this.taken(null)) all++;
      return all;
    }
    let count = base.subjectCount;
    for (const { subject } of tail.subjects()) if (!this.reader.read(subject, this.#entry)) count++;
    for (const subject of removalOverlay.subjects())
      if (this.reader.read(subject, this.#entry) && this.#compute(subject, this.#entry) === null) count--;
    return count;
  }

  noteAppended(subject: string, seq: number): void {
    if (this.#known.size === 0) return;
    const known = this.#known.get(subject);
    if (known === undefined) return;
    known.count++;
    known.lastSeq = seq;
  }

  /** To be called when all else knows already that it is removed. */
  noteRemoved(subject: string, seq: number): void {
    if (this.#known.size === 0) return;
    const known = this.#known.get(subject);
    if (known === undefined) return;
    if (--known.count === 0) {
      this.#known.delete(subject);
      return;
    }
    if (seq === known.firstSeq) known.firstSeq = this.nextOf(subject, seq + 1);
    else if (seq === known.lastSeq) known.lastSeq = this.lastOf(subject, seq - 1);
  }

  forgetAll(): void {
    this.#known.clear();
  }

  /** The first message of the subject at or after `fromSeq`; Infinity when there is none. */
  nextOf(subject: string, fromSeq: number): number {
    if (fromSeq <= this.#view.baseSeq && this.reader.read(subject, this.#entry)) {
      const seq = this.#firstLeft(subject, this.#entry, fromSeq);
      if (seq !== Infinity) return seq;
    }
    const tail = this.#view.tail.subject(subject);
    if (tail === null) return Infinity;
    return tail.seqs[indexFrom(tail.seqs, tail.start, fromSeq)] ?? Infinity;
  }

  /** The last message of the subject at or before `throughSeq`; 0 when there is none. */
  lastOf(subject: string, throughSeq: number): number {
    const tail = this.#view.tail.subject(subject);
    if (tail !== null) {
      const position = indexFrom(tail.seqs, tail.start, throughSeq + 1) - 1;
      if (position >= tail.start) return tail.seqs[position] as number;
    }
    return this.reader.read(subject, this.#entry) ? this.#lastLeft(subject, this.#entry, throughSeq) : 0;
  }

  /** How many messages of the subject are at or after `fromSeq`. */
  countFrom(state: SubjectState, fromSeq: number): number {
    if (fromSeq <= state.firstSeq) return state.count;
    if (fromSeq > state.lastSeq) return 0;
    const { subject } = state;
    const tail = this.#view.tail.subject(subject);
    let count = tail === null ? 0 : tail.seqs.length - indexFrom(tail.seqs, tail.start, fromSeq);
    if (!this.reader.read(subject, this.#entry)) return count;
    const from = Math.max(fromSeq, this.#view.removalOverlay.floor + 1);
    count += this.reader.countFrom(this.#entry, from);
    for (const seq of this.#view.removalOverlay.of(subject))
      if (seq >= from && seq <= this.#view.baseSeq) count--;
    return count;
  }

  /** Of a subject that the snapshot does not have. */
  #stateIf(filter: LogFilter | null, subject: string): KnownSubject | null {
    return filter === null || filter.matches(subject) ? this.#compute(subject, null) : null;
  }

  /** Of the tail, in order. */
  #freshSubjects(prefix: string): string[] {
    const fresh: string[] = [];
    for (const { subject } of this.#view.tail.subjects()) if (subject.startsWith(prefix)) fresh.push(subject);
    return fresh.sort();
  }

  /** @param entry the snapshot's; null: it has none */
  #compute(subject: string, entry: SubjectEntry | null): KnownSubject | null {
    if (entry !== null && this.#view.isBaseAll) return copyOf(entry, subject);
    const tail = this.#view.tail.subject(subject);
    const tailCount = tail === null ? 0 : tail.seqs.length - tail.start;
    const baseCount = entry === null ? 0 : this.#countLeft(subject, entry);
    const count = baseCount + tailCount;
    if (count === 0) return null;
    const tailFirst = tail?.seqs[tail.start] ?? 0;
    const tailLast = tail?.seqs.at(-1) ?? 0;
    const firstSeq = entry === null || baseCount === 0 ? tailFirst : this.#firstLeft(subject, entry, 0);
    const lastSeq = entry === null || tailCount > 0 ? tailLast : this.#lastLeft(subject, entry, Infinity);
    return { subject, count, firstSeq, lastSeq };
  }

  #countLeft(subject: string, entry: SubjectEntry): number {
    const { removalOverlay, baseSeq } = this.#view;
    if (removalOverlay.isEmpty) return entry.count;
    let count = this.reader.countFrom(entry, removalOverlay.floor + 1);
    for (const seq of removalOverlay.of(subject)) if (seq > removalOverlay.floor && seq <= baseSeq) count--;
    return count;
  }

  #firstLeft(subject: string, entry: SubjectEntry, fromSeq: number): number {
    const { removalOverlay } = this.#view;
    const removed = removalOverlay.of(subject);
    const from = Math.max(fromSeq, removalOverlay.floor + 1);
    if (from <= entry.firstSeq && !removed.has(entry.firstSeq)) return entry.firstSeq;
    if (from > entry.lastSeq) return Infinity;
    for (const seq of this.reader.postings(entry, from)) if (!removed.has(seq)) return seq;
    return Infinity;
  }

  #lastLeft(subject: string, entry: SubjectEntry, throughSeq: number): number {
    const { removalOverlay } = this.#view;
    const removed = removalOverlay.of(subject);
    if (throughSeq >= entry.lastSeq && !removed.has(entry.lastSeq) && entry.lastSeq > removalOverlay.floor)
      return entry.lastSeq;
    for (const seq of this.reader.postingsDown(entry, Math.min(throughSeq, entry.lastSeq))) {
      if (seq <= removalOverlay.floor) return 0;
      if (!removed.has(seq)) return seq;
    }
    return 0;
  }
}

function copyOf({ count, firstSeq, lastSeq }: Omit<SubjectState, "subject">, subject: string): KnownSubject {
  return { subject, count, firstSeq, lastSeq };
}
