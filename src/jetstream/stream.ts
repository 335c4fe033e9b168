/**
 * A stream: its configuration, its log, its consumers. Whatever changes the log goes through here, so that consumers
 * hear of it: {@link Stream.append}, {@link Stream.remove}, {@link Stream.purgeThrough}.
 */
import type { Subscription } from "../broker/subscriber.ts";
import { type MessageDraft, type MessageLog, StoredMessage, type StreamStore } from "../store/contract.ts";
import { wireFromText } from "../subjects/subject.ts";
import type { JetStreamAccount } from "./account.ts";
import type { Host } from "./host.ts";
import { Ingest } from "./ingest/ingest.ts";
import type { StreamConfig } from "./stream-config.ts";
import type { ManagedConsumer } from "./consumer-api.ts";

export interface StreamTimes {
  readonly createdMs: number;
  readonly createdNs: number;
}

export class Stream {
  readonly host: Host;
  readonly account: JetStreamAccount;
  readonly store: StreamStore;
  readonly times: StreamTimes;
  /** By name. */
  readonly consumers = new Map<string, ManagedConsumer>();
  config: StreamConfig;
  readonly #ingest: Ingest;
  #subscriptions: Subscription[] = [];
  readonly #stored = new StoredMessage();
  /** Something was decided that consumers have not been woken for. */
  #wakeGroup = 0;
  #stopObserving: (() => void) | null = null;

  constructor(account: JetStreamAccount, store: StreamStore, config: StreamConfig, times: StreamTimes) {
    this.host = account.host;
    this.account = account;
    this.store = store;
    this.config = config;
    this.times = times;
    this.#ingest = new Ingest(this);
  }

  get name(): string {
    return this.config.name;
  }

  get log(): MessageLog {
    return this.store.log;
  }

  /** From now on what is published on its subjects is stored. */
  start(): void {
    this.#stopObserving = this.host.store.observe({ onDurable: () => this.#onDurable() });
    this.#listen();
  }

  /** Takes a configuration that has been checked against the one of now. */
  update(config: StreamConfig): void {
    this.config = config;
    this.#stopListening();
    this.#listen();
    this.#ingest.onUpdated();
    for (const consumer of this.consumers.values()) consumer.onStreamUpdated();
  }

  /** Stores a message that has passed every check. @returns its sequence */
  append(draft: MessageDraft): number {
    const seq = this.log.append(draft);
    for (const consumer of this.consumers.values()) consumer.onStored(seq, draft.subject);
    this.#wakeLater();
    return seq;
  }

  /** @returns false when there was no such message */
  remove(seq: number): boolean {
    if (!this.log.read(seq, this.#stored)) return false;
    const { subject } = this.#stored;
    this.log.remove(seq);
    for (const consumer of this.consumers.values()) consumer.onRemoved(seq, subject);
    return true;
  }

  /** Removes everything up to and with `seq`. @returns how many */
  purgeThrough(seq: number): number {
    const count = this.log.removeThrough(seq);
    for (const consumer of this.consumers.values()) consumer.onPurged(this.log.state.firstSeq);
    return count;
  }

  /** Stops and keeps everything for the next start. */
  close(): void {
    this.#stop();
    for (const consumer of this.consumers.values()) consumer.close();
  }

  delete(): void {
    this.#stop();
    for (const consumer of [...this.consumers.values()]) consumer.delete();
    this.consumers.clear();
    this.store.drop();
  }

  #stop(): void {
    this.#stopObserving?.();
    this.#stopObserving = null;
    this.#stopListening();
    this.#ingest.close();
  }

  #listen(): void {
    const { service } = this.host;
    this.#subscriptions = (this.config.subjects ?? []).map((subject) =>
      service.listen(this.account.account, wireFromText(subject), null, (message) =>
        this.#ingest.receive(message),
      ),
    );
  }

  #stopListening(): void {
    for (const subscription of this.#subscriptions) this.host.service.stop(subscription);
    this.#subscriptions = [];
  }

  /** Consumers deliver nothing that could be lost again. */
  #wakeLater(): void {
    const { store } = this.host;
    const isScheduled = this.#wakeGroup > 0;
    if (this.log.kind === "file") {
      this.#wakeGroup = store.lastGroup;
      return;
    }
    this.#wakeGroup = 1;
    if (!isScheduled) this.host.defer(() => this.#wake());
  }

  #onDurable(): void {
    if (this.#wakeGroup > 0 && this.log.kind === "file") this.#wake();
  }

  #wake(): void {
    if (this.log.kind === "memory" || this.host.store.durableGroup >= this.#wakeGroup) this.#wakeGroup = 0;
    for (const consumer of this.consumers.values()) consumer.wake();
  }
}
