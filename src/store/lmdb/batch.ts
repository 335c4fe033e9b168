/** The groups of one transaction, read as it comes to them: each is valid until the next one is asked for. */
import type { JournalGroup } from "../journal/group.ts";

export class Batch implements Iterable<JournalGroup> {
  readonly #next: () => JournalGroup | null;
  readonly #bytesMax: number;
  #first: JournalGroup | null;
  #bytes = 0;

  /**
   * @param next of the journal
   * @param bytesMax with the group that goes beyond, it ends
   */
  constructor(next: () => JournalGroup | null, bytesMax: number) {
    this.#next = next;
    this.#bytesMax = bytesMax;
    this.#first = next();
  }

  /** To be asked before it is gone through, which can be done once. */
  get isEmpty(): boolean {
    return this.#first === null;
  }

  /** Of the groups so far. */
  get bytes(): number {
    return this.#bytes;
  }

  /** When it was gone through: there may be more. */
  get isFull(): boolean {
    return this.#bytes >= this.#bytesMax;
  }

  *[Symbol.iterator](): Generator<JournalGroup> {
    let group = this.#first;
    this.#first = null;
    while (group !== null) {
      this.#bytes += group.end - group.start;
      yield group;
      group = this.isFull ? null : this.#next();
    }
  }
}
