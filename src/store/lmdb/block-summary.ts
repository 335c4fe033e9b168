/**
 * What is in a block, apart from it: small, so that blocks can be found by sequence and by time, and removals noted,
 * without the block itself. Value: last sequence, milliseconds of the first message (f64 each), its nanoseconds, number
 * of records, of those gone, bytes of the block (u32 each); then a bit for each record that is gone, if any is.
 */
import type { Block } from "./blocks.ts";
import { StoredMessage } from "../contract.ts";

export interface BlockSummary {
  readonly firstSeq: number;
  readonly lastSeq: number;
  readonly firstMs: number;
  readonly firstNs: number;
  readonly count: number;
  readonly deadCount: number;
  readonly blockBytes: number;
  /** Its own copy; null when nothing is gone. */
  readonly dead: Uint8Array | null;
}

const fixedBytes = 32;

export function encodeSummary(block: Block): Buffer {
  const first = new StoredMessage();
  block.fill(0, first);
  return reencodeSummary({
    firstSeq: block.firstSeq,
    lastSeq: block.lastSeq,
    firstMs: first.timeMs,
    firstNs: first.timeNs,
    count: block.count,
    deadCount: block.deadCount,
    blockBytes: block.byteLength,
    dead: block.deadCount === 0 ? null : (block.dead?.subarray(0, (block.count + 7) >> 3) ?? null),
  });
}

/** The same after more records have gone. */
export function summaryWithout(summary: BlockSummary, indexes: readonly number[]): BlockSummary {
  const dead = new Uint8Array((summary.count + 7) >> 3);
  if (summary.dead !== null) dead.set(summary.dead);
  let deadCount = summary.deadCount;
  for (const index of indexes) {
    const bit = 1 << (index & 7);
    const byte = dead[index >> 3] as number;
    if ((byte & bit) !== 0) continue;
    dead[index >> 3] = byte | bit;
    deadCount++;
  }
  return { ...summary, dead, deadCount };
}

export function reencodeSummary(summary: BlockSummary): Buffer {
  const { dead } = summary;
  const value = Buffer.alloc(fixedBytes + (dead?.length ?? 0));
  value.writeDoubleLE(summary.lastSeq, 0);
  value.writeDoubleLE(summary.firstMs, 8);
  value.writeUInt32LE(summary.firstNs, 16);
  value.writeUInt32LE(summary.count, 20);
  value.writeUInt32LE(summary.deadCount, 24);
  value.writeUInt32LE(summary.blockBytes, 28);
  if (dead !== null) value.set(dead, fixedBytes);
  return value;
}

export function decodeSummary(firstSeq: number, value: Buffer): BlockSummary {
  const deadCount = value.readUInt32LE(24);
  return {
    firstSeq,
    lastSeq: value.readDoubleLE(0),
    firstMs: value.readDoubleLE(8),
    firstNs: value.readUInt32LE(16),
    count: value.readUInt32LE(20),
    deadCount,
    blockBytes: value.readUInt32LE(28),
    dead: deadCount === 0 ? null : Uint8Array.from(value.subarray(fixedBytes)),
  };
}

export function isDense(summary: BlockSummary): boolean {
  return summary.lastSeq - summary.firstSeq + 1 === summary.count;
}
