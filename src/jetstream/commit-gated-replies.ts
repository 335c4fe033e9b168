/**
 * What is said of what was decided: publish acks first of all, and answers, and messages that are republished. Only the
 * store's report of a durable group lets them out, so that none can outrun the disk.
 */
import { digitCount, writeNumber } from "../base/digits.ts";
import { copyBytes, emptyBytes, type ViewedBytes } from "../base/bytes.ts";
import type { Account } from "../broker/account.ts";
import { writeSizes } from "../protocol/message.ts";
import { ReplyQueue } from "./reply-queue.ts";
import type { Host } from "./host.ts";

/** Told of every group that becomes durable, until it has seen the one it waits for. */
export interface DurableWaiter {
  /** Groups up to here are of interest to it; 0: it waits for nothing but the end of the pass. */
  readonly awaitedGroup: number;
  /** Called where routing is allowed. */
  onDurable(): void;
}

/** The acks of one stream: `prefix`, the sequence, and what is different with each. */
export interface AckForm {
  readonly account: Account;
  /** Whether what they tell of is to be durable first. */
  readonly waits: boolean;
  readonly prefix: ViewedBytes;
}

/** A message to be answered: on `reply[replyStart, replyEnd)`. */
export interface ReplyRange {
  readonly reply: ViewedBytes;
  readonly replyStart: number;
  readonly replyEnd: number;
}

export class CommitGatedReplies {
  readonly #host: Host;
  /** Of what has no group: memory streams, and what is durable already. */
  readonly #soon = new ReplyQueue();
  readonly #waiting = new ReplyQueue();
  #waiters: DurableWaiter[] = [];
  #soonWaiters: DurableWaiter[] = [];
  #isScheduled = false;
  readonly #atEnd = (): void => this.#endPass();
  readonly #stop: () => void;

  constructor(host: Host) {
    this.#host = host;
    this.#stop = host.store.observe({ onDurable: (group) => this.#release(group) });
  }

  close(): void {
    this.#stop();
    this.#soon.clear();
    this.#waiting.clear();
    this.#waiters = [];
    this.#soonWaiters = [];
  }

  /**
   * Publishes `payload` on `subject`, a wire string, as soon as everything decided until now is durable, in the order
   * of the calls. May be called within a delivery. Bytes are copied.
   */
  publish(account: Account, subject: string, payload: Uint8Array, headers: Uint8Array | null = null): void {
    this.#add(this.#waitingQueue(), account, subject, headers ?? emptyBytes, payload);
  }

  /** As {@link publish}, at the end of the pass, for what depends on nothing that is still to be written. */
  publishSoon(
    account: Account,
    subject: string,
    payload: Uint8Array,
    headers: Uint8Array | null = null,
  ): void {
    this.#schedule();
    this.#add(this.#soon, account, subject, headers ?? emptyBytes, payload);
  }

  /** The ack of a stored message: the form's prefix, the sequence, `suffix`. */
  acknowledge({ account, waits, prefix }: AckForm, message: ReplyRange, seq: number, suffix: string): void {
    const queue = waits ? this.#waitingQueue() : this.#soon;
    if (!waits) this.#schedule();
    const bodyBytes = prefix.bytes.length + digitCount(seq) + suffix.length;
    const { replyStart, replyEnd } = message;
    const replyBytes = replyEnd - replyStart;
    const block = queue.reserve(replyBytes + bodyBytes + lineSlackBytes);
    const { viewed } = block;
    const start = block.used;
    const subjectEnd = copyBytes(message.reply, replyStart, replyEnd, viewed, start);
    let at = writeSizes(viewed.bytes, subjectEnd, 0, bodyBytes);
    const bodyStart = at;
    at = copyBytes(prefix, 0, prefix.bytes.length, viewed, at);
    at = writeNumber(viewed.bytes, at, seq);
    if (suffix.length === 1) viewed.bytes[at] = suffix.charCodeAt(0);
    else viewed.bytes.latin1Write(suffix, at, suffix.length);
    at += suffix.length;
    block.end(this.#host.store.lastGroup, account, subjectEnd, bodyStart, 0, at);
  }

  /** `waiter` is told of durable groups until the one it waits for has come; or, when that is 0, at the end of the pass. */
  wait(waiter: DurableWaiter): void {
    if (waiter.awaitedGroup > this.#host.store.durableGroup) {
      this.#waiters.push(waiter);
      return;
    }
    this.#soonWaiters.push(waiter);
    this.#schedule();
  }

  #waitingQueue(): ReplyQueue {
    const { store } = this.#host;
    if (store.durableGroup >= store.lastGroup) this.#schedule();
    return this.#waiting;
  }

  #add(queue: ReplyQueue, account: Account, subject: string, headers: Uint8Array, payload: Uint8Array): void {
    const bodyBytes = headers.length + payload.length;
    const block = queue.reserve(subject.length + bodyBytes + lineSlackBytes);
    const { bytes } = block.viewed;
    const start = block.used;
    bytes.latin1Write(subject, start, subject.length);
    const subjectEnd = start + subject.length;
    const bodyStart = writeSizes(bytes, subjectEnd, headers.length, bodyBytes);
    bytes.set(headers, bodyStart);
    bytes.set(payload, bodyStart + headers.length);
    const group = this.#host.store.lastGroup;
    block.end(group, account, subjectEnd, bodyStart, headers.length, bodyStart + bodyBytes);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#host.defer("announce", this.#atEnd);
  }

  #endPass(): void {
    this.#isScheduled = false;
    this.#soon.publish(this.#host.publisher, Infinity);
    this.#waiting.publish(this.#host.publisher, this.#host.store.durableGroup);
    const waiters = this.#soonWaiters;
    if (waiters.length === 0) return;
    this.#soonWaiters = [];
    const { durableGroup } = this.#host.store;
    for (const waiter of waiters) {
      if (waiter.awaitedGroup > durableGroup) this.#waiters.push(waiter);
      waiter.onDurable();
    }
  }

  #release(group: number): void {
    this.#waiting.publish(this.#host.publisher, group);
    const waiters = this.#waiters;
    if (waiters.length === 0) return;
    this.#waiters = [];
    for (const waiter of waiters) {
      // Before it is told, since it may begin to wait anew.
      if (waiter.awaitedGroup > group) this.#waiters.push(waiter);
      waiter.onDurable();
    }
  }
}

/** Blanks, two sizes and two line ends. */
const lineSlackBytes = 48;
