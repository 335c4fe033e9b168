/**
 * The thread that writes LMDB. It reads the journal behind what is durable, and carries out all it finds in one
 * transaction; then it rests a while, so that the next one is large: a transaction costs two fsyncs, whatever it holds.
 */
import { constants, platform, setPriority } from "node:os";
import { parentPort, workerData } from "node:worker_threads";
import { Applier } from "./applier.ts";
import type { ApplyMessage, ApplyReport, ApplyWorkerData } from "./apply-link.ts";
import { openEnvironment } from "./environment.ts";
import { Batch } from "./batch.ts";
import { BlockMemory } from "./block-memory.ts";
import { JournalReader, windowBytesMin } from "../journal/journal-reader.ts";
import { mailboxMessages } from "../journal/mailbox.ts";
import { Progress } from "../journal/progress.ts";

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

function readMailbox(): void {
  for (const message of mailboxMessages<ApplyMessage>(parentPort))
    if (message.kind === "close") isClosing = true;
}

function rest(forMs: number): void {
  for (let leftMs = forMs; leftMs > 0; leftMs -= stepMs) {
    readMailbox();
    if (isClosing) return;
    Atomics.wait(never, 0, 0, stepMs);
  }
}

/** Behind what is applied, as far as it is durable. */
function nextBatch(reader: JournalReader): Batch {
  const through = progress.group("durable");
  return new Batch(() => reader.next(through), batchBytes);
}

/** @returns what was applied; null when it could not be done */
function applyAll(applier: Applier, reader: JournalReader, batch: Batch): Batch | null {
  const { segmentNumber } = reader;
  let tried = batch;
  for (let triesLeft = lastTriesMax; triesLeft > 0; ) {
    try {
      applier.apply(tried);
      return tried;
    } catch (error) {
      if (!fullCodes.includes((error as { code?: unknown }).code)) throw error;
      report({ kind: "delayed", reason: (error as Error).message });
      rest(retryMs);
      if (isClosing) triesLeft--;
      reader.goBack(applier.appliedGroup, segmentNumber);
      tried = nextBatch(reader);
    }
  }
  return null;
}

function run(applier: Applier, reader: JournalReader): void {
  for (;;) {
    const wakes = progress.wakes("apply");
    readMailbox();
    const batch = nextBatch(reader);
    const didApply = !batch.isEmpty;
    const applied = didApply ? applyAll(applier, reader, batch) : batch;
    if (applied === null) return;
    const didTidy = !isClosing && !applied.isFull && applier.tidy();
    if (didApply || didTidy) {
      progress.setGroup("applied", applier.appliedGroup);
      report({ kind: "applied", group: applier.appliedGroup, segmentNumber: reader.segmentNumber });
      if (!applied.isFull) rest(didTidy ? stepMs : applied.bytes < smallBatchBytes ? longRestMs : restMs);
    } else if (isClosing) return;
    else progress.sleep("apply", wakes, sleepMsMax);
  }
}

/**
 * Nobody waits for this thread unless it is far behind, and then the others rest: where processors are few it is to give
 * way. On two of them a tenth more is published. Elsewhere than on Linux a priority is of the whole process.
 */
function giveWay(): void {
  if (platform() === "linux") setPriority(0, constants.priority.PRIORITY_BELOW_NORMAL);
}

async function main(): Promise<void> {
  giveWay();
  const env = openEnvironment(environmentPath);
  const memory = new BlockMemory(windowBytesMin);
  const applier = new Applier(env, memory);
  const reader = new JournalReader(journalDirectory, applier.appliedGroup, memory.window);
  run(applier, reader);
  reader.close();
  await env.close();
}

main().then(
  () => report({ kind: "closed" }),
  (error: unknown) =>
    report({ kind: "failed", reason: error instanceof Error ? error.message : String(error) }),
);
