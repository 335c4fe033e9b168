/**
 * The archive that a snapshot is, as nats-server has it since 2.15: `NATSARC1`, then one entry after the other. An entry
 * is five numbers (length of its name, time in nanoseconds, sequence, length of headers, length of payload), the name and
 * the body. `state.json` comes first, then `consumers/<name>` as often as it says, then the messages by ascending sequence,
 * named by their subject, and last an entry of nothing. Source: nats-server `archive.go`, `stream_backup.go`.
 */
import { nsPerMs } from "../../base/duration.ts";
import { NumberWriter } from "../../store/varint.ts";
import { ByteQueue } from "./byte-queue.ts";

export const magic = Buffer.from("NATSARC1", "latin1");
export const stateEntry = "state.json";
export const consumerPrefix = "consumers/";

export interface Entry {
  /** Wire string. */
  readonly name: string;
  readonly timeMs: number;
  readonly timeNs: number;
  /** 0: it is no message. */
  readonly seq: number;
  readonly headerBytes: number;
  /** Headers and payload. */
  readonly body: Buffer;
}

/** What is no archive, or not one that can be taken. */
export class ArchiveError extends Error {}

/** The last entry. */
export const endEntry: Entry = {
  name: "",
  timeMs: 0,
  timeNs: 0,
  seq: 0,
  headerBytes: 0,
  body: Buffer.alloc(0),
};

/** Head and name of an entry; its body follows. */
export function encodeHead(entry: Entry): Buffer {
  const { name, timeMs, timeNs, seq, headerBytes, body } = entry;
  const writer = new NumberWriter();
  writer.put(name.length);
  const start = writer.take();
  writer.clear();
  for (const value of [seq, headerBytes, body.length - headerBytes]) writer.put(value);
  return Buffer.concat([start, encodeTime(timeMs, timeNs), writer.take(), Buffer.from(name, "latin1")]);
}

/** Nanoseconds since the epoch, as a signed number: doubled. */
function encodeTime(timeMs: number, timeNs: number): Buffer {
  const bytes: number[] = [];
  let rest = 2n * (BigInt(timeMs) * BigInt(nsPerMs) + BigInt(timeNs));
  for (; rest > 127n; rest >>= 7n) bytes.push(Number(rest & 127n) | 128);
  bytes.push(Number(rest));
  return Buffer.from(bytes);
}

/** Five numbers of ten bytes at most. */
const headBytesMax = 50;
const nameBytesMax = 64 * 1024;

export class ArchiveReader {
  readonly #queue = new ByteQueue();
  readonly #bodyBytesMax: number;
  #isBegun = false;

  constructor(bodyBytesMax: number) {
    this.#bodyBytesMax = bodyBytesMax;
  }

  get isEmpty(): boolean {
    return this.#queue.length === 0;
  }

  /** @param bytes kept, and must not change any more */
  push(bytes: Buffer): void {
    this.#queue.push(bytes);
  }

  /**
   * The next entry; null while it is not whole.
   * @throws ArchiveError
   */
  next(): Entry | null {
    if (!this.#isBegun && !this.#begin()) return null;
    const head = new HeadReader(this.#queue.peek(headBytesMax));
    const nameBytes = head.unsigned();
    const time = head.number();
    const seq = head.unsigned();
    const headerBytes = head.unsigned();
    const payloadBytes = head.unsigned();
    if (head.isCut) {
      if (this.#queue.length >= headBytesMax) throw new ArchiveError("damaged entry");
      return null;
    }
    if (nameBytes > nameBytesMax || headerBytes + payloadBytes > this.#bodyBytesMax)
      throw new ArchiveError("an entry is too large");
    if (this.#queue.length < head.length + nameBytes + headerBytes + payloadBytes) return null;
    this.#queue.skip(head.length);
    const name = this.#queue.take(nameBytes).latin1Slice();
    // The lowest bit is the sign, and nothing was stored before 1970.
    const ns = (time & 1n) === 1n ? 0n : time / 2n;
    const timeMs = Number(ns / BigInt(nsPerMs));
    const timeNs = Number(ns % BigInt(nsPerMs));
    return { name, timeMs, timeNs, seq, headerBytes, body: this.#queue.take(headerBytes + payloadBytes) };
  }

  #begin(): boolean {
    const start = this.#queue.peek(magic.length);
    if (!magic.subarray(0, start.length).equals(start))
      throw new ArchiveError("not a snapshot of a server of version 2.15 or newer");
    if (start.length < magic.length) return false;
    this.#queue.skip(magic.length);
    this.#isBegun = true;
    return true;
  }
}

/** Numbers, seven bits a byte. */
class HeadReader {
  readonly #bytes: Buffer;
  #at = 0;
  isCut = false;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get length(): number {
    return this.#at;
  }

  number(): bigint {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = this.#bytes[this.#at++];
      if (byte === undefined) {
        this.isCut = true;
        return 0n;
      }
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
    throw new ArchiveError("damaged entry");
  }

  unsigned(): number {
    return Number(this.number());
  }
}
