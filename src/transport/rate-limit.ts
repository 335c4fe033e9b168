/** At most so many a second, counted in windows of one second as the reference server's `connection_rate_limit` is. */
import type { Clock } from "../base/clock.ts";

const windowMs = 1_000;

export class RateLimit {
  readonly #clock: Clock;
  /** 0: unlimited. */
  perSecondMax: number;
  #windowEndMs = -Infinity;
  #count = 0;

  constructor(clock: Clock, perSecondMax: number) {
    this.#clock = clock;
    this.perSecondMax = perSecondMax;
  }

  /** Whether one more may come; it counts if so. */
  allow(): boolean {
    if (this.perSecondMax === 0) return true;
    const nowMs = this.#clock.nowMs();
    if (nowMs >= this.#windowEndMs) {
      this.#windowEndMs = nowMs + windowMs;
      this.#count = 0;
    }
    if (this.#count >= this.perSecondMax) return false;
    this.#count++;
    return true;
  }
}
