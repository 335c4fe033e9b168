/**
 * How far each source has come. The messages themselves say it, in their headers; but those may be gone, so a record
 * says it too. It is written once a pass, so it may lag behind the messages of the last pass, which are then still there:
 * messages go only when they are durable, and by then the record is.
 */
import { createHash } from "node:crypto";
import type { StreamStore } from "../../store/contract.ts";

export interface SourcePosition {
  /** Of the origin. */
  readonly originSeq: number;
  /** The last sequence of the stream itself when this was written. */
  readonly ownSeq: number;
  /** Of the origin; "" when it is not known. */
  readonly identity: string;
}

const seqsBytes = 16;

/** Below this all records of sources are found. */
export const positionPrefix = "source/";

export function readPosition(store: StreamStore, index: string): SourcePosition | null {
  const record = store.record(recordName(index));
  if (record === null || record.value.length < seqsBytes) return null;
  const { value } = record;
  return {
    originSeq: value.readDoubleLE(0),
    ownSeq: value.readDoubleLE(8),
    identity: value.latin1Slice(seqsBytes),
  };
}

export function writePosition(
  store: StreamStore,
  index: string,
  { originSeq, ownSeq, identity }: SourcePosition,
): void {
  const value = Buffer.alloc(seqsBytes + identity.length);
  value.latin1Write(identity, seqsBytes);
  value.writeDoubleLE(originSeq, 0);
  value.writeDoubleLE(ownSeq, 8);
  store.putRecord(recordName(index), value);
}

export function removePosition(store: StreamStore, index: string): void {
  store.removeRecord(recordName(index));
}

/** An index may be longer than a record's name. */
function recordName(index: string): string {
  return positionPrefix + createHash("sha256").update(index, "latin1").digest("hex").slice(0, 32);
}
