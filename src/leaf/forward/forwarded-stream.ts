/**
 * One stream of a `forward` block: its two ends are looked at again and again, for ever, so that it does not matter what
 * was away and for how long, or who has deleted what. Says in the log what it sets up, what is in its way, and when the
 * copy falls behind and has caught up.
 */
import type { Deadline } from "../../base/clock.ts";
import type { ForwardOptions } from "../../config/leafnode-options.ts";
import type { LeafContext } from "../context.ts";
import type { FlowEnds, FlowStatus, Flow } from "./flow.ts";

/** While all is well. */
const checkMs = 10_000;
/** While the copy is behind, or somebody here has something to do. */
const soonMs = 2_000;
const backOffFirstMs = 1_000;
/** Times that a problem comes again before it is told again. */
const problemLogIntervalMs = 30;

export interface ForwardedStatus {
  readonly direction: "up" | "down";
  readonly stream: string;
  readonly as: string;
  /** Messages, when it was looked at last; null before the first look. */
  readonly lag: number | null;
  /** Empty: none. */
  readonly problem: string;
  /** Wall clock of the last look at both ends; null: there was none yet. */
  readonly checkedMs: number | null;
}

export class ForwardedStream {
  readonly #flow: Flow;
  readonly #options: ForwardOptions;
  readonly #context: LeafContext;
  /** Null, with a reason, when they can not be told. */
  readonly #ends: () => FlowEnds | string;
  #deadline: Deadline | null = null;
  #isStopped = false;
  #isChecking = false;
  #isWoken = false;
  #failures = 0;
  #problem = "";
  #lag: number | null = null;
  #toldLag = 0;
  #checkedMs: number | null = null;

  constructor(flow: Flow, options: ForwardOptions, context: LeafContext, ends: () => FlowEnds | string) {
    this.#flow = flow;
    this.#options = options;
    this.#context = context;
    this.#ends = ends;
  }

  get status(): ForwardedStatus {
    const { direction, options } = this.#flow;
    const { stream, as } = options;
    return {
      direction,
      stream,
      as,
      lag: this.#lag,
      problem: this.#problem,
      checkedMs: this.#checkedMs,
    };
  }

  /** Looks at once, also when it was to wait: a way to the hub may have opened. */
  wake(): void {
    this.#failures = 0;
    if (this.#isChecking) this.#isWoken = true;
    else this.#checkIn(0);
  }

  stop(): void {
    this.#isStopped = true;
    this.#deadline?.cancel();
  }

  #checkIn(delayMs: number): void {
    this.#deadline?.cancel();
    if (this.#isStopped) return;
    const { clock } = this.#context.broker;
    this.#deadline = clock.after(delayMs, () => {
      const checking = this.#check();
      if (clock.moving) clock.expect(checking);
      checking.catch((error: unknown) => clock.onFault(error));
    });
  }

  async #check(): Promise<void> {
    this.#isChecking = true;
    this.#isWoken = false;
    const ends = this.#ends();
    const status: FlowStatus | string = typeof ends === "string" ? ends : await this.#flow.check(ends);
    this.#isChecking = false;
    if (this.#isStopped) return;
    if (typeof status === "string") this.#checkIn(this.#delayAfter(status, false));
    else this.#conclude(status, typeof ends !== "string" && ends.hub !== null);
    if (this.#isWoken) this.#checkIn(0);
  }

  #conclude(status: FlowStatus, isLinked: boolean): void {
    const { problem, isLocal, lag, isGuess, done } = status;
    const { broker, log } = this.#context;
    this.#lag = lag;
    if (isLinked) this.#checkedMs = broker.clock.wallMs();
    if (done !== null) log.info(`Forward ${this.#flow.direction}: ${done}`);
    if (!isGuess) this.#reportLag(lag, isLinked && problem === null && done === null);
    if (problem !== null) {
      this.#checkIn(this.#delayAfter(problem, isLocal));
      return;
    }
    // What was in the way may be there still while there is no link.
    if (isLinked) this.#problem = "";
    this.#failures = 0;
    const isSettled = lag === 0 && !isGuess && done === null;
    this.#checkIn(this.#jitter(isLinked && !isSettled ? soonMs : checkMs));
  }

  /** @returns how long to wait after it, which is told with it */
  #delayAfter(problem: string, isLocal: boolean): number {
    const { direction, options } = this.#flow;
    const { backOffMsMax } = this.#options;
    const backOffMs = backOffFirstMs * 2 ** Math.min(this.#failures, 20);
    const delayMs = this.#jitter(Math.min(isLocal ? soonMs : backOffMsMax, backOffMs));
    const isNew = problem !== this.#problem;
    if (isNew || this.#failures % problemLogIntervalMs === 0)
      this.#context.log.warn(
        `Forward ${direction} of ${options.stream}: ${problem}. Trying again in ${(delayMs / 1000).toFixed(1)}s`,
      );
    this.#failures++;
    this.#problem = problem;
    return delayMs;
  }

  /** So that a thousand leaf nodes that change the same stream do not go on in step. */
  #jitter(delayMs: number): number {
    return Math.round(delayMs * (0.75 + this.#context.random() / 2));
  }

  #reportLag(lag: number, isFlowing: boolean): void {
    const { log } = this.#context;
    const { direction, options } = this.#flow;
    const { lagWarning } = this.#options;
    const what = `Forward ${direction}: the copy of ${options.stream}`;
    if (lag >= Math.max(lagWarning, this.#toldLag * 10)) {
      log.warn(`${what} is ${lag} messages behind`);
      this.#toldLag = lag;
    } else if (lag === 0 && this.#toldLag > 0 && isFlowing) {
      log.info(`${what} has caught up`);
      this.#toldLag = 0;
    }
  }
}
