/**
 * The only place that reads the time. Everything that waits does so on a {@link Clock}, so a program that embeds the
 * broker can move time by hand, and every timeout, ping and expiry follows.
 */
import { Deadlines, type Deadline } from "./deadlines.ts";
import { parseDuration } from "./duration.ts";

export type { Deadline } from "./deadlines.ts";

/** How long, in real time, one {@link Clock.advance} waits for peers that do not answer: at once, and in all. */
const answerMsMax = 100;
const unansweredMsMax = 300;
/** The monotonic clock tells the wall time between two looks at the system's; apart by more, that one counts. */
const driftMsMax = 2;
/** A clock that goes back by less has not been set, but corrected. */
const setBackMsMin = 1_000;

/** Registered by name, so that a broker from the CommonJS build can go by a clock from the modules, and vice versa. */
const timeOfClock: unique symbol = Symbol.for("frond.clock.time");

export class Clock {
  readonly #time: Time;
  /** Called with an error that a deadline's callback throws. By default, the error is thrown again. */
  onFault: (error: unknown) => void = (error) => {
    throw error;
  };

  /** @param shared a clock whose time this one shares; each handles the errors of its own deadlines */
  constructor(shared?: Clock) {
    this.#time = shared === undefined ? new Time() : shared[timeOfClock];
  }

  /** For a clock that shares this one's time. */
  get [timeOfClock](): Time {
    return this.#time;
  }

  /** Monotonic milliseconds, for intervals and deadlines. Never goes back. */
  nowMs(): number {
    return this.#time.nowMs();
  }

  /** Milliseconds since the epoch, for people and files. */
  wallMs(): number {
    return this.#time.wallMs();
  }

  /** Writes the wall time, to the microsecond or better and never going back, without allocating an object. */
  stamp(into: { timeMs: number; timeNs: number }): void {
    this.#time.stamp(into);
  }

  /** Runs `callback` once, after `delayMs` milliseconds, unless the returned deadline is cancelled first. */
  after(delayMs: number, callback: () => void): Deadline {
    return this.#time.deadlines.add(this.nowMs() + Math.max(0, delayMs), () => {
      try {
        callback();
      } catch (error) {
        this.onFault(error);
      }
    });
  }

  /**
   * Runs `callback` in a later iteration of the event loop, so that long work can run in slices. It takes no time on
   * this clock, so it runs while time stands still, too.
   */
  soon(callback: () => void): Deadline {
    const immediate = setImmediate(() => {
      try {
        callback();
      } catch (error) {
        this.onFault(error);
      }
    });
    return { atMs: this.nowMs(), cancel: () => clearImmediate(immediate) };
  }

  /** Makes time stand still until {@link resume}; only {@link advance} moves it. */
  freeze(): void {
    this.#time.freeze();
  }

  /** Lets time run again from where it stands. */
  resume(): void {
    this.#time.resume();
  }

  /**
   * Moves time forward and stops at each deadline on the way, so that each sees the effects of those before it.
   * @param duration milliseconds, or text such as `"30s"` or `"1h30m"`
   */
  async advance(duration: number | string): Promise<void> {
    const spanMs = typeof duration === "number" ? duration : parseDuration(duration);
    if (!(spanMs >= 0))
      throw new RangeError(`a clock only moves forward: advance(${JSON.stringify(duration)})`);
    await this.#time.advance(spanMs);
  }

  /** Registers work (such as a commit queue) that {@link advance} waits for between two deadlines. */
  onSettle(hook: () => Promise<void>): () => void {
    return this.#time.onSettle(hook);
  }

  /**
   * For requests to a peer that must not time out because time moved faster than an answer can arrive: while
   * {@link advance} is running, time stands still until `answer` has settled, or for a moment.
   */
  expect(answer: Promise<void>): void {
    this.#time.expect(answer);
  }

  /** Whether {@link advance} is running. */
  get moving(): boolean {
    return this.#time.moving;
  }

  /** Cancels every deadline; the clock still tells the time. */
  close(): void {
    this.#time.deadlines.close();
  }
}

/** What all clocks share that move together. */
class Time {
  readonly deadlines = new Deadlines(
    () => this.nowMs(),
    // Each clock tells its owner; what comes here was thrown by one that has none.
    (error) => {
      throw error;
    },
  );
  moving = false;
  #offsetMs = 0;
  /** Monotonic reading at which time stands still; null while it runs. */
  #frozenMs: number | null = null;
  #advance: Promise<void> = Promise.resolve();
  readonly #settleHooks = new Set<() => Promise<void>>();
  #answers: Promise<void>[] = [];
  #unansweredMs = 0;
  #wallAtOriginMs = Date.now() - performance.now();
  #lastStampMs = 0;

  nowMs(): number {
    return this.#frozenMs ?? performance.now() + this.#offsetMs;
  }

  wallMs(): number {
    return this.#frozenMs === null && this.#offsetMs === 0 ? Date.now() : this.#wallAtOriginMs + this.nowMs();
  }

  stamp(into: { timeMs: number; timeNs: number }): void {
    let wallMs = this.#wallAtOriginMs + this.nowMs();
    if (this.#frozenMs === null && this.#offsetMs === 0) {
      const systemMs = Date.now();
      // Somebody has set the system's clock, or the two have drifted apart. What has been stamped must not seem to be
      // older than a time that was read before.
      if (wallMs < systemMs || wallMs - systemMs > driftMsMax) {
        this.#wallAtOriginMs = systemMs - performance.now();
        wallMs = systemMs;
      }
    }
    if (wallMs < this.#lastStampMs && this.#lastStampMs - wallMs < setBackMsMin) wallMs = this.#lastStampMs;
    this.#lastStampMs = wallMs;
    const whole = Math.floor(wallMs);
    into.timeMs = whole;
    into.timeNs = Math.floor((wallMs - whole) * 1_000_000);
  }

  freeze(): void {
    this.#frozenMs ??= this.nowMs();
    this.deadlines.pause();
  }

  resume(): void {
    if (this.#frozenMs === null) return;
    this.#offsetMs = this.#frozenMs - performance.now();
    this.#frozenMs = null;
    this.deadlines.resume();
  }

  /** One after the other, if there are several. */
  async advance(spanMs: number): Promise<void> {
    const move = this.#advance.then(async () => this.#move(spanMs));
    this.#advance = move.catch(() => {});
    await move;
  }

  onSettle(hook: () => Promise<void>): () => void {
    this.#settleHooks.add(hook);
    return () => this.#settleHooks.delete(hook);
  }

  expect(answer: Promise<void>): void {
    if (this.moving) this.#answers.push(answer);
  }

  async #move(spanMs: number): Promise<void> {
    const wasFrozen = this.#frozenMs !== null;
    this.freeze();
    const targetMs = this.nowMs() + spanMs;
    this.moving = true;
    this.#unansweredMs = 0;
    try {
      await this.#settle();
      for (
        let next = this.deadlines.nextMs();
        next !== null && next <= targetMs;
        next = this.deadlines.nextMs()
      ) {
        this.#frozenMs = Math.max(next, this.nowMs());
        this.deadlines.fireDue(1);
        await this.#settle();
      }
      this.#frozenMs = targetMs;
    } finally {
      this.moving = false;
      if (!wasFrozen) this.resume();
    }
  }

  async #settle(): Promise<void> {
    for (const hook of this.#settleHooks) await hook();
    // One turn of the event loop: lets sockets and microtasks that the deadline woke have their say.
    await new Promise<void>((resolve) => setImmediate(resolve));
    const answers = this.#answers;
    if (answers.length === 0) return;
    this.#answers = [];
    if (this.#unansweredMs >= unansweredMsMax) return;
    const startMs = performance.now();
    const answered = await Promise.race([
      Promise.all(answers).then(() => true),
      realDelay(answerMsMax).then(() => false),
    ]);
    if (!answered) this.#unansweredMs += performance.now() - startMs;
  }
}

/** Runs `work` after the event loop has had a turn, whatever any {@link Clock} says. */
export function nextIteration(work: () => void): void {
  setImmediate(work);
}

/**
 * A wait in real time, whatever any {@link Clock} says: for the end of a broker whose clock may stand still.
 * @param keepsProcess or the process may end while nothing else is to be done
 */
export async function realDelay(delayMs: number, keepsProcess = false): Promise<void> {
  await new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, delayMs);
    if (!keepsProcess) timer.unref();
  });
}
