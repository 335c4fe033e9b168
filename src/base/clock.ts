/**
 * The only place that knows the time. Everything that waits does so on a {@link Clock}, so a program that embeds
 * the broker can move time by hand and see every timeout, ping and expiry follow.
 */
import { Deadlines, type Deadline } from "./deadlines.ts";
import { parseDuration } from "./duration.ts";

export type { Deadline } from "./deadlines.ts";

export class Clock {
  readonly #deadlines: Deadlines;
  #offsetMs = 0;
  /** Monotonic reading at which the clock stands still; null while it runs. */
  #frozenMs: number | null = null;
  #settleHooks = new Set<() => Promise<void>>();
  readonly #wallAtOriginMs: number;
  /** Told of what a deadline's callback throws. Whoever runs the clock sets it; else it is thrown on. */
  onFault: (error: unknown) => void = (error) => {
    throw error;
  };

  constructor() {
    this.#wallAtOriginMs = Date.now() - performance.now();
    this.#deadlines = new Deadlines(
      () => this.nowMs(),
      (error) => this.onFault(error),
    );
  }

  /** Monotonic milliseconds, for intervals and deadlines. Never goes back. */
  nowMs(): number {
    return this.#frozenMs ?? performance.now() + this.#offsetMs;
  }

  /** Milliseconds since the epoch, for what people and files see. */
  wallMs(): number {
    return this.#frozenMs === null && this.#offsetMs === 0 ? Date.now() : this.#wallAtOriginMs + this.nowMs();
  }

  /** Runs `callback` once, `delayMs` from now, unless the returned deadline is cancelled first. */
  after(delayMs: number, callback: () => void): Deadline {
    return this.#deadlines.add(this.nowMs() + Math.max(0, delayMs), callback);
  }

  /** Makes time stand still until {@link resume}; only {@link advance} moves it. */
  freeze(): void {
    this.#frozenMs ??= this.nowMs();
    this.#deadlines.pause();
  }

  /** Lets time run again from where it stands. */
  resume(): void {
    if (this.#frozenMs === null) return;
    this.#offsetMs = this.#frozenMs - performance.now();
    this.#frozenMs = null;
    this.#deadlines.resume();
  }

  /**
   * Moves time forward, stopping at each deadline on the way, so that what one of them starts is seen by the next.
   * @param duration milliseconds, or text such as `"30s"` or `"1h30m"`
   */
  async advance(duration: number | string): Promise<void> {
    const spanMs = typeof duration === "number" ? duration : parseDuration(duration);
    if (!(spanMs >= 0))
      throw new RangeError(`a clock only moves forward: advance(${JSON.stringify(duration)})`);
    const wasFrozen = this.#frozenMs !== null;
    this.freeze();
    const targetMs = this.nowMs() + spanMs;
    await this.#settle();
    for (
      let next = this.#deadlines.nextMs();
      next !== null && next <= targetMs;
      next = this.#deadlines.nextMs()
    ) {
      this.#frozenMs = Math.max(next, this.nowMs());
      this.#deadlines.fireDue(1);
      await this.#settle();
    }
    this.#frozenMs = targetMs;
    if (!wasFrozen) this.resume();
  }

  /** Registers work (a commit queue, say) that {@link advance} waits for between two deadlines. */
  onSettle(hook: () => Promise<void>): () => void {
    this.#settleHooks.add(hook);
    return () => this.#settleHooks.delete(hook);
  }

  /** Cancels every deadline; the clock still tells the time. */
  close(): void {
    this.#deadlines.close();
  }

  async #settle(): Promise<void> {
    for (const hook of this.#settleHooks) await hook();
    // One turn of the event loop: lets sockets and microtasks that the deadline woke have their say.
    await new Promise<void>((resolve) => setImmediate(resolve));
  }
}

/** A wait in real time, whatever any {@link Clock} says: for the end of a broker whose clock may stand still. */
export async function realDelay(delayMs: number): Promise<void> {
  await new Promise<void>((resolve) => setTimeout(resolve, delayMs).unref());
}
