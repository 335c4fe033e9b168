/** The wait for acks: one deadline for all that are out, since waits may begin anew at any time. */
import type { Deadline } from "../../../base/clock.ts";
import type { ConsumerConfig } from "../config/consumer-config.ts";
import type { PassScheduler } from "../../host.ts";
import type { DeliveryState } from "../state/delivery-state.ts";

/** What expires within it is taken together. */
const togetherMs = 1;
/** To look through what is out costs about this many a millisecond; a large table is looked through less often. */
const lookedAtPerMs = 20_000;

export class AckTimer {
  readonly #scheduler: PassScheduler;
  readonly #state: DeliveryState;
  readonly #waitMs: (deliveries: number) => number;
  readonly #onExpired: (seqs: readonly number[]) => void;
  readonly #expired: number[] = [];
  /** When it looks; 0 for consumers that wait for no ack, Infinity while nothing is out. */
  dueMs = Infinity;
  #deadline: Deadline | null = null;

  /**
   * @param waitMs for an ack of that delivery; 0: for ever
   * @param onExpired called as a pass, with sequences that were not acknowledged in time
   */
  constructor(
    scheduler: PassScheduler,
    state: DeliveryState,
    waitMs: (deliveries: number) => number,
    onExpired: (seqs: readonly number[]) => void,
  ) {
    this.#scheduler = scheduler;
    this.#state = state;
    this.#waitMs = waitMs;
    this.#onExpired = onExpired;
  }

  /** Begins, or begins anew where the configuration has changed. */
  start(): void {
    this.stop();
    if (this.#waitMs(1) <= 0) {
      this.dueMs = 0;
      return;
    }
    this.dueMs = Infinity;
    if (this.#state.pending.size > 0) this.expect(this.#scheduler.clock.nowMs());
  }

  /** Some message has to be acknowledged until then. */
  expect(dueMs: number): void {
    if (this.dueMs <= dueMs) return;
    this.#deadline?.cancel();
    this.dueMs = dueMs;
    this.#deadline = this.#scheduler.after(dueMs - this.#scheduler.clock.nowMs(), () => this.#look());
  }

  stop(): void {
    this.#deadline?.cancel();
    this.#deadline = null;
  }

  #look(): void {
    const nowMs = this.#scheduler.clock.nowMs();
    const expired = this.#expired;
    expired.length = 0;
    this.dueMs = Infinity;
    this.#deadline = null;
    // Deadlines are sums of fractions.
    const nextMs = this.#state.collectExpired(nowMs + 0.01, this.#waitMs, expired);
    const size = this.#state.pending.size;
    if (nextMs !== Infinity) this.expect(Math.max(nextMs, nowMs + togetherMs + size / lookedAtPerMs));
    if (expired.length > 0) this.#onExpired(expired);
  }
}

/** How long an ack is waited for, when a message was delivered so often; 0: for ever. */
export function ackWaitMs(config: ConsumerConfig, deliveries: number): number {
  const { backoff = [], ack_wait: ackWait = 0 } = config;
  if (backoff.length === 0) return ackWait / 1_000_000;
  return (backoff[Math.min(deliveries, backoff.length) - 1] as number) / 1_000_000;
}
