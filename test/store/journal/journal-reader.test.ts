import { readdirSync, readFileSync, renameSync, truncateSync, unlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Journal } from "../../../src/store/journal/journal.ts";
import { JournalReader } from "../../../src/store/journal/journal-reader.ts";
import {
  decodeFrame,
  frameBytes,
  framedBytes,
  listSegments,
  prepareSegment,
  segmentHeaderBytes,
} from "../../../src/store/journal/journal-segment.ts";
import { Operation, decodeOperation, encodePutRecord } from "../../../src/store/journal/operation.ts";
import { Progress } from "../../../src/store/journal/progress.ts";
import { SegmentPool } from "../../../src/store/journal/segment-pool.ts";
import { temporaryDirectory } from "../../fixture/disk-store.ts";

const segmentBytes = 32_768;
const salt = Buffer.from("saltsalt");

interface Written {
  readonly directory: string;
  readonly journal: Journal;
  readonly progress: Progress;
}

function begin(): Written {
  const directory = temporaryDirectory();
  const first = prepareSegment(directory, { number: 1, salt }, segmentBytes);
  const pool = new SegmentPool({ directory, salt, segmentBytes, first, onChange: () => {} });
  const progress = new Progress();
  const hooks = {
    onGroup: () => {},
    onSegment: () => {},
    onFailure: (error: Error) => {
      throw error;
    },
  };
  return { directory, progress, journal: new Journal(pool, salt, progress, hooks) };
}

/** @param synced as the groups say it of those before them */
function write({ journal, progress }: Written, count: number, bytes: number, synced = false): void {
  for (let index = 0; index < count; index++) {
    encodePutRecord(journal, 1, `record ${journal.lastGroup + 1}`, Buffer.alloc(bytes, "r"));
    const group = journal.endGroup();
    if (synced && group !== null) progress.setGroup("synced", group);
  }
}

function recovered(directory: string, appliedGroup = 0): string[] {
  const reader = new JournalReader(directory, appliedGroup);
  const operation = new Operation();
  const names: string[] = [];
  try {
    for (let group = reader.nextRecovered(); group !== null; group = reader.nextRecovered()) {
      decodeOperation(group, group.start, group.end, operation);
      expect(operation.text).toBe(`record ${group.number}`);
      names.push(operation.text);
    }
  } finally {
    reader.close();
  }
  return names;
}

/** Where group `number` stands. */
function placeOf(directory: string, number: number): { path: string; at: number; payloadBytes: number } {
  for (const { path } of listSegments(directory)) {
    const bytes = readFileSync(path);
    for (let at = segmentHeaderBytes; at + frameBytes < bytes.length; ) {
      const frame = decodeFrame(bytes, at, salt);
      if (frame === null) break;
      if (frame.group === number) return { path, at, payloadBytes: frame.payloadBytes };
      at += framedBytes(frame.payloadBytes);
    }
  }
  throw new Error(`group ${number} is nowhere`);
}

function damage(directory: string, number: number): { path: string; at: number } {
  const { path, at } = placeOf(directory, number);
  const bytes = readFileSync(path);
  bytes[at + frameBytes + 38] = 0;
  writeFileSync(path, bytes);
  return { path, at };
}

describe("the journal", () => {
  it("is read as it was written, over several segments and with groups larger than one", async () => {
    const written = begin();
    write(written, 100, 900);
    write(written, 1, 3 * segmentBytes);
    write(written, 20, 900);
    expect(listSegments(written.directory).length).toBeGreaterThan(3);
    expect(recovered(written.directory)).toHaveLength(121);
    expect(recovered(written.directory, 117)).toHaveLength(4);
    await written.journal.close();
  });

  it("is followed while it is written", async () => {
    const written = begin();
    const reader = new JournalReader(written.directory, 0);
    for (let round = 1; round <= 30; round++) {
      write(written, 3, 1_500);
      for (let number = round * 3 - 2; number <= round * 3; number++)
        expect(reader.next(round * 3)?.number).toBe(number);
      expect(reader.next(round * 3)).toBeNull();
    }
    expect(() => reader.next(91)).toThrow("group 91 is not there, but was written");
    reader.close();
    await written.journal.close();
  });

  it("is read again from a group that could not be carried out", async () => {
    const written = begin();
    const reader = new JournalReader(written.directory, 0, Buffer.alloc(4_096));
    write(written, 30, 3_000);
    const operation = new Operation();
    let applied = 0;
    let segmentNumber = 0;
    for (const through of [3, 17, 29, 30]) {
      for (let tries = 0; tries < 3; tries++) {
        for (let number = applied + 1; number <= through; number++) {
          const group = reader.next(through);
          expect(group?.number).toBe(number);
          if (group !== null) decodeOperation(group, group.start, group.end, operation);
          expect(operation.text).toBe(`record ${number}`);
        }
        expect(reader.next(through)).toBeNull();
        if (tries < 2) reader.goBack(applied, segmentNumber);
      }
      applied = through;
      segmentNumber = reader.segmentNumber;
    }
    expect(segmentNumber).toBeGreaterThan(2);
    reader.close();
    await written.journal.close();
  });

  it("uses segments again, and takes nothing of theirs for its own", async () => {
    const written = begin();
    const reader = new JournalReader(written.directory, 0);
    for (let round = 0; round < 40; round++) {
      write(written, 8, 1_500, true);
      while (reader.next(written.journal.lastGroup) !== null);
      written.journal.onApplied(reader.lastGroup, reader.segmentNumber);
      // Others fill the segments, at their leisure.
      for (let tries = 0; readdirSync(written.directory).length > 8 && tries < 500; tries++)
        await new Promise<void>((resolve) => setTimeout(resolve, 2));
    }
    const last = written.journal.lastGroup;
    expect(last).toBe(320);
    expect(readdirSync(written.directory).length).toBeLessThan(12);
    expect(recovered(written.directory, last)).toEqual([]);
    reader.close();
    await written.journal.close();
  });

  it("ends with a group that is torn, when nothing says that it was on disk", async () => {
    const written = begin();
    write(written, 10, 500);
    damage(written.directory, 9);
    expect(recovered(written.directory)).toHaveLength(8);
    await written.journal.close();
  });

  it("is damaged when a later group says that the one which is torn was on disk", async () => {
    const written = begin();
    write(written, 10, 500, true);
    const { path, at } = damage(written.directory, 5);
    expect(() => recovered(written.directory)).toThrow(
      `${path}, offset ${at}: group 5 is damaged or missing, although it was on disk when group 6 was written`,
    );
    // Where LMDB has it, it does not matter.
    expect(recovered(written.directory, 5)).toHaveLength(5);
    await written.journal.close();
  });

  it("is damaged when a segment in the middle is missing or cut", async () => {
    const written = begin();
    write(written, 100, 900, true);
    await written.journal.close();
    const { path } = placeOf(written.directory, 50);
    renameSync(path, `${path}.away`);
    expect(() => recovered(written.directory)).toThrow(/group \d+ is damaged or missing/);
    renameSync(`${path}.away`, path);
    truncateSync(path, placeOf(written.directory, 50).at + 10);
    expect(() => recovered(written.directory)).toThrow(/group \d+ is damaged or missing/);
    truncateSync(path, 10);
    expect(() => recovered(written.directory)).toThrow(`${path} does not begin as a file of the journal`);
    unlinkSync(path);
  });

  it("names a segment whose header is damaged, or of another version", async () => {
    const written = begin();
    write(written, 1, 10);
    await written.journal.close();
    const path = join(written.directory, "journal-1.log");
    const bytes = readFileSync(path);
    const damaged = Buffer.from(bytes);
    damaged[13] = 0xff;
    writeFileSync(path, damaged);
    expect(() => recovered(written.directory)).toThrow(`${path} is damaged in its first bytes`);
    writeFileSync(path, bytes);
    renameSync(path, join(written.directory, "journal-2.log"));
    expect(() => recovered(written.directory)).toThrow("says that it is segment 1 of the journal");
  });

  it("does not take what a client has made look like a group for one", async () => {
    const written = begin();
    write(written, 3, 400);
    const { path, at, payloadBytes } = placeOf(written.directory, 3);
    const whole = readFileSync(path).subarray(at, at + frameBytes + payloadBytes);
    const forged = Buffer.from(whole);
    forged.writeDoubleLE(6, 8);
    forged.writeDoubleLE(5, 24);
    forged.fill(0, 16, 24);
    encodePutRecord(written.journal, 1, "record 4", forged);
    written.journal.endGroup();
    damage(written.directory, 4);
    expect(recovered(written.directory)).toHaveLength(3);
    await written.journal.close();
  });
});
