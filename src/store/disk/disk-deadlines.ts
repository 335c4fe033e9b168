/** Deadlines of a log on disk: the snapshot's, less what was removed since, and those that were added. */
import type { DeadlineKind, MessageDeadline } from "../contract.ts";
import { deadlineKey, deadlineOfKey, endKey } from "../lmdb/keys.ts";
import type { LogView } from "./log-view.ts";
import { SortedList } from "../sorted-list.ts";

interface Pending {
  readonly deadline: MessageDeadline;
  readonly group: number;
}

/** Of one kind. */
export class DiskDeadlines {
  readonly #view: LogView;
  readonly #kind: DeadlineKind;
  readonly #added = new SortedList<MessageDeadline>(compareDeadlines);
  readonly #removed = new Map<string, number>();
  /** What was added and removed, in order, until the snapshot has it. */
  #pendingAdds: Pending[] = [];
  #pendingRemoved: Pending[] = [];
  /** The snapshot's earliest that is left; null: there is none, undefined: not looked for. */
  #baseFirst: MessageDeadline | null | undefined;

  constructor(view: LogView, kind: DeadlineKind) {
    this.#view = view;
    this.#kind = kind;
  }

  get nextMs(): number {
    if (this.#baseFirst === undefined) this.#baseFirst = firstOf(this.#base(Infinity));
    return Math.min(this.#baseFirst?.atMs ?? Infinity, this.#added.first?.atMs ?? Infinity);
  }

  /** Earliest first, up to `throughMs`. */
  *due(throughMs: number): Generator<MessageDeadline> {
    // Taken first: whoever asks removes them on the way.
    const added: MessageDeadline[] = [];
    for (const deadline of this.#added) {
      if (deadline.atMs > throughMs) break;
      added.push(deadline);
    }
    let at = 0;
    for (const deadline of this.#base(throughMs)) {
      for (; at < added.length && compareDeadlines(added[at] as MessageDeadline, deadline) < 0; at++)
        yield added[at] as MessageDeadline;
      if (at < added.length && compareDeadlines(added[at] as MessageDeadline, deadline) === 0) at++;
      yield deadline;
    }
    for (; at < added.length; at++) yield added[at] as MessageDeadline;
  }

  add(atMs: number, seq: number, group: number): void {
    const deadline = { kind: this.#kind, atMs, seq };
    if (this.#added.add(deadline)) this.#pendingAdds.push({ deadline, group });
  }

  remove(deadline: MessageDeadline, group: number): void {
    this.#added.delete(deadline);
    this.#removed.set(nameOf(deadline), group);
    this.#pendingRemoved.push({ deadline, group });
    const first = this.#baseFirst;
    if (first !== undefined && first !== null && compareDeadlines(first, deadline) === 0)
      this.#baseFirst = undefined;
  }

  /** The snapshot has moved. */
  trim(): void {
    const { appliedGroup } = this.#view.snapshot;
    this.#baseFirst = undefined;
    this.#pendingAdds = leftOf(this.#pendingAdds, appliedGroup, ({ deadline }) =>
      this.#added.delete(deadline),
    );
    this.#pendingRemoved = leftOf(this.#pendingRemoved, appliedGroup, ({ deadline, group }) => {
      const name = nameOf(deadline);
      if (this.#removed.get(name) === group) this.#removed.delete(name);
    });
  }

  *#base(throughMs: number): Generator<MessageDeadline> {
    const { id, snapshot } = this.#view;
    const kind = this.#kind;
    const start = deadlineKey(id, kind, 0, 0);
    const end =
      throughMs >= Number.MAX_SAFE_INTEGER
        ? endKey(start.subarray(0, -16))
        : deadlineKey(id, kind, Math.max(0, Math.floor(throughMs)) + 1, 0);
    for (const { key } of snapshot.reads.range({ start, end })) {
      const deadline = { kind, ...deadlineOfKey(key) };
      if (!this.#removed.has(nameOf(deadline))) yield deadline;
    }
  }
}

/** A range that is not left holds its transaction for ever, of which LMDB has a hundred or so. */
function firstOf<T>(all: Iterable<T>): T | null {
  for (const one of all) return one;
  return null;
}

function leftOf(pending: Pending[], appliedGroup: number, onApplied: (one: Pending) => void): Pending[] {
  let at = 0;
  for (; at < pending.length && (pending[at] as Pending).group <= appliedGroup; at++)
    onApplied(pending[at] as Pending);
  return at === 0 ? pending : pending.slice(at);
}

function compareDeadlines(a: MessageDeadline, b: MessageDeadline): number {
  return a.atMs === b.atMs ? a.seq - b.seq : a.atMs - b.atMs;
}

function nameOf({ atMs, seq }: MessageDeadline): string {
  return `${atMs} ${seq}`;
}
