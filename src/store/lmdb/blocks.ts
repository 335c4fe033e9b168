/**
 * Messages on disk stand in blocks, one value in LMDB each. All numbers are little-endian.
 *
 * A block: crc32 of all that follows (u32), number of records (u32), eight bytes for later; then the records in the
 * order of their sequences. A record: its size in all (u32), how far its sequence is behind the block's first (u32), the
 * low 32 bits of its milliseconds (u32), 12 more of them and 20 bits of nanoseconds (u32), the lengths of subject and
 * headers (u32 each); then subject, headers, payload.
 *
 * A sequence stands for the same bytes for ever. What is removed is said elsewhere (`block-summary.ts`), so a block that
 * was read once stays right, though it may come to lack what was added behind, and tell of what is gone.
 */
import { crc32 } from "node:zlib";
import { type BlockMemory, blockBytesTarget } from "./block-memory.ts";
import type { StoredMessage } from "../contract.ts";
import type { Operation } from "../journal/operation.ts";
import type { ReadSlot } from "./read-slots.ts";

export const blockHeaderBytes = 16;
const recordHeaderBytes = 24;
const spanMax = 0xffff_ffff;
const lowFactor = 2 ** 32;

/** A block that is damaged or of another format. */
export class BlockError extends Error {
  override readonly name = "BlockError";
}

/** One block in memory. Its reader never changes its bytes; only the applier adds to the last one of a stream. */
export class Block {
  readonly firstSeq: number;
  #lastSeq: number;
  #bytes: Buffer;
  #view: DataView;
  /** Where each record begins; one more, where the last one ends. */
  #offsets: Uint32Array;
  #count: number;
  /** Bits of the records that are gone; null: none are. */
  #dead: Uint8Array | null;
  #deadCount = 0;
  /** Where its bytes are in a slot of it; null: they are its own. */
  #memory: BlockMemory | null = null;
  /** What it was read into, to be used again; null: its own. */
  #readSlot: ReadSlot | null = null;
  /** Somebody may keep what he saw of it. */
  #isShown = false;
  #isGone = false;
  #slotStart = 0;

  private constructor(firstSeq: number, bytes: Buffer, offsets: Uint32Array) {
    this.firstSeq = firstSeq;
    this.#lastSeq = firstSeq - 1;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#offsets = offsets;
    this.#count = 0;
    this.#dead = null;
  }

  static empty(firstSeq: number): Block {
    const offsets = new Uint32Array(64);
    offsets[0] = blockHeaderBytes;
    return new Block(firstSeq, Buffer.alloc(4_096), offsets);
  }

  /** In a slot, if there is one left; to be settled before the batch ends, should it be needed longer. */
  static within(memory: BlockMemory, firstSeq: number): Block {
    const slot = memory.take();
    if (slot === null) return Block.empty(firstSeq);
    slot.offsets[0] = blockHeaderBytes;
    // Unused by the format so far.
    slot.bytes.fill(0, 0, blockHeaderBytes);
    const block = new Block(firstSeq, slot.bytes, slot.offsets);
    block.#memory = memory;
    block.#slotStart = slot.start;
    return block;
  }

  /**
   * @param bytes kept
   * @param dead bits of what is gone; copied
   * @param slot that the bytes are in
   * @throws BlockError when the bytes are not what was written
   */
  static decode(
    firstSeq: number,
    bytes: Buffer,
    dead: Uint8Array | null,
    slot: ReadSlot | null = null,
  ): Block {
    if (bytes.length < blockHeaderBytes) throw new BlockError(`a block of ${bytes.length} bytes`);
    if (crc32(bytes.subarray(4)) !== bytes.readUInt32LE(0)) throw new BlockError("the checksum is wrong");
    const count = bytes.readUInt32LE(4);
    if (count === 0 || count > bytes.length / recordHeaderBytes)
      throw new BlockError(`${count} records in ${bytes.length} bytes`);
    const fits = slot !== null && count < slot.offsets.length;
    const offsets = fits ? slot.offsets : new Uint32Array(count + 1);
    const block = new Block(firstSeq, bytes, offsets);
    block.#readSlot = slot;
    const view = block.#view;
    let at = blockHeaderBytes;
    for (let index = 0; index < count; index++) {
      offsets[index] = at;
      if (at + recordHeaderBytes > bytes.length) throw new BlockError("a record ends behind its block");
      at += view.getUint32(at, true);
    }
    if (at !== bytes.length) throw new BlockError("the records are not as long as their block");
    offsets[count] = at;
    block.#count = count;
    block.#lastSeq = block.seqAt(count - 1);
    if (dead !== null) block.#takeDead(dead);
    return block;
  }

  get lastSeq(): number {
    return this.#lastSeq;
  }

  get count(): number {
    return this.#count;
  }

  get deadCount(): number {
    return this.#deadCount;
  }

  get liveCount(): number {
    return this.#count - this.#deadCount;
  }

  /** Of its encoded form. */
  get byteLength(): number {
    return this.#offsets[this.#count] as number;
  }

  /** What it takes in memory, about. */
  get memoryBytes(): number {
    return (this.#readSlot?.bytes ?? this.#bytes).length + this.#offsets.byteLength + 512;
  }

  /**
   * It is not needed any more. @returns memory for another one; null when this may still be read. Otherwise passing
   * frames may see it until the next turn of the event loop, and nothing is to be read from it.
   */
  leave(): ReadSlot | null {
    if (this.#readSlot === null || this.#isShown) return null;
    this.#isGone = true;
    return this.#readSlot;
  }

  get isGone(): boolean {
    return this.#isGone;
  }

  /** Null: nothing is gone. Bits of records that were added since may be missing at its end. */
  get dead(): Uint8Array | null {
    return this.#dead;
  }

  get isDense(): boolean {
    return this.#lastSeq - this.firstSeq + 1 === this.#count;
  }

  seqAt(index: number): number {
    return this.firstSeq + this.#view.getUint32((this.#offsets[index] as number) + 4, true);
  }

  /** The first record at or after `seq`, gone or not; {@link count} when there is none. */
  indexFrom(seq: number): number {
    if (seq <= this.firstSeq) return 0;
    if (seq > this.#lastSeq) return this.#count;
    if (this.isDense) return seq - this.firstSeq;
    let low = 0;
    let high = this.#count - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.seqAt(middle) < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Of exactly this sequence, gone or not; -1 when it is not here. */
  indexOf(seq: number): number {
    const index = this.indexFrom(seq);
    return index < this.#count && this.seqAt(index) === seq ? index : -1;
  }

  isDead(index: number): boolean {
    const dead = this.#dead;
    return dead !== null && ((dead[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;
  }

  /** @returns false when it was gone already */
  kill(index: number): boolean {
    if (this.isDead(index)) return false;
    const bytesNeeded = (this.#count + 7) >> 3;
    if (this.#dead === null || this.#dead.length < bytesNeeded) {
      const grown = new Uint8Array(bytesNeeded);
      if (this.#dead !== null) grown.set(this.#dead);
      this.#dead = grown;
    }
    (this.#dead as Uint8Array)[index >> 3] =
      ((this.#dead as Uint8Array)[index >> 3] ?? 0) | (1 << (index & 7));
    this.#deadCount++;
    return true;
  }

  fill(index: number, into: StoredMessage): void {
    if (!into.isPassing) this.#isShown = true;
    const view = this.#view;
    const at = this.#offsets[index] as number;
    const subjectStart = at + recordHeaderBytes;
    const subjectEnd = subjectStart + view.getUint32(at + 16, true);
    const mixed = view.getUint32(at + 12, true);
    into.seq = this.firstSeq + view.getUint32(at + 4, true);
    into.timeMs = (mixed >>> 20) * lowFactor + view.getUint32(at + 8, true);
    into.timeNs = mixed & 0xf_ffff;
    into.bytes = this.#bytes;
    into.subjectStart = subjectStart;
    into.subjectEnd = subjectEnd;
    into.bodyStart = subjectEnd;
    into.bodyEnd = at + view.getUint32(at, true);
    into.headerBytes = view.getUint32(at + 20, true);
  }

  /** Whether the message of an operation still goes here. */
  hasCapacityFor(operation: Operation): boolean {
    if (this.#count === 0) return true;
    const size = recordHeaderBytes + (operation.bodyEnd - operation.textStart);
    return this.byteLength + size <= blockBytesTarget && operation.seq - this.firstSeq <= spanMax;
  }

  /** Adds the message of an operation, whose sequence is behind all others. */
  append(operation: Operation): void {
    const { bytes, textStart, bodyEnd, timeMs } = operation;
    const at = this.#add(operation.seq, bodyEnd - textStart);
    const view = this.#view;
    const highMs = Math.floor(timeMs / lowFactor);
    view.setUint32(at + 8, timeMs - highMs * lowFactor, true);
    view.setUint32(at + 12, ((highMs << 20) | operation.timeNs) >>> 0, true);
    view.setUint32(at + 16, operation.textEnd - textStart, true);
    view.setUint32(at + 20, operation.headerBytes, true);
    const to = at + recordHeaderBytes;
    const memory = this.#memory;
    const start = memory?.startOf(bytes) ?? -1;
    if (memory !== null && start >= 0)
      memory.all.copyWithin(this.#slotStart + to, start + textStart, start + bodyEnd);
    else {
      const moved = new Uint8Array(bytes.buffer, bytes.byteOffset + textStart, bodyEnd - textStart);
      this.#bytes.set(moved, to);
    }
  }

  /** Takes bytes of its own, if it has none: the batch is over. */
  settle(): void {
    if (this.#memory === null) return;
    this.#moveTo(Math.max(this.byteLength, Math.min(this.byteLength * 2, blockBytesTarget)));
  }

  /** Adds what is alive in another block, whose sequences are behind all others. */
  appendLive(other: Block): void {
    for (let index = 0; index < other.#count; index++) {
      if (other.isDead(index)) continue;
      const from = other.#offsets[index] as number;
      const end = other.#offsets[index + 1] as number;
      const at = this.#add(other.seqAt(index), end - from - recordHeaderBytes);
      other.#bytes.copy(this.#bytes, at + 8, from + 8, end);
    }
  }

  /** What goes to disk; a view of its bytes, to be used before anything is added. */
  encode(): Buffer {
    const bytes = this.#bytes.subarray(0, this.byteLength);
    bytes.writeUInt32LE(this.#count, 4);
    bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0);
    return bytes;
  }

  #add(seq: number, contentBytes: number): number {
    const at = this.byteLength;
    const size = recordHeaderBytes + contentBytes;
    if (at + size > this.#bytes.length) this.#growTo(at + size);
    if (this.#count + 2 > this.#offsets.length) {
      const grown = new Uint32Array(this.#offsets.length * 2);
      grown.set(this.#offsets);
      this.#offsets = grown;
    }
    this.#view.setUint32(at, size, true);
    this.#view.setUint32(at + 4, seq - this.firstSeq, true);
    this.#count++;
    this.#offsets[this.#count] = at + size;
    this.#lastSeq = seq;
    return at;
  }

  #growTo(bytesNeeded: number): void {
    this.#moveTo(Math.max(bytesNeeded, Math.min(this.#bytes.length * 2, blockBytesTarget)));
  }

  /** To bytes of its own. */
  #moveTo(size: number): void {
    if (this.#memory !== null) this.#offsets = this.#offsets.slice(0, this.#count + 1);
    this.#memory = null;
    const grown = Buffer.alloc(size);
    this.#bytes.copy(grown, 0, 0, this.byteLength);
    this.#bytes = grown;
    this.#view = new DataView(grown.buffer, grown.byteOffset, grown.length);
  }

  #takeDead(dead: Uint8Array): void {
    this.#dead = Uint8Array.from(dead);
    for (let index = 0; index < this.#count; index++) if (this.isDead(index)) this.#deadCount++;
  }
}
