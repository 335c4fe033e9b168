/**
 * The time of what is stored: one look at the clock for all that a stream takes in a pass, which is what was read at
 * that moment. A look for each message was a twentieth of what a publish costs.
 */
import type { Host } from "../../host.ts";

export class PassStamp {
  readonly #host: Host;
  #isFresh = false;
  readonly #now = { timeMs: 0, timeNs: 0 };
  readonly #onEnd = (): void => {
    this.#isFresh = false;
  };

  constructor(host: Host) {
    this.#host = host;
  }

  read(into: { timeMs: number; timeNs: number }): void {
    const now = this.#now;
    if (!this.#isFresh) {
      this.#host.clock.stamp(now);
      this.#isFresh = true;
      this.#host.defer(this.#onEnd);
    }
    into.timeMs = now.timeMs;
    into.timeNs = now.timeNs;
  }
}
