/** The blocks of one log as the snapshot has them, by way of the cache. What was removed since is marked in them. */
import type { CachedBlocks } from "./block-cache.ts";
import { type BlockSummary, decodeSummary } from "../lmdb/block-summary.ts";
import { Block, BlockError } from "../lmdb/blocks.ts";
import { blockKey, endKey, keyKinds, prefixKey, seqOfBlockKey } from "../lmdb/keys.ts";
import type { LogView } from "./log-view.ts";
import type { ReadSlot } from "../lmdb/read-slots.ts";
import type { Entry } from "../lmdb/reads.ts";

export class DiskBlocks {
  readonly #view: LogView;
  readonly #cached: CachedBlocks;
  /** The one asked for last; most readers go on where they were. */
  #current: Block | null = null;

  constructor(view: LogView, cached: CachedBlocks) {
    this.#view = view;
    this.#cached = cached;
  }

  /** The block with this sequence in its span; null when there is none. */
  at(seq: number): Block | null {
    const current = this.#current;
    if (current !== null && !current.isGone && current.firstSeq <= seq && current.lastSeq >= seq)
      return current;
    const cached = this.#cached.find(seq);
    if (cached !== null) {
      this.#current = cached;
      return cached;
    }
    const summary = this.#summaryThrough(seq);
    return summary === null || summary.lastSeq < seq ? null : this.#load(summary);
  }

  /** The first block that ends at `seq` or later. */
  from(seq: number): Block | null {
    const found = this.at(seq);
    if (found !== null) return found;
    const summary = this.#summaryFrom(seq);
    return summary === null ? null : this.of(summary);
  }

  /** The last block that begins at `seq` or before. */
  before(seq: number): Block | null {
    const found = this.at(seq);
    if (found !== null) return found;
    const summary = this.#summaryThrough(seq);
    return summary === null ? null : this.of(summary);
  }

  /** The whole block: one that was joined to it since may be at hand alone, and has its last sequences too. */
  of(summary: BlockSummary): Block {
    return this.#cachedAs(summary) ?? this.#load(summary);
  }

  /** Marks a message as gone, where its block is at hand. */
  kill(seq: number): void {
    if (this.#current?.isGone === true) this.#current = null;
    killIn(this.#current, seq);
    // It may have been evicted from the cache, and read again into another.
    const cached = this.#cached.find(seq);
    if (cached !== this.#current) killIn(cached, seq);
  }

  /** Summaries as the snapshot has them, from the block with `fromSeq` in it or behind. */
  *summaries(fromSeq: number): Generator<BlockSummary> {
    const { incarnation, snapshot } = this.#view;
    const first = this.#summaryThrough(fromSeq);
    const start = blockKey(keyKinds.summary, incarnation, first?.firstSeq ?? fromSeq);
    const end = endKey(prefixKey(keyKinds.summary, incarnation));
    for (const entry of snapshot.reads.range({ start, end })) {
      const summary = summaryOf(entry);
      if (summary.lastSeq >= fromSeq) yield summary;
    }
  }

  /** The last one that begins at `seq` or before. */
  #summaryThrough(seq: number): BlockSummary | null {
    const { incarnation, snapshot } = this.#view;
    const key = blockKey(keyKinds.summary, incarnation, seq);
    // The next block of a run begins exactly here, and to get is cheaper than to search.
    const exact = snapshot.reads.get(key);
    if (exact !== undefined) return decodeSummary(seq, exact);
    const entry = snapshot.reads.last(prefixKey(keyKinds.summary, incarnation), key);
    return entry === null ? null : summaryOf(entry);
  }

  #summaryFrom(seq: number): BlockSummary | null {
    const { incarnation, snapshot } = this.#view;
    const start = blockKey(keyKinds.summary, incarnation, seq);
    const entry = snapshot.reads.first({ start, end: endKey(prefixKey(keyKinds.summary, incarnation)) });
    return entry === null ? null : summaryOf(entry);
  }

  #cachedAs(summary: BlockSummary): Block | null {
    const cached = this.#cached.find(summary.firstSeq);
    return cached !== null && cached.lastSeq >= summary.lastSeq ? cached : null;
  }

  #load(summary: BlockSummary): Block {
    const { id, incarnation, snapshot } = this.#view;
    const { firstSeq } = summary;
    let slot: ReadSlot | null = null;
    const bytes = snapshot.reads.get(blockKey(keyKinds.block, incarnation, firstSeq), (size) => {
      slot = this.#cached.slots.take(size);
      return slot?.bytes.subarray(0, size) ?? Buffer.allocUnsafeSlow(size);
    });
    if (bytes === undefined)
      throw new BlockError(`stream ${id}: the block at message ${firstSeq} is missing`);
    let block: Block;
    try {
      block = Block.decode(firstSeq, bytes, summary.dead, slot);
    } catch (error) {
      if (!(error instanceof BlockError)) throw error;
      throw new BlockError(`stream ${id}: the block at message ${firstSeq} is damaged: ${error.message}`);
    }
    this.#killRemoved(block);
    this.#cached.add(block);
    this.#current = block;
    return block;
  }

  #killRemoved(block: Block): void {
    const removed = this.#view.removalOverlay.seqs;
    if (removed.size > block.count) {
      for (let index = 0; index < block.count; index++)
        if (removed.has(block.seqAt(index))) block.kill(index);
      return;
    }
    for (const seq of removed) {
      const index = block.indexOf(seq);
      if (index !== -1) block.kill(index);
    }
  }
}

function killIn(block: Block | null, seq: number): void {
  const index = block?.indexOf(seq) ?? -1;
  if (index !== -1) block?.kill(index);
}

function summaryOf(entry: Entry): BlockSummary {
  return decodeSummary(seqOfBlockKey(entry.key), entry.value);
}
