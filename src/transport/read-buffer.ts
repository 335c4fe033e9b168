/**
 * The buffers that all TCP connections of a broker read into: one small, one large. A chunk is parsed whole before
 * the next read, so they can be shared; only bytes in {@link ReadBuffer.current} at that moment count.
 *
 * Large reads pay when messages are large: forwarding 1 KiB payloads gains about a third with 1 MiB reads over
 * 64 KiB ones. For small ones they would only let one connection have the thread for longer.
 */

import type { Clock } from "../base/clock.ts";

const smallBytes = 64 * 1024;
const largeBytes = 1024 * 1024;

export class ReadBuffer {
  #small: Buffer | null = null;
  /** Made when the first connection needs it. */
  #large: Buffer | null = null;

  readonly smallBytes = smallBytes;
  /** By which readers tell how long a chunk keeps the thread. */
  readonly clock: Clock;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  get small(): Buffer {
    return (this.#small ??= Buffer.allocUnsafeSlow(smallBytes));
  }

  get large(): Buffer {
    return (this.#large ??= Buffer.allocUnsafeSlow(largeBytes));
  }

  /** Somebody keeps `chunk`: the next read goes elsewhere. */
  part(chunk: Buffer): void {
    if (chunk === this.#small) this.#small = null;
    if (chunk === this.#large) this.#large = null;
  }
}
