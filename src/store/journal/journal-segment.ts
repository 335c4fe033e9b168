/**
 * The files of the journal, `journal-<number>.log`, and what is in them: a header, then groups one behind the other,
 * each beginning at a multiple of eight. All of it is zeros before it is first written, so that a full disk is met while
 * a segment is prepared and not later; a segment that has been applied is used again under a new number. What was in it
 * before is told from what belongs there by its group number, and by the salt that every run of the store makes anew.
 *
 * Header, 4,096 bytes: `FRONDJNL`, format version (u32), segment number (f64), salt (8 bytes), crc of all that (u32).
 * Frame of a group, 40 bytes: mark (u32), payload bytes (u32), group number (f64), salt (8 bytes), the last group that
 * was known to be on disk when this was written (f64), four unused bytes, crc of the frame before it and of the payload (u32).
 */
import { crc32 } from "node:zlib";
import { closeSync, fsyncSync, openSync, readdirSync, renameSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";

export const journalVersion = 1;
export const segmentHeaderBytes = 4_096;
export const frameBytes = 40;
export const saltBytes = 8;
const frameMark = 0x47_44_4e_46;
const frameCrcAt = frameBytes - 4;
const headerCrcAt = 28;
const magic = "FRONDJNL";

export interface SegmentFile {
  readonly number: number;
  readonly path: string;
}

/** A segment that is ready to be written to. Whoever holds it owns the descriptor. */
export interface PreparedSegment extends SegmentFile {
  readonly fd: number;
  /** Header included. */
  readonly bytes: number;
}

export interface SegmentHeader {
  readonly number: number;
  readonly salt: Buffer;
}

export interface Frame {
  readonly payloadBytes: number;
  readonly group: number;
  readonly syncedThrough: number;
}

/** A file of the store that is not as it was written. The message names it. */
export class DamageError extends Error {
  override readonly name = "DamageError";
}

export function segmentPath(directory: string, number: number): string {
  return join(directory, `journal-${number}.log`);
}

/** In the order of their numbers. */
export function listSegments(directory: string): SegmentFile[] {
  return readdirSync(directory)
    .flatMap((name) => {
      const number = /^journal-(\d+)\.log$/.exec(name)?.[1];
      return number === undefined ? [] : [{ number: Number(number), path: join(directory, name) }];
    })
    .sort((a, b) => a.number - b.number);
}

/** Segments that were not ready when the store ended. They hold nothing. */
export function removeUnfinishedSegments(directory: string): void {
  for (const name of readdirSync(directory))
    if (/^journal-\d+\.new$/.test(name)) unlinkSync(join(directory, name));
}

/** How long a group is in the file, with its frame. */
export function framedBytes(payloadBytes: number): number {
  return (frameBytes + payloadBytes + 7) & ~7;
}

/** Writes everything of a frame but its crc, which {@link sealFrame} does. */
export function encodeFrame(into: Buffer, at: number, frame: Frame, salt: Buffer): void {
  into.writeUInt32LE(frameMark, at);
  into.writeUInt32LE(frame.payloadBytes, at + 4);
  into.writeDoubleLE(frame.group, at + 8);
  salt.copy(into, at + 16);
  into.writeDoubleLE(frame.syncedThrough, at + 24);
  into.writeUInt32LE(0, at + 32);
}

/** @param payload the rest of the group, in its order */
export function sealFrame(bytes: Buffer, at: number, payload: readonly Buffer[]): void {
  let crc = crc32(bytes.subarray(at, at + frameCrcAt));
  for (const part of payload) crc = crc32(part, crc);
  bytes.writeUInt32LE(crc, at + frameCrcAt);
}

/** What looks like the frame of a group of this run; null when there is none. Its checksum is another matter. */
export function decodeFrame(bytes: Buffer, at: number, salt: Buffer): Frame | null {
  if (at + frameBytes > bytes.length || bytes.readUInt32LE(at) !== frameMark) return null;
  if (bytes.compare(salt, 0, saltBytes, at + 16, at + 16 + saltBytes) !== 0) return null;
  return {
    payloadBytes: bytes.readUInt32LE(at + 4),
    group: bytes.readDoubleLE(at + 8),
    syncedThrough: bytes.readDoubleLE(at + 24),
  };
}

/** Whether frame and payload, both of them within `bytes`, are as they were written. */
export function isFrameWhole(bytes: Buffer, at: number, payloadBytes: number): boolean {
  const crc = crc32(bytes.subarray(at, at + frameCrcAt));
  const payloadAt = at + frameBytes;
  return (
    crc32(bytes.subarray(payloadAt, payloadAt + payloadBytes), crc) === bytes.readUInt32LE(at + frameCrcAt)
  );
}

export function encodeSegmentHeader({ number, salt }: SegmentHeader): Buffer {
  const header = Buffer.alloc(segmentHeaderBytes);
  header.latin1Write(magic, 0, 8);
  header.writeUInt32LE(journalVersion, 8);
  header.writeDoubleLE(number, 12);
  salt.copy(header, 20);
  header.writeUInt32LE(crc32(header.subarray(0, headerCrcAt)), headerCrcAt);
  return header;
}

/** @throws DamageError, or Error for a version that this program does not know */
export function decodeSegmentHeader(header: Buffer, path: string): SegmentHeader {
  if (header.length < headerCrcAt + 4 || header.latin1Slice(0, 8) !== magic)
    throw new DamageError(`${path} does not begin as a file of the journal`);
  if (crc32(header.subarray(0, headerCrcAt)) !== header.readUInt32LE(headerCrcAt))
    throw new DamageError(`${path} is damaged in its first bytes`);
  const version = header.readUInt32LE(8);
  if (version !== journalVersion)
    throw new Error(`${path} has format version ${version}; this program knows version ${journalVersion}`);
  return { number: header.readDoubleLE(12), salt: Buffer.from(header.subarray(20, 20 + saltBytes)) };
}

const zeros = Buffer.alloc(262_144);

/**
 * Makes a segment, while whoever calls waits. Only what is whole and on disk gets the name of one.
 * @throws Error of the file system; nothing is left behind then
 */
export function prepareSegment(directory: string, header: SegmentHeader, bytes: number): PreparedSegment {
  const temporaryPath = join(directory, `journal-${header.number}.new`);
  const fd = openSync(temporaryPath, "w+");
  try {
    for (let at = 0; at < bytes; ) at += writeSync(fd, zeros, 0, Math.min(zeros.length, bytes - at), at);
    writeWhole(fd, encodeSegmentHeader(header), 0);
    fsyncSync(fd);
  } catch (error) {
    closeSync(fd);
    unlinkSync(temporaryPath);
    throw error;
  }
  const path = segmentPath(directory, header.number);
  renameSync(temporaryPath, path);
  syncDirectory(directory);
  return { number: header.number, path, fd, bytes };
}

/** A write may take less than it was given. */
export function writeWhole(fd: number, bytes: Buffer, at: number): void {
  for (let done = 0; done < bytes.length; )
    done += writeSync(fd, bytes, done, bytes.length - done, at + done);
}

/** Makes names in it last. Windows has no such thing, and needs none. */
export function syncDirectory(directory: string): void {
  if (process.platform === "win32") return;
  const fd = openSync(directory, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
