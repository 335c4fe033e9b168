/**
 * A stream's log and the consumers that follow it. All changes to the log go through here, so that consumers hear of them;
 * they are woken when what was decided is durable.
 */
import type { MessageLog, NewMessage, Store } from "../../../store/contract.ts";
import { StoredMessage } from "../../../store/contract.ts";
import type { CommitGatedReplies, DurableWaiter } from "../../commit-gated-replies.ts";
import type { ManagedConsumer } from "./managed-consumer.ts";

export class FollowedLog implements DurableWaiter {
  readonly log: MessageLog;
  /** By name. */
  readonly consumers = new Map<string, ManagedConsumer>();
  readonly #store: Store;
  readonly #replies: CommitGatedReplies;
  readonly #stored = new StoredMessage(true);
  /** Consumers have not been woken for everything that was decided. */
  #isWaiting = false;
  #awaitedGroup = 0;

  /** @param store that the log is a part of */
  constructor(log: MessageLog, store: Store, replies: CommitGatedReplies) {
    this.log = log;
    this.#store = store;
    this.#replies = replies;
  }

  /** @returns its sequence */
  append(message: NewMessage): number {
    const seq = this.log.append(message);
    if (this.consumers.size > 0) {
      for (const consumer of this.consumers.values()) consumer.onStored(seq, message.subject);
      this.#wakeLater();
    }
    return seq;
  }

  /**
   * @param isTold whether consumers that wait for its ack make that known
   * @returns false when there was no such message
   */
  remove(seq: number, isTold = true): boolean {
    if (this.consumers.size === 0) return this.log.remove(seq);
    if (!this.log.read(seq, this.#stored)) return false;
    const { subject } = this.#stored;
    this.log.remove(seq);
    for (const consumer of this.consumers.values()) consumer.onRemoved(seq, subject, isTold);
    return true;
  }

  /** Removes everything up to and with `seq`. @returns how many */
  removeThrough(seq: number): number {
    const count = this.log.removeThrough(seq);
    for (const consumer of this.consumers.values()) consumer.onPurged(this.log.state.firstSeq);
    return count;
  }

  /** Consumers are not woken any more for what was decided before. */
  close(): void {
    this.#isWaiting = false;
  }

  get awaitedGroup(): number {
    return this.#awaitedGroup;
  }

  onDurable(): void {
    if (!this.#isWaiting) return;
    if (this.#store.durableGroup >= this.#awaitedGroup) this.#isWaiting = false;
    for (const consumer of this.consumers.values()) consumer.wake();
  }

  /** Consumers deliver nothing that could be lost again. */
  #wakeLater(): void {
    if (this.log.kind === "file") this.#awaitedGroup = this.#store.lastGroup;
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#replies.wait(this);
  }
}
