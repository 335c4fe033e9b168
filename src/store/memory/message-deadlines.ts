/** When messages are due, for a log that keeps this in memory. */
import type { DeadlineKind, MessageDeadline } from "../contract.ts";
import { SortedList } from "../sorted-list.ts";

const kinds: readonly DeadlineKind[] = ["expires", "wakes"];

export class MessageDeadlines {
  readonly #lists: Readonly<Record<DeadlineKind, SortedList<MessageDeadline>>> = {
    expires: new SortedList(compareDeadlines),
    wakes: new SortedList(compareDeadlines),
  };
  /** Those that came with a message, so that they go with it. */
  readonly #ofMessage: Readonly<Record<DeadlineKind, Map<number, MessageDeadline>>> = {
    expires: new Map(),
    wakes: new Map(),
  };

  /** @param atMs 0: never */
  noteMessage(kind: DeadlineKind, atMs: number, seq: number): void {
    if (atMs === 0) return;
    const deadline = { kind, atMs, seq };
    this.#lists[kind].add(deadline);
    this.#ofMessage[kind].set(seq, deadline);
  }

  forgetMessage(seq: number): void {
    for (const kind of kinds) {
      const ofMessage = this.#ofMessage[kind];
      if (ofMessage.size === 0) continue;
      const deadline = ofMessage.get(seq);
      if (deadline !== undefined) this.remove(deadline);
    }
  }

  add(deadline: MessageDeadline): void {
    const { kind, atMs, seq } = deadline;
    this.#lists[kind].add({ kind, atMs, seq });
  }

  remove(deadline: MessageDeadline): void {
    const ofMessage = this.#ofMessage[deadline.kind];
    this.#lists[deadline.kind].delete(deadline);
    if (ofMessage.get(deadline.seq)?.atMs === deadline.atMs) ofMessage.delete(deadline.seq);
  }

  /** Earliest first. Any may be removed on the way. */
  *due(kind: DeadlineKind, throughMs: number): Generator<MessageDeadline> {
    for (const deadline of this.#lists[kind]) {
      if (deadline.atMs > throughMs) return;
      yield deadline;
    }
  }

  /** Infinity when there is none. */
  nextMs(kind: DeadlineKind): number {
    return this.#lists[kind].first?.atMs ?? Infinity;
  }

  clear(): void {
    for (const kind of kinds) {
      this.#ofMessage[kind].clear();
      this.#lists[kind].clear();
    }
  }
}

function compareDeadlines(a: MessageDeadline, b: MessageDeadline): number {
  return a.atMs - b.atMs || a.seq - b.seq;
}
