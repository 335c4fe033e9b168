/**
 * Bytes that several outputs send alike, encoded once: where a hundred clients hold the same subscription under the
 * same sid, what they get is the same to the byte. Each output keeps only where its part of the run begins; it ends
 * where the run stands when the output is given something else, or flushed.
 *
 * Pays from two receivers on: fan-out of 16 bytes to 100 goes from 6 to 20 million deliveries a second.
 */
import type { ViewedBytes } from "../base/bytes.ts";
import type { FlushPass, PassBuffer } from "./flush-pass.ts";
import type { Lease } from "./buffer-pool.ts";

export class SharedBuffer implements PassBuffer {
  readonly lease: Lease;
  readonly viewed: ViewedBytes;
  /** Where the next bytes go. */
  at = 0;
  /** No more is appended; the next message begins another run. */
  closed = false;

  constructor(pass: FlushPass, bytesMin: number, previousBytes: number) {
    this.lease = pass.pool.borrow(bytesMin, previousBytes);
    this.viewed = this.lease.viewed;
    pass.addSharedBuffer(this);
  }

  get bytes(): Buffer {
    return this.viewed.bytes;
  }

  hasCapacity(count: number): boolean {
    return !this.closed && this.viewed.bytes.length - this.at >= count;
  }

  /** For the pass, at its end. */
  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.lease.release();
  }
}
