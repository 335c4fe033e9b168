/**
 * Memory for the groups of the journal. A chunk is filled from its beginning to its end and then read by the journal,
 * which writes it to its file, and by the tails of logs, until the snapshot has what is in it; then it is filled again.
 * Fresh memory instead would be some 50 MB of it a second, which V8 answers with a full collection five times a second.
 *
 * **Invariant:** a chunk is filled again only when nobody can see its bytes any more: whoever keeps places in it holds
 * it, and one that was shown to somebody who may keep what he saw is never filled again. The collector gets that one.
 */
import { type ViewedBytes, viewBytes } from "../../base/bytes.ts";

export const chunkBytes = 262_144;
/** Somewhat more than what one transaction of the apply worker sets free. */
const freeMax = 40;
/** What is kept of them when nothing is left to be applied. */
const idleFreeMax = 4;

export class Chunk implements ViewedBytes {
  readonly bytes: Buffer;
  readonly view: DataView;
  #holds = 0;
  #isShown = false;

  constructor(size: number) {
    const { bytes, view } = viewBytes(Buffer.allocUnsafeSlow(size));
    this.bytes = bytes;
    this.view = view;
  }

  /** The caller has places in it, until it calls {@link release}. */
  hold(): void {
    this.#holds++;
  }

  release(): void {
    this.#holds--;
  }

  get isHeld(): boolean {
    return this.#holds > 0;
  }

  /** From now on somebody may have a view of its bytes, for as long as he likes. */
  show(): void {
    this.#isShown = true;
  }

  get isShown(): boolean {
    return this.#isShown;
  }
}

interface FullChunk {
  readonly chunk: Chunk;
  /** The last one with a part in it. */
  readonly group: number;
}

export class ChunkPool {
  #free: Chunk[] = [];
  /** To be filled again, once nobody holds them. */
  #full: FullChunk[] = [];

  /** One with room for so many bytes. What is in it is of no account. */
  take(size: number): Chunk {
    if (size > chunkBytes) return new Chunk(size);
    return this.#free.pop() ?? new Chunk(chunkBytes);
  }

  /** Nothing is put into it any more. @param group the last one that has a part in it */
  retire(chunk: Chunk, group: number): void {
    if (chunk.bytes.length === chunkBytes) this.#full.push({ chunk, group });
  }

  /**
   * To be called when every tail has let go of the groups up to `appliedGroup`, and from the event loop, so that nobody
   * is in the middle of reading a message, and passing frames are over.
   * @param isIdle nothing is left to be applied
   */
  collect(appliedGroup: number, isIdle: boolean): void {
    const full = this.#full;
    this.#full = [];
    for (const one of full) {
      const { chunk, group } = one;
      if (chunk.isShown) continue;
      if (!chunk.isHeld) this.#free.push(chunk);
      // One that is held longer than it has to be, as by a log that was dropped, is left to its holder.
      else if (group > appliedGroup) this.#full.push(one);
    }
    const freeBound = isIdle ? idleFreeMax : freeMax;
    if (this.#free.length > freeBound) this.#free.length = freeBound;
  }
}
