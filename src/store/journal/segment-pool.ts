/**
 * Segments that are ready before the journal needs them, so that nobody waits for a disk to be filled with zeros, and
 * so that a full disk is known of while there is room left. Made by libuv's pool: nothing waits for these, and the
 * threads that write and sync have other things to do.
 */
import { close, closeSync, fsync, open, rename, unlink, unlinkSync, write } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { realDelay } from "../../base/clock.ts";
import {
  encodeSegmentHeader,
  type PreparedSegment,
  prepareSegment,
  segmentHeaderBytes,
  segmentPath,
  syncDirectory,
} from "./journal-segment.ts";

const files = {
  close: promisify(close),
  fsync: promisify(fsync),
  open: promisify(open),
  rename: promisify(rename),
  unlink: promisify(unlink),
  write: promisify(write),
};

/** Of them the last one is for what must not be refused, should the disk be full: deletions above all. */
const sparesWanted = 3;
const retryMs = 500;
const zeros = Buffer.alloc(1_048_576);

export interface SegmentPoolOptions {
  readonly directory: string;
  readonly salt: Buffer;
  readonly segmentBytes: number;
  /** The first spare. */
  readonly first: PreparedSegment;
  /** There is more room than before, or something has gone wrong. */
  readonly onChange: () => void;
}

/** A segment that nobody writes to or needs any more. */
interface OldSegment {
  readonly path: string;
  readonly bytes: number;
}

export class SegmentPool {
  readonly #options: SegmentPoolOptions;
  readonly #spares: PreparedSegment[];
  readonly #old: OldSegment[] = [];
  #nextNumber: number;
  /** Of the segment that was taken last; those that are finished later have to come behind it. */
  #takenNumber = 0;
  #problem: string | null = null;
  #closing = false;
  #work: Promise<void> | null = null;

  constructor(options: SegmentPoolOptions) {
    this.#options = options;
    this.#spares = [options.first];
    this.#nextNumber = options.first.number + 1;
  }

  /** Why no segment could be made lately; null when nothing is wrong. */
  get problem(): string | null {
    return this.#problem;
  }

  get diskBytes(): number {
    return [...this.#spares, ...this.#old].reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** The next segment for a group of so many bytes; null when there is none and none can be made. */
  take(groupBytes: number): PreparedSegment | null {
    const needed = groupBytes + segmentHeaderBytes;
    if (!this.#spares.some(({ bytes }) => bytes >= needed) && !this.#makeNow(needed)) return null;
    for (let spare = this.#spares.shift(); spare !== undefined; spare = this.#spares.shift()) {
      if (spare.bytes >= needed) {
        this.#takenNumber = spare.number;
        this.prepare();
        return spare;
      }
      this.#passOver(spare);
    }
    return null;
  }

  /** Whether a message may count on {@link take}; makes room for it if it has to. @returns why not, null when it may */
  refusal(groupBytes: number): string | null {
    const needed = groupBytes + segmentHeaderBytes;
    const index = this.#spares.findIndex(({ bytes }) => bytes >= needed);
    if (this.#problem !== null) return index >= 0 && index < this.#spares.length - 1 ? null : this.#problem;
    return index >= 0 || this.#makeNow(needed) ? null : this.#problem;
  }

  /** Takes the file over, to be used again or removed. */
  recycle(segment: OldSegment): void {
    this.#old.push(segment);
    this.prepare();
  }

  /** Sees to it that there are enough spares. */
  prepare(): void {
    if (this.#work !== null || this.#closing) return;
    this.#work = this.#prepareAll().finally(() => {
      this.#work = null;
    });
  }

  /** Leaves the files where they are. */
  async close(): Promise<void> {
    this.#closing = true;
    await this.#work;
    for (const { fd } of this.#spares) closeSync(fd);
    this.#spares.length = 0;
  }

  async #prepareAll(): Promise<void> {
    while (!this.#closing) {
      try {
        if (this.#spares.length >= sparesWanted) {
          await this.#removeOld();
          return;
        }
        await this.#prepareOne();
        if (this.#problem === null) continue;
        this.#problem = null;
        this.#options.onChange();
      } catch (error) {
        this.#fail(error);
        await realDelay(retryMs);
      }
    }
  }

  async #prepareOne(): Promise<void> {
    const { directory, salt, segmentBytes } = this.#options;
    const old = this.#old.shift() ?? null;
    const number = this.#nextNumber++;
    const bytes = old?.bytes ?? segmentBytes;
    const temporaryPath = join(directory, `journal-${number}.new`);
    if (old !== null) {
      await files.rename(old.path, temporaryPath);
      // Else the file might turn up under its old name, with a new header that is there in part.
      await this.#syncDirectory();
    }
    const fd = await files.open(temporaryPath, old === null ? "w+" : "r+");
    try {
      for (let at = old?.bytes ?? 0; at < bytes; )
        at += (await files.write(fd, zeros, 0, Math.min(zeros.length, bytes - at), at)).bytesWritten;
      await files.write(fd, encodeSegmentHeader({ number, salt }), 0, segmentHeaderBytes, 0);
      await files.fsync(fd);
    } catch (error) {
      await files.close(fd);
      await files.unlink(temporaryPath);
      throw error;
    }
    const path = segmentPath(directory, number);
    await files.rename(temporaryPath, path);
    await this.#syncDirectory();
    const segment = { number, path, fd, bytes };
    if (number < this.#takenNumber) return this.#passOver(segment);
    this.#spares.push(segment);
    this.#spares.sort((a, b) => a.number - b.number);
    this.#options.onChange();
  }

  async #syncDirectory(): Promise<void> {
    if (process.platform === "win32") return;
    const fd = await files.open(this.#options.directory, "r");
    try {
      await files.fsync(fd);
    } finally {
      await files.close(fd);
    }
  }

  /** More than is wanted, after a burst. */
  async #removeOld(): Promise<void> {
    for (let old = this.#old.shift(); old !== undefined; old = this.#old.shift())
      await files.unlink(old.path);
  }

  /** It is not large enough, or was ready too late. */
  #passOver({ fd, path, bytes }: PreparedSegment): void {
    closeSync(fd);
    this.#old.push({ path, bytes });
  }

  /** While somebody waits; only when there is none of the size, which is seldom. */
  #makeNow(needed: number): boolean {
    if (this.#problem !== null) return false;
    const { directory, salt, segmentBytes } = this.#options;
    const header = { number: this.#nextNumber++, salt };
    try {
      this.#spares.push(prepareSegment(directory, header, Math.max(segmentBytes, needed)));
      return true;
    } catch (error) {
      this.#fail(error);
      this.prepare();
      return false;
    }
  }

  #fail(error: unknown): void {
    const { code, message } = error as NodeJS.ErrnoException;
    this.#problem = code === "ENOSPC" ? "no space left on device" : message;
    this.#options.onChange();
  }
}

/** Removes the files of a journal that has been applied. */
export function removeSegments(directory: string, paths: readonly string[]): void {
  for (const path of paths) unlinkSync(path);
  syncDirectory(directory);
}
