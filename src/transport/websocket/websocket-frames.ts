/**
 * WebSocket frames from clients (RFC 6455, section 5), read as they come: the payload of a plain data frame is
 * unmasked in place and handed over piece by piece, without waiting for the frame or the message to end, so a frame of
 * any length costs no memory. Control frames are gathered, at most 131 bytes each, and handed over raw. Where
 * compression was negotiated, data frames are handed over raw too, for somebody else to unmask and inflate.
 *
 * `ws` reads whole messages and unmasks byte by byte: 0.5 GB/s, where this does 4; that is most of what a message of
 * 1 KiB costs.
 */

export interface FrameHandler {
  /** `bytes[start, end)` continues the byte stream. @returns false to stop reading after it */
  onPayload(bytes: Buffer, start: number, end: number): boolean;
  /**
   * `bytes[start, end)` is a piece of a data frame as it came, head included.
   * @param endsMessage whether its message is whole with it
   * @returns false to stop reading after it
   */
  onRaw(bytes: Buffer, start: number, end: number, endsMessage: boolean): boolean;
  /** A whole control frame, as it came: masked, in bytes of its own. @returns false to stop reading after it */
  onControl(frame: Buffer, opcode: number): boolean;
  /** The peer has broken the protocol; nothing more is read. @param code WebSocket close code */
  onViolation(code: number, text: string): void;
}

export const opcodeClose = 0x8;

const opcodeContinuation = 0x0;
const opcodeText = 0x1;
const opcodeBinary = 0x2;
const opcodePong = 0xa;
const finalBit = 0x80;
const compressedBit = 0x40;
const maskBit = 0x80;
const controlPayloadBytesMax = 125;
/** Two bytes, an eight-byte length, a four-byte mask. */
const headerBytesMax = 14;
/** The upper half of a length beyond 2^53 - 1, which a number holds exactly. */
const lengthHighMax = 0x1fffff;

export class FrameReader {
  readonly #handler: FrameHandler;
  readonly #raw: boolean;
  /** The start of a header or of a control frame that has not come whole. */
  #partial: Buffer | null = null;
  #partialBytes = 0;
  #payloadLeft = 0;
  /** The mask as four bytes, and where in it the next payload byte falls. */
  readonly #mask = new Uint8Array(4);
  #phase = 0;
  /** Between the first frame of a message and its last. */
  #inMessage = false;
  #failed = false;

  /** @param raw whether data frames are handed over as they come */
  constructor(handler: FrameHandler, raw: boolean) {
    this.#handler = handler;
    this.#raw = raw;
  }

  /**
   * Reads `bytes[start, end)`, which are changed on the way.
   * @returns where it stopped: `end`, unless the handler told it to or the peer broke the protocol
   */
  read(bytes: Buffer, start: number, end: number): number {
    let at = start;
    while (at < end && !this.#failed) {
      if (this.#payloadLeft === 0) {
        const next = this.#partial === null ? this.#frame(bytes, at, end) : this.#complete(bytes, at, end);
        // Negative: the handler wants no more.
        if (next < 0) return -next;
        at = next;
        continue;
      }
      const from = at;
      at = Math.min(end, at + this.#payloadLeft);
      this.#payloadLeft -= at - from;
      if (!this.#payload(bytes, from, at)) return at;
    }
    return at;
  }

  #payload(bytes: Buffer, start: number, end: number): boolean {
    if (this.#raw) return this.#handler.onRaw(bytes, start, end, this.#payloadLeft === 0 && !this.#inMessage);
    this.#phase = unmask(bytes, start, end, this.#mask, this.#phase);
    return this.#handler.onPayload(bytes, start, end);
  }

  /** Reads what starts a frame at `at`: its header, or all of it if it is a control frame. Keeps it when it is not whole. */
  #frame(bytes: Buffer, at: number, end: number): number {
    const need = this.#need(bytes, at, end);
    if (need < 0) return end;
    if (at + need <= end) return this.#begin(bytes, at, need);
    this.#partial = Buffer.allocUnsafe(headerBytesMax + controlPayloadBytesMax);
    this.#partialBytes = bytes.copy(this.#partial, 0, at, end);
    return end;
  }

  /** Adds to what was kept, and goes on from there. */
  #complete(bytes: Buffer, from: number, end: number): number {
    const partial = this.#partial as Buffer;
    let at = from;
    for (;;) {
      const need = this.#need(partial, 0, this.#partialBytes);
      if (need < 0) return end;
      if (this.#partialBytes >= need) {
        this.#partial = null;
        const next = this.#begin(partial, 0, need);
        return next < 0 ? -at : at;
      }
      if (at >= end) return end;
      const taken = bytes.copy(
        partial,
        this.#partialBytes,
        at,
        Math.min(end, at + need - this.#partialBytes),
      );
      this.#partialBytes += taken;
      at += taken;
    }
  }

  /** How many bytes the header, or the whole control frame, takes as far as is known yet. Negative after a violation. */
  #need(bytes: Buffer, at: number, end: number): number {
    if (end - at < 2) return 2;
    const first = bytes[at] as number;
    const second = bytes[at + 1] as number;
    const violation = this.#violationIn(first, second);
    if (violation !== null) return this.#fail(1002, violation);
    const length = second & ~maskBit;
    if ((first & 0x0f) >= opcodeClose) return 6 + length;
    return length < 126 ? 6 : length === 126 ? 8 : headerBytesMax;
  }

  #violationIn(first: number, second: number): string | null {
    const opcode = first & 0x0f;
    const mayCompress = this.#raw && (opcode === opcodeText || opcode === opcodeBinary);
    if ((first & 0x70 & (mayCompress ? ~compressedBit : -1)) !== 0) return "reserved bits must be clear";
    if ((second & maskBit) === 0) return "mask bit missing";
    if (opcode >= opcodeClose) {
      if (opcode > opcodePong) return `unknown opcode ${opcode}`;
      if ((first & finalBit) === 0) return "a control frame must not be fragmented";
      if ((second & ~maskBit) > controlPayloadBytesMax) return "a control frame must not exceed 125 bytes";
      return null;
    }
    if (opcode > opcodeBinary) return `unknown opcode ${opcode}`;
    if ((opcode === opcodeContinuation) !== this.#inMessage)
      return this.#inMessage ? "a message within a message" : "a continuation without a message";
    return null;
  }

  /** Begins the frame whose first `need` bytes are whole. @returns the position after them, negative to stop there */
  #begin(bytes: Buffer, at: number, need: number): number {
    const first = bytes[at] as number;
    const opcode = first & 0x0f;
    const next = at + need;
    if (opcode >= opcodeClose)
      return this.#handler.onControl(Buffer.from(bytes.subarray(at, next)), opcode) ? next : -next;
    const short = (bytes[at + 1] as number) & ~maskBit;
    let length = short;
    if (short === 126) length = bytes.readUInt16BE(at + 2);
    else if (short === 127) {
      const high = bytes.readUInt32BE(at + 2);
      if (high > lengthHighMax) {
        this.#fail(1009, "frame too long");
        return -next;
      }
      length = high * 2 ** 32 + bytes.readUInt32BE(at + 6);
    }
    this.#mask.set(bytes.subarray(next - 4, next));
    this.#phase = 0;
    this.#payloadLeft = length;
    this.#inMessage = (first & finalBit) === 0;
    if (!this.#raw) return next;
    return this.#handler.onRaw(bytes, at, next, length === 0 && !this.#inMessage) ? next : -next;
  }

  #fail(code: number, text: string): -1 {
    this.#failed = true;
    this.#partial = null;
    this.#handler.onViolation(code, text);
    return -1;
  }
}

/** Below this a plain loop is as fast as looking for whole words. */
const wordsBytesMin = 64;
const word = new Int32Array(1);
const wordBytes = new Uint8Array(word.buffer);

/** Unmasks `bytes[start, end)` in place. @returns the phase of the byte after it */
export function unmask(bytes: Buffer, start: number, end: number, mask: Uint8Array, phase: number): number {
  let at = start;
  let maskAt = phase;
  if (end - start >= wordsBytesMin) {
    for (; ((bytes.byteOffset + at) & 3) !== 0; at++)
      bytes[at] = (bytes[at] as number) ^ (mask[maskAt++ & 3] as number);
    for (let position = 0; position < 4; position++)
      wordBytes[position] = mask[(maskAt + position) & 3] as number;
    const count = (end - at) >> 2;
    unmaskWords(new Int32Array(bytes.buffer, bytes.byteOffset + at, count), count, word[0] as number);
    at += count * 4;
  }
  for (; at < end; at++) bytes[at] = (bytes[at] as number) ^ (mask[maskAt++ & 3] as number);
  return (phase + end - start) & 3;
}

function unmaskWords(words: Int32Array, count: number, key: number): void {
  let at = 0;
  for (; at + 8 <= count; at += 8) {
    words[at] = (words[at] as number) ^ key;
    words[at + 1] = (words[at + 1] as number) ^ key;
    words[at + 2] = (words[at + 2] as number) ^ key;
    words[at + 3] = (words[at + 3] as number) ^ key;
    words[at + 4] = (words[at + 4] as number) ^ key;
    words[at + 5] = (words[at + 5] as number) ^ key;
    words[at + 6] = (words[at + 6] as number) ^ key;
    words[at + 7] = (words[at + 7] as number) ^ key;
  }
  for (; at < count; at++) words[at] = (words[at] as number) ^ key;
}

/** The head of an unmasked, unfragmented binary frame, in `target`, which has room for ten bytes. @returns its length */
export function writeFrameHead(target: Uint8Array, payloadBytes: number): number {
  target[0] = finalBit | opcodeBinary;
  if (payloadBytes < 126) {
    target[1] = payloadBytes;
    return 2;
  }
  if (payloadBytes < 0x10000) {
    target[1] = 126;
    target[2] = payloadBytes >> 8;
    target[3] = payloadBytes;
    return 4;
  }
  target[1] = 127;
  for (let position = 0, rest = payloadBytes; position < 8; position++) {
    target[9 - position] = rest % 256;
    rest = Math.floor(rest / 256);
  }
  return 10;
}
