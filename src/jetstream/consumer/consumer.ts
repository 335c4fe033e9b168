/**
 * A consumer: what it has delivered and to whom, and what was said of it. Everything that happens (a new message, an
 * ack, a request, a timer) only asks for a run; {@link Consumer.wake} is the one place that delivers.
 *
 * **Order of a run.** Requests and acks of the pass, deliveries, changes to the store; last the answers to acks, behind them.
 */
import type { Deadline } from "../../base/clock.ts";
import type { Timestamp } from "../../base/timestamp.ts";
import type { Account } from "../../broker/account.ts";
import type { Body } from "../../broker/publisher.ts";
import type { Subscription } from "../../broker/subscriber.ts";
import { wireFromText } from "../../subjects/subject.ts";
import type { ConsumerInfo, ManagedConsumer } from "../stream/log/managed-consumer.ts";
import type { ConsumerConfig } from "./config/consumer-config.ts";
import type { Host } from "../host.ts";
import type { Stream } from "../stream/stream.ts";
import { AckTimer, ackWaitMs } from "./acks/ack-timer.ts";
import { Acks } from "./acks/acks.ts";
import { filterFor, filtersOf, isPush } from "./config/config-check.ts";
import { inOrder } from "./config/config-defaults.ts";
import { consumerInfo } from "./consumer-info.ts";
import { DeadLetters } from "./dead-letters/dead-letters.ts";
import type { AckNumbers } from "./delivery/ack-subject.ts";
import { DeliveryFrame } from "./delivery/delivery-frame.ts";
import type { DeliveryInterest } from "./push/delivery-interest.ts";
import type { DeliveryState } from "./state/delivery-state.ts";
import { Inactivity } from "./inactivity.ts";
import type { KeyOrder } from "./state/key-order.ts";
import { listenFor } from "./listening.ts";
import { MessageSource } from "./state/message-source.ts";
import { headersOnly, type MessageDelivery, statuses } from "./delivery/message-delivery.ts";
import { RateLimiter } from "./delivery/rate-limiter.ts";
import { Pause, pausedUntil } from "./pause.ts";
import { PullDelivery } from "./pull/pull-delivery.ts";
import { PushDelivery } from "./push/push-delivery.ts";
import { savedConsumer } from "./state/saved-state.ts";
import { checkReset } from "./config/start-position.ts";
import { recordName, removeRecords, type StateJournal } from "./state/state-journal.ts";
import { isSampled, ConsumerAdvisories, goneReason } from "./consumer-advisories.ts";
import { DeliveryBudget } from "./delivery/delivery-budget.ts";

/** What nobody waits for is handed to the store within this. */
const flushWithinMs = 100;

export interface ConsumerParts {
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
  readonly account: Account;
  readonly name: string;
  readonly created: Timestamp;
  readonly state: DeliveryState;
  readonly source: MessageSource;
  readonly advisories: ConsumerAdvisories;
  readonly interest: DeliveryInterest;
  readonly acks: Acks;
  readonly delivery: MessageDelivery;
  /** Null for push consumers. */
  readonly pull: PullDelivery | null;
  readonly push: PushDelivery | null;
  lastDeliveredMs = 0;
  lastAckedMs = 0;
  #config: ConsumerConfig;
  readonly #journal: StateJournal | null;
  readonly #keys: KeyOrder | null;
  readonly #ackTimer: AckTimer;
  readonly #inactivity: Inactivity;
  #deadLetters: DeadLetters | null = null;
  #listening: Subscription[] = [];
  readonly #frame: DeliveryFrame;
  readonly #ackNumbers: AckNumbers = { deliveries: 1, consumerSeq: 0, pending: 0 };
  #sampledPercent = 0;
  #isHeadersOnly = false;
  #isScheduled = false;
  #isClosed = false;
  readonly #pause: Pause;
  readonly #rateLimiter: RateLimiter;
  readonly #budget: DeliveryBudget;
  /** It is new, and nobody has been told yet. */
  isHeld = false;
  /** When the pump was set going. One look at the clock for all that goes out: each costs a tenth of a delivery. */
  runMs = 0;
  #flushing: Deadline | null = null;
  #mustFlush = false;
  /** Since the last run. */
  #hasDelivered = false;
  #hasAcked = false;

  constructor({ stream, name, config, created, state, journal, keys, interest }: ConsumerParts) {
    this.stream = stream;
    this.host = stream.host;
    this.account = stream.account.account;
    this.name = name;
    this.created = created;
    this.state = state;
    this.interest = interest;
    this.#config = config;
    this.#journal = journal;
    this.#keys = keys;
    const isSilent = config.direct === true || config.sourcing === true;
    this.advisories = new ConsumerAdvisories(stream, name, isSilent);
    this.source = new MessageSource(stream.log, state, filterFor(config), keys, journal);
    this.acks = new Acks(this);
    this.#ackTimer = new AckTimer(this);
    this.#inactivity = new Inactivity(this);
    this.#pause = new Pause(this);
    this.#rateLimiter = new RateLimiter(this);
    this.#budget = new DeliveryBudget(this);
    this.#frame = new DeliveryFrame(`$JS.ACK.${wireFromText(stream.name)}.${wireFromText(name)}.`);
    this.pull = isPush(config) ? null : new PullDelivery(this);
    this.push = isPush(config) ? new PushDelivery(this) : null;
    this.delivery = (this.pull ?? this.push) as MessageDelivery;
    keys?.restore(state, stream.log, this.source.message);
    this.source.recount();
    this.#applyConfig();
    this.#listening = listenFor(this);
    this.#ackTimer.start();
    this.#inactivity.start();
  }

  get config(): ConsumerConfig {
    return this.#config;
  }

  get isPaused(): boolean {
    return this.#pause.isOn;
  }

  get deadLetters(): DeadLetters | null {
    return this.#deadLetters;
  }

  nowMs(): number {
    return this.host.clock.nowMs();
  }

  ackWaitMs(deliveries: number): number {
    return ackWaitMs(this.#config, deliveries);
  }

  /** Asks for a run at the end of the pass. */
  schedule(): void {
    if (this.#isScheduled || this.#isClosed) return;
    this.#isScheduled = true;
    this.host.defer("decide", this.#run);
  }

  /** The run. Called where routing is allowed. */
  wake(): void {
    if (this.#isClosed) return;
    this.pull?.takeUp();
    this.acks.finish();
    if (!this.isPaused && !this.isHeld) this.#pump();
    if (this.#hasDelivered) this.lastDeliveredMs = this.host.clock.wallMs();
    if (this.#hasAcked) this.lastAckedMs = this.host.clock.wallMs();
    this.#hasDelivered = false;
    this.#hasAcked = false;
    this.#flush();
    this.acks.answer();
  }

  /** At once where somebody waits for it to be durable; otherwise now and then, since losing it costs redeliveries only. */
  #flush(): void {
    const journal = this.#journal;
    if (journal === null || journal.isEmpty) return;
    if (this.#mustFlush || this.acks.hasReplies || journal.isLarge) {
      this.#mustFlush = false;
      journal.flush();
    } else
      this.#flushing ??= this.host.after(flushWithinMs, () => {
        this.#flushing = null;
        journal.flush();
      });
  }

  onStored(seq: number, subject: string): void {
    this.source.onStored(seq, subject);
  }

  onRemoved(seq: number, subject: string, isTold: boolean): void {
    const wasOut = this.state.pending.has(seq);
    if (wasOut || this.state.redelivered.has(seq)) {
      const deliveries = this.state.deliveries(seq);
      const consumerSeq = this.state.pending.consumerSeq(seq);
      this.#drop(seq);
      this.#hasAcked = true;
      if (wasOut && isTold) this.advisories.terminated(consumerSeq, seq, deliveries, goneReason);
      this.schedule();
    }
    this.source.onRemoved(seq, subject);
  }

  onPurged(firstSeq: number): void {
    const { log } = this.stream;
    const { state } = this;
    const outCount = state.pending.size;
    state.purge(firstSeq, (seq) => !log.read(seq, this.source.message));
    if (state.pending.size < outCount) this.#hasAcked = true;
    this.#keys?.restore(state, log, this.source.message);
    this.source.recount();
    this.#journal?.snapshot();
    this.schedule();
  }

  needs(seq: number, subject: string): boolean {
    const { filter } = this.source;
    return (filter === null || filter.matches(subject)) && this.state.needs(seq);
  }

  onStreamUpdated(): void {
    this.schedule();
  }

  /** One message is acknowledged. @param samples whether the metric may tell of it */
  settle(seq: number, samples: boolean): void {
    const { state } = this;
    const wasOut = state.pending.has(seq);
    if (!wasOut && !state.redelivered.has(seq)) return;
    if (wasOut && samples && isSampled(this.#sampledPercent)) this.#sample(seq);
    this.#hasAcked = true;
    this.#drop(seq);
    this.stream.settled(seq);
  }

  /** All of `settled` are acknowledged by one ack. */
  settledThrough(seq: number, consumerSeq: number, settled: readonly number[]): void {
    this.#hasAcked = true;
    this.#journal?.settleThrough(seq, consumerSeq);
    for (const each of settled) this.stream.settled(each);
    if (settled.at(-1) !== seq) this.stream.settled(seq);
  }

  /** Work is in progress: the wait for the ack begins anew. */
  waitAnew(seq: number): void {
    this.#wait(seq, this.nowMs());
  }

  /** It is to be delivered again, after a while if one is given. */
  reject(seq: number, consumerSeq: number, deliveries: number, delayMs: number | null): void {
    const { state } = this;
    if (!state.pending.has(seq) || consumerSeq > state.consumerSeq) return;
    this.advisories.rejected(consumerSeq, seq, deliveries);
    if (delayMs === null) {
      if (!this.ranOut(seq)) state.enqueue(seq);
      return;
    }
    state.unqueue(seq);
    this.#wait(seq, this.nowMs() - this.ackWaitMs(state.deliveries(seq)) + delayMs);
    this.source.forget();
  }

  /** An ack has been taken: tells its sender, once that is durable. */
  answer(reply: string): void {
    const { replies } = this.stream.account;
    if (this.#journal === null && this.stream.config.retention === "limits")
      replies.publishSoon(this.account, reply, nothing);
    else replies.publish(this.account, reply, nothing);
  }

  /**
   * Ends the message if it has been delivered as often as it may be.
   * @returns whether it has
   */
  ranOut(seq: number): boolean {
    const most = this.#config.max_deliver ?? -1;
    const deliveries = this.state.deliveries(seq);
    if (most <= 0 || deliveries < most) return false;
    this.advisories.exhausted(seq, deliveries);
    if (this.#deadLetters !== null) {
      if (this.bury(seq, "maximum deliveries exceeded")) {
        this.#drop(seq);
        this.stream.settled(seq);
      } else this.#wait(seq, this.nowMs());
      return true;
    }
    this.state.exhaust(seq);
    this.#journal?.exhaust(seq);
    this.#keys?.release(seq);
    return true;
  }

  /** Copies it to where dead letters go, if there is such a place. @returns false when that was refused */
  bury(seq: number, reason: string): boolean {
    if (this.#deadLetters === null) return true;
    this.#mustFlush = true;
    return this.#deadLetters.bury(seq, reason);
  }

  /** Somebody listens on the deliver subject, or nobody any more. */
  onBound(isBound: boolean): void {
    if (isBound) this.schedule();
    this.#inactivity.onBound(isBound);
  }

  info(): ConsumerInfo {
    return consumerInfo(this);
  }

  saved(): object {
    return savedConsumer(this);
  }

  /** Takes a configuration that has been checked against the one of now. */
  update(config: ConsumerConfig): void {
    const before = this.#config;
    this.#config = config;
    this.#applyConfig();
    this.delivery.onUpdated();
    if ((before.deliver_subject ?? "") !== (config.deliver_subject ?? "")) {
      const out: number[] = [];
      this.state.pending.forEach((seq) => out.push(seq));
      for (const seq of out.sort((a, b) => a - b)) if (!this.ranOut(seq)) this.state.enqueue(seq);
    }
    if (filtersOf(before).join("\n") !== filtersOf(config).join("\n")) {
      this.source.filter = filterFor(config);
      this.source.recount();
      this.host.defer("decide", () => this.stream.consumerGone(this));
    }
    if (before.pause_until !== config.pause_until)
      this.advisories.paused(config.pause_until, this.host.clock.wallMs());
    this.#ackTimer.start();
    this.#inactivity.start();
    this.schedule();
  }

  pause(until: Timestamp | null): void {
    const before = this.#config.pause_until;
    this.#config = inOrder(pausedUntil(this.#config, until));
    this.saveConfig();
    this.#pause.apply();
    if (before !== this.#config.pause_until)
      this.advisories.paused(this.#config.pause_until, this.host.clock.wallMs());
    this.schedule();
  }

  unpin(group: string): void {
    if (this.pull === null || this.pull.pin.id === "") return;
    this.pull.pin.release();
    this.advisories.unpinned(group, "admin");
    this.schedule();
  }

  reset(seq: number): number {
    checkReset(seq, this.#config, this.stream.log);
    this.state.settleFloors();
    const from = seq > 0 ? seq : this.state.floorSeq + 1;
    this.state.reset(from);
    this.#keys?.clear();
    this.lastDeliveredMs = 0;
    this.lastAckedMs = 0;
    this.source.recount();
    this.#journal?.snapshot();
    if (this.stream.config.retention === "interest")
      this.host.defer("decide", () => this.stream.consumerGone(this));
    this.schedule();
    return from;
  }

  delete(): void {
    if (this.#isClosed) return;
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
    if (this.#isClosed) return;
    this.#stop(null);
    this.#journal?.snapshot();
  }

  saveConfig(): void {
    if (this.#journal === null) return;
    const record = { config: this.#config, created: this.created };
    this.stream.store.putRecord(recordName(this.name, "config"), Buffer.from(JSON.stringify(record)));
  }

  /** Writes all of it, where it is kept at all. */
  save(): void {
    this.saveConfig();
    this.#journal?.snapshot();
  }

  /** Puts the message that was found together as it is to go, with that body. */
  compose(body: Body): void {
    const numbers = this.#ackNumbers;
    numbers.deliveries = this.source.deliveries;
    numbers.consumerSeq = this.state.consumerSeq + 1;
    numbers.pending = this.source.pendingAfter;
    this.#frame.compose(this.source.message, body, numbers);
  }

  readonly #run = (): void => {
    this.#isScheduled = false;
    this.wake();
  };

  #pump(): void {
    const { delivery, source } = this;
    this.runMs = this.nowMs();
    if (!this.#budget.begin()) return;
    while (delivery.isReady && !this.#rateLimiter.isWaiting && !this.#budget.isOver()) {
      const found = source.find();
      if (found !== "message") {
        if (found === "stalled") return;
        delivery.onEnd();
        return this.#rateLimiter.onEnd();
      }
      const sent = this.#deliver();
      if (sent === 0) return;
      this.#budget.sent(sent);
    }
  }

  /** @returns how many bytes went out; 0 when nobody took it */
  #deliver(): number {
    const { state, source } = this;
    const { message } = source;
    const { seq } = message;
    const body = this.#isHeadersOnly ? headersOnly(message) : message;
    this.compose(body);
    const size = this.#frame.sizeBytes;
    const isPaced = this.#rateLimiter.isOn;
    if (isPaced && this.#rateLimiter.mustWait(size, message)) return 0;
    if (!this.delivery.deliver(this.#frame, body, size)) return 0;
    const nowMs = this.runMs;
    if (isPaced) this.#rateLimiter.sent(size, message, nowMs);
    source.take(nowMs);
    this.#hasDelivered = true;
    if (this.pull !== null) this.pull.lastActiveMs = nowMs;
    if (state.policy === "none") {
      if (this.stream.config.retention !== "limits") this.stream.settled(seq);
    } else if (this.#ackTimer.dueMs !== 0) this.#ackTimer.expect(nowMs + this.ackWaitMs(source.deliveries));
    this.push?.onDelivered(nowMs);
    return size;
  }

  #wait(seq: number, stampMs: number): void {
    if (!this.state.pending.setStamp(seq, stampMs)) return;
    this.#journal?.stamp(seq, stampMs);
    this.#ackTimer.expect(stampMs + this.ackWaitMs(this.state.deliveries(seq)));
  }

  /** It is out no more, and forgotten. */
  #drop(seq: number): void {
    this.state.settle(seq);
    this.#journal?.settle(seq);
    this.#keys?.release(seq);
  }

  #applyConfig(): void {
    const { sample_freq: sample = "", max_ack_pending: outMax = 0, metadata = {} } = this.#config;
    this.#isHeadersOnly = this.#config.headers_only === true;
    this.#sampledPercent = sample === "" ? 0 : Number.parseInt(sample, 10);
    this.source.ackPendingMax = this.#config.ack_policy === "none" ? 0 : outMax;
    const deadLetter = metadata["frond.dead_letter"];
    if (deadLetter !== this.#deadLetters?.subjectText) this.#deadLetters = DeadLetters.of(this, deadLetter);
    this.#pause.apply();
    this.saveConfig();
  }

  #sample(seq: number): void {
    const { pending } = this.state;
    const waitedMs = this.nowMs() - pending.stamp(seq);
    this.advisories.acknowledged(pending.consumerSeq(seq), seq, waitedMs, this.state.deliveries(seq));
  }

  #stop(status: Buffer | null): void {
    this.delivery.close(status);
    this.#isClosed = true;
    for (const subscription of this.#listening) this.host.service.stop(subscription);
    this.#listening = [];
    this.#ackTimer.stop();
    this.#inactivity.stop();
    this.#pause.stop();
    this.#rateLimiter.stop();
    this.#budget.stop();
    this.#flushing?.cancel();
  }
}

const nothing = Buffer.alloc(0);
