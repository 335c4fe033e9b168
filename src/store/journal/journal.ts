/**
 * The journal as the main thread writes it: what a pass decides is gathered into a group, and written with one call at
 * the end of the pass. Nothing here waits for a disk, but where a segment of unusual size is needed.
 *
 * A group that cannot be written goes on gathering, and is tried again when there is room. That is the last resort;
 * {@link Journal.refusal} keeps it from happening.
 */
import { closeSync, writeSync, writevSync } from "node:fs";
import { Chunk, ChunkPool } from "./chunks.ts";
import type { GroupCapacity, GroupWriter } from "./group.ts";
import {
  encodeFrame,
  frameBytes,
  framedBytes,
  type PreparedSegment,
  sealFrame,
  segmentHeaderBytes,
  writeWhole,
} from "./journal-segment.ts";
import type { Progress } from "./progress.ts";
import type { SegmentPool } from "./segment-pool.ts";

/** What a message takes besides its bytes, its subject among them, and some of what is decided with it. */
const overheadBytes = 16_384;

/** Segments are at hand from the file system; others fail for good. */
const passingErrors: ReadonlySet<string> = new Set(["ENOSPC", "EDQUOT", "EFBIG"]);

export interface JournalHooks {
  /** A group is begun: {@link Journal.endGroup} is to be called at the end of this pass. */
  onGroup(): void;
  /** From now on groups are written there. */
  onSegment(segment: PreparedSegment): void;
  /** The journal can never be written again. */
  onFailure(error: Error): void;
}

interface UsedSegment {
  readonly segment: PreparedSegment;
  readonly lastGroup: number;
}

interface WrittenGroup {
  readonly group: number;
  /** Of all groups up to here. */
  readonly bytes: number;
}

export class Journal implements GroupWriter {
  readonly #pool: SegmentPool;
  readonly #salt: Buffer;
  readonly #progress: Progress;
  readonly #hooks: JournalHooks;
  #segment: PreparedSegment | null = null;
  #position = 0;
  /** Full ones, still to be synced or applied. */
  readonly #used: UsedSegment[] = [];
  #lastGroup: number;
  #durableGroup: number;
  #isGathering = false;
  #gatheredBytes = 0;
  readonly #chunks = new ChunkPool();
  #chunk = new Chunk(0);
  #chunkEnd = 0;
  /** Of the group that is gathered, their chunks held: the frame stands before the first. */
  readonly #parts: { readonly chunk: Chunk; readonly start: number; end: number }[] = [];
  readonly #capacity = { chunk: this.#chunk, bytes: this.#chunk.bytes, view: this.#chunk.view, at: 0 };
  /** Not applied yet. */
  readonly #written: WrittenGroup[] = [];
  #writtenBytes = 0;
  #appliedBytes = 0;
  #failed = false;
  /** Of the segment that the applier reads. */
  #neededNumber = 0;

  /** @param progress where all groups up to the last are applied */
  constructor(pool: SegmentPool, salt: Buffer, progress: Progress, hooks: JournalHooks) {
    this.#pool = pool;
    this.#salt = salt;
    this.#progress = progress;
    this.#hooks = hooks;
    this.#lastGroup = this.#durableGroup = progress.group("written");
  }

  get lastGroup(): number {
    return this.#lastGroup;
  }

  get durableGroup(): number {
    return this.#durableGroup;
  }

  /** Something is decided and not written yet. */
  get isGathering(): boolean {
    return this.#isGathering;
  }

  get appliedGroup(): number {
    return this.#progress.group("applied");
  }

  /** What is kept in memory until it is applied. */
  get outstandingBytes(): number {
    return this.#gatheredBytes + this.#writtenBytes - this.#appliedBytes;
  }

  get diskBytes(): number {
    const own = this.#used.reduce((sum, { segment }) => sum + segment.bytes, this.#segment?.bytes ?? 0);
    return own + this.#pool.diskBytes;
  }

  capacity(size: number): GroupCapacity {
    if (!this.#isGathering) this.#begin(size);
    else if (this.#chunkEnd + size > this.#chunk.bytes.length) {
      this.#newChunk(size);
      this.#beginPart(0);
    }
    const part = this.#parts[this.#parts.length - 1] as { end: number };
    const capacity = this.#capacity;
    capacity.at = this.#chunkEnd;
    part.end = this.#chunkEnd += size;
    this.#gatheredBytes += size;
    return capacity;
  }

  /** Why no message of so many bytes can be taken now; null when it can. */
  refusal(bytes: number): string | null {
    const groupBytes = framedBytes(this.#gatheredBytes + bytes + overheadBytes);
    if (this.#segment !== null && this.#position + groupBytes <= this.#segment.bytes) return null;
    return this.#pool.refusal(groupBytes);
  }

  /** Writes what has gathered. @returns the group that is written now; null when there is none, or it could not be */
  endGroup(): number | null {
    if (!this.#isGathering || this.#failed) return null;
    const bytes = framedBytes(this.#gatheredBytes);
    const segment = this.#segmentFor(bytes);
    if (segment === null) return null;
    try {
      this.#write(segment);
    } catch (error) {
      this.#onWriteError(error as NodeJS.ErrnoException);
      return null;
    }
    this.#position += bytes;
    this.#writtenBytes += bytes;
    this.#written.push({ group: this.#lastGroup, bytes: this.#writtenBytes });
    this.#progress.setGroup("written", this.#lastGroup);
    this.#isGathering = false;
    this.#gatheredBytes = 0;
    for (const { chunk } of this.#parts) chunk.release();
    this.#parts.length = 0;
    return this.#lastGroup;
  }

  setDurable(group: number): void {
    this.#durableGroup = group;
    this.#progress.setGroup("durable", group);
  }

  /** @param segmentNumber segments before are not needed by the applier any more */
  onApplied(group: number, segmentNumber: number): void {
    this.#neededNumber = segmentNumber;
    let count = 0;
    for (const written of this.#written) {
      if (written.group > group) break;
      this.#appliedBytes = written.bytes;
      count++;
    }
    this.#written.splice(0, count);
    this.recycle();
  }

  /** To be called from the event loop, when all logs have let go of the groups up to this one. */
  collectChunks(appliedGroup: number): void {
    this.#chunks.collect(appliedGroup, this.outstandingBytes === 0);
  }

  /** Gives away what is both synced and applied. */
  recycle(): void {
    // The sync worker may hold the descriptor as long as nothing behind it is synced.
    const synced = this.#progress.group("synced");
    for (let used = this.#used[0]; used !== undefined; used = this.#used[0]) {
      if (used.segment.number >= this.#neededNumber || used.lastGroup >= synced) return;
      closeSync(used.segment.fd);
      this.#used.shift();
      this.#pool.recycle(used.segment);
    }
  }

  /** Nothing may be put any more. The files stay. */
  async close(): Promise<void> {
    for (const { segment } of this.#used) closeSync(segment.fd);
    this.#used.length = 0;
    if (this.#segment !== null) closeSync(this.#segment.fd);
    this.#segment = null;
    await this.#pool.close();
  }

  #begin(size: number): void {
    this.#isGathering = true;
    if (this.#chunkEnd + frameBytes + size > this.#chunk.bytes.length) this.#newChunk(frameBytes + size);
    this.#lastGroup++;
    this.#beginPart(frameBytes);
    this.#hooks.onGroup();
  }

  /** The one before is left to those that hold it. */
  #newChunk(size: number): void {
    this.#chunks.retire(this.#chunk, this.#lastGroup);
    const chunk = this.#chunks.take(size);
    this.#chunk = this.#capacity.chunk = chunk;
    this.#capacity.bytes = chunk.bytes;
    this.#capacity.view = chunk.view;
    this.#chunkEnd = 0;
  }

  #beginPart(size: number): void {
    const start = this.#chunkEnd;
    this.#chunkEnd += size;
    this.#chunk.hold();
    this.#parts.push({ chunk: this.#chunk, start, end: this.#chunkEnd });
  }

  #segmentFor(groupBytes: number): PreparedSegment | null {
    const segment = this.#segment;
    if (segment !== null && this.#position + groupBytes <= segment.bytes) return segment;
    const next = this.#pool.take(groupBytes);
    if (next === null) return null;
    if (segment !== null) this.#used.push({ segment, lastGroup: this.#lastGroup - 1 });
    this.#segment = next;
    this.#position = segmentHeaderBytes;
    this.#hooks.onSegment(next);
    return next;
  }

  #write({ fd }: PreparedSegment): void {
    const payload = this.#parts.map(({ chunk, start, end }) => chunk.bytes.subarray(start, end));
    const { chunk, start } = this.#parts[0] as { chunk: Chunk; start: number };
    const { bytes } = chunk;
    const frame = {
      payloadBytes: this.#gatheredBytes,
      group: this.#lastGroup,
      syncedThrough: this.#progress.group("synced"),
    };
    encodeFrame(bytes, start, frame, this.#salt);
    const [first = bytes, ...others] = payload;
    sealFrame(bytes, start, [first.subarray(frameBytes), ...others]);
    const whole = frameBytes + this.#gatheredBytes;
    const done =
      others.length === 0
        ? writeSync(fd, first, 0, first.length, this.#position)
        : writevSync(fd, payload, this.#position);
    if (done < whole) writeWhole(fd, Buffer.concat(payload).subarray(done), this.#position + done);
  }

  /** File systems that write everything to a new place may be full although the segment was prepared. */
  #onWriteError(error: NodeJS.ErrnoException): void {
    if (error.code !== undefined && passingErrors.has(error.code)) return;
    this.#failed = true;
    this.#hooks.onFailure(error);
  }
}
