/**
 * One message at a time for each key, in the order of the stream, while other keys go on. A key is made of tokens of the
 * subject. What comes while its key is busy waits here.
 */
import type { MessageLog, StoredMessage } from "../../../store/contract.ts";
import type { DeliveryState } from "./delivery-state.ts";

/** So many messages may wait for their keys; then no further ones are looked at until a key becomes free. */
const waitingMax = 10_000;

interface Key {
  /** The one that is out; 0: none. */
  outSeq: number;
  /** Ascending. */
  readonly waiting: number[];
}

export class KeyOrder {
  /** Of tokens, from 1 on. */
  readonly #positions: readonly number[];
  readonly #keys = new Map<string, Key>();
  /** Of those that are out or wait. */
  readonly #keyOf = new Map<number, string>();
  /** Keys that are free and have somebody waiting. */
  readonly #ready = new Set<string>();
  #waitingCount = 0;

  constructor(positions: readonly number[]) {
    this.#positions = positions;
  }

  get isFull(): boolean {
    return this.#waitingCount >= waitingMax;
  }

  isBusy(subject: string): boolean {
    const key = this.#keys.get(this.#textOf(subject));
    return key !== undefined && (key.outSeq > 0 || key.waiting.length > 0);
  }

  /** This message is out. */
  occupy(seq: number, subject: string): void {
    const text = this.#textOf(subject);
    this.#keyOf.set(seq, text);
    this.#open(text).outSeq = seq;
    this.#ready.delete(text);
  }

  /** This one comes after others of its key. */
  wait(seq: number, subject: string): void {
    const text = this.#textOf(subject);
    this.#keyOf.set(seq, text);
    const key = this.#open(text);
    key.waiting.push(seq);
    this.#waitingCount++;
    if (key.outSeq === 0) this.#ready.add(text);
  }

  /** One that waits and whose key is free; 0 when there is none. */
  nextReady(): number {
    for (const text of this.#ready) return (this.#keys.get(text) as Key).waiting[0] ?? 0;
    return 0;
  }

  /** The one that was ready is out. */
  took(seq: number): void {
    const text = this.#keyOf.get(seq);
    const key = text === undefined ? undefined : this.#keys.get(text);
    if (text === undefined || key?.waiting[0] !== seq) return;
    key.waiting.shift();
    this.#waitingCount--;
    key.outSeq = seq;
    this.#ready.delete(text);
  }

  /** The one that was out is done with. */
  release(seq: number): void {
    const text = this.#keyOf.get(seq);
    const key = text === undefined ? undefined : this.#keys.get(text);
    if (text === undefined || key?.outSeq !== seq) return;
    this.#keyOf.delete(seq);
    key.outSeq = 0;
    this.#settle(text, key);
  }

  /** One that waited is gone. */
  forget(seq: number): void {
    const text = this.#keyOf.get(seq);
    const key = text === undefined ? undefined : this.#keys.get(text);
    if (text === undefined || key === undefined) return;
    const position = key.waiting.indexOf(seq);
    if (position < 0) return;
    key.waiting.splice(position, 1);
    this.#waitingCount--;
    this.#keyOf.delete(seq);
    if (key.outSeq === 0) this.#settle(text, key);
  }

  /** Begins with what is out and what waits according to `state`. */
  restore(state: DeliveryState, log: MessageLog, frame: StoredMessage): void {
    this.clear();
    state.pending.forEach((seq) => {
      if (log.read(seq, frame)) this.occupy(seq, frame.subject);
    });
    for (const seq of [...state.deferred].sort((a, b) => a - b))
      if (log.read(seq, frame)) this.wait(seq, frame.subject);
  }

  clear(): void {
    this.#keys.clear();
    this.#keyOf.clear();
    this.#ready.clear();
    this.#waitingCount = 0;
  }

  #settle(text: string, key: Key): void {
    if (key.waiting.length > 0) this.#ready.add(text);
    else {
      this.#ready.delete(text);
      this.#keys.delete(text);
    }
  }

  #open(text: string): Key {
    let key = this.#keys.get(text);
    if (key === undefined) this.#keys.set(text, (key = { outSeq: 0, waiting: [] }));
    return key;
  }

  /** Tokens that are not there are empty ones. */
  #textOf(subject: string): string {
    const tokens = subject.split(".");
    return this.#positions.map((position) => tokens[position - 1] ?? "").join(".");
  }
}

/** Positions as in `"2"` or `"1,3"`; null when it is not that. */
export function parseKeyPositions(text: string): number[] | null {
  const positions = text.split(",").map((part) => part.trim());
  if (!positions.every((part) => /^[1-9][0-9]{0,3}$/.test(part))) return null;
  return positions.map(Number);
}
