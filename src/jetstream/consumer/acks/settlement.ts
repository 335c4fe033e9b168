/**
 * What becomes of messages that are out: acknowledged, rejected, given up, or delivered again when nobody says anything in
 * time. All that changes the state of a message after its delivery goes through here.
 */
import type { ConsumerConfig } from "../config/consumer-config.ts";
import { goneReason, isSampled, type ConsumerAdvisories } from "../consumer-advisories.ts";
import { DeadLetters } from "../dead-letters/dead-letters.ts";
import type { DeliveryState } from "../state/delivery-state.ts";
import type { KeyOrder } from "../state/key-order.ts";
import type { MessageSource } from "../state/message-source.ts";
import type { StateJournal } from "../state/state-journal.ts";
import type { Stream } from "../../stream/stream.ts";
import { AckTimer, ackWaitMs } from "./ack-timer.ts";

export interface SettlementOptions {
  readonly stream: Stream;
  /** Of the consumer. */
  readonly name: string;
  readonly state: DeliveryState;
  /** Null when nothing of the state is kept. */
  readonly journal: StateJournal | null;
  readonly keys: KeyOrder | null;
  readonly source: MessageSource;
  readonly advisories: ConsumerAdvisories;
  /** Messages are to be delivered again. Called as a pass. */
  readonly onExpired: () => void;
}

export class Settlement {
  readonly #options: SettlementOptions;
  readonly #ackTimer: AckTimer;
  readonly #settled: number[] = [];
  #config: ConsumerConfig;
  #sampledPercent = 0;
  #deadLetters: DeadLetters | null = null;
  #hasSettled = false;
  #isUrgent = false;

  constructor(options: SettlementOptions, config: ConsumerConfig) {
    const { stream, state, source, onExpired } = options;
    this.#options = options;
    this.#config = config;
    this.#ackTimer = new AckTimer(
      stream.host,
      state,
      (deliveries) => this.#waitMs(deliveries),
      (expired) => {
        for (const seq of expired) if (!this.ranOut(seq)) state.enqueue(seq);
        source.forget();
        onExpired();
      },
    );
  }

  /** Null where messages that ran out are not kept. */
  get deadLetters(): DeadLetters | null {
    return this.#deadLetters;
  }

  /** Whether anything was settled since the last question. */
  takeSettled(): boolean {
    const has = this.#hasSettled;
    this.#hasSettled = false;
    return has;
  }

  /** Whether something has happened, since the last question, that is to be durable with what was published for it. */
  takeUrgent(): boolean {
    const is = this.#isUrgent;
    this.#isUrgent = false;
    return is;
  }

  /** Takes up what the configuration says; {@link start} follows. */
  apply(config: ConsumerConfig): void {
    const { stream, name, state } = this.#options;
    const { sample_freq: sample = "", metadata = {} } = config;
    this.#config = config;
    this.#sampledPercent = sample === "" ? 0 : Number.parseInt(sample, 10);
    const subject = metadata["frond.dead_letter"];
    if (subject !== this.#deadLetters?.subjectText)
      this.#deadLetters = DeadLetters.of({ stream, name }, state, subject);
  }

  /** Begins to wait for acks, or begins anew. */
  start(): void {
    this.#ackTimer.start();
  }

  stop(): void {
    this.#ackTimer.stop();
  }

  /** A message was delivered: without acks it is settled, otherwise its ack is waited for. */
  delivered(seq: number, nowMs: number, deliveries: number): void {
    const { state, stream } = this.#options;
    if (state.policy !== "none") {
      if (this.#ackTimer.dueMs !== 0) this.#ackTimer.expect(nowMs + this.#waitMs(deliveries));
    } else if (stream.config.retention !== "limits") stream.settled(seq);
  }

  /** One message is acknowledged. @param samples whether the metric may tell of it */
  settle(seq: number, samples: boolean): void {
    const { state, stream } = this.#options;
    const wasOut = state.pending.has(seq);
    if (!wasOut && !state.redelivered.has(seq)) return;
    if (wasOut && samples && isSampled(this.#sampledPercent)) this.#sample(seq);
    this.#hasSettled = true;
    this.#drop(seq);
    stream.settled(seq);
  }

  /** All messages up to that one are acknowledged by one ack. */
  settleThrough(seq: number, consumerSeq: number): void {
    const { state, journal, stream } = this.#options;
    const settled = this.#settled;
    settled.length = 0;
    if (!state.settleThrough(seq, consumerSeq, settled)) return;
    this.#hasSettled = true;
    journal?.settleThrough(seq, consumerSeq);
    for (const each of settled) stream.settled(each);
    if (settled.at(-1) !== seq) stream.settled(seq);
  }

  /** Work is in progress: the wait for the ack begins anew. */
  waitAnew(seq: number): void {
    this.#wait(seq, this.#nowMs());
  }

  /** It is to be delivered again, after a while if one is given. */
  reject(seq: number, consumerSeq: number, deliveries: number, delayMs: number | null): void {
    const { state, advisories, source } = this.#options;
    if (!state.pending.has(seq) || consumerSeq > state.consumerSeq) return;
    advisories.rejected(consumerSeq, seq, deliveries);
    if (delayMs === null) {
      if (!this.ranOut(seq)) state.enqueue(seq);
      return;
    }
    state.unqueue(seq);
    this.#wait(seq, this.#nowMs() - this.#waitMs(state.deliveries(seq)) + delayMs);
    source.forget();
  }

  terminated(seq: number, consumerSeq: number, deliveries: number, reason: string): void {
    this.#options.advisories.terminated(consumerSeq, seq, deliveries, reason);
  }

  /**
   * Ends the message if it has been delivered as often as it may be.
   * @returns whether it has
   */
  ranOut(seq: number): boolean {
    const { state, journal, keys, advisories, stream } = this.#options;
    const most = this.#config.max_deliver ?? -1;
    const deliveries = state.deliveries(seq);
    if (most <= 0 || deliveries < most) return false;
    advisories.exhausted(seq, deliveries);
    if (this.#deadLetters !== null) {
      if (this.bury(seq, "maximum deliveries exceeded")) {
        this.#drop(seq);
        stream.settled(seq);
      } else this.#wait(seq, this.#nowMs());
      return true;
    }
    state.exhaust(seq);
    journal?.exhaust(seq);
    keys?.release(seq);
    return true;
  }

  /** Copies it to where dead letters go, if there is such a place. @returns false when that was refused */
  bury(seq: number, reason: string): boolean {
    if (this.#deadLetters === null) return true;
    this.#isUrgent = true;
    return this.#deadLetters.bury(seq, reason);
  }

  /** All that is out is to be delivered again. */
  requeueAll(): void {
    const { state } = this.#options;
    const out: number[] = [];
    state.pending.forEach((seq) => out.push(seq));
    for (const seq of out.sort((a, b) => a - b)) if (!this.ranOut(seq)) state.enqueue(seq);
  }

  /**
   * The stream has removed one message.
   * @param isTold whether an advisory tells of one that was out
   * @returns whether it was out, or had been
   */
  onRemoved(seq: number, isTold: boolean): boolean {
    const { state } = this.#options;
    const wasOut = state.pending.has(seq);
    if (!wasOut && !state.redelivered.has(seq)) return false;
    const deliveries = state.deliveries(seq);
    const consumerSeq = state.pending.consumerSeq(seq);
    this.#drop(seq);
    this.#hasSettled = true;
    if (wasOut && isTold) this.terminated(seq, consumerSeq, deliveries, goneReason);
    return true;
  }

  /** The stream has removed many, all before `firstSeq` among them. */
  onPurged(firstSeq: number): void {
    const { state, source, stream, keys, journal } = this.#options;
    const outCount = state.pending.size;
    state.purge(firstSeq, (seq) => !stream.log.read(seq, source.message));
    if (state.pending.size < outCount) this.#hasSettled = true;
    keys?.restore(state, stream.log, source.message);
    source.recount();
    journal?.snapshot();
  }

  #nowMs(): number {
    return this.#options.stream.host.clock.nowMs();
  }

  #waitMs(deliveries: number): number {
    return ackWaitMs(this.#config, deliveries);
  }

  #wait(seq: number, stampMs: number): void {
    const { state, journal } = this.#options;
    if (!state.pending.setStamp(seq, stampMs)) return;
    journal?.stamp(seq, stampMs);
    this.#ackTimer.expect(stampMs + this.#waitMs(state.deliveries(seq)));
  }

  /** It is out no more, and forgotten. */
  #drop(seq: number): void {
    const { state, journal, keys } = this.#options;
    state.settle(seq);
    journal?.settle(seq);
    keys?.release(seq);
  }

  #sample(seq: number): void {
    const { state, advisories } = this.#options;
    const { pending } = state;
    const waitedMs = this.#nowMs() - pending.stamp(seq);
    advisories.acknowledged(pending.consumerSeq(seq), seq, waitedMs, state.deliveries(seq));
  }
}
