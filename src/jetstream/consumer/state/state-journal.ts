/**
 * A consumer's state in the records of its stream: a snapshot, and behind it small changes in the order in which they
 * were made, until the next snapshot. What is flushed within a pass is in the same group as all else of that pass.
 *
 * A change is one number, eight times the distance of its sequence from the one before (0 at the start of a record) plus
 * its kind; some have further numbers behind them. 0 ends a record.
 */
import type { StreamStore } from "../../../store/contract.ts";
import { NumberReader, NumberWriter } from "../../../store/varint.ts";
import { DeliveryState } from "./delivery-state.ts";

const version = 1;

const kinds = {
  /** Carries the wall time, in milliseconds, of those that follow. */
  time: 1,
  deliver: 2,
  redeliver: 3,
  settle: 4,
  /** A consumer sequence follows. */
  settleThrough: 5,
  /** The time follows from which on it waits for an ack. */
  stamp: 6,
  /** One of {@link others} follows. */
  other: 7,
} as const;

const others = {
  /** It ran out of deliveries. */
  exhaust: 0,
  /** It waits for its key. */
  defer: 1,
  /** The change before happened to so many sequences more, one after the other: the number follows. */
  repeat: 2,
} as const;

const repeatsMax = 1_048_576;

/** Changes of this size together are replaced by a snapshot, or of the snapshot's if that is larger. */
const changedBytesMax = 64 * 1024;
/** Waits for acks are kept to this. */
const sameTimeMs = 10;
const changesMax = 8_192;

export class StateJournal {
  readonly #store: StreamStore;
  readonly #record: string;
  readonly #state: DeliveryState;
  /** From monotonic to wall milliseconds, now. */
  readonly #wallOffsetMs: () => number;
  readonly #writer = new NumberWriter();
  #lastSeq = 0;
  /** Of the time that was written last. */
  #beganMs = -Infinity;
  #isEmpty = true;
  /** Of the change before, if it may be repeated; 0: not. */
  #repeatedKind = 0;
  #repeats = 0;
  #changeCount = 0;
  #changedBytes = 0;
  #snapshotBytes = 0;

  constructor(store: StreamStore, record: string, state: DeliveryState, wallOffsetMs: () => number) {
    this.#store = store;
    this.#record = record;
    this.#state = state;
    this.#wallOffsetMs = wallOffsetMs;
  }

  deliver(seq: number, nowMs: number): void {
    if (this.#isEmpty || nowMs - this.#beganMs > sameTimeMs) this.#begin(nowMs);
    this.#put(kinds.deliver, seq);
  }

  redeliver(seq: number, nowMs: number): void {
    if (this.#isEmpty || nowMs - this.#beganMs > sameTimeMs) this.#begin(nowMs);
    this.#put(kinds.redeliver, seq);
  }

  settle(seq: number): void {
    this.#put(kinds.settle, seq);
  }

  settleThrough(seq: number, consumerSeq: number): void {
    this.#put(kinds.settleThrough, seq);
    this.#writer.put(consumerSeq);
  }

  stamp(seq: number, stampMs: number): void {
    this.#put(kinds.stamp, seq);
    this.#writer.put(wall(stampMs, this.#wallOffsetMs()));
  }

  exhaust(seq: number): void {
    this.#put(kinds.other, seq);
    this.#writer.put(others.exhaust);
  }

  defer(seq: number): void {
    this.#put(kinds.other, seq);
    this.#writer.put(others.defer);
  }

  get isEmpty(): boolean {
    return this.#isEmpty;
  }

  /** So much has gathered that it is not to wait any longer. */
  get isLarge(): boolean {
    return this.#changeCount >= changesMax;
  }

  /** Hands what has gathered to the store. */
  flush(): void {
    if (this.#isEmpty) return;
    this.#endRepeats();
    this.#writer.put(0);
    const change = this.#writer.take();
    this.#writer.clear();
    this.#isEmpty = true;
    this.#changeCount = 0;
    this.#lastSeq = 0;
    this.#changedBytes += change.length;
    if (this.#changedBytes > Math.max(changedBytesMax, this.#snapshotBytes)) this.snapshot();
    else this.#store.appendToRecord(this.#record, change);
  }

  /** Writes everything anew: where a change would not do, and at the end. */
  snapshot(): void {
    this.#writer.clear();
    this.#isEmpty = true;
    this.#repeatedKind = this.#repeats = 0;
    this.#changeCount = 0;
    this.#lastSeq = 0;
    this.#changedBytes = 0;
    const bytes = encodeState(this.#state, this.#wallOffsetMs());
    this.#snapshotBytes = bytes.length;
    this.#store.putRecord(this.#record, bytes);
  }

  #begin(nowMs: number): void {
    this.#endRepeats();
    this.#isEmpty = false;
    this.#beganMs = nowMs;
    this.#writer.put(wall(nowMs, this.#wallOffsetMs()) * 8 + kinds.time);
  }

  #put(kind: number, seq: number): void {
    if (kind === this.#repeatedKind && seq === this.#lastSeq + 1 && this.#repeats < repeatsMax) {
      this.#repeats++;
      this.#lastSeq = seq;
      return;
    }
    this.#endRepeats();
    if (kind === kinds.deliver || kind === kinds.settle) this.#repeatedKind = kind;
    this.#isEmpty = false;
    this.#changeCount++;
    const delta = seq - this.#lastSeq;
    this.#lastSeq = seq;
    this.#writer.put((delta < 0 ? -2 * delta - 1 : 2 * delta) * 8 + kind);
  }

  #endRepeats(): void {
    this.#repeatedKind = 0;
    if (this.#repeats === 0) return;
    this.#writer.put(kinds.other);
    this.#writer.put(others.repeat);
    this.#writer.put(this.#repeats);
    this.#repeats = 0;
  }
}

function wall(ms: number, offsetMs: number): number {
  return Math.max(0, Math.floor(ms + offsetMs));
}

function encodeState(state: DeliveryState, wallOffsetMs: number): Buffer {
  const writer = new NumberWriter();
  state.settleFloors();
  for (const value of [version, state.nextSeq, state.consumerSeq, state.deliveredSeq]) writer.put(value);
  writer.put(state.floorConsumerSeq);
  writer.put(state.floorSeq);
  writer.put(state.pending.size);
  state.pending.forEach((seq, consumerSeq, stamp) => {
    writer.put(seq);
    writer.put(consumerSeq);
    writer.put(wall(stamp, wallOffsetMs));
  });
  writer.put(state.redelivered.size);
  for (const [seq, count] of state.redelivered) {
    writer.put(seq);
    writer.put(count);
  }
  for (const list of [state.queued(), [...state.deferred], state.snapshot.slice(state.snapshotStart)]) {
    writer.put(list.length);
    for (const seq of list) writer.put(seq);
  }
  return writer.take();
}

/**
 * What {@link StateJournal} has written.
 * @param into a state of this consumer that nothing has happened to yet
 */
export function readState(
  into: DeliveryState,
  value: Buffer,
  changes: readonly Buffer[],
  wallOffsetMs: number,
): void {
  const reader = new NumberReader();
  if (value.length > 0) decodeState(into, reader.read(value), wallOffsetMs);
  for (const change of changes) applyChange(into, reader.read(change), wallOffsetMs);
}

function decodeState(into: DeliveryState, reader: NumberReader, wallOffsetMs: number): void {
  reader.next();
  into.nextSeq = reader.next();
  into.consumerSeq = reader.next();
  into.deliveredSeq = reader.next();
  into.floorConsumerSeq = reader.next();
  into.floorSeq = reader.next();
  for (let left = reader.next(); left > 0; left--) {
    const seq = reader.next();
    const consumerSeq = reader.next();
    into.pending.add(seq, consumerSeq, reader.next() - wallOffsetMs);
  }
  for (let left = reader.next(); left > 0; left--) {
    const seq = reader.next();
    into.redelivered.set(seq, reader.next());
  }
  for (let left = reader.next(); left > 0; left--) into.enqueue(reader.next());
  for (let left = reader.next(); left > 0; left--) into.deferred.add(reader.next());
  for (let left = reader.next(); left > 0; left--) into.snapshot.push(reader.next());
}

function applyChange(into: DeliveryState, reader: NumberReader, wallOffsetMs: number): void {
  let seq = 0;
  let nowMs = 0;
  let kindBefore = 0;
  for (let word = reader.next(); word !== 0; word = reader.next()) {
    const kind = word % 8;
    const distance = Math.floor(word / 8);
    if (kind === kinds.time) {
      nowMs = distance - wallOffsetMs;
      continue;
    }
    seq += distance % 2 === 0 ? distance / 2 : -(distance + 1) / 2;
    if (kind === kinds.deliver || kind === kinds.settle) applyOne(into, kind, seq, nowMs);
    else if (kind === kinds.redeliver) into.redeliver(seq, nowMs);
    else if (kind === kinds.settleThrough) into.settleThrough(seq, reader.next(), []);
    else if (kind === kinds.stamp) into.pending.setStamp(seq, reader.next() - wallOffsetMs);
    else {
      const other = reader.next();
      if (other === others.exhaust) into.exhaust(seq);
      else if (other === others.defer) into.defer(seq);
      else
        for (let left = Math.min(reader.next(), repeatsMax); left > 0; left--)
          applyOne(into, kindBefore, ++seq, nowMs);
    }
    kindBefore = kind;
  }
}

function applyOne(into: DeliveryState, kind: number, seq: number, nowMs: number): void {
  if (kind === kinds.deliver) {
    while (into.snapshotCount > 0 && into.snapshotSeq <= seq) into.stepSnapshot();
    into.deliver(seq, nowMs);
  } else {
    into.deferred.delete(seq);
    into.settle(seq);
  }
}

/** Of a stream's records: those of one consumer are its `config` and its `state`. */
export function recordName(consumer: string, part: string): string {
  return `c/${consumer}/${part}`;
}

export function removeRecords(store: StreamStore, consumer: string): void {
  for (const part of ["config", "state"]) store.removeRecord(recordName(consumer, part));
}
