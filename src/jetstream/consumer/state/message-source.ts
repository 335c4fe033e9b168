/**
 * What a consumer delivers next, and how much it still has to: redeliveries first, then what its key allows again, then
 * the snapshot of `last_per_subject`, then the log. Finding changes nothing that counts; {@link MessageSource.take} does.
 *
 * Invariant: nothing beyond the durable end of the log is found.
 */
import { type MessageLog, StoredMessage } from "../../../store/contract.ts";
import type { SubjectFilter } from "../../../subjects/filter.ts";
import type { DeliveryState } from "./delivery-state.ts";
import type { KeyOrder } from "./key-order.ts";
import type { StateJournal } from "./state-journal.ts";

export type Found = "message" | "end" | "stalled";

type Origin = "queue" | "key" | "snapshot" | "log";

export class MessageSource {
  /** The message that was found; passing, so it holds until the pump returns. */
  readonly message = new StoredMessage(true);
  /** Which delivery of it this is to be. */
  deliveries = 1;
  /** Messages that the filter takes and that were never delivered. */
  pendingCount = 0;
  filter: SubjectFilter | null;
  /** How many may be out; 0 or less: any number. */
  ackPendingMax = 0;
  readonly #log: MessageLog;
  readonly #state: DeliveryState;
  readonly #keys: KeyOrder | null;
  readonly #journal: StateJournal | null;
  #origin: Origin = "log";
  /** The one found is still to be delivered. */
  #isFound = false;
  /** It was removed, maybe by its own delivery, which the stream may have stored in its place. */
  #isFoundGone = false;

  constructor(
    log: MessageLog,
    state: DeliveryState,
    filter: SubjectFilter | null,
    keys: KeyOrder | null,
    journal: StateJournal | null,
  ) {
    this.#log = log;
    this.#state = state;
    this.filter = filter;
    this.#keys = keys;
    this.#journal = journal;
  }

  /** How many are to come after the one found. */
  get pendingAfter(): number {
    const pending = this.#origin === "queue" ? this.pendingCount : this.pendingCount - 1;
    return pending < 0 ? 0 : pending;
  }

  /** Counts anew. */
  recount(): void {
    const state = this.#state;
    this.pendingCount =
      this.#log.count(state.nextSeq, this.filter) + state.snapshotCount + state.deferred.size;
    this.#isFound = false;
  }

  onStored(seq: number, subject: string): void {
    if (seq < this.#state.nextSeq) return;
    const { filter } = this;
    if (filter === null || filter.matches(subject)) this.pendingCount++;
  }

  /** One that was never delivered is gone; others are no matter of the source. */
  onRemoved(seq: number, subject: string): void {
    if (this.#isFound && this.message.seq === seq) {
      this.#isFound = false;
      this.#isFoundGone = true;
    }
    const state = this.#state;
    if (state.deferred.delete(seq)) {
      this.#keys?.forget(seq);
      this.#journal?.settle(seq);
      this.pendingCount--;
    } else if (state.dropFromSnapshot(seq)) this.pendingCount--;
    else if (seq >= state.nextSeq && (this.filter === null || this.filter.matches(subject)))
      this.pendingCount--;
  }

  /** The position has changed, or who is out: what was found does not hold any more. */
  forget(): void {
    this.#isFound = false;
  }

  find(): Found {
    if (this.#state.queuedCount > 0 && this.#findQueued()) return "message";
    if (this.ackPendingMax > 0 && this.#state.pending.size >= this.ackPendingMax) return "stalled";
    // Maybe found by a run that could not deliver it, long ago.
    if (this.#isFound && this.#log.read(this.message.seq, this.message)) return "message";
    if (this.#keys !== null && this.#findKeyed(this.#keys)) return "message";
    if (this.#state.snapshotCount > 0 && this.#findInSnapshot()) return "message";
    return this.#findInLog() ? "message" : "end";
  }

  /** The message found is delivered. */
  take(nowMs: number): void {
    const { seq } = this.message;
    if (this.#origin === "queue") {
      this.#state.redeliver(seq, nowMs);
      this.#journal?.redeliver(seq, nowMs);
      return;
    }
    this.#isFound = false;
    if (this.#isToCome(seq)) this.pendingCount--;
    if (this.#origin === "snapshot" && this.#state.snapshotSeq === seq) this.#state.stepSnapshot();
    else if (this.#origin === "key") this.#keys?.took(seq);
    if (this.#origin === "log" && this.#keys !== null) this.#keys.occupy(seq, this.message.subject);
    this.#state.deliver(seq, nowMs);
    this.#journal?.deliver(seq, nowMs);
  }

  /** Whether the one found is among those that are counted still. */
  #isToCome(seq: number): boolean {
    const state = this.#state;
    if (this.#origin === "snapshot") return state.snapshotSeq === seq;
    if (this.#origin === "key") return state.deferred.has(seq);
    return !this.#isFoundGone && seq >= state.nextSeq;
  }

  #findQueued(): boolean {
    for (let seq = this.#state.nextQueued(); seq > 0; seq = this.#state.nextQueued()) {
      if (this.#log.read(seq, this.message)) {
        this.#isFound = false;
        this.#origin = "queue";
        this.deliveries = this.#state.deliveries(seq) + 1;
        return true;
      }
      this.#state.settle(seq);
      this.#journal?.settle(seq);
    }
    return false;
  }

  #findKeyed(keys: KeyOrder): boolean {
    for (let seq = keys.nextReady(); seq > 0; seq = keys.nextReady()) {
      if (this.#log.read(seq, this.message)) return this.#found("key");
      keys.took(seq);
      this.#state.deferred.delete(seq);
      keys.release(seq);
    }
    return false;
  }

  #findInSnapshot(): boolean {
    for (let seq = this.#state.snapshotSeq; seq > 0; seq = this.#state.snapshotSeq) {
      if (seq > this.#log.durableSeq) return false;
      if (this.#log.read(seq, this.message)) return this.#found("snapshot");
      this.#state.stepSnapshot();
    }
    return false;
  }

  #findInLog(): boolean {
    const state = this.#state;
    const log = this.#log;
    const throughSeq = log.durableSeq;
    while (state.nextSeq <= throughSeq) {
      if (this.#keys?.isFull === true) return false;
      if (!log.next(state.nextSeq, throughSeq, this.filter, this.message)) {
        // What lies behind is of no interest to it, now or ever.
        state.nextSeq = throughSeq + 1;
        return false;
      }
      if (this.#keys === null) return this.#found("log");
      const { seq, subject } = this.message;
      if (!this.#keys.isBusy(subject)) return this.#found("log");
      this.#keys.wait(seq, subject);
      state.defer(seq);
      this.#journal?.defer(seq);
    }
    return false;
  }

  #found(origin: Origin): true {
    this.#origin = origin;
    this.deliveries = 1;
    this.#isFound = true;
    this.#isFoundGone = false;
    return true;
  }
}
