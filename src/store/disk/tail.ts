/**
 * Messages of one log that the snapshot does not have yet: where their operations stand in the chunks of the journal,
 * which are held as long. By subject they are found once somebody asks; a log that is only added to pays nothing for it.
 */
import type { Chunk } from "../journal/chunks.ts";
import type { StoredMessage } from "../contract.ts";
import { fillMessage, subjectOfMessage } from "../journal/operation.ts";
import { indexFrom } from "../sorted-sequences.ts";

/** The messages of one subject that are in the tail and not removed. */
export interface TailSubject {
  readonly subject: string;
  /** Ascending; those before `start` have left. */
  readonly seqs: number[];
  start: number;
}

/** So many entries that are not in use any more may stand before those that are. */
const slackMax = 1_024;
const entriesMin = 16;
/** An empty tail keeps room for so many: there are many logs, and most of them rest. */
const emptyEntriesMax = 512;
/** In place of where it stands: removed. No chunk is as large. */
const removed = 0xffff_ffff;

export class Tail {
  /** Entries stand in `[#start, #end)`. */
  #seqs = new Float64Array(0);
  /** Where in their chunks; {@link removed}. */
  #positions = new Uint32Array(0);
  /** Numbers of their chunks, which rise by one and begin anew behind 2^32 - 1. */
  #chunkNumbers = new Uint32Array(0);
  #start = 0;
  #end = 0;
  /** Held: those from the first entry's to the last one's, or some before. */
  #chunks: Chunk[] = [];
  /** Of the first of them. */
  #chunkNumber = 0;
  /** Of the entries before `#indexed`, as far as they are in `#subjects`; empty as long as nobody asks. */
  #refs: (TailSubject | null)[] = [];
  /** Up to here they are in `#subjects`. */
  #indexed = 0;
  readonly #subjects = new Map<string, TailSubject>();

  /** Of the first one, removed or not; Infinity when there is none. */
  get firstSeq(): number {
    return this.#start === this.#end ? Infinity : (this.#seqs[this.#start] as number);
  }

  get end(): number {
    return this.#end;
  }

  /** @param at of a message's operation. What is there must not change until this lets go of the chunk */
  append(seq: number, chunk: Chunk, at: number): void {
    if (this.#end === this.#seqs.length) this.#grow();
    const chunks = this.#chunks;
    if (chunks.length === 0 || chunks[chunks.length - 1] !== chunk) {
      chunk.hold();
      chunks.push(chunk);
    }
    const index = this.#end++;
    this.#seqs[index] = seq;
    this.#positions[index] = at;
    this.#chunkNumbers[index] = this.#chunkNumber + chunks.length - 1;
  }

  seqAt(index: number): number {
    return this.#seqs[index] as number;
  }

  /** The first one at or after `seq`, removed or not. */
  indexFrom(seq: number): number {
    const seqs = this.#seqs;
    const start = this.#start;
    const end = this.#end;
    if (start === end) return start;
    const first = seqs[start] as number;
    if (seq <= first) return start;
    // Without gaps, which is how it usually is.
    const guess = start + (seq - first);
    if (guess < end && seqs[guess] === seq) return guess;
    let low = start;
    let high = Math.min(end, guess);
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((seqs[middle] as number) < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** -1 when it is not here, or removed. */
  indexOf(seq: number): number {
    const index = this.indexFrom(seq);
    return index < this.#end && this.#seqs[index] === seq && this.#positions[index] !== removed ? index : -1;
  }

  /** The first one from `index` on that is not removed; {@link end} when there is none. */
  liveFrom(index: number): number {
    let at = Math.max(index, this.#start);
    while (at < this.#end && this.#positions[at] === removed) at++;
    return at;
  }

  /** The last one at or before `index` that is not removed; -1 when there is none. */
  liveBefore(index: number): number {
    let at = Math.min(index, this.#end - 1);
    while (at >= this.#start && this.#positions[at] === removed) at--;
    return at < this.#start ? -1 : at;
  }

  /** @param index of one that is not removed */
  fill(index: number, into: StoredMessage): void {
    const chunk = this.#chunkOf(index);
    if (!into.isPassing) chunk.show();
    fillMessage(chunk, this.#positions[index] as number, into);
  }

  kill(index: number): void {
    this.#positions[index] = removed;
    const ref = this.#refs[index] ?? null;
    if (ref === null) return;
    this.#refs[index] = null;
    takeOut(ref, this.#seqs[index] as number);
    this.#settle(ref);
  }

  killThrough(seq: number): void {
    for (let at = this.#start; at < this.#end && (this.#seqs[at] as number) <= seq; at++)
      if (this.#positions[at] !== removed) this.kill(at);
  }

  /** Everything goes, since everything was removed. */
  clear(): void {
    this.#subjects.clear();
    this.#empty();
  }

  /** The snapshot has them up to `seq`. */
  trimThrough(seq: number): void {
    const next = this.indexFrom(seq + 1);
    for (let at = this.#start; at < next && at < this.#refs.length; at++) {
      const ref = this.#refs[at] ?? null;
      if (ref === null) continue;
      this.#refs[at] = null;
      ref.start++;
      this.#settle(ref);
    }
    this.#start = next;
    if (next === this.#end) {
      this.#empty();
      return;
    }
    this.#letGo(((this.#chunkNumbers[next] as number) - this.#chunkNumber) >>> 0);
    if (next > slackMax && next * 2 > this.#end) this.#moveTo(this.#fitting());
  }

  /** Null when none of the subject's messages is here. */
  subject(subject: string): TailSubject | null {
    this.#catchUp();
    return this.#subjects.get(subject) ?? null;
  }

  subjects(): IterableIterator<TailSubject> {
    this.#catchUp();
    return this.#subjects.values();
  }

  #chunkOf(index: number): Chunk {
    return this.#chunks[((this.#chunkNumbers[index] as number) - this.#chunkNumber) >>> 0] as Chunk;
  }

  #catchUp(): void {
    const refs = this.#refs;
    for (let at = Math.max(this.#indexed, this.#start); at < this.#end; at++) {
      const position = this.#positions[at] as number;
      if (position === removed) continue;
      const subject = subjectOfMessage(this.#chunkOf(at), position);
      let ref = this.#subjects.get(subject);
      if (ref === undefined) {
        ref = { subject, seqs: [], start: 0 };
        this.#subjects.set(subject, ref);
      }
      ref.seqs.push(this.#seqs[at] as number);
      while (refs.length < at) refs.push(null);
      refs[at] = ref;
    }
    this.#indexed = this.#end;
  }

  #settle(ref: TailSubject): void {
    if (ref.start === ref.seqs.length) this.#subjects.delete(ref.subject);
    else if (ref.start > slackMax && ref.start * 2 > ref.seqs.length) {
      ref.seqs.splice(0, ref.start);
      ref.start = 0;
    }
  }

  #empty(): void {
    this.#letGo(this.#chunks.length);
    this.#refs.length = 0;
    this.#start = this.#end = this.#indexed = 0;
    if (this.#seqs.length > emptyEntriesMax) this.#moveTo(0);
  }

  /** Of so many chunks, from the first on. */
  #letGo(count: number): void {
    if (count === 0) return;
    for (let at = 0; at < count; at++) (this.#chunks[at] as Chunk).release();
    this.#chunks.splice(0, count);
    this.#chunkNumber = (this.#chunkNumber + count) >>> 0;
  }

  #grow(): void {
    const size = this.#seqs.length;
    this.#moveTo(this.#start * 2 > size ? size : Math.max(entriesMin, size * 2));
  }

  /** How much room there should be for what there is. */
  #fitting(): number {
    const size = this.#seqs.length;
    return (this.#end - this.#start) * 8 < size ? size >> 1 : size;
  }

  /** Moves the entries to the beginning, of new arrays if there is to be room for more or less. */
  #moveTo(size: number): void {
    const start = this.#start;
    const end = this.#end;
    if (size === this.#seqs.length) {
      this.#seqs.copyWithin(0, start, end);
      this.#positions.copyWithin(0, start, end);
      this.#chunkNumbers.copyWithin(0, start, end);
    } else {
      this.#seqs = movedTo(new Float64Array(size), this.#seqs, start, end);
      this.#positions = movedTo(new Uint32Array(size), this.#positions, start, end);
      this.#chunkNumbers = movedTo(new Uint32Array(size), this.#chunkNumbers, start, end);
    }
    this.#refs.splice(0, start);
    this.#indexed = Math.max(0, this.#indexed - start);
    this.#start = 0;
    this.#end = end - start;
  }
}

function movedTo<T extends Float64Array | Uint32Array>(target: T, source: T, start: number, end: number): T {
  target.set(source.subarray(start, end));
  return target;
}

/** Moves what is less: a subject may have a great many messages here, which go in about the order in which they came. */
function takeOut(ref: TailSubject, seq: number): void {
  const { seqs, start } = ref;
  const position = indexFrom(seqs, start, seq);
  if (position - start > seqs.length - position) {
    seqs.splice(position, 1);
    return;
  }
  seqs.copyWithin(start + 1, start, position);
  ref.start++;
}
