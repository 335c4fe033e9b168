/**
 * The buffers that the TCP connections of a broker read into. Node asks for the buffer of a socket's next read right
 * after the read before, so a socket at rest has one chosen already, and may fill it at any time:
 *
 * - One small buffer is shared by all sockets. What is in it is gone when the pass ends; nobody may be sent views of it.
 * - A socket that brings much at once reads into a large one of its own. Views of that may wait to be sent: then the
 *   next read goes to another.
 *
 * Large reads pay when messages are large: forwarding 1 KiB payloads gains about a third with 1 MiB reads over
 * 64 KiB ones. For small ones they would only let one connection have the thread for longer.
 */
import type { FlushPass } from "./flush-pass.ts";

const smallBytes = 64 * 1024;
const largeBytes = 1024 * 1024;
/** Sockets that may have one of their own at a time, and so may keep it while they are silent. */
const ownMax = 32;
/** Buffers that are kept for the next socket that wants one. */
const freeMax = 4;

export class ReadBuffer {
  readonly smallBytes = smallBytes;
  readonly #pass: FlushPass;
  #shared: Buffer | null = null;
  readonly #free: Buffer[] = [];
  #ownCount = 0;
  #parted: Buffer | null = null;

  constructor(pass: FlushPass) {
    this.#pass = pass;
  }

  get shared(): Buffer {
    return (this.#shared ??= Buffer.allocUnsafeSlow(smallBytes));
  }

  /** A large buffer for one socket, until {@link giveBack}; null when too many have one. */
  takeOwn(): Buffer | null {
    if (this.#ownCount >= ownMax) return null;
    this.#ownCount++;
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(largeBytes);
  }

  giveBack(own: Buffer): void {
    this.#ownCount--;
    if (this.#free.length < freeMax) this.#free.push(own);
  }

  /** Hands `chunk` on. @returns whether somebody keeps it; if it was a socket's own, it is that no more */
  deliver(chunk: Buffer, length: number, onChunk: (chunk: Buffer, length: number) => void): boolean {
    this.#pass.beginChunk(chunk === this.#shared);
    try {
      onChunk(chunk, length);
    } finally {
      this.#pass.endChunk();
    }
    if (this.#parted !== chunk) return false;
    this.#parted = null;
    this.#ownCount--;
    return true;
  }

  /** Somebody keeps `chunk`: the next read goes elsewhere. */
  part(chunk: Buffer): void {
    if (chunk !== this.#shared) this.#parted = chunk;
  }
}
