/** Whole numbers up to 2^53 in as many bytes as they need, seven bits each, the low ones first. */

const partFactor = 128;
/** Above, the bit operators of JavaScript do not reach. */
const wordMax = 0x7fff_ffff;

export class NumberWriter {
  #bytes: Buffer = Buffer.allocUnsafe(256);
  #length = 0;

  clear(): void {
    this.#length = 0;
  }

  put(value: number): void {
    if (this.#length + 8 > this.#bytes.length) this.#grow(8);
    let rest = value;
    let at = this.#length;
    for (; rest > wordMax; rest = Math.floor(rest / partFactor))
      this.#bytes[at++] = (rest % partFactor) | 128;
    for (; rest > 127; rest >>>= 7) this.#bytes[at++] = (rest & 127) | 128;
    this.#bytes[at++] = rest;
    this.#length = at;
  }

  putText(wire: string): void {
    this.put(wire.length);
    if (this.#length + wire.length > this.#bytes.length) this.#grow(wire.length);
    this.#length += this.#bytes.latin1Write(wire, this.#length, wire.length);
  }

  /** A copy. */
  take(): Buffer {
    const taken = Buffer.allocUnsafe(this.#length);
    this.#bytes.copy(taken, 0, 0, this.#length);
    return taken;
  }

  #grow(bytesMore: number): void {
    const grown = Buffer.allocUnsafe(this.#bytes.length * 2 + bytesMore);
    this.#bytes.copy(grown, 0, 0, this.#length);
    this.#bytes = grown;
  }
}

export class NumberReader {
  #bytes: Buffer = Buffer.alloc(0);
  #at = 0;

  /** Begins anew. The bytes have to stay as they are until the last number was read. */
  read(bytes: Buffer): this {
    this.#bytes = bytes;
    this.#at = 0;
    return this;
  }

  next(): number {
    const bytes = this.#bytes;
    let at = this.#at;
    let byte = bytes[at++] as number;
    let value = byte & 127;
    for (let shift = 7; byte > 127; shift += 7) {
      byte = bytes[at++] as number;
      value = shift < 24 ? value | ((byte & 127) << shift) : value + (byte & 127) * 2 ** shift;
    }
    this.#at = at;
    return value;
  }

  nextText(): string {
    const length = this.next();
    this.#at += length;
    return this.#bytes.latin1Slice(this.#at - length, this.#at);
  }
}
