/**
 * Buffers that connections borrow while they have something to send, in a few sizes. A connection that is idle holds
 * none, so ten thousand idle ones cost nothing here.
 */

import { viewBytes, type ViewedBytes } from "../base/bytes.ts";

/** From a single message to a flood. */
const sizes = [4 * 1024, 64 * 1024, 512 * 1024] as const;
/** What the pool keeps of each size when nobody borrows them: 6 MB in all. */
const keptMax = [128, 24, 8] as const;

/** A borrowed buffer. It goes back to the pool when its last holder lets go. */
export class Lease {
  readonly viewed: ViewedBytes;
  readonly #home: Lease[] | null;
  readonly #keptMax: number;
  #holders = 1;

  constructor(bytes: Buffer, home: Lease[] | null, keptMax: number) {
    this.viewed = viewBytes(bytes);
    this.#home = home;
    this.#keptMax = keptMax;
  }

  /** For the pool, when it lends a kept one again. */
  renew(): this {
    this.#holders = 1;
    return this;
  }

  hold(): void {
    this.#holders++;
  }

  release(): void {
    if (--this.#holders > 0 || this.#home === null) return;
    if (this.#home.length < this.#keptMax) this.#home.push(this);
  }
}

export class BufferPool {
  readonly #free: Lease[][] = sizes.map(() => []);
  /**
   * No larger buffer is lent but to who needs one. What waits for a peer is looked at when its buffer is full, so it
   * must be full well before the peer's limit; all outputs of a broker have the same.
   */
  growthBytesMax = Infinity;

  /** A buffer of at least `bytesMin`, and larger than `previousBytes` where there is a larger size. */
  borrow(bytesMin: number, previousBytes: number): Lease {
    for (let position = 0; position < sizes.length; position++) {
      const size = sizes[position] as number;
      if (size < bytesMin) continue;
      const next = sizes[position + 1] ?? Infinity;
      if (size <= previousBytes && next <= this.growthBytesMax && next < Infinity) continue;
      const free = this.#free[position] as Lease[];
      return (
        free.pop()?.renew() ?? new Lease(Buffer.allocUnsafeSlow(size), free, keptMax[position] as number)
      );
    }
    return new Lease(Buffer.allocUnsafeSlow(bytesMin), null, 0);
  }
}
