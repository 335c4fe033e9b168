/**
 * Memory for the blocks that are filled while one batch is applied, of which there may be hundreds: all of it in one
 * buffer, together with the window in which the journal is read, and used again for the next batch. Within one buffer a
 * message is moved in 30 ns, and nothing is made for it; from one buffer to another it takes 90 and two objects.
 *
 * **Invariant:** nothing in a slot outlives the batch in which it was taken. What goes on is moved out of it when the
 * batch ends (`Block.settle`); a batch that fails takes all blocks with it.
 */
/** Eight pages of LMDB without the header of the first, which is 24 bytes in lmdb-js. Larger ones make single reads dear, smaller ones long runs. */
export const blockBytesTarget = 8 * 4096 - 24;

/** Pages that are never touched take no memory. */
const slotsMax = 256;
/** More records are in a block only when they are nearly empty; then its places are moved to an array of their own. */
const offsetsMax = 512;
const slotBytes = blockBytesTarget + offsetsMax * 4;

/** Of one block. */
export interface BlockSlot {
  readonly bytes: Buffer;
  readonly offsets: Uint32Array;
  /** Where the bytes begin in {@link BlockMemory.all}. */
  readonly start: number;
}

export class BlockMemory {
  readonly all: Buffer;
  /** For the journal. */
  readonly window: Buffer;
  readonly #slots: BlockSlot[] = [];
  #taken = 0;
  #asked: Buffer | null = null;
  #askedStart = 0;

  constructor(windowBytes: number) {
    this.all = Buffer.allocUnsafeSlow(slotsMax * slotBytes + windowBytes);
    this.window = this.all.subarray(slotsMax * slotBytes);
  }

  /** What is in it is of no account. Null: there are no more in this batch. */
  take(): BlockSlot | null {
    if (this.#taken === slotsMax) return null;
    return this.#slots[this.#taken++] ?? this.#makeSlot();
  }

  /**
   * Where these bytes begin in {@link all}; -1 when they are not within it. Each piece of the journal is asked for with
   * every message in it, and what Node takes to say whose bytes they are is as long as it takes to move one.
   */
  startOf(bytes: Buffer): number {
    if (bytes !== this.#asked) {
      this.#asked = bytes;
      this.#askedStart = bytes.buffer === this.all.buffer ? bytes.byteOffset - this.all.byteOffset : -1;
    }
    return this.#askedStart;
  }

  /** The batch is over: all slots are free. */
  reset(): void {
    this.#taken = 0;
    this.#asked = null;
  }

  #makeSlot(): BlockSlot {
    const start = this.#slots.length * slotBytes;
    const slot = {
      bytes: this.all.subarray(start, start + blockBytesTarget),
      offsets: new Uint32Array(this.all.buffer, this.all.byteOffset + start + blockBytesTarget, offsetsMax),
      start,
    };
    this.#slots.push(slot);
    return slot;
  }
}
