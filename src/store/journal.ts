/**
 * The journal as the main thread writes it: what a pass decides is gathered into a group, and written with one call at
 * the end of the pass. Nothing here waits for a disk, but where a segment of unusual size is needed.
 *
 * A group that cannot be written goes on gathering, and is tried again when there is room. That is the last resort;
 * {@link Journal.refusal} keeps it from happening.
 */
import { closeSync, writeSync, writevSync } from "node:fs";
import { viewBytes } from "../base/bytes.ts";
import type { GroupWriter } from "./group.ts";
import {
  encodeFrame,
  frameBytes,
  framedBytes,
  type PreparedSegment,
  sealFrame,
  segmentHeaderBytes,
  writeWhole,
} from "./journal-segment.ts";
import type { OperationRoom } from "./operation.ts";
import type { Progress } from "./progress.ts";
import type { SegmentPool } from "./segment-pool.ts";

const chunkBytes = 262_144;
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
  #chunk: Buffer = Buffer.alloc(0);
  #chunkView: DataView = viewBytes(this.#chunk).view;
  #chunkEnd = 0;
  /** Of the group that is gathered: the frame stands before the first. */
  readonly #parts: { bytes: Buffer; start: number; end: number }[] = [];
  readonly #room = { bytes: this.#chunk, view: this.#chunkView, at: 0 };
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

  room(size: number): OperationRoom {
    if (!this.#isGathering) this.#begin(size);
    else if (this.#chunkEnd + size > this.#chunk.length) this.#nextChunk(size);
    const part = this.#parts[this.#parts.length - 1] as { end: number };
    this.#room.bytes = this.#chunk;
    this.#room.view = this.#chunkView;
    this.#room.at = this.#chunkEnd;
    part.end = this.#chunkEnd += size;
    this.#gatheredBytes += size;
    return this.#room;
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
    this.#lastGroup++;
    if (this.#chunkEnd + frameBytes + size > this.#chunk.length) this.#newChunk(frameBytes + size);
    this.#parts.push({ bytes: this.#chunk, start: this.#chunkEnd, end: this.#chunkEnd + frameBytes });
    this.#chunkEnd += frameBytes;
    this.#hooks.onGroup();
  }

  #nextChunk(size: number): void {
    this.#newChunk(size);
    this.#parts.push({ bytes: this.#chunk, start: 0, end: 0 });
  }

  /** The one before is left to those that keep what is in it. */
  #newChunk(size: number): void {
    this.#chunk = Buffer.allocUnsafeSlow(Math.max(chunkBytes, size));
    this.#chunkView = viewBytes(this.#chunk).view;
    this.#chunkEnd = 0;
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
    const payload = this.#parts.map(({ bytes, start, end }) => bytes.subarray(start, end));
    const { bytes, start } = this.#parts[0] as { bytes: Buffer; start: number };
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
