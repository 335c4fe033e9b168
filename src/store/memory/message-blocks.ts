/**
 * Messages in memory: many to a block, a block to one buffer, so that a million small messages are not a million
 * buffers. Bytes in a block are written once; a message read is a view of them, and who keeps it keeps its block.
 *
 * Invariant: blocks are in the order of their sequences, and each but the last has a message.
 */
import type { NewMessage, StoredMessage } from "../contract.ts";
import { indexFrom } from "../sorted-sequences.ts";
import type { SubjectEntry } from "./subject-table.ts";

const blockBytesMin = 1 << 10;
const blockBytesMax = 1 << 18;
const blockCountMax = 2048;
/** Before each message: time in milliseconds, nanoseconds, length of subject, of headers, of all behind the subject. */
const prefixBytes = 24;
const gone = -1;

class Block {
  readonly bytes: Buffer;
  used = 0;
  /** Of each message that was added, gone or not. */
  readonly seqs: number[] = [];
  /** Where in `bytes`; {@link gone}. */
  readonly starts: number[] = [];
  readonly subjects: SubjectEntry[] = [];
  /** Messages that are there. */
  count = 0;
  /** Those of messages that are there, of `used`. */
  countedBytes = 0;
  /** The latest time of any message that was added. */
  latestMs = 0;
  latestNs = 0;

  constructor(bytesMax: number) {
    this.bytes = Buffer.allocUnsafeSlow(bytesMax);
  }

  get firstSeq(): number {
    return this.seqs[0] as number;
  }

  get lastSeq(): number {
    return this.seqs[this.seqs.length - 1] as number;
  }

  hasCapacityFor(length: number): boolean {
    return this.used + length <= this.bytes.length && this.seqs.length < blockCountMax;
  }

  /** The place of the first sequence at or after `seq`, there or gone; their number when there is none. */
  positionOf(seq: number): number {
    const { seqs } = this;
    const guess = seq - this.firstSeq;
    return seqs[guess] === seq ? guess : indexFrom(seqs, 0, seq);
  }

  lengthAt(start: number): number {
    return prefixBytes + this.bytes.readUInt32LE(start + 12) + this.bytes.readUInt32LE(start + 20);
  }

  note(seq: number, subject: SubjectEntry, length: number, timeMs: number, timeNs: number): void {
    this.seqs.push(seq);
    this.starts.push(this.used);
    this.subjects.push(subject);
    this.used += length;
    this.countedBytes += length;
    this.count++;
    if (timeMs < this.latestMs || (timeMs === this.latestMs && timeNs < this.latestNs)) return;
    this.latestMs = timeMs;
    this.latestNs = timeNs;
  }
}

/** Where a message stands; filled in again and again, good until the blocks change. */
export class BlockPosition {
  block = -1;
  index = -1;
}

export class MessageBlocks {
  #blocks: Block[] = [];
  #nextBlockBytes = blockBytesMin;
  #memoryBytes = 0;

  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  append(draft: NewMessage, seq: number, subject: SubjectEntry): void {
    const bodyLength = draft.bodyEnd - draft.bodyStart;
    const length = prefixBytes + draft.subject.length + bodyLength;
    const block = this.#blockFor(length);
    const { bytes, used } = block;
    bytes.writeDoubleLE(draft.timeMs, used);
    bytes.writeUInt32LE(draft.timeNs, used + 8);
    bytes.writeUInt32LE(draft.subject.length, used + 12);
    bytes.writeUInt32LE(draft.headerBytes, used + 16);
    bytes.writeUInt32LE(bodyLength, used + 20);
    bytes.latin1Write(draft.subject, used + prefixBytes);
    draft.bytes.copy(bytes, used + prefixBytes + draft.subject.length, draft.bodyStart, draft.bodyEnd);
    block.note(seq, subject, length, draft.timeMs, draft.timeNs);
  }

  /** @returns false when there is no such message */
  find(seq: number, position: BlockPosition): boolean {
    return this.seek(seq, position) && this.seqAt(position) === seq;
  }

  /** The first message at or after `seq`. */
  seek(seq: number, position: BlockPosition): boolean {
    position.block = this.#blockOf(seq);
    const block = this.#blocks[position.block];
    if (block === undefined) return false;
    position.index = block.positionOf(seq) - 1;
    return this.step(position);
  }

  /** The last message at or before `seq`. */
  seekBack(seq: number, position: BlockPosition): boolean {
    position.block = this.#blockOf(seq);
    const block = this.#blocks[position.block];
    if (block === undefined) {
      position.block = this.#blocks.length - 1;
      position.index = this.#blocks.at(-1)?.seqs.length ?? 0;
    } else {
      const index = block.positionOf(seq);
      position.index = block.seqs[index] === seq ? index + 1 : index;
    }
    return this.stepBack(position);
  }

  step(position: BlockPosition): boolean {
    for (; position.block < this.#blocks.length; position.block++, position.index = -1) {
      const { starts } = this.#blocks[position.block] as Block;
      while (++position.index < starts.length) if (starts[position.index] !== gone) return true;
    }
    return false;
  }

  stepBack(position: BlockPosition): boolean {
    while (position.block >= 0) {
      const { starts } = this.#blocks[position.block] as Block;
      while (--position.index >= 0) if (starts[position.index] !== gone) return true;
      position.block--;
      position.index = this.#blocks[position.block]?.starts.length ?? 0;
    }
    return false;
  }

  seqAt(position: BlockPosition): number {
    return (this.#blocks[position.block] as Block).seqs[position.index] as number;
  }

  subjectAt(position: BlockPosition): SubjectEntry {
    return (this.#blocks[position.block] as Block).subjects[position.index] as SubjectEntry;
  }

  readAt(position: BlockPosition, into: StoredMessage): void {
    const block = this.#blocks[position.block] as Block;
    const { bytes } = block;
    const start = block.starts[position.index] as number;
    into.seq = block.seqs[position.index] as number;
    into.timeMs = bytes.readDoubleLE(start);
    into.timeNs = bytes.readUInt32LE(start + 8);
    into.bytes = bytes;
    into.subjectStart = start + prefixBytes;
    into.subjectEnd = into.subjectStart + bytes.readUInt32LE(start + 12);
    into.headerBytes = bytes.readUInt32LE(start + 16);
    into.bodyStart = into.subjectEnd;
    into.bodyEnd = into.bodyStart + bytes.readUInt32LE(start + 20);
  }

  /** The place is not good any more. */
  removeAt(position: BlockPosition): void {
    const block = this.#blocks[position.block] as Block;
    block.countedBytes -= block.lengthAt(block.starts[position.index] as number);
    block.starts[position.index] = gone;
    block.count--;
    if (position.block === this.#blocks.length - 1) return;
    if (block.count === 0) this.#replace(position.block, 1, null);
    // The first is most often emptied from its front, and goes as a whole soon.
    else if (position.block > 0 && block.countedBytes * 2 < block.used) this.#compact(position.block);
  }

  /** How many messages are at or after `seq`. */
  countFrom(seq: number): number {
    const blockIndex = this.#blockOf(seq);
    const block = this.#blocks[blockIndex];
    if (block === undefined) return 0;
    let count = 0;
    for (let at = block.positionOf(seq); at < block.starts.length; at++)
      if (block.starts[at] !== gone) count++;
    for (let at = blockIndex + 1; at < this.#blocks.length; at++) count += (this.#blocks[at] as Block).count;
    return count;
  }

  /** The first message that was stored at that time or later, wherever clocks have jumped. */
  seekTime(timeMs: number, timeNs: number, position: BlockPosition): boolean {
    for (position.block = 0; position.block < this.#blocks.length; position.block++) {
      const block = this.#blocks[position.block] as Block;
      if (isBefore(block.latestMs, block.latestNs, timeMs, timeNs)) continue;
      for (position.index = 0; position.index < block.starts.length; position.index++) {
        const start = block.starts[position.index] as number;
        if (start === gone) continue;
        if (!isBefore(block.bytes.readDoubleLE(start), block.bytes.readUInt32LE(start + 8), timeMs, timeNs))
          return true;
      }
    }
    return false;
  }

  /** Runs of messages that follow one another without a gap, ascending. They must not change on the way. */
  *runs(): Generator<readonly [from: number, through: number]> {
    const position = new BlockPosition();
    let from = 0;
    let through = 0;
    for (const block of this.#blocks) {
      position.block++;
      if (block.count === 0) continue;
      const isWhole = block.count === block.lastSeq - block.firstSeq + 1;
      if (isWhole && (from === 0 || block.firstSeq === through + 1)) {
        if (from === 0) from = block.firstSeq;
        through = block.lastSeq;
        continue;
      }
      for (let at = 0; at < block.seqs.length; at++) {
        if (block.starts[at] === gone) continue;
        const seq = block.seqs[at] as number;
        if (from !== 0 && seq !== through + 1) {
          yield [from, through];
          from = 0;
        }
        if (from === 0) from = seq;
        through = seq;
      }
    }
    if (from !== 0) yield [from, through];
  }

  clear(): void {
    this.#blocks = [];
    this.#nextBlockBytes = blockBytesMin;
    this.#memoryBytes = 0;
  }

  /** The first block that does not end before `seq`; their number when there is none. */
  #blockOf(seq: number): number {
    let low = 0;
    let high = this.#blocks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#blocks[middle] as Block).lastSeq < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #blockFor(length: number): Block {
    const last = this.#blocks.at(-1);
    if (last?.hasCapacityFor(length) === true) return last;
    const block = new Block(Math.max(length, this.#nextBlockBytes));
    this.#nextBlockBytes = Math.min(blockBytesMax, this.#nextBlockBytes * 2);
    this.#blocks.push(block);
    this.#memoryBytes += block.bytes.length;
    if (last?.count === 0) this.#replace(this.#blocks.length - 2, 1, null);
    return block;
  }

  /** Copies what is left to a block that is just large enough, together with the one before where both are small. */
  #compact(blockIndex: number): void {
    const block = this.#blocks[blockIndex] as Block;
    const before = this.#blocks[blockIndex - 1] as Block;
    const isJoined =
      before.countedBytes + block.countedBytes <= blockBytesMax / 2 &&
      before.count + block.count <= blockCountMax / 2;
    const sources = isJoined ? [before, block] : [block];
    const packed = new Block(sources.reduce((total, source) => total + source.countedBytes, 0));
    for (const source of sources) copyMessages(source, packed);
    this.#replace(isJoined ? blockIndex - 1 : blockIndex, sources.length, packed);
  }

  #replace(blockIndex: number, count: number, by: Block | null): void {
    const removed =
      by === null ? this.#blocks.splice(blockIndex, count) : this.#blocks.splice(blockIndex, count, by);
    for (const block of removed) this.#memoryBytes -= block.bytes.length;
    if (by !== null) this.#memoryBytes += by.bytes.length;
  }
}

function copyMessages(source: Block, target: Block): void {
  for (let at = 0; at < source.seqs.length; at++) {
    const start = source.starts[at] as number;
    if (start === gone) continue;
    const length = source.lengthAt(start);
    source.bytes.copy(target.bytes, target.used, start, start + length);
    target.note(
      source.seqs[at] as number,
      source.subjects[at] as SubjectEntry,
      length,
      source.bytes.readDoubleLE(start),
      source.bytes.readUInt32LE(start + 8),
    );
  }
}

function isBefore(ms: number, ns: number, thanMs: number, thanNs: number): boolean {
  return ms < thanMs || (ms === thanMs && ns < thanNs);
}
