/** The wait for acks: one deadline for all that are out, since waits may begin anew at any time. */
import type { Deadline } from "../../../base/clock.ts";
import type { ConsumerConfig } from "../config/consumer-config.ts";
import type { Consumer } from "../consumer.ts";

/** What expires within it is taken together. */
const togetherMs = 1;
/** To look through what is out costs about this many a millisecond; a large table is looked through less often. */
const lookedAtPerMs = 20_000;

export class AckTimer {
  readonly #consumer: Consumer;
  readonly #expired: number[] = [];
  /** When it looks; 0 for consumers that wait for no ack, Infinity while nothing is out. */
  dueMs = Infinity;
  #deadline: Deadline | null = null;

  constructor(consumer: Consumer) {
    this.#consumer = consumer;
  }

  /** Begins, or begins anew where the configuration has changed. */
  start(): void {
    this.stop();
    if (this.#consumer.ackWaitMs(1) <= 0) {
      this.dueMs = 0;
      return;
    }
    this.dueMs = Infinity;
    if (this.#consumer.state.pending.size > 0) this.expect(this.#consumer.nowMs());
  }

  /** Some message has to be acknowledged until then. */
  expect(dueMs: number): void {
    if (this.dueMs <= dueMs) return;
    this.#deadline?.cancel();
    this.dueMs = dueMs;
    this.#deadline = this.#consumer.host.after(dueMs - this.#consumer.nowMs(), () => this.#look());
  }

  stop(): void {
    this.#deadline?.cancel();
    this.#deadline = null;
  }

  #look(): void {
    const consumer = this.#consumer;
    const { state } = consumer;
    const nowMs = consumer.nowMs();
    const expired = this.#expired;
    expired.length = 0;
    this.dueMs = Infinity;
    this.#deadline = null;
    // Deadlines are sums of fractions.
    const nextMs = state.collectExpired(
      nowMs + 0.01,
      (deliveries) => consumer.ackWaitMs(deliveries),
      expired,
    );
    for (const seq of expired) if (!consumer.ranOut(seq)) state.enqueue(seq);
    if (expired.length > 0) consumer.source.forget();
    const size = state.pending.size;
    if (nextMs !== Infinity) this.expect(Math.max(nextMs, nowMs + togetherMs + size / lookedAtPerMs));
    if (expired.length > 0) consumer.wake();
  }
}

/** How long an ack is waited for, when a message was delivered so often; 0: for ever. */
export function ackWaitMs(config: ConsumerConfig, deliveries: number): number {
  const { backoff = [], ack_wait: ackWait = 0 } = config;
  if (backoff.length === 0) return ackWait / 1_000_000;
  return (backoff[Math.min(deliveries, backoff.length) - 1] as number) / 1_000_000;
}
