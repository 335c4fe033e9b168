/**
 * Reads the groups of a journal in their order: all there are after a crash, or, behind a journal that is written to,
 * those that are known to be there.
 *
 * **Where a journal ends.** The last write before a crash may be there in part, and writes that were not synced may be
 * missing while later ones are there. So the journal ends with the first group that is not whole; unless a later group
 * says that this one was on disk when it was written, for then it has been damaged since, which is an error.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { emptyBytes, type ViewedBytes, viewBytes } from "../../base/bytes.ts";
import type { JournalGroup } from "./group.ts";
import {
  DamageError,
  decodeFrame,
  decodeSegmentHeader,
  frameBytes,
  framedBytes,
  isFrameWhole,
  listSegments,
  segmentHeaderBytes,
  type SegmentFile,
} from "./journal-segment.ts";

/** So little that it stays in a processor's cache while it is gone through. */
export const windowBytesMin = 262_144;

interface OpenSegment extends SegmentFile {
  readonly fd: number;
  readonly bytes: number;
  readonly salt: Buffer;
}

export class JournalReader {
  readonly #directory: string;
  #lastGroup: number;
  #segment: OpenSegment | null = null;
  /** Where the next group begins in the segment. */
  #position = segmentHeaderBytes;
  /** Segments before this one are not asked. */
  #firstNumber = 0;
  readonly #memory: ViewedBytes;
  /** `segment[windowStart, windowStart + window.length)`: the beginning of the memory, or what a large group needs. */
  #window: Buffer = emptyBytes;
  #view: DataView;
  #windowStart = 0;

  /**
   * @param appliedGroup what is wanted are the groups behind it
   * @param memory to read them into
   */
  constructor(
    directory: string,
    appliedGroup: number,
    memory: Buffer = Buffer.allocUnsafeSlow(windowBytesMin),
  ) {
    this.#directory = directory;
    this.#lastGroup = appliedGroup;
    this.#memory = viewBytes(memory);
    this.#view = this.#memory.view;
  }

  /** The group that was given last. */
  get lastGroup(): number {
    return this.#lastGroup;
  }

  /** Number of the segment it reads from, 0 before the first: those before are not needed any more. */
  get segmentNumber(): number {
    return this.#segment?.number ?? 0;
  }

  /**
   * The next group of a journal that is written to, as far as `throughGroup`, which must be there; null behind it. It is
   * valid until another is asked for.
   * @throws DamageError when it is not there after all
   */
  next(throughGroup: number): JournalGroup | null {
    if (this.#lastGroup >= throughGroup) return null;
    const group = this.#take();
    if (group !== null) return group;
    throw new DamageError(
      `${this.#positionText()}: group ${this.#lastGroup + 1} is not there, but was written`,
    );
  }

  /**
   * The next group of a journal that a crash has ended, valid until another is asked for; null at its end.
   * @throws DamageError when there is one that has been damaged
   */
  nextRecovered(): JournalGroup | null {
    const group = this.#take();
    if (group === null) this.#checkEnd();
    return group;
  }

  /** Goes on behind `group` again, which stands in that segment or a later one. */
  goBack(group: number, segmentNumber: number): void {
    this.close();
    this.#enter(null, segmentHeaderBytes);
    this.#lastGroup = group;
    this.#firstNumber = segmentNumber;
  }

  close(): void {
    if (this.#segment !== null) closeSync(this.#segment.fd);
    this.#segment = null;
  }

  /** The next group, wherever it is; null when it is nowhere. */
  #take(): JournalGroup | null {
    const wanted = this.#lastGroup + 1;
    const inThis = this.#segment === null ? null : this.#takeHere(wanted);
    if (inThis !== null) return inThis;
    const from = this.#segment;
    for (const file of listSegments(this.#directory)) {
      if (from === null ? file.number < this.#firstNumber : file.number <= from.number) continue;
      const segment = openSegment(file);
      if (segment === null) continue;
      const [before, position] = [this.#segment, this.#position];
      this.#enter(segment, segmentHeaderBytes);
      // The first one may begin with groups that were applied before.
      const group = from === null ? this.#find(wanted) : this.#takeHere(wanted);
      if (group !== null) {
        if (before !== null) closeSync(before.fd);
        return group;
      }
      closeSync(segment.fd);
      this.#enter(before, position);
    }
    return null;
  }

  #enter(segment: OpenSegment | null, position: number): void {
    this.#segment = segment;
    this.#position = position;
    this.#window = emptyBytes;
    this.#windowStart = position;
  }

  #takeHere(wanted: number): JournalGroup | null {
    // What was read before may have been written since.
    return this.#takeFromWindow(wanted) ?? (this.#readWindow() ? this.#takeFromWindow(wanted) : null);
  }

  #takeFromWindow(wanted: number): JournalGroup | null {
    const segment = this.#segment as OpenSegment;
    const at = this.#position - this.#windowStart;
    const frame = decodeFrame(this.#window, at, segment.salt);
    if (frame === null || frame.group !== wanted) return null;
    const end = at + frameBytes + frame.payloadBytes;
    if (end > this.#window.length || !isFrameWhole(this.#window, at, frame.payloadBytes)) return null;
    this.#position += framedBytes(frame.payloadBytes);
    this.#lastGroup = wanted;
    return { number: wanted, bytes: this.#window, view: this.#view, start: at + frameBytes, end };
  }

  /** Reads anew from the position on, at least the whole group there. */
  #readWindow(): boolean {
    const segment = this.#segment as OpenSegment;
    const left = segment.bytes - this.#position;
    if (left < frameBytes) return false;
    const { bytes } = this.#memory;
    let window = readInto(bytes.subarray(0, Math.min(left, bytes.length)), segment.fd, this.#position);
    let { view } = this.#memory;
    const frame = decodeFrame(window, 0, segment.salt);
    const groupBytes = frame === null ? 0 : frameBytes + frame.payloadBytes;
    if (groupBytes > window.length && groupBytes <= left) {
      window = readAt(segment.fd, this.#position, groupBytes);
      view = viewBytes(window).view;
    }
    this.#window = window;
    this.#view = view;
    this.#windowStart = this.#position;
    return true;
  }

  /** Of the segment that was just entered. */
  #find(wanted: number): JournalGroup | null {
    const segment = this.#segment as OpenSegment;
    const whole = readAt(segment.fd, 0, segment.bytes);
    for (const { group, position } of wholeGroups(whole, segment.salt)) {
      if (group !== wanted) continue;
      this.#enter(segment, position);
      return this.#takeHere(wanted);
    }
    return null;
  }

  /** @throws DamageError when a group that is there says that the one which is missing was on disk */
  #checkEnd(): void {
    const wanted = this.#lastGroup + 1;
    for (const file of listSegments(this.#directory)) {
      if (file.number < this.segmentNumber) continue;
      const segment = openSegment(file);
      if (segment === null) continue;
      const whole = readAt(segment.fd, 0, segment.bytes);
      closeSync(segment.fd);
      for (const { group, syncedThrough } of wholeGroups(whole, segment.salt))
        if (syncedThrough >= wanted)
          throw new DamageError(
            `${this.#positionText()}: group ${wanted} is damaged or missing, although it was on disk when group ${group} was written (${file.path})`,
          );
    }
  }

  #positionText(): string {
    if (this.#segment === null) return this.#directory;
    return `${this.#segment.path}, offset ${this.#position}`;
  }
}

/** Whatever is whole in a segment, wherever it begins. */
function* wholeGroups(
  bytes: Buffer,
  salt: Buffer,
): Generator<{ group: number; syncedThrough: number; position: number }> {
  for (let at = segmentHeaderBytes; at + frameBytes <= bytes.length; ) {
    const frame = decodeFrame(bytes, at, salt);
    const end = frame === null ? at : at + frameBytes + frame.payloadBytes;
    if (frame === null || end > bytes.length || !isFrameWhole(bytes, at, frame.payloadBytes)) {
      at += 8;
      continue;
    }
    yield { group: frame.group, syncedThrough: frame.syncedThrough, position: at };
    at += framedBytes(frame.payloadBytes);
  }
}

/** Null when the file has gone meanwhile, to be used again. @throws DamageError */
function openSegment(file: SegmentFile): OpenSegment | null {
  let fd: number;
  try {
    fd = openSync(file.path, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
  try {
    const bytes = fstatSync(fd).size;
    const header = decodeSegmentHeader(readAt(fd, 0, Math.min(bytes, segmentHeaderBytes)), file.path);
    if (header.number !== file.number)
      throw new DamageError(`${file.path} says that it is segment ${header.number} of the journal`);
    return { ...file, fd, bytes, salt: header.salt };
  } catch (error) {
    closeSync(fd);
    throw error;
  }
}

function readAt(fd: number, position: number, count: number): Buffer {
  return readInto(Buffer.allocUnsafeSlow(count), fd, position);
}

/** @returns what could be had of it */
function readInto(bytes: Buffer, fd: number, position: number): Buffer {
  let done = 0;
  while (done < bytes.length) {
    const read = readSync(fd, bytes, done, bytes.length - done, position + done);
    if (read === 0) break;
    done += read;
  }
  return bytes.subarray(0, done);
}
