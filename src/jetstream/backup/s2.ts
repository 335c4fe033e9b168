/**
 * The S2 stream format, an extension of Snappy's framing: chunks with a type, a length and a checksum of what they hold.
 * Written are chunks without compression; read are all. Source: the framing format of Snappy, the documentation of
 * klauspost/compress/s2.
 */
import { ByteQueue } from "./byte-queue.ts";

const streamIdentifiers = ["S2sTwO", "sNaPpY"].map((name) =>
  Buffer.concat([Buffer.from([0xff, 6, 0, 0]), Buffer.from(name, "latin1")]),
);
export const streamIdentifier = streamIdentifiers[0] as Buffer;

const chunkTypes = { compressed: 0x00, plain: 0x01, identifier: 0xff } as const;
/** Types from here on are skipped by who does not know them. */
const skippableFrom = 0x80;
const headBytes = 4;
const checksumBytes = 4;
/** Of what a chunk holds, uncompressed; S2 allows no more. */
const blockBytesMax = 4 * 1024 * 1024;
/** What cannot be compressed becomes longer: by a sixth at most. */
const chunkBytesMax = checksumBytes + blockBytesMax + Math.ceil(blockBytesMax / 6) + 32;
/** What this writes at once, so that readers of Snappy's framing take it, too. */
const writtenBytesMax = 64 * 1024;

/** The bytes are no S2 stream, or damaged. */
export class S2Error extends Error {}

/** The chunks for `bytes`, uncompressed; the stream begins with {@link streamIdentifier}. */
export function encodeChunks(bytes: Buffer): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += writtenBytesMax) {
    const block = bytes.subarray(at, at + writtenBytesMax);
    const head = Buffer.allocUnsafe(headBytes + checksumBytes);
    head[0] = chunkTypes.plain;
    head.writeUIntLE(block.length + checksumBytes, 1, 3);
    head.writeUInt32LE(maskedChecksum(block), headBytes);
    chunks.push(head, block);
  }
  return chunks;
}

export class S2Decoder {
  readonly #queue = new ByteQueue();
  /** Of a chunk that is passed over. */
  #leftToSkip = 0;
  #isBegun = false;

  /** Nothing is left that was not decoded. */
  get isEmpty(): boolean {
    return this.#queue.length === 0 && this.#leftToSkip === 0;
  }

  /** @param bytes kept, and must not change any more */
  push(bytes: Buffer): void {
    this.#queue.push(bytes);
  }

  /**
   * The next block; null while none is whole.
   * @throws S2Error
   */
  next(): Buffer | null {
    for (;;) {
      if (this.#leftToSkip > 0) this.#leftToSkip -= this.#queue.skip(this.#leftToSkip);
      if (this.#leftToSkip > 0) return null;
      const head = this.#queue.peek(headBytes);
      if (!this.#isBegun && !isBeginning(head)) throw new S2Error("not an S2 stream");
      if (head.length < headBytes) return null;
      const type = head[0] as number;
      const length = head.readUIntLE(1, 3);
      if (type >= skippableFrom && type !== chunkTypes.identifier) {
        this.#queue.skip(headBytes);
        this.#leftToSkip = length;
        continue;
      }
      if (length > chunkBytesMax) throw new S2Error("chunk is too long");
      if (this.#queue.length < headBytes + length) return null;
      const chunk = this.#queue.take(headBytes + length);
      if (type !== chunkTypes.identifier) return decodeChunk(type, chunk.subarray(headBytes));
      if (!streamIdentifiers.some((identifier) => identifier.equals(chunk)))
        throw new S2Error("not an S2 stream");
      this.#isBegun = true;
    }
  }
}

function isBeginning(head: Buffer): boolean {
  return streamIdentifier.subarray(0, head.length).equals(head);
}

function decodeChunk(type: number, chunk: Buffer): Buffer {
  if (type !== chunkTypes.compressed && type !== chunkTypes.plain)
    throw new S2Error(`unknown type of chunk: ${type}`);
  if (chunk.length < checksumBytes) throw new S2Error("chunk is too short");
  const content = chunk.subarray(checksumBytes);
  const block = type === chunkTypes.plain ? content : decodeBlock(content);
  if (block.length > blockBytesMax) throw new S2Error("block is too long");
  if (maskedChecksum(block) !== chunk.readUInt32LE(0)) throw new S2Error("wrong checksum");
  return block;
}

const corrupt = (): S2Error => new S2Error("block is damaged");

/** A compressed block: its length as a varint, then literals and copies of what came before. */
function decodeBlock(source: Buffer): Buffer {
  let length = 0;
  let at = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = source[at++];
    if (byte === undefined || shift > 28) throw corrupt();
    length += (byte & 127) * 2 ** shift;
    if (byte < 128) break;
  }
  if (length > blockBytesMax) throw new S2Error("block is too long");
  const block = Buffer.allocUnsafe(length);
  if (decodeInto(block, source, at) !== length) throw corrupt();
  return block;
}

/** @returns how much was written */
function decodeInto(block: Buffer, source: Buffer, from: number): number {
  let at = from;
  let to = 0;
  /** Of the copy before: S2 repeats it. */
  let offset = 0;
  while (at < source.length) {
    const tag = source[at] as number;
    const kind = tag & 3;
    let length = tag >> 2;
    at++;
    if (kind === 0) {
      if (length >= 60) {
        const bytes = length - 59;
        if (at + bytes > source.length) throw corrupt();
        length = source.readUIntLE(at, bytes);
        at += bytes;
      }
      length++;
      if (at + length > source.length || to + length > block.length) throw corrupt();
      source.copy(block, to, at, at + length);
      at += length;
      to += length;
      continue;
    }
    if (kind === 1) {
      const near = ((tag & 0xe0) << 3) | byteAt(source, at++);
      length &= 7;
      if (near !== 0) offset = near;
      else if (length >= 5) {
        const bytes = length - 4;
        if (at + bytes > source.length) throw corrupt();
        length = source.readUIntLE(at, bytes) + (repeatedFrom[bytes] as number);
        at += bytes;
      }
      length += 4;
    } else {
      const bytes = kind === 2 ? 2 : 4;
      if (at + bytes > source.length) throw corrupt();
      offset = source.readUIntLE(at, bytes);
      at += bytes;
      length++;
    }
    if (offset === 0 || offset > to || to + length > block.length) throw corrupt();
    copyWithin(block, to, offset, length);
    to += length;
  }
  return to;
}

/** By how many bytes their length takes: where lengths of repeats begin, less four. */
const repeatedFrom = [0, 4, 1 << 8, 1 << 16];

function byteAt(source: Buffer, at: number): number {
  const byte = source[at];
  if (byte === undefined) throw corrupt();
  return byte;
}

/** What is copied may reach into what it makes: then it is a pattern that goes on. */
function copyWithin(block: Buffer, to: number, offset: number, length: number): void {
  const from = to - offset;
  let copied = 0;
  while (copied < length) {
    const count = Math.min(offset + copied, length - copied);
    block.copyWithin(to + copied, from, from + count);
    copied += count;
  }
}

const tables = checksumTables();

/** CRC-32C, four bytes a step, in the form that the framing asks for. */
export function maskedChecksum(bytes: Buffer): number {
  const [first, second, third, fourth] = tables;
  let crc = -1;
  let at = 0;
  for (const end = bytes.length - 3; at < end; at += 4) {
    crc ^=
      (bytes[at] as number) |
      ((bytes[at + 1] as number) << 8) |
      ((bytes[at + 2] as number) << 16) |
      ((bytes[at + 3] as number) << 24);
    crc =
      (fourth[crc & 255] as number) ^
      (third[(crc >>> 8) & 255] as number) ^
      (second[(crc >>> 16) & 255] as number) ^
      (first[crc >>> 24] as number);
  }
  for (; at < bytes.length; at++) crc = (crc >>> 8) ^ (first[(crc ^ (bytes[at] as number)) & 255] as number);
  crc = ~crc;
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}

function checksumTables(): readonly [Int32Array, Int32Array, Int32Array, Int32Array] {
  const first = new Int32Array(256).map((_, index) => {
    let value = index;
    for (let bit = 0; bit < 8; bit++) value = (value & 1) === 0 ? value >>> 1 : (value >>> 1) ^ 0x82f63b78;
    return value;
  });
  const after = (table: Int32Array): Int32Array =>
    table.map((value) => (value >>> 8) ^ (first[value & 255] as number));
  const second = after(first);
  const third = after(second);
  return [first, second, third, after(third)];
}
