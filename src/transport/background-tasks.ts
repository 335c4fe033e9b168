/**
 * Long work in slices, behind everything else: sweeps, searches, snapshots, restores. In each iteration of the event
 * loop, the tasks that were waiting when it began get one slice each, in turn, until the budget is spent; the others are
 * first in the next. A slice is a pass, and adds the next slice when more is to be done.
 */
import type { Clock, Deadline } from "../base/clock.ts";

/** Of one iteration. A slice that has begun is not interrupted, so slices are to be shorter than this. */
const budgetMs = 1;

export class BackgroundTasks {
  readonly #clock: Clock;
  readonly #runPass: (work: () => void) => void;
  readonly #waiting = new Set<{ readonly slice: () => void }>();
  #isScheduled = false;

  constructor(clock: Clock, runPass: (work: () => void) => void) {
    this.#clock = clock;
    this.#runPass = runPass;
  }

  /** Runs `slice` once, in a later iteration. */
  add(slice: () => void): Deadline {
    const task = { slice };
    this.#waiting.add(task);
    this.#schedule();
    return { atMs: this.#clock.nowMs(), cancel: () => void this.#waiting.delete(task) };
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#clock.soon(() => this.#run());
  }

  #run(): void {
    this.#isScheduled = false;
    const untilMs = this.#clock.nowMs() + budgetMs;
    try {
      for (const task of [...this.#waiting]) {
        // Another's slice may have called it off.
        if (this.#waiting.delete(task)) this.#runPass(task.slice);
        if (this.#clock.nowMs() >= untilMs) break;
      }
    } finally {
      if (this.#waiting.size > 0) this.#schedule();
    }
  }
}
