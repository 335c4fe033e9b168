import { expect, test } from "vitest";
import { MemoryLog } from "../../../src/store/memory/memory-log.ts";
import { MemoryStore } from "../../../src/store/memory/memory-store.ts";
import { testMessageLog } from "../log-suite.ts";

testMessageLog(
  "a log in memory",
  async () => {
    const log = new MemoryLog("memory", () => {});
    return { log, settle: async () => log.settle(), reopen: null, close: async () => {} };
  },
  30,
);

testMessageLog(
  "a file log of a store in memory",
  async () => {
    const store = new MemoryStore((_phase, work) => setImmediate(work));
    const { log } = store.create("$G", "S", "file");
    return { log, settle: async () => store.flush(), reopen: null, close: async () => store.close() };
  },
  15,
);

test("clocks that go back are taken as they are", () => {
  const log = new MemoryLog("memory");
  for (const timeMs of [10, 30, 20, 40])
    log.append({
      subject: "a",
      bytes: Buffer.alloc(0),
      bodyStart: 0,
      bodyEnd: 0,
      headerBytes: 0,
      timeMs,
      timeNs: 0,
      seq: 0,
      messageId: null,
      expiresMs: 0,
      wakesMs: 0,
    });
  expect([10, 11, 25, 31, 41].map((ms) => log.seqAtTime(ms, 0))).toEqual([1, 2, 2, 4, 5]);
});

test("memory follows what is kept, not what was", () => {
  const log = new MemoryLog("memory");
  const body = Buffer.alloc(200);
  const draft = { bytes: body, bodyStart: 0, bodyEnd: 200, headerBytes: 0, timeMs: 1, timeNs: 0, seq: 0 };
  const rest = { messageId: null, expiresMs: 0, wakesMs: 0 };
  for (let count = 0; count < 50_000; count++) {
    const subject = `k.${(count * 31) % 1000}`;
    const older = log.subject(subject)?.lastSeq;
    log.append({ subject, ...draft, ...rest });
    if (older !== undefined) log.remove(older);
  }
  expect(log.state.messages).toBe(1000);
  expect(log.memoryBytes).toBeLessThan(4 * 1000 * 230 + 3 * 262_144);
  log.removeThrough(log.state.lastSeq);
  expect(log.memoryBytes).toBe(0);
});
