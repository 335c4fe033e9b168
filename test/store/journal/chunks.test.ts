import { expect, test } from "vitest";
import { type Chunk, ChunkPool, chunkBytes } from "../../../src/store/journal/chunks.ts";
import { StoredMessage } from "../../../src/store/contract.ts";
import type { GroupCapacity } from "../../../src/store/journal/group.ts";
import { Journal } from "../../../src/store/journal/journal.ts";
import { prepareSegment } from "../../../src/store/journal/journal-segment.ts";
import { encodeMessage } from "../../../src/store/journal/operation.ts";
import { Progress } from "../../../src/store/journal/progress.ts";
import { SegmentPool } from "../../../src/store/journal/segment-pool.ts";
import { Tail } from "../../../src/store/disk/tail.ts";
import { temporaryDirectory } from "../../fixture/disk-store.ts";

const salt = Buffer.from("saltsalt");
const segmentBytes = 4_194_304;

/** What somebody may look at still: it must stay as it was. */
interface Seen {
  readonly chunk: Chunk;
  readonly at: number;
  readonly was: Buffer;
}

/** Several logs on one journal, whose groups are applied when the test says so. */
class Bench {
  readonly #progress = new Progress();
  readonly #journal: Journal;
  readonly tails = [new Tail(), new Tail(), new Tail()];
  readonly chunks = new Set<Chunk>();
  /** By tail and sequence. */
  readonly held: Map<number, Seen>[] = [new Map(), new Map(), new Map()];
  /** Views that were given out, and what was in them. */
  readonly kept: { readonly payload: Buffer; readonly was: Buffer }[] = [];
  seq = 0;
  readonly #lastSeqs = new Map<number, number>();

  constructor() {
    const directory = temporaryDirectory();
    const first = prepareSegment(directory, { number: 1, salt }, segmentBytes);
    const pool = new SegmentPool({ directory, salt, segmentBytes, first, onChange: () => {} });
    this.#journal = new Journal(pool, salt, this.#progress, {
      onGroup: () => {},
      onSegment: () => {},
      onFailure: (error) => {
        throw error;
      },
    });
  }

  append(log: number, bytes: number): void {
    const seq = ++this.seq;
    const payload = Buffer.alloc(bytes, `${seq} `);
    let room: GroupCapacity | undefined;
    const size = encodeMessage({ capacity: (size) => (room = this.#journal.capacity(size)) }, log, seq, {
      subject: "a",
      bytes: payload,
      bodyStart: 0,
      bodyEnd: bytes,
      headerBytes: 0,
      timeMs: 1,
      timeNs: 0,
      seq,
      messageId: null,
      expiresMs: 0,
      wakesMs: 0,
    });
    const { chunk, at } = room as GroupCapacity;
    this.tails[log]?.append(seq, chunk, at);
    this.chunks.add(chunk);
    this.held[log]?.set(seq, { chunk, at, was: Buffer.from(chunk.bytes.subarray(at, at + size)) });
  }

  /** Reads a message as a consumer would, and keeps what it was shown. */
  read(log: number, seq: number): void {
    const tail = this.tails[log] as Tail;
    const into = new StoredMessage();
    tail.fill(tail.indexOf(seq), into);
    this.kept.push({ payload: into.payload, was: Buffer.from(into.payload) });
  }

  /** Reads a message as one who copies what he needs. @returns its first bytes */
  glance(log: number, seq: number): string {
    const tail = this.tails[log] as Tail;
    const into = new StoredMessage(true);
    tail.fill(tail.indexOf(seq), into);
    return into.payload.toString("latin1", 0, 16);
  }

  endGroup(): void {
    const group = this.#journal.endGroup();
    if (group === null) return;
    this.#progress.setGroup("synced", group);
    this.#lastSeqs.set(group, this.seq);
  }

  /**
   * As the store does when the apply worker has told of a transaction.
   * @param lag so many groups are not applied yet
   * @param late a log that does not let go of what is applied
   */
  apply(lag: number, late: number): void {
    const group = this.#journal.lastGroup - lag;
    const seq = this.#lastSeqs.get(group);
    if (seq === undefined) return;
    this.#journal.onApplied(group, 0);
    for (const [log, held] of this.held.entries()) {
      if (log === late) continue;
      this.tails[log]?.trimThrough(seq);
      for (const one of held.keys()) if (one <= seq) held.delete(one);
    }
    this.#journal.collectChunks(group);
  }

  async close(): Promise<void> {
    await this.#journal.close();
  }

  check(): void {
    for (const held of this.held)
      for (const { chunk, at, was } of held.values())
        if (!chunk.bytes.subarray(at, at + was.length).equals(was)) throw new Error(`${at} was overwritten`);
    for (const { payload, was } of this.kept)
      if (!payload.equals(was)) throw new Error("a message that was read has changed");
  }
}

test("chunks are filled again, but none in which somebody can still see something", async () => {
  const bench = new Bench();
  let random = 1;
  const next = (bound: number) => (random = (random * 48_271) % 2_147_483_647) % bound;
  for (let round = 0; round < 300; round++) {
    for (let count = next(8); count >= 0; count--) bench.append(next(3), 1 + next(24_000));
    if (next(50) === 0) bench.append(next(3), chunkBytes * 2);
    if (next(40) === 0)
      for (const [log, held] of bench.held.entries())
        for (const [seq] of held) {
          bench.read(log, seq);
          break;
        }
    for (const [log, held] of bench.held.entries())
      for (const [seq] of held)
        if (next(4) === 0) expect(`${seq} `.repeat(16)).toContain(bench.glance(log, seq));
    if (next(3) > 0) bench.endGroup();
    if (next(3) === 0) bench.apply(next(6), next(30));
    bench.check();
  }
  expect(bench.kept.length).toBeGreaterThan(5);
  expect(bench.seq * 12_000).toBeGreaterThan(50 * chunkBytes);
  expect(bench.chunks.size).toBeLessThan(40);
  await bench.close();
});

test("what is gathered and cannot be written yet is not written over", async () => {
  const bench = new Bench();
  bench.append(0, 1);
  bench.endGroup();
  for (let count = 0; count < 40; count++) bench.append(0, 20_000);
  const gathered = [...(bench.held[0]?.values() ?? [])];
  bench.tails[0]?.clear();
  bench.apply(1, -1);
  for (let count = 0; count < 40; count++) bench.append(1, 20_000);
  for (const { chunk, at, was } of gathered)
    expect(chunk.bytes.subarray(at, at + was.length).equals(was)).toBe(true);
  await bench.close();
});

test("the pool gives one out again when it is neither held nor was shown, and keeps few", () => {
  const pool = new ChunkPool();
  const [held, shown, free, large] = [pool.take(1), pool.take(1), pool.take(1), pool.take(chunkBytes + 1)];
  held?.hold();
  shown?.show();
  for (const chunk of [held, shown, free, large]) pool.retire(chunk as Chunk, 7);
  pool.collect(6, false);
  expect(pool.take(1)).toBe(free);
  expect([held, shown, large]).not.toContain(pool.take(1));
  held?.release();
  pool.collect(7, false);
  expect(pool.take(1)).toBe(held);
  // One that is held beyond its time is not waited for.
  held?.hold();
  pool.retire(held as Chunk, 8);
  pool.collect(8, false);
  held?.release();
  pool.collect(9, false);
  expect(pool.take(1)).not.toBe(held);

  const many = new Set(Array.from({ length: 100 }, () => pool.take(1)));
  for (const chunk of many) pool.retire(chunk, 10);
  pool.collect(10, true);
  const again = Array.from({ length: 100 }, () => pool.take(1)).filter((chunk) => many.has(chunk));
  expect(again).toHaveLength(4);
});
