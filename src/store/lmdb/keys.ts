/**
 * Keys in LMDB. The first byte says what stands there, then comes a number (u32): of the stream, or of the *space* that
 * its messages are in. A purge gives the stream a new space, and the old one is cleared away later. Numbers are
 * big-endian, so that keys are in their order.
 *
 * | kind | then | value |
 * |---|---|---|
 * | meta | name | a number |
 * | stream | stream | account, name, state: `stream-state.ts` |
 * | garbage | space | nothing: all of the space is to be removed |
 * | dropped | stream | nothing: all that is left of the stream is to be removed |
 * | summary | space, first seq | what is in the block: `block-summary.ts` |
 * | block | space, first seq | messages: `blocks.ts` |
 * | subject | space, subject | count, first, last, postings: `subject-entry.ts` |
 * | postings | space, number of the subject, first seq | postings of before: `subject-entry.ts` |
 * | record | stream, name | value |
 * | changes | stream, length of the name, name, number | changes to the record, each behind its length |
 * | deadline | stream, kind, milliseconds, seq | nothing |
 * | messageIds | stream, milliseconds of the last, number | ids: `message-ids.ts` |
 */
import { createHash } from "node:crypto";
import type { DeadlineKind } from "../contract.ts";

export const keyKinds = {
  meta: 1,
  stream: 2,
  garbage: 3,
  dropped: 4,
  summary: 16,
  block: 17,
  subject: 18,
  postings: 19,
  record: 32,
  changes: 33,
  deadline: 34,
  messageIds: 35,
} as const;

export type KeyKind = (typeof keyKinds)[keyof typeof keyKinds];

/** Kinds whose keys go with a space, and with a stream. */
export const incarnationKinds: readonly KeyKind[] = [
  keyKinds.block,
  keyKinds.summary,
  keyKinds.subject,
  keyKinds.postings,
];
export const streamKinds: readonly KeyKind[] = [
  keyKinds.record,
  keyKinds.changes,
  keyKinds.deadline,
  keyKinds.messageIds,
];

/** Longer subjects are cut here and followed by a hash; the whole subject then stands in the value. */
export const subjectBytesMax = 1_900;

const prefixBytes = 5;
const wordFactor = 2 ** 32;

/** @param number Infinity stands for the largest there is */
export function writeNumber(key: Buffer, number: number, at: number): number {
  const value = Math.min(number, Number.MAX_SAFE_INTEGER);
  key.writeUInt32BE(Math.floor(value / wordFactor), at);
  return key.writeUInt32BE(value % wordFactor, at + 4);
}

export function readNumber(key: Buffer, at: number): number {
  return key.readUInt32BE(at) * wordFactor + key.readUInt32BE(at + 4);
}

/** Where everything of one kind and number begins; {@link endKey} is where it ends. */
export function prefixKey(kind: KeyKind, owner: number): Buffer {
  const key = Buffer.allocUnsafe(prefixBytes);
  key[0] = kind;
  key.writeUInt32BE(owner, 1);
  return key;
}

/** The first key behind all that begin with `prefix`. */
export function endKey(prefix: Buffer): Buffer {
  const end = Buffer.from(prefix);
  for (let at = end.length - 1; at >= 0; at--) {
    const byte = end[at] as number;
    if (byte < 0xff) {
      end[at] = byte + 1;
      return end.subarray(0, at + 1);
    }
  }
  return Buffer.alloc(prefix.length + 1, 0xff);
}

export function metaKey(name: string): Buffer {
  return Buffer.from(`${String.fromCharCode(keyKinds.meta)}${name}`, "latin1");
}

/** Of a block or its summary. */
export function blockKey(kind: KeyKind, incarnation: number, firstSeq: number): Buffer {
  const key = Buffer.allocUnsafe(prefixBytes + 8);
  key[0] = kind;
  key.writeUInt32BE(incarnation, 1);
  writeNumber(key, firstSeq, prefixBytes);
  return key;
}

export function seqOfBlockKey(key: Buffer): number {
  return readNumber(key, prefixBytes);
}

/** @param subject wire string; or what it begins with, as long as it is short */
export function subjectKey(incarnation: number, subject: string): Buffer {
  const isLong = subject.length > subjectBytesMax;
  const shown = isLong ? subjectBytesMax : subject.length;
  const key = Buffer.allocUnsafe(prefixBytes + shown + (isLong ? 16 : 0));
  key[0] = keyKinds.subject;
  key.writeUInt32BE(incarnation, 1);
  key.latin1Write(isLong ? subject.slice(0, shown) : subject, prefixBytes, shown);
  if (isLong)
    createHash("md5")
      .update(subject, "latin1")
      .digest()
      .copy(key, prefixBytes + shown);
  return key;
}

/** Null when it was too long to stand in the key. */
export function subjectOfKey(key: Buffer): string | null {
  return key.length > prefixBytes + subjectBytesMax ? null : key.latin1Slice(prefixBytes, key.length);
}

export function postingsKey(incarnation: number, subjectNumber: number, firstSeq: number): Buffer {
  const key = Buffer.allocUnsafe(prefixBytes + 16);
  key[0] = keyKinds.postings;
  key.writeUInt32BE(incarnation, 1);
  writeNumber(key, subjectNumber, prefixBytes);
  writeNumber(key, firstSeq, prefixBytes + 8);
  return key;
}

export function seqOfPostingsKey(key: Buffer): number {
  return readNumber(key, prefixBytes + 8);
}

/** @param name or what it begins with */
export function recordKey(streamId: number, name: string): Buffer {
  const bytes = Buffer.byteLength(name);
  const key = Buffer.allocUnsafe(prefixBytes + bytes);
  key[0] = keyKinds.record;
  key.writeUInt32BE(streamId, 1);
  key.write(name, prefixBytes, bytes, "utf8");
  return key;
}

export function nameOfRecordKey(key: Buffer): string {
  return key.utf8Slice(prefixBytes, key.length);
}

/** Where the changes of a record stand, before their numbers. */
export function changesPrefix(streamId: number, name: string): Buffer {
  const bytes = Buffer.byteLength(name);
  const key = Buffer.allocUnsafe(prefixBytes + 2 + bytes);
  key[0] = keyKinds.changes;
  key.writeUInt32BE(streamId, 1);
  key.writeUInt16BE(bytes, prefixBytes);
  key.write(name, prefixBytes + 2, bytes, "utf8");
  return key;
}

/** @param number of the group that brought them */
export function changesKey(streamId: number, name: string, number: number): Buffer {
  const prefix = changesPrefix(streamId, name);
  const key = Buffer.allocUnsafe(prefix.length + 8);
  prefix.copy(key);
  writeNumber(key, number, prefix.length);
  return key;
}

export function deadlineKey(streamId: number, kind: DeadlineKind, atMs: number, seq: number): Buffer {
  const key = Buffer.allocUnsafe(prefixBytes + 17);
  key[0] = keyKinds.deadline;
  key.writeUInt32BE(streamId, 1);
  key[prefixBytes] = kind === "expires" ? 0 : 1;
  writeNumber(key, atMs, prefixBytes + 1);
  writeNumber(key, seq, prefixBytes + 9);
  return key;
}

export function deadlineOfKey(key: Buffer): { atMs: number; seq: number } {
  return { atMs: readNumber(key, prefixBytes + 1), seq: readNumber(key, prefixBytes + 9) };
}

export function messageIdsKey(streamId: number, lastMs: number, number: number): Buffer {
  const key = Buffer.allocUnsafe(prefixBytes + 16);
  key[0] = keyKinds.messageIds;
  key.writeUInt32BE(streamId, 1);
  writeNumber(key, lastMs, prefixBytes);
  writeNumber(key, number, prefixBytes + 8);
  return key;
}
