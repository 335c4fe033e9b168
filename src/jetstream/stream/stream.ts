/** A stream: its configuration, its log, its consumers, and the parts that work on them. */
import type { Subscription } from "../../broker/subscriber.ts";
import type { MessageLog, NewMessage, StreamStore } from "../../store/contract.ts";
import { wireFromText } from "../../subjects/subject.ts";
import type { JetStreamAccount } from "../account.ts";
import { DirectGet } from "../direct/direct-get.ts";
import type { Host } from "../host.ts";
import { Sourcing } from "../sourcing/sourcing.ts";
import type { StreamConfig, StreamTimes } from "./config/stream-config.ts";
import { FollowedLog } from "./log/followed-log.ts";
import type { ManagedConsumer } from "./log/managed-consumer.ts";
import type { StreamConsumer } from "./log/stream-consumer.ts";
import { PublishHandler } from "./publish-handler.ts";
import { Expiry } from "./retention/expiry.ts";
import { Interest } from "./retention/interest.ts";
import { Limits } from "./retention/limits.ts";
import { Schedules } from "./schedule/schedules.ts";

/** An account with JetStream, and its streams. */
export type StreamAccount = JetStreamAccount<Stream>;

export class Stream {
  readonly host: Host;
  readonly account: StreamAccount;
  readonly store: StreamStore;
  readonly times: StreamTimes;
  /** What changes the log and tells the consumers. */
  readonly messages: FollowedLog;
  readonly publishHandler: PublishHandler;
  readonly limits: Limits;
  /** What it gets from other streams. */
  readonly sourcing: Sourcing;
  readonly #current: { config: StreamConfig };
  readonly #interest: Interest;
  readonly #expiry: Expiry;
  readonly #schedules: Schedules;
  readonly #directGet: DirectGet;
  #subscriptions: Subscription[] = [];
  #isDeleted = false;

  constructor(account: StreamAccount, store: StreamStore, config: StreamConfig, times: StreamTimes) {
    const { host, replies } = account;
    const current = { config };
    const messages = new FollowedLog(store.log, host.store, replies);
    this.host = host;
    this.account = account;
    this.store = store;
    this.times = times;
    this.messages = messages;
    this.#current = current;
    this.limits = new Limits(messages, current);
    this.#interest = new Interest(messages, host);
    this.publishHandler = new PublishHandler({
      ...{ account, current, messages, limits: this.limits, interest: this.#interest },
      store: (message) => this.#append(message),
    });
    this.#expiry = new Expiry(messages, current, host, (subject, headers) => {
      this.publishHandler.publishOwn(subject, headers, Buffer.alloc(0));
    });
    this.#schedules = new Schedules(store.log, current, host, (subject, headers, payload) => {
      const refusal = this.publishHandler.publishOwn(subject, headers, payload, false);
      if (refusal !== null) host.log.warn(`a scheduled message was not stored: ${refusal.message}`);
    });
    this.#directGet = new DirectGet(account.directReplies, host.service, store.log, current);
    this.sourcing = new Sourcing({
      ...{ current, store },
      storeSourced: (message) => this.publishHandler.storeSourced(message),
      onCaughtUp: () => this.#directGet.onCaughtUp(),
      channel: {
        ...{ account: account.account, replies, scheduler: host, nuid: () => host.nuid() },
        ...{ publisher: host.publisher, service: host.service, log: host.log },
        ...{ stream: config.name, domain: host.domain },
      },
    });
  }

  get name(): string {
    return this.config.name;
  }

  get config(): StreamConfig {
    return this.#current.config;
  }

  get log(): MessageLog {
    return this.store.log;
  }

  /** By name. */
  get consumers(): Map<string, ManagedConsumer> {
    return this.messages.consumers;
  }

  /** It is gone for good, and nothing can be read any more. */
  get isDeleted(): boolean {
    return this.#isDeleted;
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
    this.#current.config = config;
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

  /** One of the consumers is done with the message: it goes where nobody else needs it, unless limits alone rule. */
  settled(seq: number): void {
    if (this.config.retention !== "limits") this.#interest.settled(seq);
  }

  /** A consumer is gone and not among {@link consumers} any more, or it wants other messages than before. */
  consumerGone(_consumer: StreamConsumer): void {
    if (this.config.retention === "interest") this.#interest.sweep();
  }

  /** Stops and keeps everything for the next start. */
  close(): void {
    this.#stop();
    this.sourcing.stop(false);
    for (const consumer of this.consumers.values()) consumer.close();
  }

  delete(): void {
    this.#isDeleted = true;
    this.#stop();
    this.sourcing.stop(true);
    for (const consumer of [...this.consumers.values()]) consumer.delete();
    this.consumers.clear();
    this.store.drop();
  }

  #stop(): void {
    this.messages.close();
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

  /** Stores a message that has passed every check. @returns its sequence */
  #append(message: NewMessage): number {
    const seq = this.messages.append(message);
    this.limits.enforce(message.subject);
    this.#expiry.onStored(message.timeMs, message.expiresMs);
    if (message.wakesMs > 0) this.#schedules.onStored(message.wakesMs);
    return seq;
  }
}
