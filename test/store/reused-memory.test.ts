/**
 * All memory that the store fills again, at work at once: the chunks of the journal, what cached blocks are read into,
 * and what the applier reads and fills. Whatever happens, each message is what it was stored as.
 */
import { join } from "node:path";
import { expect, test } from "vitest";
import { nextIteration } from "../../src/base/clock.ts";
import { Applier } from "../../src/store/lmdb/applier.ts";
import { Batch } from "../../src/store/lmdb/batch.ts";
import { BlockCache } from "../../src/store/disk/block-cache.ts";
import { BlockMemory } from "../../src/store/lmdb/block-memory.ts";
import { StoredMessage } from "../../src/store/contract.ts";
import { DiskLog } from "../../src/store/disk/disk-log.ts";
import { type Environment, openEnvironment } from "../../src/store/lmdb/environment.ts";
import { Journal } from "../../src/store/journal/journal.ts";
import { JournalReader, windowBytesMin } from "../../src/store/journal/journal-reader.ts";
import { prepareSegment } from "../../src/store/journal/journal-segment.ts";
import { encodeCreateStream, encodeDropStream } from "../../src/store/journal/operation.ts";
import { Progress } from "../../src/store/journal/progress.ts";
import { SegmentPool } from "../../src/store/journal/segment-pool.ts";
import { Snapshot } from "../../src/store/lmdb/snapshot.ts";
import { filterOf } from "../../src/subjects/filter.ts";
import { temporaryDirectory } from "../fixture/disk-store.ts";

/** More of the same with `FROND_LONG=1`. */
const isLong = process.env["FROND_LONG"] === "1";
const seeds = Array.from({ length: isLong ? 200 : 8 }, (_, index) => index + 1);
const rounds = isLong ? 700 : 250;
/** Of the cache: nothing but the last block, one, two, several. */
const cacheBytes = [0, 40_000, 80_000, 400_000] as const;
const salt = Buffer.from("saltsalt");

interface Known {
  readonly subject: string;
  readonly bytes: number;
}

interface Seen extends Known {
  readonly frame: StoredMessage;
  readonly id: number;
  readonly seq: number;
}

class TestStream {
  readonly id: number;
  readonly log: DiskLog;
  readonly known = new Map<number, Known>();

  constructor(id: number, log: DiskLog) {
    this.id = id;
    this.log = log;
  }
}

/** What the two threads of a store do, in one, when the test says so. */
class Bench {
  readonly streams: TestStream[] = [];
  readonly journal: Journal;
  readonly #env: Environment;
  readonly #progress = new Progress();
  readonly #applier: Applier;
  readonly #reader: JournalReader;
  readonly #snapshot: Snapshot;
  readonly #blocks: BlockCache;
  readonly #kept: Seen[] = [];
  #passing: Seen[] = [];
  #lastId = 0;

  constructor(cacheBytes: number) {
    const directory = temporaryDirectory();
    this.#env = openEnvironment(join(directory, "streams.mdb"));
    const memory = new BlockMemory(windowBytesMin);
    this.#applier = new Applier(this.#env, memory);
    const first = prepareSegment(directory, { number: 1, salt }, 1_048_576);
    const pool = new SegmentPool({ directory, salt, segmentBytes: 4_194_304, first, onChange: () => {} });
    this.journal = new Journal(pool, salt, this.#progress, {
      onGroup: () => {},
      onSegment: () => {},
      onFailure: (error) => {
        throw error;
      },
    });
    this.#reader = new JournalReader(directory, 0, memory.window);
    this.#snapshot = new Snapshot(this.#env);
    this.#blocks = new BlockCache(cacheBytes);
    for (let place = 0; place < 3; place++) this.create(place);
  }

  create(place: number): void {
    const id = ++this.#lastId;
    encodeCreateStream(this.journal, id, "A", `S${id}`);
    const log = new DiskLog({
      id,
      snapshot: this.#snapshot,
      blocks: this.#blocks,
      writer: this.journal,
      base: null,
    });
    this.streams[place] = new TestStream(id, log);
  }

  drop(place: number): void {
    const { id, log } = this.streams[place] as TestStream;
    encodeDropStream(this.journal, id);
    log.close();
  }

  append({ id, log, known }: TestStream, subject: string, bytes: number): void {
    const seq = log.state.lastSeq + 1;
    log.append({
      subject,
      bytes: payloadOf(id, seq, bytes),
      bodyStart: 0,
      bodyEnd: bytes,
      headerBytes: 0,
      timeMs: seq,
      timeNs: 0,
      seq: 0,
      messageId: seq % 9 === 0 ? `id-${seq}` : null,
      expiresMs: seq % 7 === 0 ? 5 : 0,
      wakesMs: 0,
    });
    known.set(seq, { subject, bytes });
  }

  /** What a read has found is to stay, for ever or until the next turn. */
  saw({ id, known }: TestStream, frame: StoredMessage): void {
    const stored = known.get(frame.seq);
    if (stored === undefined) throw new Error(`stream ${id}: message ${frame.seq} is gone`);
    const seen = { frame, id, seq: frame.seq, ...stored };
    check(seen);
    (frame.isPassing ? this.#passing : this.#kept).push(seen);
  }

  async turn(): Promise<void> {
    for (const seen of this.#passing) check(seen);
    this.#passing = [];
    await new Promise<void>((resolve) => nextIteration(resolve));
  }

  /** Of the groups that are written, all but the last few. */
  async apply(leftCount: number, batchBytes: number): Promise<void> {
    this.journal.endGroup();
    const through = this.journal.lastGroup - leftCount;
    await this.turn();
    for (;;) {
      const batch = new Batch(() => this.#reader.next(through), batchBytes);
      if (batch.isEmpty) break;
      this.#applier.apply(batch);
      const group = this.#applier.appliedGroup;
      this.#progress.setGroup("applied", group);
      this.#progress.setGroup("synced", group);
      // As the store does; the snapshot may have come further than it is told of.
      this.journal.onApplied(group, this.#reader.segmentNumber);
      this.#snapshot.renew();
      this.journal.collectChunks(group);
    }
    this.#applier.tidy();
  }

  async close(): Promise<void> {
    await this.turn();
    for (const seen of this.#kept) check(seen);
    for (const { id, log, known } of this.streams) {
      const frame = new StoredMessage(true);
      const found: number[] = [];
      for (let from = 0; log.next(from, log.state.lastSeq, null, frame); from = frame.seq + 1) {
        check({ frame, id, seq: frame.seq, ...(known.get(frame.seq) as Known) });
        found.push(frame.seq);
      }
      expect(found).toEqual([...known.keys()]);
    }
    this.#reader.close();
    await this.journal.close();
    this.#snapshot.close();
    await this.#env.close();
  }
}

function payloadOf(id: number, seq: number, bytes: number): Buffer {
  return Buffer.alloc(bytes, `<${id}:${seq}>`);
}

function check({ frame, id, seq, subject, bytes }: Seen): void {
  const isRight =
    frame.seq === seq && frame.subject === subject && frame.payload.equals(payloadOf(id, seq, bytes));
  if (!isRight) throw new Error(`stream ${id}: message ${seq} is not what was stored`);
}

type Next = (bound: number) => number;

function randomFrom(seed: number): Next {
  let state = seed * 7_919;
  return (bound) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % bound;
  };
}

const filters = [null, filterOf(["s.1"]), filterOf(["s.2", "s.7"]), filterOf(["s.*"])];

function appendSome(bench: Bench, stream: TestStream, next: Next): void {
  for (let left = next(60); left >= 0; left--) {
    const isHuge = next(60) === 0;
    const bytes = isHuge ? 20_000 + next(300_000) : next(next(4) === 0 ? 4_000 : 900);
    bench.append(stream, `s.${next(30)}`, bytes);
  }
}

function readSome(bench: Bench, stream: TestStream, next: Next): void {
  const { log, known } = stream;
  const { firstSeq, lastSeq, messages } = log.state;
  for (let left = messages === 0 ? 0 : next(120); left > 0; left--) {
    const frame = new StoredMessage(next(200) > 0);
    const seq = firstSeq + next(lastSeq - firstSeq + 1);
    const filter = filters[next(filters.length)] ?? null;
    const way = next(3);
    const isFound =
      way === 0
        ? log.read(seq, frame)
        : way === 1
          ? log.next(seq, lastSeq, filter, frame)
          : log.last(seq, filter, frame);
    if (way === 0) expect(isFound).toBe(known.has(seq));
    if (isFound) bench.saw(stream, frame);
  }
}

function removeSome({ log, known }: TestStream, next: Next): void {
  const { firstSeq, lastSeq, messages } = log.state;
  if (messages === 0) return;
  if (next(3) > 0) {
    for (let left = next(30); left > 0; left--) {
      const seq = firstSeq + next(lastSeq - firstSeq + 1);
      expect(log.remove(seq)).toBe(known.delete(seq));
    }
    return;
  }
  const seq = next(6) === 0 ? lastSeq : firstSeq + next(1 + ((lastSeq - firstSeq) >> 1));
  log.removeThrough(seq);
  for (const each of known.keys()) if (each <= seq) known.delete(each);
}

async function step(bench: Bench, next: Next): Promise<void> {
  const place = next(bench.streams.length);
  const stream = bench.streams[place] as TestStream;
  const what = next(100);
  if (what < 40) appendSome(bench, stream, next);
  else if (what < 80) readSome(bench, stream, next);
  else if (what < 90) removeSome(stream, next);
  else if (what < 91) {
    bench.drop(place);
    bench.create(place);
  } else if (what < 94) bench.journal.endGroup();
  else if (what < 97) await bench.turn();
  else await bench.apply(next(2) * next(5), 1 << (16 + next(7)));
}

test.each(seeds)("messages stay what they are, of seed %i", async (seed) => {
  const next = randomFrom(seed);
  const bench = new Bench(cacheBytes[seed % cacheBytes.length] as number);
  for (let round = 0; round < rounds; round++) await step(bench, next);
  await bench.apply(0, 1 << 20);
  await bench.close();
});
