/** LMDB has about a hundred read transactions: whatever a log is asked, none may be kept when the snapshot moves on. */
import { expect, test } from "vitest";
import { StoredMessage } from "../../src/store/contract.ts";
import type { DiskLog } from "../../src/store/disk/disk-log.ts";
import { filterOf } from "../../src/subjects/filter.ts";
import { DiskFixture } from "./disk-log-fixture.ts";

const renewals = 300;
const later = 4_102_444_800_000;

function append(log: DiskLog, at: number): void {
  const bytes = Buffer.from("payload");
  log.append({
    subject: `s.${at % 7}`,
    bytes,
    bodyStart: 0,
    bodyEnd: bytes.length,
    headerBytes: 0,
    timeMs: 1_700_000_000_000 + at,
    timeNs: 0,
    seq: 0,
    messageId: `id${at}`,
    expiresMs: later + at,
    wakesMs: later + at,
  });
}

function begun(all: Iterable<unknown>): void {
  for (const _ of all) return;
}

const questions: Record<string, (log: DiskLog) => void> = {
  "when the next deadline is": (log) => {
    expect(log.nextDeadlineMs("expires")).toBe(later);
    expect(log.nextDeadlineMs("wakes")).toBe(later);
  },
  "which deadlines are due": (log) => begun(log.deadlines("expires", Infinity)),
  "which subjects there are": (log) => begun(log.subjects(filterOf(["s.>"]))),
  "which message ids there are": (log) => begun(log.messageIds(0)),
  "which messages are gone": (log) => begun(log.deleted()),
  "how many match": (log) => void log.count(1, filterOf(["s.*", "x"])),
  "what comes next": (log) => {
    const into = new StoredMessage();
    for (const patterns of [["s.3"], ["s.*"], ["none"], ["s.1", "s.2"]])
      log.next(1, Infinity, filterOf(patterns), into);
    log.last(Infinity, filterOf(["s.2", "s.3"]), into);
    log.last(5, filterOf(["s.2"]), into);
  },
};

test.each(Object.entries(questions))("asked %s", async (_, ask) => {
  const fixture = new DiskFixture();
  for (let at = 0; at < renewals; at++) {
    append(fixture.log, at);
    if (at === 20) fixture.log.remove(10);
    fixture.apply();
    ask(fixture.log);
  }
  await fixture.close();
});
