/**
 * Push delivery: everything to one subject, as long as somebody listens there, no faster than the receiver takes it
 * (flow control) or than it is to go (rate limit, original pace). Source: nats-server `loopAndGatherMsgs`, `needFlowControl`.
 */
import type { Deadline } from "../../base/clock.ts";
import { randomDigits } from "../../base/nuid.ts";
import type { Message } from "../../broker/message.ts";
import type { Body } from "../../broker/publisher.ts";
import { headerValue } from "../../protocol/headers.ts";
import { wireFromText } from "../../subjects/subject.ts";
import type { Consumer } from "./consumer.ts";
import { heartbeat, type Outlet, statuses } from "./outlet.ts";

const nsPerMs = 1_000_000;
const windowBytesMax = 32 * 1024 * 1024;
const windowBytesMin = windowBytesMax / 16;
/** A pace is kept to this. */
const paceMsMin = 1;

export class PushOutlet implements Outlet {
  readonly waitingCount = 0;
  /** Somebody listens. */
  isBound = false;
  readonly #consumer: Consumer;
  #to = "";
  #toBytes: Buffer = nothing;
  #stopWatching: (() => void) | null = null;
  // Flow control.
  readonly #hasFlowControl: boolean;
  #windowBytes = windowBytesMin;
  #sentBytes = 0;
  /** The subject that an answer is waited for on; "" when none is. */
  #asked = "";
  #askedBytes = 0;
  // Heartbeats.
  readonly #heartbeatMs: number;
  #heartbeat: Deadline | null = null;
  #lastSentMs: number;
  // Pace.
  #pause: Deadline | null = null;
  /** Nothing goes before. */
  #notBeforeMs = -Infinity;
  /** Up to here messages go at the pace they came; 0: at once. */
  #replayThroughSeq: number;
  #lastTimeMs = 0;

  constructor(consumer: Consumer) {
    this.#consumer = consumer;
    const { config, stream } = consumer;
    this.#hasFlowControl = config.flow_control === true;
    this.#heartbeatMs = (config.idle_heartbeat ?? 0) / nsPerMs;
    this.#lastSentMs = consumer.nowMs();
    this.#replayThroughSeq = config.replay_policy === "original" ? stream.log.state.lastSeq : 0;
    this.#watch();
    if (this.#heartbeatMs > 0) this.#armHeartbeat(this.#heartbeatMs);
  }

  get isReady(): boolean {
    if (!this.isBound || this.#pause !== null) return false;
    if (this.#hasFlowControl && this.#sentBytes > this.#windowBytes) return false;
    return true;
  }

  deliver(subject: string, reply: string, body: Body, timeMs: number): number {
    const { host, account } = this.#consumer;
    const size = subject.length + reply.length + body.bodyEnd - body.bodyStart;
    if (this.#mustWait(timeMs)) return 0;
    if (host.publisher.deliver(account, this.#toBytes, subject, reply, body) === 0) {
      this.#setBound(false);
      return 0;
    }
    const nowMs = this.#consumer.nowMs();
    this.#lastSentMs = nowMs;
    this.#lastTimeMs = timeMs;
    this.#charge(size, nowMs);
    if (this.#hasFlowControl) this.#sentBytes += size;
    return size;
  }

  /** The message that was just sent is counted as delivered now. */
  onDelivered(): void {
    if (this.#hasFlowControl) this.#askIfDue();
  }

  onEnd(): void {
    if (this.#consumer.state.nextSeq > this.#replayThroughSeq) this.#replayThroughSeq = 0;
  }

  onUpdated(): void {
    if (wireFromText(this.#consumer.config.deliver_subject as string) === this.#to) return;
    this.#watch();
  }

  /** An answer to a flow control request. Called within a delivery. */
  onFlowControl(message: Message): void {
    if (this.#asked === "" || message.subject !== this.#asked) return;
    this.#windowBytes = Math.min(this.#windowBytes * 2, windowBytesMax);
    this.#sentBytes = Math.max(0, this.#sentBytes - this.#askedBytes);
    this.#asked = "";
    this.#askedBytes = 0;
    const { state } = this.#consumer;
    if (state.policy === "flow_control" && message.headerBytes > 0) {
      const { bytes, bodyStart, headerBytes } = message;
      const block = bytes.subarray(bodyStart, bodyStart + headerBytes);
      const seq = Number(headerValue(block, "Nats-Last-Stream") ?? 0);
      const consumerSeq = Number(headerValue(block, "Nats-Last-Consumer") ?? 0);
      if (seq > 0 && consumerSeq >= 0) this.#acknowledge(seq, consumerSeq);
    }
    this.#consumer.schedule();
  }

  close(): void {
    this.#stopWatching?.();
    this.#stopWatching = null;
    this.#heartbeat?.cancel();
    this.#pause?.cancel();
  }

  #acknowledge(seq: number, consumerSeq: number): void {
    const settled: number[] = [];
    const { state } = this.#consumer;
    if (state.settleThrough(Math.min(seq, state.deliveredSeq), consumerSeq, settled))
      this.#consumer.settledThrough(Math.min(seq, state.deliveredSeq), consumerSeq, settled);
  }

  #watch(): void {
    this.#stopWatching?.();
    const { config, interest } = this.#consumer;
    this.#to = wireFromText(config.deliver_subject as string);
    this.#toBytes = Buffer.from(this.#to, "latin1");
    const queue = (config.deliver_group ?? "") === "" ? null : wireFromText(config.deliver_group as string);
    const watching = interest.watch(this.#to, queue, (isThere) => this.#setBound(isThere));
    this.#stopWatching = watching.stop;
    this.isBound = watching.isThere;
  }

  #setBound(isBound: boolean): void {
    if (isBound === this.isBound) return;
    this.isBound = isBound;
    this.#consumer.onBound(isBound);
  }

  #mustWait(timeMs: number): boolean {
    const nowMs = this.#consumer.nowMs();
    let dueMs = this.#notBeforeMs;
    if (this.#replayThroughSeq > 0 && this.#lastTimeMs > 0) {
      const gapMs = timeMs - this.#lastTimeMs;
      if (gapMs > paceMsMin) dueMs = Math.max(dueMs, this.#lastSentMs + gapMs);
    }
    if (dueMs - nowMs < 0.01) return false;
    this.#pause = this.#consumer.host.after(dueMs - nowMs, () => {
      this.#pause = null;
      this.#consumer.schedule();
    });
    return true;
  }

  /** Up to a whole message at once; after that the limit counts. */
  #charge(size: number, nowMs: number): void {
    const bitsPerSecond = this.#consumer.config.rate_limit_bps ?? 0;
    if (bitsPerSecond === 0) return;
    const costMs = (size * 8 * 1_000) / bitsPerSecond;
    const burstMs = (this.#burstBytes() * 8 * 1_000) / bitsPerSecond;
    // The moment at which all that was saved up would have been used up.
    this.#spentMs = Math.max(this.#spentMs, nowMs - burstMs) + costMs;
    this.#notBeforeMs = this.#spentMs;
  }

  #spentMs = -Infinity;

  #burstBytes(): number {
    const { stream, account } = this.#consumer;
    const most = stream.config.max_msg_size ?? -1;
    if (most > 0) return most;
    return account.limits.maxPayloadBytes > 0 ? account.limits.maxPayloadBytes : 1024 * 1024;
  }

  #askIfDue(): void {
    const { config, state } = this.#consumer;
    const outMax = config.max_ack_pending ?? 0;
    const isFull = state.policy === "flow_control" && outMax > 0 && state.pending.size >= outMax;
    if (this.#asked === "" && (this.#sentBytes > this.#windowBytes / 2 || isFull)) this.#ask();
  }

  #ask(): void {
    const { host, account, stream, name } = this.#consumer;
    this.#askedBytes = this.#sentBytes;
    this.#asked = `$JS.FC.${wireFromText(stream.name)}.${wireFromText(name)}.${randomDigits(4)}`;
    host.publisher.publish(account, this.#to, this.#asked, statuses.flowControl, nothing);
  }

  #armHeartbeat(delayMs: number): void {
    this.#heartbeat = this.#consumer.host.after(delayMs, () => {
      const nowMs = this.#consumer.nowMs();
      const silentMs = nowMs - this.#lastSentMs;
      if (silentMs + 0.01 < this.#heartbeatMs) return this.#armHeartbeat(this.#heartbeatMs - silentMs);
      this.#lastSentMs = nowMs;
      if (this.isBound) this.#beat();
      this.#armHeartbeat(this.#heartbeatMs);
    });
  }

  #beat(): void {
    const { host, account, state } = this.#consumer;
    const status = heartbeat(state.consumerSeq, state.nextSeq - 1, this.#asked);
    host.publisher.publish(account, this.#to, "", status, nothing);
    if (state.policy === "flow_control" && state.pending.size > 0 && this.#asked === "") this.#ask();
  }
}

const nothing = Buffer.alloc(0);
