/** Blocks in memory, for all logs of a store together: those used last, up to a bound. */
import { type Block } from "../lmdb/blocks.ts";
import { blockBytesTarget } from "../lmdb/block-memory.ts";
import { ReadSlots } from "../lmdb/read-slots.ts";

interface Slot {
  readonly block: Block;
  readonly owner: CachedBlocks;
  /** The one used before it. */
  older: Slot | null;
  newer: Slot | null;
}

export class BlockCache {
  /** What blocks are read into that are to be kept here. */
  readonly slots = new ReadSlots(blockBytesTarget);
  readonly #bytesMax: number;
  #bytes = 0;
  #oldest: Slot | null = null;
  #newest: Slot | null = null;

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  get memoryBytes(): number {
    return this.#bytes;
  }

  /** Evicts what was not used for longest. One block alone may be larger than the bound. */
  add(slot: Slot): void {
    this.#link(slot);
    this.#bytes += slot.block.memoryBytes;
    while (this.#bytes > this.#bytesMax && this.#oldest !== null && this.#oldest !== slot)
      this.#oldest.owner.evict(this.#oldest);
  }

  touch(slot: Slot): void {
    if (slot === this.#newest) return;
    this.#unlink(slot);
    this.#link(slot);
  }

  remove(slot: Slot): void {
    this.#unlink(slot);
    this.#bytes -= slot.block.memoryBytes;
    const memory = slot.block.leave();
    if (memory !== null) this.slots.giveBack(memory);
  }

  #link(slot: Slot): void {
    slot.older = this.#newest;
    slot.newer = null;
    if (this.#newest !== null) this.#newest.newer = slot;
    this.#newest = slot;
    this.#oldest ??= slot;
  }

  #unlink(slot: Slot): void {
    if (slot.older === null) this.#oldest = slot.newer;
    else slot.older.newer = slot.newer;
    if (slot.newer === null) this.#newest = slot.older;
    else slot.newer.older = slot.older;
  }
}

/** Those of one log. */
export class CachedBlocks {
  readonly #cache: BlockCache;
  /** By first sequence; no two overlap. */
  #slots: Slot[] = [];

  constructor(cache: BlockCache) {
    this.#cache = cache;
  }

  get slots(): ReadSlots {
    return this.#cache.slots;
  }

  /** The block with this sequence in its span; null when none is at hand. */
  find(seq: number): Block | null {
    const slot = this.#slots[this.#positionBehind(seq) - 1];
    if (slot === undefined || slot.block.lastSeq < seq) return null;
    this.#cache.touch(slot);
    return slot.block;
  }

  /** Takes the place of all that it overlaps: blocks grow, shrink and are joined on disk. */
  add(block: Block): void {
    let start = this.#positionBehind(block.firstSeq);
    if (start > 0 && (this.#slots[start - 1] as Slot).block.lastSeq >= block.firstSeq) start--;
    let end = start;
    while (end < this.#slots.length && (this.#slots[end] as Slot).block.firstSeq <= block.lastSeq) end++;
    const slot: Slot = { block, owner: this, older: null, newer: null };
    for (const covered of this.#slots.splice(start, end - start, slot)) this.#cache.remove(covered);
    this.#cache.add(slot);
  }

  /** For the cache. */
  evict(slot: Slot): void {
    const index = this.#positionBehind(slot.block.firstSeq) - 1;
    if (this.#slots[index] === slot) this.#slots.splice(index, 1);
    this.#cache.remove(slot);
  }

  clear(): void {
    for (const slot of this.#slots) this.#cache.remove(slot);
    this.#slots = [];
  }

  /** Of the first slot that begins behind `seq`. */
  #positionBehind(seq: number): number {
    let low = 0;
    let high = this.#slots.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#slots[middle] as Slot).block.firstSeq <= seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
