/**
 * The time of what is stored: one look at the clock for all that a stream takes in a pass, which is what was read at
 * that moment. A look for each message was a twentieth of what a publish costs.
 */
import type { PassScheduler } from "../../host.ts";

export class PassStamp {
  readonly #scheduler: PassScheduler;
  #isFresh = false;
  readonly #now = { timeMs: 0, timeNs: 0 };
  readonly #onEnd = (): void => {
    this.#isFresh = false;
  };

  constructor(scheduler: PassScheduler) {
    this.#scheduler = scheduler;
  }

  read(into: { timeMs: number; timeNs: number }): void {
    const now = this.#now;
    if (!this.#isFresh) {
      this.#scheduler.clock.stamp(now);
      this.#isFresh = true;
      this.#scheduler.defer("decide", this.#onEnd);
    }
    into.timeMs = now.timeMs;
    into.timeNs = now.timeNs;
  }
}
