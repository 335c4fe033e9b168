/** Consumers that nobody uses go after a while, where they are to. Source: nats-server `deleteNotActive`. */
import { nsPerMs } from "../../base/duration.ts";
import type { Deadline } from "../../base/clock.ts";
import type { Consumer } from "./consumer.ts";

/** Who pulls gets a little longer, so that not all go at once. */
const extraMsMin = 100;
const extraMsMax = 1_000;
const slackMs = 0.01;

export class Inactivity {
  readonly #consumer: Consumer;
  /** 0: never. */
  #thresholdMs = 0;
  #deadline: Deadline | null = null;

  constructor(consumer: Consumer) {
    this.#consumer = consumer;
  }

  /** Begins, or begins anew where the configuration has changed. */
  start(): void {
    this.stop();
    const { config, pull, delivery } = this.#consumer;
    const thresholdMs = (config.inactive_threshold ?? 0) / nsPerMs;
    const extraMs = pull === null ? 0 : extraMsMin + Math.random() * (extraMsMax - extraMsMin);
    this.#thresholdMs = thresholdMs === 0 ? 0 : thresholdMs + extraMs;
    if (this.#thresholdMs > 0 && (pull !== null || !delivery.isBound)) this.#arm(this.#thresholdMs);
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
    this.#deadline = this.#consumer.host.after(delayMs, () => this.#look());
  }

  #look(): void {
    const leftMs = this.#leftMs();
    // Deadlines are sums of fractions: what is left of one would be waited for without end.
    if (leftMs > slackMs) this.#arm(leftMs);
    else this.#consumer.delete();
  }

  #leftMs(): number {
    const consumer = this.#consumer;
    const { pull, state } = consumer;
    if (pull === null) return consumer.delivery.isBound ? this.#thresholdMs : 0;
    if (pull.hasWaiting) return this.#thresholdMs;
    const nowMs = consumer.nowMs();
    const silentMs = nowMs - pull.lastActiveMs;
    if (silentMs < this.#thresholdMs) return this.#thresholdMs - silentMs;
    // Somebody may still be at work: the count begins when the last wait for an ack is over.
    let leftMs = 0;
    state.pending.forEach((seq, _consumerSeq, stamp) => {
      const endMs = stamp + consumer.ackWaitMs(state.deliveries(seq)) + this.#thresholdMs;
      leftMs = Math.max(leftMs, endMs - nowMs);
    });
    return leftMs;
  }
}
