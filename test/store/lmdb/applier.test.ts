import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { viewBytes } from "../../../src/base/bytes.ts";
import type { NewMessage } from "../../../src/store/contract.ts";
import { StoredMessage, storedBytes } from "../../../src/store/contract.ts";
import { blockKey, keyKinds } from "../../../src/store/lmdb/keys.ts";
import {
  encodeAppendToRecord,
  encodeDropStream,
  encodePutRecord,
  encodeRemove,
} from "../../../src/store/journal/operation.ts";
import { SubjectFilter } from "../../../src/subjects/filter.ts";
import { DiskFixture } from "../disk-log-fixture.ts";

let fixture: DiskFixture;

beforeEach(() => {
  fixture = new DiskFixture();
});

afterEach(() => fixture.close());

function draft(subject: string, payload = "p", more: Partial<NewMessage> = {}): NewMessage {
  const bytes = Buffer.from(payload);
  const body = { bytes, bodyStart: 0, bodyEnd: bytes.length, headerBytes: 0 };
  return {
    subject,
    ...body,
    timeMs: 1,
    timeNs: 0,
    seq: 0,
    messageId: null,
    expiresMs: 0,
    wakesMs: 0,
    ...more,
  };
}

function keysOf(kind: number): number {
  return fixture.env.getKeysCount({ start: Buffer.from([kind]), end: Buffer.from([kind + 1]) });
}

function keysInAll(): Record<string, number> {
  const counts = Object.entries(keyKinds).map(([name, kind]) => [name, keysOf(kind)]);
  return Object.fromEntries(counts.filter(([name, count]) => name !== "meta" && count !== 0));
}

function storedSeqs(): number[] {
  const seqs: number[] = [];
  const into = new StoredMessage();
  for (let from = 0; fixture.log.next(from, Infinity, null, into); from = into.seq + 1) seqs.push(into.seq);
  return seqs;
}

function subjectOf(index: number): string {
  return `k.${index % 3 === 0 ? index : 0}`;
}

describe("Applier", () => {
  test("a group is carried out once, however often it is given", async () => {
    fixture.log.append(draft("a"));
    fixture.writer.end();
    const [...groups] = fixture.writer.groups;
    fixture.apply();
    fixture.applier.apply(groups);
    expect(fixture.applier.appliedGroup).toBe(1);
    await fixture.reopen();
    expect(fixture.log.state).toMatchObject({ messages: 1, lastSeq: 1, subjectCount: 1 });
  });

  test("a block that was joined to the one before is seen whole, though the old one is at hand", () => {
    for (let count = 0; count < 100; count++) fixture.log.append(draft("a", "x".repeat(700)));
    fixture.apply();
    expect(keysOf(keyKinds.summary)).toBe(3);
    for (let seq = 2; seq <= 40; seq++) if (seq !== 5) fixture.log.remove(seq);
    fixture.apply();
    expect(fixture.log.read(90, new StoredMessage())).toBe(true);
    for (let seq = 41; seq <= 88; seq++) fixture.log.remove(seq);
    fixture.apply();
    expect(keysOf(keyKinds.summary)).toBe(2);
    const gone = [
      [2, 4],
      [6, 88],
    ];
    expect([...fixture.log.deleted()]).toEqual(gone);
    expect(fixture.log.read(90, new StoredMessage())).toBe(true);
    expect([...fixture.log.deleted()]).toEqual(gone);
    expect(fixture.log.count(3, null)).toBe(13);
  });

  test("a batch that fails leaves nothing behind, and can be given again", async () => {
    fixture.log.append(draft("a"));
    fixture.apply();
    for (let count = 0; count < 1000; count++) fixture.log.append(draft(`b.${count}`, "x".repeat(100)));
    fixture.log.remove(1);
    fixture.writer.end();
    const torn = Buffer.alloc(20, 0xff);
    const damaged = { number: 3, ...viewBytes(torn), start: 0, end: torn.length };
    expect(() => fixture.applier.apply([...fixture.writer.groups, damaged])).toThrow(RangeError);
    expect(fixture.applier.appliedGroup).toBe(1);
    fixture.snapshot.renew();
    expect(fixture.snapshot.stream(1)).toMatchObject({ messages: 1, lastSeq: 1 });
    fixture.apply();
    await fixture.reopen();
    expect(fixture.log.state).toMatchObject({
      messages: 1000,
      firstSeq: 2,
      lastSeq: 1001,
      subjectCount: 1000,
    });
  });

  test("a stream that is dropped leaves nothing behind", async () => {
    const more = { messageId: "id", expiresMs: 9, wakesMs: 9 };
    for (let count = 0; count < 3000; count++) fixture.log.append(draft(`k.${count % 20}`, "x", more));
    encodePutRecord(fixture.writer, 1, "config", Buffer.from("{}"));
    encodeAppendToRecord(fixture.writer, 1, "consumer", Buffer.from("+"));
    fixture.apply();
    expect(Object.keys(keysInAll()).length).toBeGreaterThan(8);
    encodeDropStream(fixture.writer, 1);
    // Something that a timer decided when it was dropped already.
    encodeRemove(fixture.writer, 1, 5, "k.4", 40);
    fixture.log.close();
    fixture.apply();
    expect([...fixture.snapshot.streams()]).toEqual([]);
    let slices = 1;
    while (fixture.applier.tidy()) slices++;
    expect(slices).toBeGreaterThan(3);
    expect(keysInAll()).toEqual({});
    expect(fixture.applier.tidy()).toBe(false);
    fixture.snapshot.renew();
    expect(fixture.snapshot.nextStreamId).toBe(2);
  });

  test("a purge takes no time, and what it leaves behind is cleared away", async () => {
    for (let count = 0; count < 3000; count++) fixture.log.append(draft(`k.${count}`));
    fixture.apply();
    expect(fixture.log.removeThrough(3000)).toBe(3000);
    fixture.log.append(draft("after"));
    fixture.apply();
    expect(keysInAll()["subject"]).toBe(3001);
    while (fixture.applier.tidy());
    expect(keysInAll()).toEqual({ stream: 1, summary: 1, block: 1, subject: 1 });
    await fixture.reopen();
    expect(storedSeqs()).toEqual([3001]);
  });

  test("blocks with many gaps are joined, those without messages go", async () => {
    for (let count = 0; count < 5000; count++) fixture.log.append(draft("a", "x".repeat(200)));
    fixture.apply();
    const before = keysOf(keyKinds.block);
    expect(before).toBeGreaterThan(30);
    for (let seq = 1; seq <= 5000; seq++) if (seq % 50 !== 0) fixture.log.remove(seq);
    fixture.apply();
    expect(keysOf(keyKinds.block)).toBeLessThan(before / 10);
    expect(keysOf(keyKinds.summary)).toBe(keysOf(keyKinds.block));
    expect(storedSeqs()).toHaveLength(100);
    for (const seq of storedSeqs()) fixture.log.remove(seq);
    fixture.apply();
    expect(keysInAll()).toEqual({ stream: 1 });
    expect(fixture.log.state).toMatchObject({ messages: 0, bytes: 0, firstSeq: 5001, lastSeq: 5000 });
  });

  test("messages that go as soon as they come are never written", () => {
    for (let count = 0; count < 5000; count++)
      fixture.log.remove(fixture.log.append(draft("a", "x".repeat(200))));
    fixture.apply();
    expect(keysInAll()).toEqual({ stream: 1 });
  });

  test.each([4500, 7000])(
    "a long removal through %i, seen before and after it is carried out",
    async (through) => {
      const left = 9010 - through;
      for (let count = 0; count < 9000; count++) fixture.log.append(draft(subjectOf(count)));
      fixture.apply();
      for (let count = 0; count < 10; count++) fixture.log.append(draft("k.0"));
      const bytesBefore = fixture.log.state.bytes;
      let bytesGone = 0;
      for (let seq = 1; seq <= through; seq++)
        bytesGone += storedBytes("file", subjectOf(seq - 1).length, 0, 1);
      expect(fixture.log.removeThrough(through)).toBe(through);
      const { bytes, subjectCount } = fixture.log.state;
      expect(bytes).toBe(bytesBefore - bytesGone);
      expect(subjectCount).toBe(1 + Math.floor((9000 - through) / 3));
      expect(fixture.log.state).toMatchObject({ messages: left, firstSeq: through + 1, lastSeq: 9010 });
      expect(fixture.log.subject("k.3")).toBeNull();
      const zero = fixture.log.subject("k.0");
      await fixture.reopen();
      expect(fixture.log.state).toMatchObject({
        messages: left,
        firstSeq: through + 1,
        lastSeq: 9010,
        bytes,
        subjectCount,
      });
      expect(fixture.log.subject("k.0")).toEqual(zero);
      expect(storedSeqs()).toHaveLength(left);
    },
  );

  test("a count by the pattern that all subjects fall under", () => {
    const filter = new SubjectFilter(["kv.>"]);
    for (let count = 0; count < 3000; count++) fixture.log.append(draft(`kv.${count}`));
    fixture.apply();
    for (let count = 0; count < 10; count++) fixture.log.append(draft(`kv.new.${count}`));
    for (let seq = 7; seq <= 700; seq += 7) fixture.log.remove(seq);
    expect([fixture.log.count(0, filter), fixture.log.count(8, filter)]).toEqual([2910, 2904]);
    fixture.log.append(draft("kv"));
    expect([fixture.log.count(8, filter), fixture.log.count(8, null)]).toEqual([2904, 2905]);
    fixture.apply();
    expect([fixture.log.count(8, filter), fixture.log.count(8, null)]).toEqual([2904, 2905]);
    fixture.log.append(draft("kw"));
    fixture.log.remove(3011);
    fixture.apply();
    expect([fixture.log.count(8, filter), fixture.log.count(8, null)]).toEqual([2904, 2905]);
    fixture.log.remove(3012);
    fixture.apply();
    expect([fixture.log.count(8, filter), fixture.log.count(8, null)]).toEqual([2904, 2904]);
  });

  test("a block that was damaged is told of when it is read", () => {
    for (let count = 0; count < 10; count++) fixture.log.append(draft("a"));
    fixture.apply();
    const { incarnation: space } = fixture.snapshot.stream(1) ?? { incarnation: 0 };
    const key = blockKey(keyKinds.block, space, 1);
    const value = Buffer.from(fixture.env.getBinary(key) as Buffer);
    value[60] = (value[60] as number) ^ 1;
    fixture.env.putSync(key, value);
    fixture.snapshot.renew();
    expect(() => storedSeqs()).toThrow("stream 1: the block at message 1 is damaged");
  });
});
