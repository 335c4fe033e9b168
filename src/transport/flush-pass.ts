/**
 * One pass: everything that one read, timer, report or background task causes, in the phases of `base/phases.ts`, and flushed
 * together at its end. What is put off outside a pass gets a pass of its own in a microtask.
 */
import type { Clock } from "../base/clock.ts";
import { Phases, type Phase } from "../base/phases.ts";
import { BackgroundTasks } from "./background-tasks.ts";
import { BackPressure, type Receiver } from "./back-pressure.ts";
import type { BufferPool } from "./buffer-pool.ts";

/** A pass that has gathered this much flushes early, so that one read with a huge fan-out does not hold it all. */
const gatheredBytesMax = 16 * 1024 * 1024;

/** Read chunks (up to 1 MiB each) that may be kept at once for receivers that have not taken them. */
const chunksKeptMax = 16;

/** What gathers bytes during a pass: flushed at its end. */
export interface PassOutput extends Receiver {
  flush(): void;
}

/** Bytes that several outputs share: ended by the flush. */
export interface PassBuffer {
  readonly bytes: Uint8Array;
  close(): void;
}

export class FlushPass {
  readonly pool: BufferPool;
  readonly backPressure: BackPressure;
  readonly background: BackgroundTasks;
  readonly #clock: Clock;
  readonly #phases = new Phases();
  #depth = 0;
  readonly #dirty: PassOutput[] = [];
  readonly #sharedBuffers: PassBuffer[] = [];
  #isScheduled = false;
  #gatheredBytes = 0;
  #isFlushing = false;
  #isPublishing = false;
  #isChunkKept = false;
  #isChunkShared = false;
  #chunksKept = 0;

  /** @param clock its `onFault` is told of what goes wrong at the end of a pass, which is nobody's in particular */
  constructor(clock: Clock, pool: BufferPool) {
    this.#clock = clock;
    this.pool = pool;
    this.backPressure = new BackPressure(clock, (phase, work) => this.defer(phase, work));
    this.background = new BackgroundTasks(clock, (work) => this.run(work));
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
      this.#clock.onFault(error);
    } finally {
      this.#depth--;
    }
  }

  /** Runs `work` in a phase of this pass, or of one of its own soon. */
  defer(phase: Phase, work: () => void): void {
    this.#phases.add(phase, work);
    this.#schedule();
  }

  /**
   * Whether what is sent now is what a client has just published: only that may be dropped for a receiver above its mark where
   * publishers are not stalled. What the broker sends by itself waits.
   */
  get isPublishing(): boolean {
    return this.#isPublishing;
  }

  /** For the session that is read. */
  beginPublishing(): void {
    this.#isPublishing = true;
  }

  endPublishing(): void {
    this.#isPublishing = false;
  }

  /** For a reader. @param isShared other connections write to the chunk as soon as the pass is over */
  beginChunk(isShared: boolean): void {
    this.#isChunkShared = isShared;
  }

  endChunk(): void {
    this.#isChunkShared = false;
  }

  /**
   * Whether views of the current chunk may be appended: not of one that is others' as well, and not while slow
   * receivers keep too many chunks already.
   */
  get viewsAllowed(): boolean {
    return !this.#isChunkShared && this.#chunksKept < chunksKeptMax;
  }

  /** For an output: it needs bytes of the current chunk beyond this pass, so the reader must take another buffer. */
  keepChunk(): void {
    this.#isChunkKept = true;
    this.#chunksKept++;
  }

  /** For a reader: whether the chunk is kept; asking resets it. */
  takeChunkKept(): boolean {
    const isKept = this.#isChunkKept;
    this.#isChunkKept = false;
    return isKept;
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
    if (this.#depth > 0 || this.#isScheduled) return;
    this.#isScheduled = true;
    queueMicrotask(() => {
      this.#isScheduled = false;
      this.enter();
      this.leave();
    });
  }

  /** What is flushed may let a publisher go on, which makes more to flush. */
  #finish(): void {
    do {
      this.#phases.run();
      this.#flush();
    } while (!this.#phases.isEmpty || this.#dirty.length > 0);
    this.backPressure.endPass();
  }

  /** Whoever is added on the way has its turn too; a flush within the flush leaves the rest to the outer one. */
  #flush(): void {
    this.#gatheredBytes = 0;
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    const dirty = this.#dirty;
    try {
      for (let at = 0; at < dirty.length; at++) (dirty[at] as PassOutput).flush();
    } finally {
      dirty.length = 0;
      this.#isFlushing = false;
      for (const shared of this.#sharedBuffers) shared.close();
      this.#sharedBuffers.length = 0;
    }
  }
}
