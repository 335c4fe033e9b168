/**
 * The thread that writes LMDB. It reads the journal behind what is durable, and carries out all it finds in one
 * transaction; then it rests a while, so that the next one is large: a transaction costs two fsyncs, whatever it holds.
 */
import { pendingOrders } from "./orders.ts";
import { parentPort, workerData } from "node:worker_threads";
import { Applier } from "./applier.ts";
import type { ApplyOrder, ApplyReport, ApplyWorkerData } from "./apply-link.ts";
import { openEnvironment } from "./environment.ts";
import type { JournalGroup } from "./group.ts";
import { JournalReader } from "./journal-reader.ts";
import { Progress } from "./progress.ts";

/** So much of the journal goes into one transaction, and with the group that goes beyond it ends. */
const batchBytes = 8 * 1_048_576;
/** After a transaction of some size, so that the tail stays short; and after a small one, which had no hurry: its syncs hold others up. */
const restMs = 50;
const longRestMs = 250;
const smallBatchBytes = 262_144;
/** After a disk was full. */
const retryMs = 500;
/** Orders are looked for so often while it rests. */
const stepMs = 10;
/** So long at most it sleeps on; it is woken before. */
const sleepMsMax = 1_000;
/** ENOSPC, EDQUOT, EFBIG; EIO, which is what LMDB makes of a write that was cut short; its own for a map that is full. */
const fullCodes: readonly unknown[] = [28, 122, 27, 5, -30_792];
/** How often it is tried to write to a full disk when the store closes. The journal keeps what could not be written. */
const lastTriesMax = 3;

const { journalDirectory, environmentPath, progress: memory } = workerData as ApplyWorkerData;
const progress = new Progress(memory);
const never = new Int32Array(new SharedArrayBuffer(4));
let isClosing = false;

function report(message: ApplyReport): void {
  parentPort?.postMessage(message);
}

function takeOrders(): void {
  for (const order of pendingOrders<ApplyOrder>(parentPort)) if (order.kind === "close") isClosing = true;
}

function rest(forMs: number): void {
  for (let leftMs = forMs; leftMs > 0; leftMs -= stepMs) {
    takeOrders();
    if (isClosing) return;
    Atomics.wait(never, 0, 0, stepMs);
  }
}

/** The groups of one transaction; none when all is applied. */
function gather(reader: JournalReader, through: number): JournalGroup[] {
  const groups: JournalGroup[] = [];
  for (let bytes = 0; bytes < batchBytes; ) {
    const group = reader.next(through);
    if (group === null) break;
    groups.push(group);
    bytes += group.end - group.start;
  }
  return groups;
}

function sizeOf(groups: readonly JournalGroup[]): number {
  return groups.reduce((bytes, { start, end }) => bytes + end - start, 0);
}

/** @returns whether it could be done */
function applyAll(applier: Applier, groups: readonly JournalGroup[]): boolean {
  for (let triesLeft = lastTriesMax; triesLeft > 0; ) {
    try {
      applier.apply(groups);
      return true;
    } catch (error) {
      if (!fullCodes.includes((error as { code?: unknown }).code)) throw error;
      report({ kind: "delayed", reason: (error as Error).message });
      rest(retryMs);
      if (isClosing) triesLeft--;
    }
  }
  return false;
}

function run(applier: Applier, reader: JournalReader): void {
  for (;;) {
    const wakes = progress.wakes("apply");
    takeOrders();
    const groups = gather(reader, progress.group("durable"));
    const isBehind = reader.lastGroup < progress.group("durable");
    if (groups.length > 0 && !applyAll(applier, groups)) return;
    const didTidy = !isClosing && !isBehind && applier.tidy();
    if (groups.length > 0 || didTidy) {
      progress.setGroup("applied", applier.appliedGroup);
      report({ kind: "applied", group: applier.appliedGroup, segmentNumber: reader.segmentNumber });
      if (!isBehind) rest(didTidy ? stepMs : sizeOf(groups) < smallBatchBytes ? longRestMs : restMs);
    } else if (isClosing) return;
    else progress.sleep("apply", wakes, sleepMsMax);
  }
}

async function main(): Promise<void> {
  const env = openEnvironment(environmentPath);
  const applier = new Applier(env);
  const reader = new JournalReader(journalDirectory, applier.appliedGroup);
  run(applier, reader);
  reader.close();
  await env.close();
}

main().then(
  () => report({ kind: "closed" }),
  (error: unknown) =>
    report({ kind: "failed", reason: error instanceof Error ? error.message : String(error) }),
);
