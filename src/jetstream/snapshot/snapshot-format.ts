/**
 * How a stream is written into a snapshot, one record after the other:
 *
 *     magic    8 bytes "FRONDST1"
 *     record   u32 length of body, u8 kind, body, u32 crc32 of kind and body
 *
 * The first is the header, the last the end, which tells how many stood between them: a snapshot that was cut is not
 * taken for a whole one. Numbers are little-endian; sequences and milliseconds are doubles, which hold them exactly.
 */
import type { DeadlineKind } from "../../store/contract.ts";
import { crc32 } from "../../store/crc32.ts";
import type { StreamConfig } from "../stream-config.ts";

export const magic = Buffer.from("FRONDST1", "latin1");

export const recordKind = {
  header: 1,
  /** A named record of the stream: its value, or one of the changes behind it. */
  value: 2,
  change: 3,
  message: 4,
  deadline: 5,
  messageId: 6,
  end: 7,
} as const;

/** Before and after the body of a record. */
export const recordHeadBytes = 5;
export const recordTailBytes = 4;
/** Larger than any message there can be: what says that it is longer is no snapshot. */
export const recordBytesMax = 256 * 1024 * 1024;

export interface SnapshotHeader {
  readonly version: 1;
  readonly config: StreamConfig;
  readonly lastSeq: number;
}

export interface SnapshotMessage {
  readonly seq: number;
  readonly timeMs: number;
  readonly timeNs: number;
  /** Wire string. */
  readonly subject: string;
  readonly headerBytes: number;
  /** Headers and payload. */
  readonly body: Buffer;
}

const messageHeadBytes = 8 + 8 + 4 + 4 + 4;

export function frame(kind: number, body: Buffer): Buffer {
  const bytes = Buffer.allocUnsafe(recordHeadBytes + body.length + recordTailBytes);
  bytes.writeUInt32LE(body.length, 0);
  bytes[4] = kind;
  body.copy(bytes, recordHeadBytes);
  const end = recordHeadBytes + body.length;
  bytes.writeUInt32LE(crc32(bytes.subarray(4, end)), end);
  return bytes;
}

export function encodeMessage({ seq, timeMs, timeNs, subject, headerBytes, body }: SnapshotMessage): Buffer {
  const bytes = Buffer.allocUnsafe(messageHeadBytes + subject.length + body.length);
  bytes.writeDoubleLE(seq, 0);
  bytes.writeDoubleLE(timeMs, 8);
  bytes.writeUInt32LE(timeNs, 16);
  bytes.writeUInt32LE(headerBytes, 20);
  bytes.writeUInt32LE(subject.length, 24);
  bytes.latin1Write(subject, messageHeadBytes);
  body.copy(bytes, messageHeadBytes + subject.length);
  return bytes;
}

/** @returns null when it is damaged; the body is a view */
export function decodeMessage(bytes: Buffer): SnapshotMessage | null {
  if (bytes.length < messageHeadBytes) return null;
  const headerBytes = bytes.readUInt32LE(20);
  const bodyStart = messageHeadBytes + bytes.readUInt32LE(24);
  if (bodyStart + headerBytes > bytes.length) return null;
  return {
    seq: bytes.readDoubleLE(0),
    timeMs: bytes.readDoubleLE(8),
    timeNs: bytes.readUInt32LE(16),
    subject: bytes.latin1Slice(messageHeadBytes, bodyStart),
    headerBytes,
    body: bytes.subarray(bodyStart),
  };
}

const deadlineKinds: readonly DeadlineKind[] = ["expires", "wakes"];

export function encodeDeadline(kind: DeadlineKind, atMs: number, seq: number): Buffer {
  const bytes = Buffer.allocUnsafe(17);
  bytes[0] = deadlineKinds.indexOf(kind);
  bytes.writeDoubleLE(atMs, 1);
  bytes.writeDoubleLE(seq, 9);
  return bytes;
}

export function decodeDeadline(bytes: Buffer): { kind: DeadlineKind; atMs: number; seq: number } | null {
  const kind = deadlineKinds[bytes[0] ?? -1];
  if (bytes.length !== 17 || kind === undefined) return null;
  return { kind, atMs: bytes.readDoubleLE(1), seq: bytes.readDoubleLE(9) };
}

export function encodeMessageId(id: string, seq: number, atMs: number): Buffer {
  const head = Buffer.allocUnsafe(16);
  head.writeDoubleLE(seq, 0);
  head.writeDoubleLE(atMs, 8);
  return Buffer.concat([head, Buffer.from(id, "utf8")]);
}

export function decodeMessageId(bytes: Buffer): { id: string; seq: number; atMs: number } | null {
  if (bytes.length < 16) return null;
  return { id: bytes.utf8Slice(16), seq: bytes.readDoubleLE(0), atMs: bytes.readDoubleLE(8) };
}

/** A name and what belongs to it. */
export function encodeNamed(name: string, value: Buffer): Buffer {
  const nameBytes = Buffer.from(name, "utf8");
  const length = Buffer.allocUnsafe(2);
  length.writeUInt16LE(nameBytes.length);
  return Buffer.concat([length, nameBytes, value]);
}

export function decodeNamed(bytes: Buffer): { name: string; value: Buffer } | null {
  if (bytes.length < 2) return null;
  const end = 2 + bytes.readUInt16LE(0);
  if (end > bytes.length) return null;
  return { name: bytes.utf8Slice(2, end), value: bytes.subarray(end) };
}
