/**
 * Who waits for whom, why, and until when. A receiver that is sent something while it is above its high-water mark reports
 * itself; a store that has much to write is reported. Whoever caused it then asks to be stalled:
 *
 * | who waits                    | for                                           | until                                   |
 * |------------------------------|-----------------------------------------------|-----------------------------------------|
 * | a connection that publishes  | a receiver above its mark that makes progress | it is its turn, see below               |
 * | a consumer of a stream       | the same                                      | the same                                |
 * | a connection that publishes  | the store                                     | the store is below its mark             |
 * | a link with much to announce | its own peer                                  | it is below its mark, or gone           |
 *
 * When a receiver is down to its low-water mark, those who wait for it go on one by one, in the order in which they
 * came, as long as it stays below its high-water mark. Nobody waits longer than {@link waitMsMax}, or for a receiver that takes
 * nothing any more: that one is cut when it is full. Waiting ends in the `input` phase.
 *
 * Connections go by their numbers, which are those of their sessions, so whoever asks needs no reference to them.
 */
import type { Clock, Deadline } from "../base/clock.ts";
import type { Phase } from "../base/phases.ts";

/** The longest wait in one go, however many wait before it for a receiver that does take. */
const waitMsMax = 1_000;
/** How often it is checked whether the receiver still takes anything. */
const checkMs = 50;

export interface Receiver {
  readonly id: number;
  /** More waits to be sent than the peer should be allowed to have waiting. */
  readonly isAboveHighWaterMark: boolean;
  /** Refuses everything: the peer is gone or is being cut. */
  readonly closed: boolean;
  /** Whether waiting for this peer to take something makes sense. */
  readonly makesProgress: boolean;
}

/** One that waits. */
export interface Stall {
  /** The connection; null when it is the broker itself. */
  readonly waiterId: number | null;
  /** The connection that is waited for; null when it is the store. */
  readonly receiverId: number | null;
  /** Monotonic. */
  readonly sinceMs: number;
  /** When it ends at the latest, monotonic; null without a limit. */
  readonly untilMs: number | null;
}

interface Wait extends Stall {
  readonly onEnd: () => void;
  /** Of the next look at the receiver. */
  deadline: Deadline | null;
}

/** Those who wait for one receiver, in the order in which they came. */
interface Queue {
  readonly waits: Set<Wait>;
  /** They are going on, one by one. */
  isMoving: boolean;
}

export class BackPressure {
  readonly #clock: Clock;
  readonly #defer: (phase: Phase, work: () => void) => void;
  /** Receivers that were sent something while above their mark, since it was last asked. */
  readonly #reported = new Map<number, Receiver>();
  /** Whether there is one; asked with every message. */
  #isReported = false;
  /** Of the store that was reported; see {@link reportStore}. */
  #onStoreDrain: ((callback: () => void) => void) | null = null;
  /** By the number of the receiver; null: the store. None is empty. */
  readonly #queues = new Map<number | null, Queue>();
  /** By the number of the connection that waits. */
  readonly #stalled = new Map<number, Wait>();

  constructor(clock: Clock, defer: (phase: Phase, work: () => void) => void) {
    this.#clock = clock;
    this.#defer = defer;
  }

  /** A receiver above its mark was sent something. */
  report(receiver: Receiver): void {
    this.#reported.set(receiver.id, receiver);
    this.#isReported = true;
  }

  /** The store was given more than it can write. @param onDrain calls back once, when it is below its mark */
  reportStore(onDrain: (callback: () => void) => void): void {
    this.#onStoreDrain = onDrain;
  }

  /** Forgets what was reported: from now on, {@link areAboveHighWaterMark} is about those who are sent something. */
  watch(): void {
    if (!this.#isReported) return;
    this.#isReported = false;
    this.#reported.clear();
  }

  /** The pass is over: what was reported in it concerns nobody any more. */
  endPass(): void {
    this.watch();
    this.#onStoreDrain = null;
  }

  /** Whether receivers above their mark have been sent something. */
  get areAboveHighWaterMark(): boolean {
    return this.#isReported;
  }

  get isStoreAboveHighWaterMark(): boolean {
    return this.#onStoreDrain !== null;
  }

  /** The connection waits and is not to be read. */
  isStalled(waiterId: number): boolean {
    return this.#stalled.has(waiterId);
  }

  /** Everyone who waits: plain values. */
  stalls(): Stall[] {
    return [...this.#queues.values()].flatMap(({ waits }) =>
      [...waits].map(({ waiterId, receiverId, sinceMs, untilMs }) => ({
        waiterId,
        receiverId,
        sinceMs,
        untilMs,
      })),
    );
  }

  /**
   * Stalls the connection for one of the receivers that were reported, if there is one that it makes sense to wait for.
   * @param onEnd called once, in the `input` phase, unless {@link forget} comes first
   * @returns whether it is stalled by this
   */
  stall(waiterId: number, onEnd: () => void): boolean {
    const receiver = this.#slowReceiver();
    if (receiver === null || this.isStalled(waiterId)) return false;
    this.#waitFor(receiver, waiterId, onEnd);
    return true;
  }

  /** As {@link stall}, for the store that was reported. */
  stallForStore(waiterId: number, onEnd: () => void): boolean {
    const onStoreDrain = this.#onStoreDrain;
    this.#onStoreDrain = null;
    if (onStoreDrain === null || this.isStalled(waiterId)) return false;
    const wait = this.#add(null, waiterId, null, onEnd);
    onStoreDrain(() => this.#end(wait));
    return true;
  }

  /** The connection is gone and waits no more. */
  forget(waiterId: number): void {
    const wait = this.#stalled.get(waiterId);
    if (wait !== undefined) this.#remove(wait);
  }

  /**
   * For the broker itself, which has sent more than the receivers that were reported take: runs `work` when waiting for one of
   * them is over, or soon when there is none that it makes sense to wait for.
   * @returns to call it off
   */
  onDrain(work: () => void): () => void {
    const receiver = this.#slowReceiver();
    if (receiver === null) {
      const soon = this.#clock.soon(() => this.#defer("input", work));
      return () => soon.cancel();
    }
    const wait = this.#waitFor(receiver, null, work);
    return () => this.#remove(wait);
  }

  /** Runs `work` when it is its turn with the receiver, however long that takes, or when that is gone. */
  onReceiverDrain(receiver: Receiver, work: () => void): void {
    if (receiver.closed) this.#defer("input", work);
    else this.#add(receiver.id, null, null, work);
  }

  /** Whether it is of interest that a receiver has taken something. */
  get isAnyoneWaiting(): boolean {
    return this.#queues.size > 0;
  }

  /** A receiver is below its low-water mark: those who wait for it go on. */
  drained(receiver: Receiver): void {
    const queue = this.#queues.get(receiver.id);
    if (queue === undefined || queue.isMoving) return;
    queue.isMoving = true;
    this.#defer("input", () => this.#moveNext(receiver, queue));
  }

  /** A receiver takes nothing any more. */
  gone(receiver: Receiver): void {
    for (const wait of this.#queues.get(receiver.id)?.waits ?? []) this.#end(wait);
  }

  /** What the first one goes on with may fill the receiver again; only then is it the next one's turn. */
  #moveNext(receiver: Receiver, queue: Queue): void {
    const [first] = queue.waits;
    if (first === undefined || receiver.isAboveHighWaterMark) {
      queue.isMoving = false;
      return;
    }
    this.#end(first);
    this.#defer("input", () => this.#moveNext(receiver, queue));
  }

  /** One that is still above its mark reports again with what it is sent next. */
  #slowReceiver(): Receiver | null {
    let slow: Receiver | null = null;
    for (const receiver of this.#reported.values()) {
      if (!receiver.isAboveHighWaterMark || receiver.closed || !receiver.makesProgress) continue;
      slow = receiver;
      break;
    }
    this.watch();
    return slow;
  }

  #waitFor(receiver: Receiver, waiterId: number | null, onEnd: () => void): Wait {
    const untilMs = this.#clock.nowMs() + waitMsMax;
    const wait = this.#add(receiver.id, waiterId, untilMs, onEnd);
    const look = (): void => {
      if (!receiver.makesProgress || this.#clock.nowMs() >= untilMs) this.#end(wait);
      else wait.deadline = this.#clock.after(checkMs, look);
    };
    wait.deadline = this.#clock.after(checkMs, look);
    return wait;
  }

  #add(receiverId: number | null, waiterId: number | null, untilMs: number | null, onEnd: () => void): Wait {
    const sinceMs = this.#clock.nowMs();
    const wait: Wait = { waiterId, receiverId, sinceMs, untilMs, onEnd, deadline: null };
    const queue = this.#queues.get(receiverId) ?? { waits: new Set(), isMoving: false };
    this.#queues.set(receiverId, queue);
    queue.waits.add(wait);
    if (waiterId !== null) this.#stalled.set(waiterId, wait);
    return wait;
  }

  #end(wait: Wait): void {
    if (this.#remove(wait)) this.#defer("input", wait.onEnd);
  }

  /** @returns whether it was still waiting */
  #remove(wait: Wait): boolean {
    const queue = this.#queues.get(wait.receiverId);
    if (queue === undefined || !queue.waits.delete(wait)) return false;
    wait.deadline?.cancel();
    if (queue.waits.size === 0) this.#queues.delete(wait.receiverId);
    if (wait.waiterId !== null) this.#stalled.delete(wait.waiterId);
    return true;
  }
}
