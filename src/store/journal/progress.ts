/**
 * How far the threads of a store have come, in memory that they share, and how they wake one another. Each number is
 * written by one thread alone: `written` by the journal, `synced` by the sync worker, `durable` by the journal,
 * `applied` by the apply worker.
 */
const wakeIndexes = { sync: 0, apply: 1 } as const;
const groupIndexes = { written: 0, synced: 1, durable: 2, applied: 3 } as const;
const wakeBytes = 16;

export type ProgressOf = keyof typeof groupIndexes;
export type Sleeper = keyof typeof wakeIndexes;

export class Progress {
  readonly memory: SharedArrayBuffer;
  readonly #wakes: Int32Array;
  readonly #groups: BigInt64Array;

  /** @param memory of another thread's; by default new memory, with all groups up to `group` applied */
  constructor(memory?: SharedArrayBuffer, group = 0) {
    this.memory = memory ?? new SharedArrayBuffer(wakeBytes + 8 * 4);
    this.#wakes = new Int32Array(this.memory, 0, 4);
    this.#groups = new BigInt64Array(this.memory, wakeBytes);
    if (memory === undefined) this.#groups.fill(BigInt(group));
  }

  group(of: ProgressOf): number {
    return Number(Atomics.load(this.#groups, groupIndexes[of]));
  }

  setGroup(of: ProgressOf, group: number): void {
    Atomics.store(this.#groups, groupIndexes[of], BigInt(group));
  }

  /** Has the other thread look again, now or when it next would sleep. */
  wake(sleeper: Sleeper): void {
    Atomics.add(this.#wakes, wakeIndexes[sleeper], 1);
    Atomics.notify(this.#wakes, wakeIndexes[sleeper]);
  }

  /** To be taken before looking for work, and given to {@link sleep} when there was none. */
  wakes(sleeper: Sleeper): number {
    return Atomics.load(this.#wakes, wakeIndexes[sleeper]);
  }

  /** Blocks this thread until it is woken, or has been since `wakes` was taken, or for so long. */
  sleep(sleeper: Sleeper, wakes: number, forMs: number): void {
    Atomics.wait(this.#wakes, wakeIndexes[sleeper], wakes, forMs);
  }
}
