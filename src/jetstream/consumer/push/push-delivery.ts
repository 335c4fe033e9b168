/**
 * Push delivery: everything to one subject, as long as somebody listens there, no faster than the receiver takes it
 * where it has flow control. Source: nats-server `loopAndGatherMsgs`, `needFlowControl`.
 */
import { nsPerMs } from "../../../base/duration.ts";
import type { Deadline } from "../../../base/clock.ts";
import { randomDigits } from "../../../base/nuid.ts";
import { Destination } from "../../../broker/destination.ts";
import type { Message } from "../../../protocol/message.ts";
import type { Body } from "../../../broker/publisher.ts";
import { headerValue } from "../../../protocol/headers.ts";
import { wireFromText } from "../../../subjects/subject.ts";
import type { Consumer } from "../consumer.ts";
import type { DeliveryFrame } from "../delivery/delivery-frame.ts";
import { heartbeat, type MessageDelivery, statuses } from "../delivery/message-delivery.ts";

const windowBytesMax = 32 * 1024 * 1024;
const windowBytesMin = windowBytesMax / 16;

export class PushDelivery implements MessageDelivery {
  readonly waitingCount = 0;
  /** Somebody listens. */
  isBound = false;
  readonly #consumer: Consumer;
  #to: Destination;
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

  constructor(consumer: Consumer) {
    this.#consumer = consumer;
    const { config } = consumer;
    this.#hasFlowControl = config.flow_control === true;
    this.#heartbeatMs = (config.idle_heartbeat ?? 0) / nsPerMs;
    this.#lastSentMs = consumer.nowMs();
    this.#to = this.#destination();
    this.#watch();
    if (this.#heartbeatMs > 0) this.#armHeartbeat(this.#heartbeatMs);
  }

  get isReady(): boolean {
    return this.isBound && !(this.#hasFlowControl && this.#sentBytes > this.#windowBytes);
  }

  deliver(frame: DeliveryFrame, _body: Body, size: number): boolean {
    if (this.#consumer.host.publisher.deliverMessage(this.#to, frame.message) === 0) {
      this.#setBound(false);
      return false;
    }
    if (this.#hasFlowControl) this.#sentBytes += size;
    return true;
  }

  /** The message that was just sent is counted as delivered now. */
  onDelivered(nowMs: number): void {
    this.#lastSentMs = nowMs;
    if (this.#hasFlowControl) this.#askIfDue();
  }

  onEnd(): void {}

  onUpdated(): void {
    const to = this.#destination();
    if (to.subject === this.#to.subject) return;
    this.#to = to;
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
      const seq = countOf(headerValue(block, "Nats-Last-Stream"));
      if (seq > 0) this.#acknowledge(seq, countOf(headerValue(block, "Nats-Last-Consumer")));
    }
    this.#consumer.schedule();
  }

  close(): void {
    this.#stopWatching?.();
    this.#stopWatching = null;
    this.#heartbeat?.cancel();
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
    const queue = (config.deliver_group ?? "") === "" ? null : wireFromText(config.deliver_group as string);
    const watching = interest.watch(this.#to.subject, queue, (isThere) => this.#setBound(isThere));
    this.#stopWatching = watching.stop;
    this.isBound = watching.isThere;
  }

  #destination(): Destination {
    const { account, config } = this.#consumer;
    return new Destination(account, wireFromText(config.deliver_subject as string));
  }

  #setBound(isBound: boolean): void {
    if (isBound === this.isBound) return;
    this.isBound = isBound;
    this.#consumer.onBound(isBound);
  }

  #askIfDue(): void {
    if (this.#asked !== "") return;
    const { config, state } = this.#consumer;
    const outMax = config.max_ack_pending ?? 0;
    const isFull = state.policy === "flow_control" && outMax > 0 && state.pending.size >= outMax;
    if (this.#sentBytes > this.#windowBytes / 2 || isFull) this.#ask();
  }

  #ask(): void {
    const { host, account, stream, name } = this.#consumer;
    this.#askedBytes = this.#sentBytes;
    this.#asked = `$JS.FC.${wireFromText(stream.name)}.${wireFromText(name)}.${randomDigits(4)}`;
    host.publisher.publish(account, this.#to.subject, this.#asked, statuses.flowControl, nothing);
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
    host.publisher.publish(account, this.#to.subject, "", status, nothing);
    if (state.policy === "flow_control" && state.pending.size > 0 && this.#asked === "") this.#ask();
  }
}

/** 0 for what is no whole number: anybody who may publish to the subject writes these headers. */
function countOf(text: string | null): number {
  return text !== null && /^\d{1,15}$/.test(text) ? Number(text) : 0;
}

const nothing = Buffer.alloc(0);
