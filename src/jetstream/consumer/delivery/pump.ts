/**
 * The one place that delivers: finds what is next, puts it together and sends it, until nobody takes more, the rate or the
 * budget of the run is spent, or nothing is left.
 */
import type { Found, MessageSource } from "../state/message-source.ts";
import type { DeliveryState } from "../state/delivery-state.ts";
import type { AckNumbers } from "./ack-subject.ts";
import type { DeliveryBudget } from "./delivery-budget.ts";
import type { DeliveryFrame } from "./delivery-frame.ts";
import { headersOnly, type MessageDelivery } from "./message-delivery.ts";
import type { RateLimiter } from "./rate-limiter.ts";

export interface PumpOptions {
  readonly state: DeliveryState;
  readonly source: MessageSource;
  readonly delivery: MessageDelivery;
  readonly frame: DeliveryFrame;
  readonly rateLimiter: RateLimiter;
  readonly budget: DeliveryBudget;
  /** A message has gone out, and is counted. */
  readonly onDelivered: (seq: number, nowMs: number, deliveries: number) => void;
}

export class Pump {
  isHeadersOnly = false;
  readonly #options: PumpOptions;
  readonly #ackNumbers: AckNumbers = { deliveries: 1, consumerSeq: 0, pending: 0 };

  constructor(options: PumpOptions) {
    this.#options = options;
  }

  /**
   * Called where routing is allowed.
   * @param nowMs one look at the clock for all that goes out: each costs a tenth of a delivery
   * @returns whether anything was delivered
   */
  run(nowMs: number): boolean {
    const { delivery, source, budget, rateLimiter, state } = this.#options;
    let hasDelivered = false;
    if (!budget.begin()) return false;
    while (delivery.isReady && !rateLimiter.isWaiting && !budget.isOver()) {
      const found: Found = source.find();
      if (found === "stalled") break;
      if (found === "end") {
        delivery.onEnd();
        rateLimiter.onEnd(state.nextSeq);
        break;
      }
      const sent = this.#deliver(nowMs);
      if (sent === 0) break;
      hasDelivered = true;
      budget.sent(sent);
    }
    return hasDelivered;
  }

  /** @returns how many bytes went out; 0 when nobody took it */
  #deliver(nowMs: number): number {
    const { state, source, delivery, frame, rateLimiter, onDelivered } = this.#options;
    const { message } = source;
    const { seq } = message;
    const numbers = this.#ackNumbers;
    numbers.deliveries = source.deliveries;
    numbers.consumerSeq = state.consumerSeq + 1;
    numbers.pending = source.pendingAfter;
    frame.compose(message, this.isHeadersOnly ? headersOnly(message) : message, numbers);
    const size = frame.sizeBytes;
    const isPaced = rateLimiter.isOn;
    if (isPaced && rateLimiter.mustWait(size, message)) return 0;
    if (!delivery.deliver(frame, size, nowMs)) return 0;
    if (isPaced) rateLimiter.sent(size, message, nowMs);
    source.take(nowMs);
    onDelivered(seq, nowMs, source.deliveries);
    return size;
  }
}
