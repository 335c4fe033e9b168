/**
 * Messages of one log that the snapshot does not have yet: where their operations stand in the groups' bytes, which are
 * kept as long. By subject they are found once somebody asks; a log that is only added to pays nothing for it.
 */
import type { StoredMessage } from "./contract.ts";
import { decodeOperation, Operation } from "./operation.ts";
import { placeFrom } from "./places.ts";

/** The messages of one subject that are in the tail and not removed. */
export interface TailSubject {
  readonly subject: string;
  /** Ascending; those before `start` have left. */
  readonly seqs: number[];
  start: number;
}

/** So many entries that are not in use any more may stand before those that are. */
const slackMax = 1_024;

export class Tail {
  #seqs: number[] = [];
  /** Null: removed. */
  #bytes: (Buffer | null)[] = [];
  #places: number[] = [];
  #refs: (TailSubject | null)[] = [];
  /** Where they begin. */
  #start = 0;
  /** Up to here they are in `#subjects`. */
  #indexed = 0;
  readonly #subjects = new Map<string, TailSubject>();
  readonly #operation = new Operation();

  /** Of the first one, removed or not; Infinity when there is none. */
  get firstSeq(): number {
    return this.#seqs[this.#start] ?? Infinity;
  }

  get end(): number {
    return this.#seqs.length;
  }

  append(seq: number, bytes: Buffer, at: number): void {
    this.#seqs.push(seq);
    this.#bytes.push(bytes);
    this.#places.push(at);
    this.#refs.push(null);
  }

  seqAt(index: number): number {
    return this.#seqs[index] as number;
  }

  isDead(index: number): boolean {
    return this.#bytes[index] === null;
  }

  /** The first one at or after `seq`, removed or not. */
  indexFrom(seq: number): number {
    const seqs = this.#seqs;
    const first = seqs[this.#start];
    if (first === undefined || seq <= first) return this.#start;
    // Without gaps, which is how it usually is.
    const guess = this.#start + (seq - first);
    if (seqs[guess] === seq) return guess;
    let low = this.#start;
    let high = Math.min(seqs.length, guess);
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
    return this.#seqs[index] === seq && this.#bytes[index] !== null ? index : -1;
  }

  /** The first one from `index` on that is not removed; {@link end} when there is none. */
  liveFrom(index: number): number {
    let at = Math.max(index, this.#start);
    while (at < this.#seqs.length && this.#bytes[at] === null) at++;
    return at;
  }

  /** The last one at or before `index` that is not removed; -1 when there is none. */
  liveBefore(index: number): number {
    let at = Math.min(index, this.#seqs.length - 1);
    while (at >= this.#start && this.#bytes[at] === null) at--;
    return at < this.#start ? -1 : at;
  }

  fill(index: number, into: StoredMessage): void {
    const bytes = this.#bytes[index] as Buffer;
    const operation = this.#operation;
    decodeOperation(bytes, this.#places[index] as number, bytes.length, operation);
    into.seq = operation.seq;
    into.timeMs = operation.timeMs;
    into.timeNs = operation.timeNs;
    into.bytes = bytes;
    into.subjectStart = operation.textStart;
    into.subjectEnd = operation.textEnd;
    into.bodyStart = operation.bodyStart;
    into.bodyEnd = operation.bodyEnd;
    into.headerBytes = operation.headerBytes;
  }

  kill(index: number): void {
    this.#bytes[index] = null;
    const ref = this.#refs[index];
    if (ref === null || ref === undefined) return;
    this.#refs[index] = null;
    takeOut(ref, this.#seqs[index] as number);
    this.#settle(ref);
  }

  killThrough(seq: number): void {
    for (let at = this.#start; at < this.#seqs.length && (this.#seqs[at] as number) <= seq; at++)
      if (this.#bytes[at] !== null) this.kill(at);
  }

  /** Everything goes, since everything was removed. */
  clear(): void {
    this.#seqs = [];
    this.#bytes = [];
    this.#places = [];
    this.#refs = [];
    this.#start = this.#indexed = 0;
    this.#subjects.clear();
  }

  /** The snapshot has them up to `seq`. */
  trimThrough(seq: number): void {
    const seqs = this.#seqs;
    while (this.#start < seqs.length && (seqs[this.#start] as number) <= seq) {
      const ref = this.#refs[this.#start];
      if (ref !== null && ref !== undefined) {
        ref.start++;
        this.#settle(ref);
      }
      this.#bytes[this.#start] = null;
      this.#refs[this.#start++] = null;
    }
    if (this.#start === seqs.length) this.clear();
    else if (this.#start > slackMax && this.#start * 2 > seqs.length) this.#close();
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

  #catchUp(): void {
    const operation = this.#operation;
    for (let at = Math.max(this.#indexed, this.#start); at < this.#seqs.length; at++) {
      const bytes = this.#bytes[at];
      if (bytes === null || bytes === undefined) continue;
      decodeOperation(bytes, this.#places[at] as number, bytes.length, operation);
      const subject = operation.subject;
      let ref = this.#subjects.get(subject);
      if (ref === undefined) {
        ref = { subject, seqs: [], start: 0 };
        this.#subjects.set(subject, ref);
      }
      ref.seqs.push(this.#seqs[at] as number);
      this.#refs[at] = ref;
    }
    this.#indexed = this.#seqs.length;
  }

  #settle(ref: TailSubject): void {
    if (ref.start === ref.seqs.length) this.#subjects.delete(ref.subject);
    else if (ref.start > slackMax && ref.start * 2 > ref.seqs.length) {
      ref.seqs.splice(0, ref.start);
      ref.start = 0;
    }
  }

  #close(): void {
    const start = this.#start;
    this.#seqs = this.#seqs.slice(start);
    this.#bytes = this.#bytes.slice(start);
    this.#places = this.#places.slice(start);
    this.#refs = this.#refs.slice(start);
    this.#indexed = Math.max(0, this.#indexed - start);
    this.#start = 0;
  }
}

/** Moves what is less: a subject may have a great many messages here, which go in about the order in which they came. */
function takeOut(ref: TailSubject, seq: number): void {
  const { seqs, start } = ref;
  const place = placeFrom(seqs, start, seq);
  if (place - start > seqs.length - place) {
    seqs.splice(place, 1);
    return;
  }
  seqs.copyWithin(start + 1, start, place);
  ref.start++;
}
