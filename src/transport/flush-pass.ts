/**
 * One pass: everything that one read, timer or commit causes to be sent, gathered and flushed together at its end.
 * What is sent outside a pass is flushed in a microtask.
 */
import type { BufferPool } from "./buffer-pool.ts";

/** A pass that has gathered this much flushes early, so that one read with a huge fan-out does not hold it all. */
const gatheredBytesMax = 16 * 1024 * 1024;

/** Read chunks (up to 1 MiB each) that may be kept at once for receivers that have not taken them. */
const chunksKeptMax = 16;

/** What gathers bytes during a pass: flushed at its end. */
export interface PassOutput {
  flush(): void;
  /** More waits to be sent than the peer should be allowed to have waiting. */
  readonly isAboveHighWaterMark: boolean;
  /** Refuses everything: the peer is gone or is being cut. */
  readonly closed: boolean;
  /** Whether waiting for this peer to take something makes sense. */
  readonly makesProgress: boolean;
  /** Calls `callback` once when enough has been sent. */
  onDrain(callback: () => void): void;
  /** Undoes {@link onDrain}. */
  forgetDrain(callback: () => void): void;
}

/** Bytes that several outputs share: ended by the flush. */
export interface PassBuffer {
  readonly bytes: Uint8Array;
  close(): void;
}

export class FlushPass {
  readonly pool: BufferPool;
  /** Told of what goes wrong at the end of a pass, which is nobody's in particular. Whoever runs the passes sets it. */
  onFault: (error: unknown) => void = (error) => {
    throw error;
  };
  #depth = 0;
  readonly #dirty: PassOutput[] = [];
  #afterwards: (() => void)[] = [];
  readonly #sharedBuffers: PassBuffer[] = [];
  #scheduled = false;
  #gatheredBytes = 0;
  #flushing = false;
  /** Outputs that went past their mark during this pass; whoever publishes is held back for them ({@link Connection.holdBack}). */
  readonly outboundsAboveMark = new Set<PassOutput>();
  /**
   * Set by whoever has taken more in during this pass than it can deal with: the connection whose read caused it is not
   * read again until the callback that it gives here is called.
   */
  overflow: ((onDrain: () => void) => void) | null = null;

  /**
   * Whether what is sent now is what a client has just published: only that may be dropped for a receiver above its mark where
   * publishers are not held back. What the broker sends by itself waits. Set by the session that is read.
   */
  isPublishing = false;

  /** Set when an output still needs bytes of the chunk that this pass was made of: the reader must take another buffer. */
  chunkKept = false;
  #chunksKept = 0;
  /** Whether the chunk that this pass is made of is written to by other connections as soon as the pass is over. */
  chunkIsShared = false;

  constructor(pool: BufferPool) {
    this.pool = pool;
  }

  /** Runs `work` as one pass, or as part of the one that is under way. */
  run(work: () => void): void {
    this.enter();
    try {
      work();
    } finally {
      this.leave();
    }
  }

  enter(): void {
    this.#depth++;
  }

  leave(): void {
    try {
      if (this.#depth === 1) this.#finish();
    } catch (error) {
      this.onFault(error);
    } finally {
      this.#depth--;
    }
  }

  /** `callback` runs at the end of the pass, before the flush: for what must not happen inside a delivery. */
  defer(callback: () => void): void {
    this.#afterwards.push(callback);
    this.#schedule();
  }

  /**
   * Whether views of the current chunk may be appended: not of one that is others' as well, and not while slow
   * receivers keep too many chunks already.
   */
  get viewsAllowed(): boolean {
    return !this.chunkIsShared && this.#chunksKept < chunksKeptMax;
  }

  /** For an output: the current chunk is needed beyond this pass. */
  keepChunk(): void {
    this.chunkKept = true;
    this.#chunksKept++;
  }

  releaseChunks(count: number): void {
    this.#chunksKept -= count;
  }

  /** For an output: it has something to flush. */
  add(outbound: PassOutput): void {
    this.#dirty.push(outbound);
    this.#schedule();
  }

  /** For a shared buffer: it ends with the next flush. */
  addSharedBuffer(shared: PassBuffer): void {
    // May flush, which ends all runs: this one comes after it.
    this.gathered(shared.bytes.length);
    this.#sharedBuffers.push(shared);
  }

  /** For an output: it borrowed a buffer of this size. */
  gathered(bytes: number): void {
    this.#gatheredBytes += bytes;
    if (this.#gatheredBytes > gatheredBytesMax) this.#flush();
  }

  #schedule(): void {
    if (this.#depth > 0 || this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.enter();
      this.leave();
    });
  }

  /** What is flushed may let a publisher go on, which makes more to flush. */
  #finish(): void {
    do {
      const afterwards = this.#afterwards;
      if (afterwards.length > 0) {
        this.#afterwards = [];
        for (const callback of afterwards) callback();
      }
      this.#flush();
    } while (this.#afterwards.length > 0 || this.#dirty.length > 0);
    this.outboundsAboveMark.clear();
    this.overflow = null;
  }

  /** Whoever is added on the way has its turn too; a flush within the flush leaves the rest to the outer one. */
  #flush(): void {
    this.#gatheredBytes = 0;
    if (this.#flushing) return;
    this.#flushing = true;
    const dirty = this.#dirty;
    try {
      for (let at = 0; at < dirty.length; at++) (dirty[at] as PassOutput).flush();
    } finally {
      dirty.length = 0;
      this.#flushing = false;
      for (const shared of this.#sharedBuffers) shared.close();
      this.#sharedBuffers.length = 0;
    }
  }
}
