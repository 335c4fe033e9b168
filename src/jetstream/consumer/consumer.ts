/**
 * A consumer: its settings, its life, and the run in which everything happens. A new message, an ack, a request or a timer
 * only asks for a run; the {@link Pump} delivers, and {@link Settlement} decides what becomes of what was delivered.
 *
 * **Order of a run.** Requests and acks of the pass, deliveries, changes to the store; last the answers to acks, behind them.
 */
import type { Deadline } from "../../base/clock.ts";
import type { Timestamp } from "../../base/timestamp.ts";
import type { Account } from "../../broker/account.ts";
import type { Subscription } from "../../broker/subscriber.ts";
import { wireFromText } from "../../subjects/subject.ts";
import type { ConsumerInfo, ManagedConsumer } from "../stream/log/managed-consumer.ts";
import type { ConsumerConfig } from "./config/consumer-config.ts";
import type { Host } from "../host.ts";
import type { Stream } from "../stream/stream.ts";
import { Acks } from "./acks/acks.ts";
import { Settlement } from "./acks/settlement.ts";
import { filterFor, filtersOf, isPush } from "./config/config-check.ts";
import { inOrder } from "./config/config-defaults.ts";
import { consumerInfo } from "./consumer-info.ts";
import { DeliveryFrame } from "./delivery/delivery-frame.ts";
import { Pump } from "./delivery/pump.ts";
import type { DeliveryInterest } from "./push/delivery-interest.ts";
import type { DeliveryState } from "./state/delivery-state.ts";
import { Inactivity } from "./inactivity.ts";
import { Life } from "./life.ts";
import type { KeyOrder } from "./state/key-order.ts";
import { listenFor } from "./listening.ts";
import { MessageSource } from "./state/message-source.ts";
import { type MessageDelivery, statuses } from "./delivery/message-delivery.ts";
import { RateLimiter } from "./delivery/rate-limiter.ts";
import { Pause, pausedUntil } from "./pause.ts";
import { PullDelivery } from "./pull/pull-delivery.ts";
import { PushDelivery } from "./push/push-delivery.ts";
import { savedConsumer } from "./state/saved-state.ts";
import { checkReset } from "./config/start-position.ts";
import { recordName, removeRecords, type StateJournal } from "./state/state-journal.ts";
import { ConsumerAdvisories } from "./consumer-advisories.ts";
import { DeliveryBudget } from "./delivery/delivery-budget.ts";

/** What nobody waits for is handed to the store within this. */
const flushWithinMs = 100;

export interface ConsumerOptions {
  readonly stream: Stream;
  readonly name: string;
  readonly config: ConsumerConfig;
  readonly created: Timestamp;
  readonly state: DeliveryState;
  /** Null when nothing of it is kept. */
  readonly journal: StateJournal | null;
  readonly keys: KeyOrder | null;
  readonly interest: DeliveryInterest;
}

export class Consumer implements ManagedConsumer {
  readonly stream: Stream;
  readonly host: Host;
  readonly name: string;
  readonly created: Timestamp;
  readonly state: DeliveryState;
  readonly source: MessageSource;
  readonly advisories: ConsumerAdvisories;
  readonly delivery: MessageDelivery;
  readonly #account: Account;
  readonly #current: { config: ConsumerConfig };
  readonly #life = new Life();
  readonly #acks: Acks;
  readonly #settlement: Settlement;
  /** Null for push consumers. */
  readonly #pull: PullDelivery | null;
  readonly #push: PushDelivery | null;
  readonly #journal: StateJournal | null;
  readonly #keys: KeyOrder | null;
  readonly #inactivity: Inactivity;
  readonly #pause: Pause;
  readonly #rateLimiter: RateLimiter;
  readonly #budget: DeliveryBudget;
  readonly #pump: Pump;
  #listening: Subscription[] = [];
  #isScheduled = false;
  #flushing: Deadline | null = null;
  /** Wall milliseconds; 0: never. */
  #lastDeliveredMs = 0;
  #lastAckedMs = 0;

  constructor({ stream, name, config, created, state, journal, keys, interest }: ConsumerOptions) {
    const { host } = stream;
    const schedule = (): void => this.schedule();
    const wake = (): void => this.wake();
    this.stream = stream;
    this.host = host;
    this.#account = stream.account.account;
    this.name = name;
    this.created = created;
    this.state = state;
    this.#current = { config };
    this.#journal = journal;
    this.#keys = keys;
    const isSilent = config.direct === true || config.sourcing === true;
    this.advisories = new ConsumerAdvisories(stream, name, isSilent);
    this.source = new MessageSource(stream.log, state, filterFor(config), keys, journal);
    const { advisories, source } = this;
    this.#settlement = new Settlement(
      { stream, name, state, journal, keys, source, advisories, onExpired: wake },
      config,
    );
    this.#acks = new Acks(state, this.#settlement, schedule, (inbox, body) =>
      this.#pull?.request(inbox, body),
    );
    this.#pause = new Pause(host, () => {
      this.#life.on("resume");
      advisories.paused(this.config.pause_until, host.clock.wallMs());
      this.wake();
    });
    const replayThroughSeq = config.replay_policy === "original" ? stream.log.state.lastSeq : 0;
    this.#rateLimiter = new RateLimiter(host, replayThroughSeq, () => this.#burstBytes(), wake);
    this.#budget = new DeliveryBudget(host, wake);
    const account = this.#account;
    const names = `${wireFromText(stream.name)}.${wireFromText(name)}.`;
    const shared = { host, account, current: this.#current, state, schedule };
    this.#pull = isPush(config)
      ? null
      : new PullDelivery({ ...shared, replies: stream.account.replies, source, advisories });
    this.#push = isPush(config)
      ? new PushDelivery({
          ...shared,
          interest,
          settlement: this.#settlement,
          flowControlPrefix: `$JS.FC.${names}`,
          onBound: (isBound) => this.#onBound(isBound),
        })
      : null;
    this.delivery = (this.#pull ?? this.#push) as MessageDelivery;
    this.#pump = new Pump({
      state,
      source,
      delivery: this.delivery,
      frame: new DeliveryFrame(`$JS.ACK.${names}`),
      rateLimiter: this.#rateLimiter,
      budget: this.#budget,
      onDelivered: (seq, nowMs, deliveries) => this.#onDelivered(seq, nowMs, deliveries),
    });
    this.#inactivity = new Inactivity(host, state, this.delivery, this.#pull, () => this.delete());
    keys?.restore(state, stream.log, source.message);
    source.recount();
    this.#applyConfig();
    this.#listening = this.#listen();
    this.#settlement.start();
    this.#inactivity.start(config);
  }

  get config(): ConsumerConfig {
    return this.#current.config;
  }

  get isPaused(): boolean {
    return this.#pause.isOn;
  }

  /** Asks for a run at the end of the pass. */
  schedule(): void {
    if (this.#isScheduled || this.#life.isClosed) return;
    this.#isScheduled = true;
    this.host.defer("decide", this.#run);
  }

  /** The run. Called where routing is allowed. */
  wake(): void {
    if (this.#life.isClosed) return;
    this.#pull?.takeUp();
    this.#acks.finish();
    if (this.#life.delivers && this.#pump.run(this.host.clock.nowMs()))
      this.#lastDeliveredMs = this.host.clock.wallMs();
    if (this.#settlement.takeSettled()) this.#lastAckedMs = this.host.clock.wallMs();
    this.#flush();
    for (const reply of this.#acks.takeReplies()) this.#answer(reply);
  }

  /** Nothing is delivered until {@link release}: it is new, and nobody has been told yet. */
  hold(): void {
    this.#life.on("created");
  }

  release(): void {
    this.#life.on("answered");
    this.wake();
  }

  onStored(seq: number, subject: string): void {
    this.source.onStored(seq, subject);
  }

  onRemoved(seq: number, subject: string, isTold: boolean): void {
    if (this.#settlement.onRemoved(seq, isTold)) this.schedule();
    this.source.onRemoved(seq, subject);
  }

  onPurged(firstSeq: number): void {
    this.#settlement.onPurged(firstSeq);
    this.schedule();
  }

  needs(seq: number, subject: string): boolean {
    const { filter } = this.source;
    return (filter === null || filter.matches(subject)) && this.state.needs(seq);
  }

  onStreamUpdated(): void {
    this.schedule();
  }

  info(): ConsumerInfo {
    const { name, created, config, state, delivery, source } = this;
    return consumerInfo(
      {
        streamName: this.stream.name,
        name,
        created,
        config,
        deadLetterNote: this.#settlement.deadLetters?.note ?? null,
        state,
        delivery,
        pin: this.#pull?.pin ?? null,
        pendingCount: source.pendingCount,
        lastDeliveredMs: this.#lastDeliveredMs,
        lastAckedMs: this.#lastAckedMs,
      },
      this.host.clock,
    );
  }

  saved(): object {
    const { clock } = this.host;
    return savedConsumer(this.name, this.config, this.state, clock.wallMs() - clock.nowMs());
  }

  /** Takes a configuration that has been checked against the one of now. */
  update(config: ConsumerConfig): void {
    const before = this.config;
    this.#current.config = config;
    this.#applyConfig();
    this.delivery.onUpdated();
    if ((before.deliver_subject ?? "") !== (config.deliver_subject ?? "")) this.#settlement.requeueAll();
    if (filtersOf(before).join("\n") !== filtersOf(config).join("\n")) {
      this.source.filter = filterFor(config);
      this.source.recount();
      this.host.defer("decide", () => this.stream.consumerGone(this));
    }
    if (before.pause_until !== config.pause_until)
      this.advisories.paused(config.pause_until, this.host.clock.wallMs());
    this.#settlement.start();
    this.#inactivity.start(config);
    this.schedule();
  }

  pause(until: Timestamp | null): void {
    const before = this.config.pause_until;
    this.#current.config = inOrder(pausedUntil(this.config, until));
    this.saveConfig();
    this.#applyPause();
    if (before !== this.config.pause_until)
      this.advisories.paused(this.config.pause_until, this.host.clock.wallMs());
    this.schedule();
  }

  unpin(group: string): void {
    if (this.#pull === null || this.#pull.pin.id === "") return;
    this.#pull.pin.release();
    this.advisories.unpinned(group, "admin");
    this.schedule();
  }

  reset(seq: number): number {
    checkReset(seq, this.config, this.stream.log);
    this.state.settleFloors();
    const from = seq > 0 ? seq : this.state.floorSeq + 1;
    this.state.reset(from);
    this.#keys?.clear();
    this.#lastDeliveredMs = 0;
    this.#lastAckedMs = 0;
    this.source.recount();
    this.#journal?.snapshot();
    if (this.stream.config.retention === "interest")
      this.host.defer("decide", () => this.stream.consumerGone(this));
    this.schedule();
    return from;
  }

  delete(): void {
    if (this.#life.isClosed) return;
    const { stream } = this;
    stream.consumers.delete(this.name);
    removeRecords(stream.store, this.name);
    // After that, since who waits is told when it is durable.
    this.#stop(statuses.deleted);
    this.host.defer("decide", () => {
      this.advisories.deleted();
      // When the stream goes too, nothing is left to look at.
      if (stream.account.streams.get(stream.name) === stream) stream.consumerGone(this);
    });
  }

  close(): void {
    if (this.#life.isClosed) return;
    this.#stop(null);
    this.#journal?.snapshot();
  }

  saveConfig(): void {
    if (this.#journal === null) return;
    const record = { config: this.config, created: this.created };
    this.stream.store.putRecord(recordName(this.name, "config"), Buffer.from(JSON.stringify(record)));
  }

  /** Writes all of it, where it is kept at all. */
  save(): void {
    this.saveConfig();
    this.#journal?.snapshot();
  }

  readonly #run = (): void => {
    this.#isScheduled = false;
    this.wake();
  };

  #onDelivered(seq: number, nowMs: number, deliveries: number): void {
    if (this.#pull !== null) this.#pull.lastActiveMs = nowMs;
    this.#settlement.delivered(seq, nowMs, deliveries);
    this.#push?.onDelivered(nowMs);
  }

  #onBound(isBound: boolean): void {
    if (isBound) this.schedule();
    this.#inactivity.onBound(isBound);
  }

  /** An ack has been taken: tells its sender, once that is durable. */
  #answer(reply: string): void {
    const { replies } = this.stream.account;
    if (this.#journal === null && this.stream.config.retention === "limits")
      replies.publishSoon(this.#account, reply, nothing);
    else replies.publish(this.#account, reply, nothing);
  }

  /** At once where somebody waits for it to be durable; otherwise now and then, since losing it costs redeliveries only. */
  #flush(): void {
    const journal = this.#journal;
    if (journal === null || journal.isEmpty) return;
    if (this.#settlement.takeUrgent() || this.#acks.hasReplies || journal.isLarge) journal.flush();
    else
      this.#flushing ??= this.host.after(flushWithinMs, () => {
        this.#flushing = null;
        journal.flush();
      });
  }

  #listen(): Subscription[] {
    const { stream, name, config } = this;
    return listenFor(stream.account, wireFromText(stream.name), wireFromText(name), config, {
      onPull: this.#pull === null ? null : (message) => this.#pull?.receive(message),
      onAck: (message, start, tokensMax) => this.#acks.receive(message, start, tokensMax),
      onFlowControl: (message) => this.#push?.onFlowControl(message),
      onRedrive: (message) => this.#settlement.deadLetters?.receive(message),
    });
  }

  #burstBytes(): number {
    const most = this.stream.config.max_msg_size ?? -1;
    return most > 0 ? most : this.#account.limits.maxPayloadBytes;
  }

  #applyConfig(): void {
    const { config } = this;
    this.#pump.isHeadersOnly = config.headers_only === true;
    this.#rateLimiter.bitsPerSecond = config.rate_limit_bps ?? 0;
    this.source.ackPendingMax = config.ack_policy === "none" ? 0 : (config.max_ack_pending ?? 0);
    this.#settlement.apply(config);
    this.#applyPause();
    this.saveConfig();
  }

  #applyPause(): void {
    this.#pause.apply(this.config);
    this.#life.on(this.#pause.isOn ? "pause" : "resume");
  }

  #stop(status: Buffer | null): void {
    this.delivery.close(status);
    this.#life.on("close");
    for (const subscription of this.#listening) this.host.service.stop(subscription);
    this.#listening = [];
    this.#settlement.stop();
    this.#inactivity.stop();
    this.#pause.stop();
    this.#rateLimiter.stop();
    this.#budget.stop();
    this.#flushing?.cancel();
  }
}

const nothing = Buffer.alloc(0);
