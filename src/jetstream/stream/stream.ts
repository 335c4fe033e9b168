/**
 * A stream: its configuration, its log, its consumers. Whatever changes the log goes through here, so that consumers
 * hear of it: {@link Stream.append}, {@link Stream.remove}, {@link Stream.purgeThrough}.
 */
import type { Subscription } from "../../broker/subscriber.ts";
import {
  firstSeqMax,
  type NewMessage,
  type MessageLog,
  StoredMessage,
  type StreamStore,
} from "../../store/contract.ts";
import { wireFromText } from "../../subjects/subject.ts";
import type { JetStreamAccount } from "../account.ts";
import type { ApiError } from "../api-error.ts";
import { Sourcing } from "../sourcing/sourcing.ts";
import type { SourcedMessage, SourcingSink } from "../sourcing/sourcing-sink.ts";
import { DirectGet } from "../direct/direct-get.ts";
import type { DurableWaiter } from "../commit-gated-replies.ts";
import type { Host } from "../host.ts";
import { PublishHandler } from "./publish-handler.ts";
import { Expiry } from "./retention/expiry.ts";
import { Interest } from "./retention/interest.ts";
import { Limits } from "./retention/limits.ts";
import { Schedules } from "./schedule/schedules.ts";
import type { StreamConfig } from "./config/stream-config.ts";
import type { ManagedConsumer } from "./managed-consumer.ts";
import type { StreamConsumer } from "./stream-consumer.ts";

export interface StreamTimes {
  readonly createdMs: number;
  readonly createdNs: number;
}

export class Stream implements DurableWaiter, SourcingSink {
  readonly host: Host;
  readonly account: JetStreamAccount;
  readonly store: StreamStore;
  readonly times: StreamTimes;
  /** Its name as it stands in subjects and headers. */
  readonly wireName: string;
  /** By name. */
  readonly consumers = new Map<string, ManagedConsumer>();
  config: StreamConfig;
  readonly publishHandler: PublishHandler;
  readonly limits: Limits;
  /** What it gets from other streams. */
  readonly sourcing: Sourcing;
  readonly #interest: Interest;
  readonly #expiry: Expiry;
  readonly #schedules: Schedules;
  readonly #directGet: DirectGet;
  #subscriptions: Subscription[] = [];
  readonly #stored = new StoredMessage(true);
  /** Consumers have not been woken for everything that was decided. */
  #isWaiting = false;
  #awaitedGroup = 0;

  constructor(account: JetStreamAccount, store: StreamStore, config: StreamConfig, times: StreamTimes) {
    this.host = account.host;
    this.account = account;
    this.store = store;
    this.config = config;
    this.times = times;
    this.wireName = wireFromText(config.name);
    this.limits = new Limits(this);
    this.publishHandler = new PublishHandler(this);
    this.#interest = new Interest(this);
    this.#expiry = new Expiry(this);
    this.#schedules = new Schedules(this);
    this.#directGet = new DirectGet(this);
    this.sourcing = new Sourcing(this, () => this.#directGet.onCaughtUp());
  }

  get name(): string {
    return this.config.name;
  }

  get log(): MessageLog {
    return this.store.log;
  }

  /** Whether a message may make those before it go. */
  get allowsRollup(): boolean {
    return this.config.allow_rollup_hdrs && !this.config.deny_purge;
  }

  /** From now on what is published on its subjects is stored. */
  start(): void {
    this.#listen();
    this.#directGet.start();
    this.#expiry.start();
    this.#schedules.start();
    this.sourcing.start();
  }

  /** Takes a configuration that has been checked against the one of now. */
  update(config: StreamConfig): void {
    const before = this.config;
    this.config = config;
    this.#stopListening();
    this.#listen();
    this.publishHandler.onUpdated();
    this.limits.onUpdated();
    this.#directGet.start();
    this.#expiry.start();
    if (config.allow_msg_ttl && !before.allow_msg_ttl) this.#expiry.onTtlsAllowed();
    this.#schedules.start();
    this.sourcing.update();
    for (const consumer of this.consumers.values()) consumer.onStreamUpdated();
    if (config.retention === "interest" && before.retention !== "interest") this.#interest.sweep();
  }

  /** Stores a message that has passed every check. @returns its sequence */
  append(draft: NewMessage): number {
    const seq = this.log.append(draft);
    if (this.consumers.size > 0) {
      for (const consumer of this.consumers.values()) consumer.onStored(seq, draft.subject);
      this.#wakeLater();
    }
    this.limits.enforce(draft.subject);
    this.#expiry.onStored(draft.timeMs, draft.expiresMs);
    if (draft.wakesMs > 0) this.#schedules.onStored(draft.wakesMs);
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
  purgeThrough(seq: number): number {
    const count = this.log.removeThrough(seq);
    for (const consumer of this.consumers.values()) consumer.onPurged(this.log.state.firstSeq);
    return count;
  }

  /** One of the consumers is done with the message: it goes where nobody else needs it, unless limits alone rule. */
  settled(seq: number): void {
    if (this.config.retention !== "limits") this.#interest.settled(seq);
  }

  /** A consumer is gone and not among {@link consumers} any more, or it wants other messages than before. */
  consumerGone(_consumer: StreamConsumer): void {
    if (this.config.retention === "interest") this.#interest.sweep();
  }

  /** Whether any consumer's filters take that subject. */
  hasInterest(subject: string): boolean {
    return this.#interest.covers(subject);
  }

  storeSourced(draft: SourcedMessage): ApiError | null {
    return this.publishHandler.storeSourced(draft);
  }

  skipTo(nextSeq: number): void {
    this.log.skipTo(Math.min(nextSeq, firstSeqMax));
  }

  /** Stops and keeps everything for the next start. */
  close(): void {
    this.#stop();
    this.sourcing.stop(false);
    for (const consumer of this.consumers.values()) consumer.close();
  }

  delete(): void {
    this.#stop();
    this.sourcing.stop(true);
    for (const consumer of [...this.consumers.values()]) consumer.delete();
    this.consumers.clear();
    this.store.drop();
  }

  get awaitedGroup(): number {
    return this.#awaitedGroup;
  }

  onDurable(): void {
    if (!this.#isWaiting) return;
    if (this.host.store.durableGroup >= this.#awaitedGroup) this.#isWaiting = false;
    for (const consumer of this.consumers.values()) consumer.wake();
  }

  #stop(): void {
    this.#isWaiting = false;
    this.#stopListening();
    this.#directGet.close();
    this.#expiry.close();
    this.#interest.close();
    this.#schedules.close();
    this.publishHandler.close();
  }

  #listen(): void {
    const { service } = this.host;
    this.#subscriptions = (this.config.subjects ?? []).map((subject) =>
      service.listen(this.account.account, wireFromText(subject), null, (message) =>
        this.publishHandler.receive(message),
      ),
    );
  }

  #stopListening(): void {
    for (const subscription of this.#subscriptions) this.host.service.stop(subscription);
    this.#subscriptions = [];
  }

  /** Consumers deliver nothing that could be lost again. */
  #wakeLater(): void {
    if (this.log.kind === "file") this.#awaitedGroup = this.host.store.lastGroup;
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.account.replies.wait(this);
  }
}
