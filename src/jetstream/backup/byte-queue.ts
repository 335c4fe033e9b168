/** Bytes that come in pieces of any size and are taken in pieces of another. */
export class ByteQueue {
  #pieces: Buffer[] = [];
  #length = 0;
  /** Of the first piece: how much of it was taken. */
  #start = 0;

  get length(): number {
    return this.#length;
  }

  /** Keeps the piece itself, which must not change any more. */
  push(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#pieces.push(piece);
    this.#length += piece.length;
  }

  /** The next bytes, up to `count`, without taking them. A view. */
  peek(count: number): Buffer {
    const wanted = Math.min(count, this.#length);
    const first = this.#pieces[0];
    if (first === undefined) return nothing;
    if (first.length - this.#start < wanted) this.#join(wanted);
    return (this.#pieces[0] as Buffer).subarray(this.#start, this.#start + wanted);
  }

  /** As many bytes, which must be there. A view. */
  take(count: number): Buffer {
    const taken = this.peek(count);
    this.skip(count);
    return taken;
  }

  /** @returns how many were skipped */
  skip(count: number): number {
    const skipped = Math.min(count, this.#length);
    this.#length -= skipped;
    let left = skipped + this.#start;
    let whole = 0;
    for (; whole < this.#pieces.length; whole++) {
      const { length } = this.#pieces[whole] as Buffer;
      if (left < length) break;
      left -= length;
    }
    if (whole > 0) this.#pieces.splice(0, whole);
    this.#start = left;
    return skipped;
  }

  /** Makes one piece of the first ones, with `wanted` bytes at least. */
  #join(wanted: number): void {
    let bytes = -this.#start;
    let count = 0;
    while (bytes < wanted) bytes += (this.#pieces[count++] as Buffer).length;
    const joined = Buffer.concat(this.#pieces.slice(0, count)).subarray(this.#start);
    this.#pieces.splice(0, count, joined);
    this.#start = 0;
  }
}

const nothing = Buffer.alloc(0);
