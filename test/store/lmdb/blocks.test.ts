import { describe, expect, test } from "vitest";
import { viewBytes } from "../../../src/base/bytes.ts";
import { BlockCache, CachedBlocks } from "../../../src/store/disk/block-cache.ts";
import { BlockMemory } from "../../../src/store/lmdb/block-memory.ts";
import { decodeSummary, encodeSummary, summaryWithout } from "../../../src/store/lmdb/block-summary.ts";
import { Block, BlockError } from "../../../src/store/lmdb/blocks.ts";
import { blockBytesTarget } from "../../../src/store/lmdb/block-memory.ts";
import { StoredMessage } from "../../../src/store/contract.ts";
import { decodeOperation, encodeMessage, Operation } from "../../../src/store/journal/operation.ts";

const timeMs = 1_700_000_000_123;

function operationOf(seq: number, subject: string, payload: string, headers = ""): Operation {
  const bytes = Buffer.from(headers + payload, "latin1");
  let written = Buffer.alloc(0);
  const capacity = (size: number) => ({ ...viewBytes((written = Buffer.alloc(size))), at: 0 });
  const sink = { capacity };
  encodeMessage(sink, 1, seq, {
    subject,
    bytes,
    bodyStart: 0,
    bodyEnd: bytes.length,
    headerBytes: headers.length,
    timeMs: timeMs + seq,
    timeNs: 999_999,
    seq,
    messageId: "id",
    expiresMs: 1,
    wakesMs: 0,
  });
  const operation = new Operation();
  decodeOperation(viewBytes(written), 0, written.length, operation);
  return operation;
}

function blockOf(seqs: readonly number[], payload = "p"): Block {
  const block = Block.empty(seqs[0] as number);
  for (const seq of seqs) block.append(operationOf(seq, `s.${seq}`, payload));
  return block;
}

function liveSeqs(block: Block): number[] {
  const seqs: number[] = [];
  for (let index = 0; index < block.count; index++) if (!block.isDead(index)) seqs.push(block.seqAt(index));
  return seqs;
}

describe("Block", () => {
  test("is the same in memory that is used again, and when it has left that", () => {
    const memory = new BlockMemory(1_024);
    memory.window.fill(0xcc);
    const payload = "0123456789".repeat(12);
    // Filled before, so that what is left from then would be seen.
    for (let block = memory.take(); block !== null; block = memory.take()) block.bytes.fill(0xdd);
    memory.reset();
    const seqs = Array.from({ length: 700 }, (_, at) => 7 + at * 3);
    const within = Block.within(memory, 7);
    const own = Block.empty(7);
    for (const seq of seqs) {
      const operation = operationOf(seq, `s.${seq}`, seq % 50 === 0 ? payload : "");
      own.append(operation);
      const { start, end, bytes } = operation;
      bytes.copy(memory.window, 9, start, end);
      decodeOperation(viewBytes(memory.window), 9, 9 + end - start, operation);
      within.append(operation);
      memory.window.fill(0xcc);
    }
    expect(within.encode().equals(own.encode())).toBe(true);
    within.settle();
    memory.reset();
    for (let block = memory.take(); block !== null; block = memory.take()) {
      block.bytes.fill(0xee);
      block.offsets.fill(1);
    }
    expect(within.encode().equals(own.encode())).toBe(true);
    const more = operationOf(9_000, "more", "x".repeat(blockBytesTarget));
    for (const block of [within, own]) block.append(more);
    expect(within.encode().equals(own.encode())).toBe(true);
    expect(within.indexOf(9_000)).toBe(700);
    memory.reset();
    const single = Block.within(memory, 7);
    single.append(operationOf(7, "s.7", "x".repeat(blockBytesTarget)));
    single.settle();
    memory.reset();
    for (let block = memory.take(); block !== null; block = memory.take()) block.offsets.fill(1);
    expect(Block.decode(7, Buffer.from(single.encode()), null).count).toBe(1);
    const beyond = Block.within(memory, 7);
    beyond.append(operationOf(7, "s.7", payload));
    expect(Block.decode(7, Buffer.from(beyond.encode()), null).count).toBe(1);
  });

  test("gives back what was put in, by way of its bytes", () => {
    const block = Block.empty(5_000_000_000);
    block.append(operationOf(5_000_000_000, "a.b", "payload", "NATS/1.0\r\n\r\n"));
    block.append(operationOf(5_000_000_007, "\u00c3\u00a9", ""));
    const again = Block.decode(5_000_000_000, Buffer.from(block.encode()), null);
    const into = new StoredMessage();
    again.fill(0, into);
    expect(into).toMatchObject({ seq: 5_000_000_000, timeMs: timeMs + 5_000_000_000, timeNs: 999_999 });
    expect([into.subject, into.headers?.toString(), into.payload.toString()]).toEqual([
      "a.b",
      "NATS/1.0\r\n\r\n",
      "payload",
    ]);
    again.fill(1, into);
    expect([into.subject, into.headers, into.payload.length]).toEqual(["\u00c3\u00a9", null, 0]);
    expect([again.lastSeq, again.count, again.isDense]).toEqual([5_000_000_007, 2, false]);
  });

  test("finds sequences between gaps", () => {
    const block = blockOf([10, 11, 20, 30]);
    expect([9, 10, 11, 12, 20, 25, 30, 31].map((seq) => block.indexFrom(seq))).toEqual([
      0, 0, 1, 2, 2, 3, 3, 4,
    ]);
    expect([9, 10, 12, 30, 31].map((seq) => block.indexOf(seq))).toEqual([-1, 0, -1, 3, -1]);
  });

  test("any byte that was changed is found", () => {
    const bytes = Buffer.from(blockOf([1, 2, 3]).encode());
    for (let at = 0; at < bytes.length; at++) {
      const damaged = Buffer.from(bytes);
      damaged[at] = (damaged[at] as number) ^ 0x10;
      expect(() => Block.decode(1, damaged, null)).toThrow(BlockError);
    }
    for (let length = 0; length < bytes.length; length++)
      expect(() => Block.decode(1, bytes.subarray(0, length), null)).toThrow(BlockError);
  });

  test("is full at some size, but takes a larger message when it is empty", () => {
    const block = Block.empty(1);
    const large = operationOf(1, "a", "x".repeat(blockBytesTarget * 2));
    expect(block.hasCapacityFor(large)).toBe(true);
    block.append(large);
    expect(block.hasCapacityFor(operationOf(2, "a", ""))).toBe(false);
    expect(Block.empty(1).hasCapacityFor(operationOf(2 ** 40, "a", ""))).toBe(true);
    expect(blockOf([1]).hasCapacityFor(operationOf(2 ** 32 + 1, "a", ""))).toBe(false);
    expect(blockOf([1]).hasCapacityFor(operationOf(2 ** 32, "a", ""))).toBe(true);
  });

  test("what is gone stays gone when more is added, and is left behind when the rest is copied", () => {
    const block = blockOf([1, 2, 3, 4, 5, 6, 7, 8]);
    expect([block.kill(0), block.kill(0), block.kill(7)]).toEqual([true, false, true]);
    block.append(operationOf(9, "s.9", "p"));
    block.kill(8);
    block.append(operationOf(10, "s.10", "p"));
    expect(liveSeqs(block)).toEqual([2, 3, 4, 5, 6, 7, 10]);
    const copy = Block.empty(2);
    copy.appendLive(block);
    expect(liveSeqs(copy)).toEqual([2, 3, 4, 5, 6, 7, 10]);
    const into = new StoredMessage();
    copy.fill(6, into);
    expect([into.seq, into.subject, into.payload.toString()]).toEqual([10, "s.10", "p"]);
  });
});

describe("summary of a block", () => {
  test("tells what is gone", () => {
    const block = blockOf([1, 2, 3, 9]);
    block.kill(1);
    const summary = decodeSummary(1, encodeSummary(block));
    expect(summary).toMatchObject({ firstSeq: 1, lastSeq: 9, count: 4, deadCount: 1, firstMs: timeMs + 1 });
    const less = summaryWithout(summary, [1, 3]);
    expect(less.deadCount).toBe(2);
    expect(liveSeqs(Block.decode(1, Buffer.from(block.encode()), less.dead))).toEqual([1, 3]);
  });
});

describe("cache of blocks", () => {
  test("is bounded, and lets go what was not used for longest", () => {
    const one = blockOf([1]);
    const cache = new BlockCache(one.memoryBytes * 3);
    const [a, b] = [new CachedBlocks(cache), new CachedBlocks(cache)];
    a.add(one);
    a.add(blockOf([2]));
    b.add(blockOf([1]));
    expect(a.find(1)).toBe(one);
    b.add(blockOf([2]));
    expect([a.find(1) !== null, a.find(2) !== null, b.find(1) !== null]).toEqual([true, false, true]);
    expect(cache.memoryBytes).toBe(one.memoryBytes * 3);
    a.clear();
    b.clear();
    expect(cache.memoryBytes).toBe(0);
  });

  test("a block takes the place of all that it overlaps", () => {
    const cache = new BlockCache(1e9);
    const blocks = new CachedBlocks(cache);
    for (const seqs of [
      [1, 5],
      [6, 8],
      [10, 20],
      [30, 40],
    ])
      blocks.add(blockOf(seqs));
    const wide = blockOf([4, 15]);
    blocks.add(wide);
    expect([3, 4, 9, 15, 16, 30].map((seq) => blocks.find(seq))).toMatchObject([
      null,
      wide,
      wide,
      wide,
      null,
      { firstSeq: 30 },
    ]);
    expect(cache.memoryBytes).toBe(wide.memoryBytes * 2);
  });
});
