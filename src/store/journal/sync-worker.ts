/**
 * A thread that does nothing but `fdatasync`, so that the one which routes never waits for a disk, and passwords being
 * hashed on libuv's threads hold no ack up. One call covers all groups that were written before it.
 */
import { fdatasyncSync } from "node:fs";
import { parentPort, workerData } from "node:worker_threads";
import type { SyncMessage, SyncReport, SyncWorkerData } from "./sync-link.ts";
import { answerForLock } from "../directory-lock.ts";
import { mailboxMessages } from "./mailbox.ts";
import { Progress } from "./progress.ts";

/** So long at most it sleeps on; it is woken before. */
const sleepMsMax = 1_000;

const { progress: memory, directory, intervalMs } = workerData as SyncWorkerData;
const progress = new Progress(memory);
/** What may hold something that is not synced. All are older than the last, which is written to. */
let descriptors: number[] = [];
let isClosing = false;

function readMailbox(): void {
  for (const message of mailboxMessages<SyncMessage>(parentPort)) {
    if (message.kind === "close") isClosing = true;
    else descriptors.push(message.fd);
  }
}

function report(message: SyncReport): void {
  parentPort?.postMessage(message);
}

/** @returns whether there was anything to do */
function sync(): boolean {
  // In this order: the descriptors for all that is written up to there are known by then.
  const written = progress.group("written");
  readMailbox();
  if (written === progress.group("synced")) return false;
  for (const fd of descriptors) fdatasyncSync(fd);
  descriptors = descriptors.slice(-1);
  progress.setGroup("synced", written);
  report({ kind: "synced", group: written });
  return true;
}

function run(): void {
  for (;;) {
    const wakes = progress.wakes("sync");
    answerForLock(directory);
    const didSync = sync();
    if (isClosing && progress.group("written") === progress.group("synced")) return;
    if (intervalMs === null) {
      if (!didSync) progress.sleep("sync", wakes, sleepMsMax);
      continue;
    }
    // It is woken only to end, or when a segment is full.
    const dueMs = performance.now() + intervalMs;
    for (
      let leftMs = intervalMs;
      leftMs > 0 && progress.wakes("sync") === wakes;
      leftMs = dueMs - performance.now()
    ) {
      progress.sleep("sync", wakes, Math.min(leftMs, sleepMsMax));
      answerForLock(directory);
    }
  }
}

try {
  run();
  report({ kind: "closed" });
} catch (error) {
  // What is on disk after a failed sync nobody can know: it is not tried again.
  report({ kind: "failed", reason: error instanceof Error ? error.message : String(error) });
}
