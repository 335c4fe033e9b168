/** The blocks of one space as the applier keeps them. All within transactions; {@link BlockWriter.flush} ends a batch. */
import {
  type BlockSummary,
  decodeSummary,
  encodeSummary,
  isDense,
  reencodeSummary,
  summaryWithout,
} from "./block-summary.ts";
import type { BlockMemory } from "./block-memory.ts";
import { Block } from "./blocks.ts";
import { blockBytesTarget } from "./block-memory.ts";
import { StoredMessage } from "../contract.ts";
import type { Environment } from "./environment.ts";
import { blockKey, endKey, keyKinds, prefixKey, seqOfBlockKey } from "./keys.ts";
import type { Operation } from "../journal/operation.ts";
import { type Entry, Reads } from "./reads.ts";

/** Is told of each message that {@link BlockWriter.removeThrough} takes away. The frame is used again. */
export type RemovalVisitor = (message: StoredMessage) => void;

export class BlockWriter {
  readonly incarnation: number;
  readonly #env: Environment;
  readonly #reads: Reads;
  readonly #memory: BlockMemory | null;
  /** The last block, which is added to; null when there is none, undefined before it was looked for. */
  #open: Block | null | undefined;
  #openIsChanged = false;
  /** Filled in this batch, and not written yet: what goes as soon as it came need never be. */
  #filled: Block[] = [];
  /** Sequences to be removed, of blocks that are written. */
  #removalOverlay: number[] = [];
  readonly #frame = new StoredMessage();

  /** @param memory for blocks that are filled within a batch; null: they have their own */
  constructor(env: Environment, incarnation: number, memory: BlockMemory | null) {
    this.incarnation = incarnation;
    this.#memory = memory;
    this.#env = env;
    this.#reads = new Reads(env);
  }

  append(operation: Operation): void {
    let open = this.#lastBlock();
    if (open !== null && !open.hasCapacityFor(operation)) {
      this.#filled.push(open);
      open = null;
    }
    if (open === null) open = this.#open = this.#newBlock(operation.seq);
    open.append(operation);
    this.#openIsChanged = true;
  }

  /** @param seq of a message that is there */
  remove(seq: number): void {
    const open = this.#lastBlock();
    if (open !== null && seq >= open.firstSeq) {
      open.kill(open.indexOf(seq));
      this.#openIsChanged = true;
      return;
    }
    const filled = this.#filled.findLast((block) => block.firstSeq <= seq);
    if (filled === undefined) this.#removalOverlay.push(seq);
    else filled.kill(filled.indexOf(seq));
  }

  /** @param floor every message up to here is to go; 0: none */
  flush(floor: number, visit: RemovalVisitor): void {
    this.#flushOverlay();
    if (floor > 0) this.#removeThrough(floor, visit);
    for (const block of this.#filled) this.#replace(block.firstSeq, block);
    this.#filled = [];
    this.#flushOpen();
    this.#open?.settle();
  }

  /** After a flush: fills in the first message. False when there is none. */
  first(into: StoredMessage): boolean {
    const prefix = prefixKey(keyKinds.summary, this.incarnation);
    const entry = this.#reads.first({ start: prefix, end: endKey(prefix) });
    if (entry === null) return false;
    const block = this.#load(summaryOf(entry));
    for (let index = 0; index < block.count; index++) {
      if (block.isDead(index)) continue;
      block.fill(index, into);
      return true;
    }
    throw new Error(`all of the block at ${block.firstSeq} is gone, but the block is not`);
  }

  /** Once one is filled, the batch is a large one. */
  #newBlock(firstSeq: number): Block {
    if (this.#memory === null || this.#filled.length === 0) return Block.empty(firstSeq);
    return Block.within(this.#memory, firstSeq);
  }

  #flushOpen(): void {
    const open = this.#open ?? null;
    if (open === null || !this.#openIsChanged) return;
    this.#openIsChanged = false;
    if (open.liveCount > 0) {
      this.#put(open);
      return;
    }
    this.#drop(open.firstSeq);
    this.#open = null;
  }

  #lastBlock(): Block | null {
    if (this.#open !== undefined) return this.#open;
    const start = prefixKey(keyKinds.summary, this.incarnation);
    const entry = this.#reads.last(
      start,
      blockKey(keyKinds.summary, this.incarnation, Number.MAX_SAFE_INTEGER),
    );
    const summary = entry === null ? null : summaryOf(entry);
    this.#open = summary === null || summary.blockBytes >= blockBytesTarget ? null : this.#load(summary);
    return this.#open;
  }

  #flushOverlay(): void {
    const removalOverlay = this.#removalOverlay.sort((a, b) => a - b);
    this.#removalOverlay = [];
    for (let at = 0; at < removalOverlay.length; ) {
      const summary = this.#summaryFor(removalOverlay[at] as number);
      const seqs: number[] = [];
      while (at < removalOverlay.length && (removalOverlay[at] as number) <= summary.lastSeq)
        seqs.push(removalOverlay[at++] as number);
      this.#removeFrom(summary, seqs);
    }
  }

  #removeFrom(summary: BlockSummary, seqs: readonly number[]): void {
    let indexes: number[];
    if (isDense(summary)) indexes = seqs.map((seq) => seq - summary.firstSeq);
    else {
      const block = this.#load(summary);
      indexes = seqs.map((seq) => block.indexOf(seq));
    }
    const left = summaryWithout(summary, indexes);
    if (left.deadCount * 2 < left.count)
      this.#env.putSync(blockKey(keyKinds.summary, this.incarnation, left.firstSeq), reencodeSummary(left));
    else this.#replace(left.firstSeq, left.deadCount === left.count ? null : this.#load(left));
  }

  #removeThrough(floor: number, visit: RemovalVisitor): void {
    const start = prefixKey(keyKinds.summary, this.incarnation);
    const range = { start, end: blockKey(keyKinds.summary, this.incarnation, floor + 1) };
    const openSeq = this.#open?.firstSeq ?? Infinity;
    // Taken first: what a cursor stands on is not to be removed.
    const entries = [...this.#reads.range(range)];
    for (const entry of entries) {
      const summary = summaryOf(entry);
      if (summary.firstSeq === openSeq || this.#filled.some((block) => block.firstSeq === summary.firstSeq))
        continue;
      const block = this.#load(summary);
      this.#killThrough(block, floor, visit);
      if (block.deadCount * 2 < block.count) this.#put(block, false);
      else this.#replace(block.firstSeq, block);
    }
    for (const block of this.#filled) this.#killThrough(block, floor, visit);
    if (openSeq > floor || this.#open === null || this.#open === undefined) return;
    this.#killThrough(this.#open, floor, visit);
    this.#openIsChanged = true;
  }

  #killThrough(block: Block, floor: number, visit: RemovalVisitor): void {
    for (let index = 0; index < block.count && block.seqAt(index) <= floor; index++) {
      if (!block.kill(index)) continue;
      block.fill(index, this.#frame);
      visit(this.#frame);
    }
  }

  /** Writes what is alive of a block in place of what was written at `writtenSeq`, joined to the block before if both are small. */
  #replace(writtenSeq: number, block: Block | null): void {
    if (block === null || block.liveCount === 0) {
      this.#drop(writtenSeq);
      return;
    }
    if (block.deadCount * 2 < block.count) {
      this.#put(block);
      return;
    }
    const alone = livePart([block]);
    const before = this.#blockBefore(writtenSeq, alone.byteLength);
    this.#drop(writtenSeq);
    if (before === null || alone.lastSeq - before.firstSeq > 0xffff_ffff) {
      this.#put(alone);
      return;
    }
    this.#drop(before.firstSeq);
    this.#put(livePart([before, alone]));
  }

  /** The one before, if it and so many bytes fill no more than half a block. */
  #blockBefore(seq: number, bytesMore: number): Block | null {
    if (seq === 0) return null;
    const start = prefixKey(keyKinds.summary, this.incarnation);
    const entry = this.#reads.last(start, blockKey(keyKinds.summary, this.incarnation, seq - 1));
    if (entry === null) return null;
    const summary = summaryOf(entry);
    return (summary.blockBytes + bytesMore) * 2 > blockBytesTarget ? null : this.#load(summary);
  }

  #put(block: Block, withBytes = true): void {
    if (withBytes)
      this.#env.putSync(blockKey(keyKinds.block, this.incarnation, block.firstSeq), block.encode());
    this.#env.putSync(blockKey(keyKinds.summary, this.incarnation, block.firstSeq), encodeSummary(block));
  }

  #drop(firstSeq: number): void {
    this.#env.removeSync(blockKey(keyKinds.block, this.incarnation, firstSeq));
    this.#env.removeSync(blockKey(keyKinds.summary, this.incarnation, firstSeq));
  }

  #summaryFor(seq: number): BlockSummary {
    const start = prefixKey(keyKinds.summary, this.incarnation);
    const entry = this.#reads.last(start, blockKey(keyKinds.summary, this.incarnation, seq));
    const summary = entry === null ? null : summaryOf(entry);
    if (summary === null || summary.lastSeq < seq)
      throw new Error(`message ${seq} is to be removed, but no block has it`);
    return summary;
  }

  #load(summary: BlockSummary): Block {
    const bytes = this.#reads.get(blockKey(keyKinds.block, this.incarnation, summary.firstSeq));
    if (bytes === undefined) throw new Error(`the block at ${summary.firstSeq} is missing`);
    return Block.decode(summary.firstSeq, bytes, summary.dead);
  }
}

function summaryOf(entry: Entry): BlockSummary {
  return decodeSummary(seqOfBlockKey(entry.key), entry.value);
}

function livePart(blocks: readonly Block[]): Block {
  let firstSeq = 0;
  for (const block of blocks) {
    for (let index = 0; index < block.count && firstSeq === 0; index++)
      if (!block.isDead(index)) firstSeq = block.seqAt(index);
  }
  const part = Block.empty(firstSeq);
  for (const block of blocks) part.appendLive(block);
  return part;
}
