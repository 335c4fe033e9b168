/**
 * Buffers that connections borrow while they have something to send, in a few sizes. A connection that is idle holds
 * none, so ten thousand idle ones cost nothing here.
 */

/** From a single message to a flood. */
const sizes = [4 * 1024, 64 * 1024, 512 * 1024] as const;
/** What the pool keeps of each size when nobody borrows them: 6 MB in all. */
const keptMax = [128, 24, 8] as const;

export class BufferPool {
  readonly #free: Buffer[][] = sizes.map(() => []);

  /** A buffer of at least `bytesMin`, and larger than `previousBytes` where there is a larger size. */
  borrow(bytesMin: number, previousBytes: number): Buffer {
    for (let place = 0; place < sizes.length; place++) {
      const size = sizes[place] as number;
      if (size < bytesMin || (size <= previousBytes && place < sizes.length - 1)) continue;
      return (this.#free[place] as Buffer[]).pop() ?? Buffer.allocUnsafeSlow(size);
    }
    return Buffer.allocUnsafeSlow(bytesMin);
  }

  /** Takes a buffer back; nobody may use it any more. One that the pool did not lend is left to the collector. */
  giveBack(buffer: Buffer): void {
    const place = sizes.findIndex((size) => size === buffer.length);
    if (place < 0) return;
    const free = this.#free[place] as Buffer[];
    if (free.length < (keptMax[place] as number)) free.push(buffer);
  }
}
