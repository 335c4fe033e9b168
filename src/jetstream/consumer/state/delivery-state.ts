/**
 * How far a consumer has come: what is next, what is out, what is to be delivered again, up to where everything is
 * acknowledged. Pure: it knows no clock, no log and nobody to deliver to; times are milliseconds that it is given.
 *
 * Invariant: what is out was delivered once at least and lies before {@link DeliveryState.nextSeq}; what waits to be
 * delivered again is out. Floors never go back but by {@link DeliveryState.reset}.
 */
import type { ConsumerConfig } from "../config/consumer-config.ts";
import { PendingTable } from "./pending-table.ts";

export type AckPolicy = ConsumerConfig["ack_policy"];

export class DeliveryState {
  readonly policy: AckPolicy;
  /** First deliveries may be in another order than the stream: by key. Then floors are made up when they are asked for. */
  readonly isKeyed: boolean;
  /** The first sequence of the stream that has not been looked at. */
  nextSeq: number;
  /** Of the last delivery; redeliveries count. */
  consumerSeq = 0;
  /** The highest stream sequence delivered; before the first delivery the one before the start. */
  deliveredSeq: number;
  floorConsumerSeq = 0;
  floorSeq: number;
  readonly pending = new PendingTable();
  /** How often messages were delivered again. Those that ran out of deliveries stay, without being out. */
  readonly redelivered = new Map<number, number>();
  /** Passed by without being delivered yet, since another one of their key is out. */
  readonly deferred = new Set<number>();
  /** The last message of each subject, ascending from {@link snapshotStart}: what `last_per_subject` begins with. */
  snapshot: number[] = [];
  snapshotStart = 0;
  #queue: number[] = [];
  #queueStart = 0;
  /** Where in the queue a sequence stands; places of others are void. */
  readonly #queued = new Map<number, number>();

  constructor(policy: AckPolicy, startSeq: number, isKeyed = false) {
    this.policy = policy;
    this.isKeyed = isKeyed;
    this.nextSeq = startSeq;
    this.deliveredSeq = startSeq - 1;
    this.floorSeq = startSeq - 1;
  }

  /** How many wait to be delivered again. */
  get queuedCount(): number {
    return this.#queued.size;
  }

  isQueued(seq: number): boolean {
    return this.#queued.has(seq);
  }

  /** How often it was delivered, for one that is out. */
  deliveries(seq: number): number {
    return (this.redelivered.get(seq) ?? 0) + 1;
  }

  /** The first delivery. @returns its consumer sequence */
  deliver(seq: number, nowMs: number): number {
    const consumerSeq = ++this.consumerSeq;
    if (seq > this.deliveredSeq) this.deliveredSeq = seq;
    if (seq >= this.nextSeq) this.nextSeq = seq + 1;
    if (this.isKeyed) this.deferred.delete(seq);
    if (this.policy === "none") {
      this.floorConsumerSeq = consumerSeq;
      this.floorSeq = this.deliveredSeq;
    } else this.pending.add(seq, consumerSeq, nowMs);
    return consumerSeq;
  }

  /** Another delivery of one that is out. @returns its consumer sequence */
  redeliver(seq: number, nowMs: number): number {
    this.unqueue(seq);
    this.redelivered.set(seq, (this.redelivered.get(seq) ?? 0) + 1);
    this.pending.setStamp(seq, nowMs);
    return ++this.consumerSeq;
  }

  /** Of the queue for redelivery; 0 when there is none. */
  nextQueued(): number {
    for (; this.#queueStart < this.#queue.length; this.#queueStart++) {
      const seq = this.#queue[this.#queueStart] as number;
      if (this.#queued.get(seq) === this.#queueStart) return seq;
    }
    if (this.#queue.length > 0) {
      this.#queue = [];
      this.#queueStart = 0;
    }
    return 0;
  }

  /** To be delivered again, behind those that wait already. */
  enqueue(seq: number): void {
    if (this.#queued.has(seq) || !this.pending.has(seq)) return;
    if (this.#queueStart > 1_024 && this.#queueStart * 2 > this.#queue.length) this.#compact();
    this.#queued.set(seq, this.#queue.length);
    this.#queue.push(seq);
  }

  unqueue(seq: number): void {
    this.#queued.delete(seq);
  }

  /** It is acknowledged, or gone. @returns whether it was out */
  settle(seq: number): boolean {
    this.redelivered.delete(seq);
    return this.#release(seq);
  }

  /** It waits for another one of its key. */
  defer(seq: number): void {
    this.deferred.add(seq);
    if (seq >= this.nextSeq) this.nextSeq = seq + 1;
  }

  /** Brings the floors up to date where they are not kept so. */
  settleFloors(): void {
    if (!this.isKeyed) return;
    let lowest = this.nextSeq;
    for (const seq of this.deferred) if (seq < lowest) lowest = seq;
    this.pending.forEach((seq) => {
      if (seq < lowest) lowest = seq;
    });
    this.floorSeq = Math.max(this.floorSeq, Math.min(lowest - 1, this.deliveredSeq));
    this.floorConsumerSeq = this.pending.size === 0 ? this.consumerSeq : this.pending.firstConsumerSeq - 1;
  }

  /** It ran out of deliveries: not out any more, but remembered. */
  exhaust(seq: number): void {
    this.#release(seq);
    this.redelivered.set(seq, this.redelivered.get(seq) ?? 0);
  }

  /**
   * Acknowledges everything up to and with `seq`.
   * @param settled gets what was out, in order
   * @returns false when that was so already
   */
  settleThrough(seq: number, consumerSeq: number, settled: number[]): boolean {
    if (consumerSeq <= this.floorConsumerSeq || seq <= this.floorSeq) return false;
    const from = settled.length;
    const { pending } = this;
    while (pending.size > 0 && pending.firstSeq <= seq) {
      const first = pending.firstSeq;
      settled.push(first);
      pending.remove(first);
    }
    for (let at = from; at < settled.length; at++) {
      this.redelivered.delete(settled[at] as number);
      this.unqueue(settled[at] as number);
    }
    this.floorConsumerSeq = consumerSeq;
    this.floorSeq = seq;
    return true;
  }

  /**
   * Those whose wait for an ack is over, ascending, that do not wait for a redelivery already.
   * @param waitMs for a message that was delivered so often
   * @param expired gets them
   * @returns when the next one will be; Infinity when none is left to wait for
   */
  collectExpired(nowMs: number, waitMs: (deliveries: number) => number, expired: number[]): number {
    let nextMs = Infinity;
    const { redelivered } = this;
    const sameWaitMs = waitMs(1);
    this.pending.forEach((seq, _consumerSeq, stamp) => {
      const again = redelivered.size === 0 ? 0 : (redelivered.get(seq) ?? 0);
      const dueMs = stamp + (again === 0 ? sameWaitMs : waitMs(again + 1));
      if (dueMs > nowMs) {
        if (dueMs < nextMs) nextMs = dueMs;
      } else if (!this.#queued.has(seq)) expired.push(seq);
    });
    expired.sort((a, b) => a - b);
    return nextMs;
  }

  /** Whether it is still to be delivered or acknowledged. A message that ran out of deliveries is kept as well. */
  needs(seq: number): boolean {
    if (seq >= this.nextSeq) return true;
    if (this.redelivered.has(seq) || this.deferred.has(seq)) return true;
    if (this.policy === "explicit") return this.pending.has(seq);
    return seq > this.floorSeq;
  }

  /** Everything before `firstSeq` is gone, and whatever else `isGone` says. */
  purge(firstSeq: number, isGone: (seq: number) => boolean): void {
    const gone: number[] = [];
    this.pending.forEach((seq) => {
      if (seq < firstSeq || isGone(seq)) gone.push(seq);
    });
    for (const seq of gone) this.settle(seq);
    for (const seq of [...this.redelivered.keys()])
      if (seq < firstSeq || isGone(seq)) this.redelivered.delete(seq);
    for (const seq of [...this.deferred]) if (seq < firstSeq || isGone(seq)) this.deferred.delete(seq);
    if (this.snapshot.length > this.snapshotStart) {
      this.snapshot = this.snapshot
        .slice(this.snapshotStart)
        .filter((seq) => seq >= firstSeq && !isGone(seq));
      this.snapshotStart = 0;
    }
    if (firstSeq > this.nextSeq) this.nextSeq = firstSeq;
    if (firstSeq - 1 > this.deliveredSeq) this.deliveredSeq = firstSeq - 1;
    if (firstSeq - 1 > this.floorSeq) this.floorSeq = firstSeq - 1;
    if (this.pending.size > 0 || this.isKeyed) return;
    this.floorConsumerSeq = this.consumerSeq;
    this.floorSeq = Math.max(this.floorSeq, this.deliveredSeq);
  }

  /** Begins anew at `seq`, with the first consumer sequence. */
  reset(seq: number): void {
    this.pending.clear();
    this.redelivered.clear();
    this.#queue = [];
    this.#queueStart = 0;
    this.#queued.clear();
    this.deferred.clear();
    this.snapshot = [];
    this.snapshotStart = 0;
    this.nextSeq = seq;
    this.consumerSeq = 0;
    this.deliveredSeq = seq - 1;
    this.floorConsumerSeq = 0;
    this.floorSeq = seq - 1;
  }

  /** Those that wait to be delivered again, in their order. */
  queued(): number[] {
    return this.#queue.filter((seq, position) => this.#queued.get(seq) === position);
  }

  /** The first that is left of the snapshot; 0 when there is none. */
  get snapshotSeq(): number {
    return this.snapshot[this.snapshotStart] ?? 0;
  }

  /** Takes the first off the snapshot. */
  stepSnapshot(): void {
    if (++this.snapshotStart < this.snapshot.length) return;
    this.snapshot = [];
    this.snapshotStart = 0;
  }

  /** @returns whether it was in what is left of the snapshot */
  dropFromSnapshot(seq: number): boolean {
    const position = this.#snapshotPosition(seq);
    if (position < 0) return false;
    this.snapshot.splice(position, 1);
    return true;
  }

  get snapshotCount(): number {
    return this.snapshot.length - this.snapshotStart;
  }

  #snapshotPosition(seq: number): number {
    let low = this.snapshotStart;
    let high = this.snapshot.length - 1;
    while (low <= high) {
      const middle = (low + high) >>> 1;
      const found = this.snapshot[middle] as number;
      if (found === seq) return middle;
      if (found < seq) low = middle + 1;
      else high = middle - 1;
    }
    return -1;
  }

  #release(seq: number): boolean {
    if (this.#queued.size > 0) this.#queued.delete(seq);
    const { pending } = this;
    const wasFirst = pending.firstSeq === seq;
    if (!pending.remove(seq)) return false;
    if (this.isKeyed) return true;
    if (pending.size === 0) {
      this.floorConsumerSeq = this.consumerSeq;
      if (this.deliveredSeq > this.floorSeq) this.floorSeq = this.deliveredSeq;
    } else if (wasFirst) {
      this.floorConsumerSeq = pending.firstConsumerSeq - 1;
      this.floorSeq = pending.firstSeq - 1;
    }
    return true;
  }

  #compact(): void {
    const waiting = this.queued();
    this.#queue = waiting;
    this.#queueStart = 0;
    for (const [position, seq] of waiting.entries()) this.#queued.set(seq, position);
  }
}
