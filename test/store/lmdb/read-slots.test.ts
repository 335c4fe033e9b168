/** Blocks that leave the cache leave their memory to others. Nobody must see that. */
import { afterEach, beforeEach, expect, test } from "vitest";
import { nextIteration } from "../../../src/base/clock.ts";
import { StoredMessage } from "../../../src/store/contract.ts";
import { DiskLog } from "../../../src/store/disk/disk-log.ts";
import { DiskFixture } from "../disk-log-fixture.ts";

const messages = 2_000;
const payloadBytes = 900;

let fixture: DiskFixture;
beforeEach(() => {
  // Room for two blocks or so.
  fixture = new DiskFixture(70_000);
  for (let seq = 1; seq <= messages; seq++) {
    const bytes = payloadOf(seq);
    fixture.log.append({
      subject: `s.${seq % 10}`,
      bytes,
      bodyStart: 0,
      bodyEnd: bytes.length,
      headerBytes: 0,
      timeMs: seq,
      timeNs: 0,
      seq: 0,
      messageId: null,
      expiresMs: 0,
      wakesMs: 0,
    });
  }
  fixture.apply();
});
afterEach(async () => fixture.close());

function payloadOf(seq: number): Buffer {
  return Buffer.alloc(payloadBytes, `message ${seq} `);
}

async function turn(): Promise<void> {
  await new Promise<void>((resolve) => nextIteration(resolve));
}

function shows(frame: StoredMessage, seq: number): boolean {
  return frame.seq === seq && frame.payload.equals(payloadOf(seq));
}

/** A walk over all messages that goes back now and then. */
function* walk(): Generator<number> {
  for (let at = 0; at < messages; at++) {
    yield at + 1;
    if (at % 97 === 0) yield ((at * 7_919) % messages) + 1;
  }
}

test("whoever reads by a passing frame sees the message, and memory is used again", async () => {
  const frame = new StoredMessage(true);
  const memory = new Set<ArrayBufferLike>();
  for (const seq of walk()) {
    expect(fixture.log.read(seq, frame) && shows(frame, seq), `message ${seq}`).toBe(true);
    memory.add(frame.bytes.buffer);
    if (seq % 40 === 0) await turn();
  }
  // Some 60 blocks were read, most of them once, and a turn goes through a few.
  expect(memory.size).toBeLessThan(12);
});

test("within a turn, what passing frames show stays", async () => {
  const frames: [number, StoredMessage][] = [];
  for (const seq of walk()) {
    const frame = new StoredMessage(true);
    fixture.log.read(seq, frame);
    frames.push([seq, frame]);
    if (frames.length < 500) continue;
    for (const [shown, each] of frames) expect(shows(each, shown), `message ${shown}`).toBe(true);
    frames.length = 0;
    await turn();
  }
});

test("a log does not read on in a block whose memory another log has got", async () => {
  const { snapshot, writer, blocks } = fixture;
  const [base = null] = snapshot.streams();
  const other = new DiskLog({ id: 1, snapshot, writer, blocks, base });
  const frame = new StoredMessage(true);
  for (let seq = 1; seq < messages; seq += 100) {
    expect(fixture.log.read(seq, frame)).toBe(true);
    for (let at = 1; at <= messages; at += 30) {
      other.read(at, frame);
      if (at % 300 === 1) await turn();
    }
    expect(fixture.log.read(seq + 1, frame) && shows(frame, seq + 1), `message ${seq + 1}`).toBe(true);
    await turn();
  }
});

test("what others show stays for ever", async () => {
  const kept: [number, StoredMessage][] = [];
  const passing = new StoredMessage(true);
  for (const seq of walk()) {
    const frame = new StoredMessage();
    fixture.log.read(seq, seq % 50 === 0 ? frame : passing);
    if (seq % 50 === 0) kept.push([seq, frame]);
    if (seq % 20 === 0) await turn();
  }
  for (const [seq, frame] of kept) expect(shows(frame, seq), `message ${seq}`).toBe(true);
});
