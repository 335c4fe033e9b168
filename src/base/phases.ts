/**
 * The phases of one pass: the work that one read, timer, report of a thread or background task causes.
 *
 * | phase      | what happens in it                                                                              |
 * |------------|-------------------------------------------------------------------------------------------------|
 * | `input`    | what was waiting goes on: a stalled publisher is read again, another thread has reported something |
 * | `decide`   | what may not happen within a delivery: requests are answered, consumers run, connections close    |
 * | `commit`   | what was decided goes to the journal, as one group                                              |
 * | `announce` | what may be said of it: acks, answers, advisories, and that a group is durable                    |
 * | flush      | every output is written once; see `transport/flush-pass.ts`                                       |
 *
 * Background tasks (`transport/background-tasks.ts`) are passes of their own, behind those of the same iteration of the event
 * loop.
 *
 * **Invariant.** A phase begins when those before it have nothing left to do. So whatever `announce` leads to is decided
 * and committed before more is announced, and order never depends on how deep a callback was nested. Within a phase, work runs
 * in the order in which it was added.
 */
export type Phase = "input" | "decide" | "commit" | "announce";

const rankOf: Readonly<Record<Phase, number>> = { input: 0, decide: 1, commit: 2, announce: 3 };

export class Phases {
  readonly #queues: (() => void)[][] = Object.keys(rankOf).map(() => []);
  #count = 0;

  get isEmpty(): boolean {
    return this.#count === 0;
  }

  add(phase: Phase, work: () => void): void {
    (this.#queues[rankOf[phase]] as (() => void)[]).push(work);
    this.#count++;
  }

  /** Runs everything that was added, and what that adds. What work throws is thrown, and the rest of its batch is lost. */
  run(): void {
    const queues = this.#queues;
    while (this.#count > 0) {
      const rank = queues.findIndex((queue) => queue.length > 0);
      const due = queues[rank] as (() => void)[];
      queues[rank] = [];
      this.#count -= due.length;
      for (const work of due) work();
    }
  }
}
