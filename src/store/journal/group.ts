/** What the journal and those behind it hand one another. */
import type { Chunk } from "./chunks.ts";
import type { OperationCapacity, OperationSink } from "./operation.ts";

/** A group as it was written: operations one behind the other, to be read with `decodeOperation`. */
export interface JournalGroup {
  readonly number: number;
  /** The operations: `bytes[start, end)`. */
  readonly bytes: Buffer;
  readonly view: DataView;
  readonly start: number;
  readonly end: number;
}

/** Part of a chunk, which is to be held by whoever wants to find there what was put, once the group is written. */
export interface GroupCapacity extends OperationCapacity {
  readonly chunk: Chunk;
}

/** Where a log on disk puts what it decides. */
export interface GroupWriter extends OperationSink {
  capacity(size: number): GroupCapacity;
  /** The group that what is put now belongs to, or the last one while nothing is gathered. */
  readonly lastGroup: number;
  /** Groups up to here are durable. */
  readonly durableGroup: number;
  /** Groups up to here are in LMDB and need not be kept any more. */
  readonly appliedGroup: number;
}
