/** Which messages each subject has, for a log that keeps this in memory. */
import type { LogFilter, SubjectState } from "../contract.ts";
import { SortedList } from "../sorted-list.ts";

/** One subject and its sequences. Of up to two messages the first and the last are all there is to know. */
export class SubjectEntry implements SubjectState {
  readonly subject: string;
  count = 0;
  firstSeq = 0;
  lastSeq = 0;
  #seqs: SortedList<number> | null = null;
  /** What the filter that was asked last said. */
  #filter: LogFilter | null = null;
  #taken = false;

  constructor(subject: string) {
    this.subject = subject;
  }

  isTakenBy(filter: LogFilter): boolean {
    if (this.#filter !== filter) {
      this.#filter = filter;
      this.#taken = filter.matches(this.subject);
    }
    return this.#taken;
  }

  /** @param seq above all others */
  add(seq: number): void {
    if (this.count === 2) {
      this.#seqs = new SortedList<number>((a, b) => a - b);
      this.#seqs.add(this.firstSeq);
      this.#seqs.add(this.lastSeq);
    }
    this.#seqs?.add(seq);
    if (this.count === 0) this.firstSeq = seq;
    this.lastSeq = seq;
    this.count++;
  }

  /** @param seq one of its own */
  remove(seq: number): void {
    this.count--;
    this.#seqs?.delete(seq);
    if (seq === this.firstSeq) this.firstSeq = this.#seqs?.first ?? this.lastSeq;
    if (seq === this.lastSeq) this.lastSeq = this.#seqs?.last ?? this.firstSeq;
    if (this.count <= 2) this.#seqs = null;
  }

  /** 0 when there is none. */
  atOrAfter(seq: number): number {
    if (seq <= this.firstSeq) return this.firstSeq;
    if (seq > this.lastSeq) return 0;
    return this.#seqs?.atOrAfter(seq) ?? this.lastSeq;
  }

  /** 0 when there is none. */
  atOrBefore(seq: number): number {
    if (seq >= this.lastSeq) return this.lastSeq;
    if (seq < this.firstSeq) return 0;
    return this.#seqs?.atOrBefore(seq) ?? this.firstSeq;
  }

  countFrom(seq: number): number {
    if (seq <= this.firstSeq) return this.count;
    if (seq > this.lastSeq) return 0;
    return this.#seqs?.countFrom(seq) ?? 1;
  }
}

export class SubjectTable {
  readonly #entries = new Map<string, SubjectEntry>();
  /** In order, without those added since it was made and with those that have gone (their count is 0). Never changed. */
  #sorted: readonly SubjectEntry[] = [];
  #added: SubjectEntry[] = [];
  #goneCount = 0;

  get size(): number {
    return this.#entries.size;
  }

  get(subject: string): SubjectEntry | undefined {
    return this.#entries.get(subject);
  }

  add(subject: string, seq: number): SubjectEntry {
    let entry = this.#entries.get(subject);
    if (entry === undefined) {
      entry = new SubjectEntry(subject);
      this.#entries.set(subject, entry);
      this.#added.push(entry);
    }
    entry.add(seq);
    return entry;
  }

  remove(entry: SubjectEntry, seq: number): void {
    entry.remove(seq);
    if (entry.count > 0) return;
    this.#entries.delete(entry.subject);
    this.#goneCount++;
  }

  clear(): void {
    this.#entries.clear();
    this.#sorted = [];
    this.#added = [];
    this.#goneCount = 0;
  }

  /** What {@link taken} has to look at. */
  candidateCount(filter: LogFilter): number {
    let count = 0;
    for (const [from, to] of this.#ranges(filter)) count += to - from;
    return count;
  }

  /** Those that the filter takes, in the order of their bytes. */
  *taken(filter: LogFilter | null): Generator<SubjectEntry> {
    const ranges = this.#ranges(filter);
    const sorted = this.#sorted;
    for (const [from, to] of ranges) {
      for (let at = from; at < to; at++) {
        const entry = sorted[at] as SubjectEntry;
        if (entry.count > 0 && (filter === null || entry.isTakenBy(filter))) yield entry;
      }
    }
  }

  /** Where in `#sorted` the subjects stand that begin as a pattern does before its first wildcard; they do not overlap. */
  #ranges(filter: LogFilter | null): [from: number, to: number][] {
    this.#sort();
    if (filter === null) return [[0, this.#sorted.length]];
    const ranges = filter.patterns.map((pattern): [number, number] => {
      const prefix = literalPrefix(pattern);
      // No character of a wire string is above U+00FF.
      return [this.#positionOf(prefix), this.#positionOf(`${prefix}\u0100`)];
    });
    ranges.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    const joined: [number, number][] = [];
    for (const range of ranges) {
      const before = joined.at(-1);
      if (before !== undefined && range[0] < before[1]) before[1] = Math.max(before[1], range[1]);
      else joined.push(range);
    }
    return joined;
  }

  #positionOf(subject: string): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sorted[middle] as SubjectEntry).subject < subject) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #sort(): void {
    if (this.#added.length === 0 && this.#goneCount * 2 <= this.#sorted.length) return;
    const added = this.#added.filter((entry) => entry.count > 0);
    added.sort((a, b) => (a.subject < b.subject ? -1 : 1));
    const merged: SubjectEntry[] = [];
    let next = 0;
    for (const entry of this.#sorted) {
      if (entry.count === 0) continue;
      while (next < added.length && (added[next] as SubjectEntry).subject < entry.subject)
        merged.push(added[next++] as SubjectEntry);
      merged.push(entry);
    }
    while (next < added.length) merged.push(added[next++] as SubjectEntry);
    this.#sorted = merged;
    this.#added = [];
    this.#goneCount = 0;
  }
}

function literalPrefix(pattern: string): string {
  const wildcard = /(^|\.)[*>](?=\.|$)/.exec(pattern);
  return wildcard === null ? pattern : pattern.slice(0, wildcard.index + (wildcard[1] as string).length);
}
