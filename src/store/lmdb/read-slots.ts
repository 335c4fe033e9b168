/**
 * Memory for blocks that were read and are kept in the cache. One that leaves the cache leaves its memory to another:
 * fresh memory for each would be 100 MB a second while a stream is read from its beginning, which V8 answers with a full
 * collection eight times a second, a tenth of the time.
 *
 * **Invariant:** memory is used again only when nobody can see its bytes any more: not that of a block whose messages
 * were shown to somebody who may keep what he saw, and no other before the next turn of the event loop, when passing
 * frames are over.
 */
import { nextIteration } from "../../base/clock.ts";

/** Smaller blocks have memory of their own: they may be many, and a slot is as large as a full one. */
const slotShareMin = 1 / 2;
/** About twice what a turn of one reader goes through. */
const freeMax = 64;
/** More records are in a block only when they are nearly empty; then its places are in an array of their own. */
const offsetsMax = 512;

export interface ReadSlot {
  readonly bytes: Buffer;
  readonly offsets: Uint32Array;
}

export class ReadSlots {
  readonly #slotBytes: number;
  readonly #free: ReadSlot[] = [];
  #leaving: ReadSlot[] = [];

  constructor(slotBytes: number) {
    this.#slotBytes = slotBytes;
  }

  /** For a block of so many bytes; null when that is to have its own. What is in it is of no account. */
  take(size: number): ReadSlot | null {
    if (size > this.#slotBytes || size < this.#slotBytes * slotShareMin) return null;
    return (
      this.#free.pop() ?? {
        bytes: Buffer.allocUnsafeSlow(this.#slotBytes),
        offsets: new Uint32Array(offsetsMax),
      }
    );
  }

  giveBack(slot: ReadSlot): void {
    if (this.#leaving.push(slot) > 1) return;
    nextIteration(() => {
      for (const each of this.#leaving) if (this.#free.length < freeMax) this.#free.push(each);
      this.#leaving = [];
    });
  }
}
