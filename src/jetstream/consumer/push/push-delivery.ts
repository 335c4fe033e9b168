/**
 * Push delivery: everything to one subject, as long as somebody listens there, no faster than the receiver takes it
 * where it has flow control. Source: nats-server `loopAndGatherMsgs`, `needFlowControl`.
 */
import { nsPerMs } from "../../../base/duration.ts";
import type { Deadline } from "../../../base/clock.ts";
import { randomDigits } from "../../../base/nuid.ts";
import type { Account } from "../../../broker/account.ts";
import { Destination } from "../../../broker/destination.ts";
import type { Message } from "../../../protocol/message.ts";
import { headerValue } from "../../../protocol/headers.ts";
import { wireFromText } from "../../../subjects/subject.ts";
import type { Host } from "../../host.ts";
import type { CurrentConfig } from "../config/consumer-config.ts";
import type { Settlement } from "../acks/settlement.ts";
import type { DeliveryState } from "../state/delivery-state.ts";
import type { DeliveryInterest } from "./delivery-interest.ts";
import type { DeliveryFrame } from "../delivery/delivery-frame.ts";
import { heartbeat, type MessageDelivery, statuses } from "../delivery/message-delivery.ts";

const windowBytesMax = 32 * 1024 * 1024;
const windowBytesMin = windowBytesMax / 16;

export interface PushOptions {
  readonly host: Host;
  readonly account: Account;
  readonly current: CurrentConfig;
  readonly state: DeliveryState;
  readonly interest: DeliveryInterest;
  readonly settlement: Settlement;
  /** Wire string, below which the receiver answers flow control requests: `$JS.FC.<stream>.<consumer>.` */
  readonly flowControlPrefix: string;
  /** Somebody listens on the deliver subject, or nobody any more. */
  readonly onBound: (isBound: boolean) => void;
  /** Asks for a run of the consumer. */
  readonly schedule: () => void;
}

export class PushDelivery implements MessageDelivery {
  readonly waitingCount = 0;
  /** Somebody listens. */
  isBound = false;
  readonly #options: PushOptions;
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

  constructor(options: PushOptions) {
    this.#options = options;
    const { config } = options.current;
    this.#hasFlowControl = config.flow_control === true;
    this.#heartbeatMs = (config.idle_heartbeat ?? 0) / nsPerMs;
    this.#lastSentMs = options.host.clock.nowMs();
    this.#to = this.#destination();
    this.#watch();
    if (this.#heartbeatMs > 0) this.#armHeartbeat(this.#heartbeatMs);
  }

  get isReady(): boolean {
    return this.isBound && !(this.#hasFlowControl && this.#sentBytes > this.#windowBytes);
  }

  deliver(frame: DeliveryFrame, size: number): boolean {
    if (this.#options.host.publisher.deliverMessage(this.#to, frame.message) === 0) {
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
    const { state, settlement } = this.#options;
    if (state.policy === "flow_control" && message.headerBytes > 0) {
      const { bytes, bodyStart, headerBytes } = message;
      const block = bytes.subarray(bodyStart, bodyStart + headerBytes);
      const seq = countOf(headerValue(block, "Nats-Last-Stream"));
      const consumerSeq = countOf(headerValue(block, "Nats-Last-Consumer"));
      if (seq > 0) settlement.settleThrough(Math.min(seq, state.deliveredSeq), consumerSeq);
    }
    this.#options.schedule();
  }

  close(): void {
    this.#stopWatching?.();
    this.#stopWatching = null;
    this.#heartbeat?.cancel();
  }

  #watch(): void {
    this.#stopWatching?.();
    const { current, interest } = this.#options;
    const { config } = current;
    const queue = (config.deliver_group ?? "") === "" ? null : wireFromText(config.deliver_group as string);
    const watching = interest.watch(this.#to.subject, queue, (isThere) => this.#setBound(isThere));
    this.#stopWatching = watching.stop;
    this.isBound = watching.isThere;
  }

  #destination(): Destination {
    const { account, current } = this.#options;
    return new Destination(account, wireFromText(current.config.deliver_subject as string));
  }

  #setBound(isBound: boolean): void {
    if (isBound === this.isBound) return;
    this.isBound = isBound;
    this.#options.onBound(isBound);
  }

  #askIfDue(): void {
    if (this.#asked !== "") return;
    const { current, state } = this.#options;
    const outMax = current.config.max_ack_pending ?? 0;
    const isFull = state.policy === "flow_control" && outMax > 0 && state.pending.size >= outMax;
    if (this.#sentBytes > this.#windowBytes / 2 || isFull) this.#ask();
  }

  #ask(): void {
    const { host, account, flowControlPrefix } = this.#options;
    this.#askedBytes = this.#sentBytes;
    this.#asked = `${flowControlPrefix}${randomDigits(4)}`;
    host.publisher.publish(account, this.#to.subject, this.#asked, statuses.flowControl, nothing);
  }

  #armHeartbeat(delayMs: number): void {
    this.#heartbeat = this.#options.host.after(delayMs, () => {
      const nowMs = this.#options.host.clock.nowMs();
      const silentMs = nowMs - this.#lastSentMs;
      if (silentMs + 0.01 < this.#heartbeatMs) return this.#armHeartbeat(this.#heartbeatMs - silentMs);
      this.#lastSentMs = nowMs;
      if (this.isBound) this.#beat();
      this.#armHeartbeat(this.#heartbeatMs);
    });
  }

  #beat(): void {
    const { host, account, state } = this.#options;
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
