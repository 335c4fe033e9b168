/** Consumers that nobody uses go after a while, where they are to. Source: nats-server `deleteNotActive`. */
import { nsPerMs } from "../../base/duration.ts";
import type { Deadline } from "../../base/clock.ts";
import { ackWaitMs } from "./acks/ack-timer.ts";
import type { PassScheduler } from "../host.ts";
import type { ConsumerConfig } from "./config/consumer-config.ts";
import type { MessageDelivery } from "./delivery/message-delivery.ts";
import type { PullDelivery } from "./pull/pull-delivery.ts";
import type { DeliveryState } from "./state/delivery-state.ts";

/** Who pulls gets a little longer, so that not all go at once. */
const extraMsMin = 100;
const extraMsMax = 1_000;
const slackMs = 0.01;

export class Inactivity {
  readonly #scheduler: PassScheduler;
  readonly #state: DeliveryState;
  readonly #delivery: MessageDelivery;
  /** Null for push consumers. */
  readonly #pull: PullDelivery | null;
  readonly #onOver: () => void;
  /** 0: never. */
  #thresholdMs = 0;
  #deadline: Deadline | null = null;
  #config: ConsumerConfig | null = null;

  /** @param onOver called as a pass when nobody has used the consumer for as long as it is kept */
  constructor(
    scheduler: PassScheduler,
    state: DeliveryState,
    delivery: MessageDelivery,
    pull: PullDelivery | null,
    onOver: () => void,
  ) {
    this.#scheduler = scheduler;
    this.#state = state;
    this.#delivery = delivery;
    this.#pull = pull;
    this.#onOver = onOver;
  }

  /** Begins, or begins anew where the configuration has changed. */
  start(config: ConsumerConfig): void {
    this.stop();
    this.#config = config;
    const pull = this.#pull;
    const thresholdMs = (config.inactive_threshold ?? 0) / nsPerMs;
    const extraMs = pull === null ? 0 : extraMsMin + Math.random() * (extraMsMax - extraMsMin);
    this.#thresholdMs = thresholdMs === 0 ? 0 : thresholdMs + extraMs;
    if (this.#thresholdMs > 0 && (pull !== null || !this.#delivery.isBound)) this.#arm(this.#thresholdMs);
  }

  onBound(isBound: boolean): void {
    this.stop();
    if (!isBound && this.#thresholdMs > 0) this.#arm(this.#thresholdMs);
  }

  stop(): void {
    this.#deadline?.cancel();
    this.#deadline = null;
  }

  #arm(delayMs: number): void {
    this.#deadline = this.#scheduler.after(delayMs, () => this.#look());
  }

  #look(): void {
    const leftMs = this.#leftMs();
    // Deadlines are sums of fractions: what is left of one would be waited for without end.
    if (leftMs > slackMs) this.#arm(leftMs);
    else this.#onOver();
  }

  #leftMs(): number {
    const pull = this.#pull;
    const state = this.#state;
    if (pull === null) return this.#delivery.isBound ? this.#thresholdMs : 0;
    if (pull.hasWaiting) return this.#thresholdMs;
    const nowMs = this.#scheduler.clock.nowMs();
    const silentMs = nowMs - pull.lastActiveMs;
    if (silentMs < this.#thresholdMs) return this.#thresholdMs - silentMs;
    // Somebody may still be at work: the count begins when the last wait for an ack is over.
    let leftMs = 0;
    state.pending.forEach((seq, _consumerSeq, stamp) => {
      const endMs =
        stamp + ackWaitMs(this.#config as ConsumerConfig, state.deliveries(seq)) + this.#thresholdMs;
      leftMs = Math.max(leftMs, endMs - nowMs);
    });
    return leftMs;
  }
}
