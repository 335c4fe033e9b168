/** One stream of a store that is checked: its blocks, its index and its counters against one another. */
import { crc32 } from "node:zlib";
import { decodeSummary, type BlockSummary } from "../lmdb/block-summary.ts";
import { Block } from "../lmdb/blocks.ts";
import { StoredMessage, storedBytes } from "../contract.ts";
import {
  blockKey,
  endKey,
  type KeyKind,
  keyKinds,
  postingsKey,
  prefixKey,
  seqOfBlockKey,
  seqOfPostingsKey,
  subjectOfKey,
} from "../lmdb/keys.ts";
import { decodeChanges, decodeMessageIds } from "../lmdb/lists.ts";
import type { Reads } from "../lmdb/reads.ts";
import type { StreamState } from "../lmdb/stream-state.ts";
import { decodeChunk, decodeEntry, SubjectEntry } from "../lmdb/subject-entry.ts";

/** What blocks and index each say of the messages, gathered so that the order does not matter and nothing is kept. */
interface Tally {
  messages: number;
  subjects: number;
  /** Of sequence and subject, all in one. */
  mark: number;
}

/** @returns what is wrong */
export function checkStream(reads: Reads, id: number, state: StreamState): string[] {
  const diagnostics: string[] = [];
  const inBlocks = checkBlocks(reads, state, diagnostics);
  const inIndex = checkIndex(reads, state, diagnostics);
  if (inIndex.messages !== inBlocks.messages || inIndex.mark !== inBlocks.mark)
    diagnostics.push(
      `the index of subjects has ${inIndex.messages} messages, the blocks have ${inBlocks.messages}, and they are not the same`,
    );
  expectEqual(diagnostics, "subjects", state.subjectCount, inIndex.subjects);
  for (const { value } of rangeOf(reads, keyKinds.changes, id)) decodeChanges(value);
  for (const { value } of rangeOf(reads, keyKinds.messageIds, id)) decodeMessageIds(value);
  return diagnostics;
}

function checkBlocks(reads: Reads, state: StreamState, diagnostics: string[]): Tally {
  const tally: Tally = { messages: 0, subjects: 0, mark: 0 };
  const message = new StoredMessage();
  let bytes = 0;
  let firstSeq = 0;
  let beforeSeq = 0;
  for (const { key, value } of rangeOf(reads, keyKinds.summary, state.incarnation)) {
    const summary = decodeSummary(seqOfBlockKey(key), value);
    const block = blockOf(reads, state.incarnation, summary, diagnostics);
    if (block === null) continue;
    if (block.firstSeq <= beforeSeq)
      diagnostics.push(`the block at ${block.firstSeq} begins before ${beforeSeq}`);
    for (let index = 0; index < block.count; index++) {
      block.fill(index, message);
      if (message.seq <= beforeSeq) diagnostics.push(`message ${message.seq} stands behind ${beforeSeq}`);
      beforeSeq = message.seq;
      if (block.isDead(index)) continue;
      if (tally.messages === 0) firstSeq = message.seq;
      tally.messages++;
      const subject = message.bytes.subarray(message.subjectStart, message.subjectEnd);
      tally.mark = (tally.mark + markOf(message.seq, subject)) | 0;
      const subjectBytes = message.subjectEnd - message.subjectStart;
      const payloadBytes = message.bodyEnd - message.bodyStart - message.headerBytes;
      bytes += storedBytes("file", subjectBytes, message.headerBytes, payloadBytes);
    }
  }
  for (const { key } of rangeOf(reads, keyKinds.block, state.incarnation)) {
    const seq = seqOfBlockKey(key);
    if (reads.peek(blockKey(keyKinds.summary, state.incarnation, seq)) === undefined)
      diagnostics.push(`the block at ${seq} has no summary`);
  }
  expectEqual(diagnostics, "messages", state.messages, tally.messages);
  expectEqual(diagnostics, "bytes", state.bytes, bytes);
  if (tally.messages > 0) expectEqual(diagnostics, "the first sequence", state.firstSeq, firstSeq);
  if (beforeSeq > state.lastSeq)
    diagnostics.push(`the last sequence is ${state.lastSeq}, but there is message ${beforeSeq}`);
  return tally;
}

function blockOf(
  reads: Reads,
  incarnation: number,
  summary: BlockSummary,
  diagnostics: string[],
): Block | null {
  const { firstSeq } = summary;
  const value = reads.get(blockKey(keyKinds.block, incarnation, firstSeq));
  if (value === undefined) {
    diagnostics.push(`the block at ${firstSeq} is missing`);
    return null;
  }
  try {
    const block = Block.decode(firstSeq, value, summary.dead);
    if (
      block.count !== summary.count ||
      block.deadCount !== summary.deadCount ||
      block.lastSeq !== summary.lastSeq ||
      block.byteLength !== summary.blockBytes
    )
      diagnostics.push(`the block at ${firstSeq} is not as its summary says`);
    return block;
  } catch (error) {
    diagnostics.push(`the block at ${firstSeq}: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}

function checkIndex(reads: Reads, state: StreamState, diagnostics: string[]): Tally {
  const tally: Tally = { messages: 0, subjects: 0, mark: 0 };
  for (const { key, value } of rangeOf(reads, keyKinds.subject, state.incarnation)) {
    const entry = new SubjectEntry();
    const short = subjectOfKey(key);
    const subject = decodeEntry(value, short === null, entry) ?? short ?? "";
    const seqs = [...chunkedPostings(reads, state.incarnation, entry.number), ...entry.recent];
    const bytes = Buffer.from(subject, "latin1");
    for (const seq of seqs) tally.mark = (tally.mark + markOf(seq, bytes)) | 0;
    tally.subjects++;
    tally.messages += seqs.length;
    const isAscending = seqs.every((seq, index) => index === 0 || seq > (seqs[index - 1] as number));
    if (
      !isAscending ||
      seqs.length !== entry.count ||
      seqs[0] !== entry.firstSeq ||
      seqs.at(-1) !== entry.lastSeq
    )
      diagnostics.push(
        `the index of subject ${JSON.stringify(subject)} says ${entry.count} messages from ${entry.firstSeq} to ${entry.lastSeq}, but names ${seqs.length}`,
      );
  }
  return tally;
}

function chunkedPostings(reads: Reads, incarnation: number, number: number): number[] {
  if (number === 0) return [];
  const start = postingsKey(incarnation, number, 0);
  const seqs: number[] = [];
  for (const { key, value } of reads.range({ start, end: endKey(start.subarray(0, -8)) }))
    for (const seq of decodeChunk(seqOfPostingsKey(key), value)) seqs.push(seq);
  return seqs;
}

const seqBytes = Buffer.alloc(8);

/** Not linear as a crc is: two messages that have changed their subjects would not be seen. */
function markOf(seq: number, subject: Buffer): number {
  seqBytes.writeDoubleLE(seq);
  const mixed = Math.imul(crc32(seqBytes) ^ Math.imul(crc32(subject), 0x9e3779b1), 0x85ebca6b);
  return Math.imul(mixed ^ (mixed >>> 15), 0xc2b2ae35);
}

function rangeOf(reads: Reads, kind: KeyKind, owner: number): ReturnType<Reads["range"]> {
  const start = prefixKey(kind, owner);
  return reads.range({ start, end: endKey(start) });
}

function expectEqual(diagnostics: string[], what: string, counted: number, found: number): void {
  if (counted !== found) diagnostics.push(`${what}: ${counted} by its state, ${found} were found`);
}
