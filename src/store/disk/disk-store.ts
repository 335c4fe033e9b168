/**
 * The {@link Store} on disk: the journal decides what is durable, LMDB is where it ends up, a snapshot of it and what
 * came since is what is seen. `docs/storage.md` has the whole of it.
 */
import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import { join } from "node:path";
import { assert } from "../../base/assert.ts";
import { realDelay } from "../../base/clock.ts";
import type { Phase } from "../../base/phases.ts";
import { BlockCache } from "./block-cache.ts";
import type { Store, StoreObserver, StreamStore } from "../contract.ts";
import { DirectoryLock } from "../directory-lock.ts";
import { DiskStreamStore } from "./disk-stream-store.ts";
import type { Environment } from "../lmdb/environment.ts";
import { makeDirectory } from "../directory.ts";
import { Journal } from "../journal/journal.ts";
import {
  listSegments,
  prepareSegment,
  removeUnfinishedSegments,
  saltBytes,
} from "../journal/journal-segment.ts";
import { MemoryStreamStore } from "../memory/memory-stream-store.ts";
import { encodeCreateStream } from "../journal/operation.ts";
import { Progress } from "../journal/progress.ts";
import { openRecovered } from "../lmdb/recovery.ts";
import { removeSegments, SegmentPool } from "../journal/segment-pool.ts";
import { Snapshot } from "../lmdb/snapshot.ts";
import { StoreThreads } from "./store-threads.ts";
import type { StreamState } from "../lmdb/stream-state.ts";

export interface DiskStoreOptions {
  readonly directory: string;
  /** That the broker is to listen on, for others who want the directory. */
  readonly ports?: readonly number[];
  /** Runs the work in a phase of this pass; opens one when there is none. */
  readonly schedule: (phase: Phase, work: () => void) => void;
  /** Null: a group is durable when it is on disk. Else as soon as the operating system has it, which syncs so often. */
  readonly syncIntervalMs: number | null;
  /** The store can go on no more; nothing will be durable from now on. Called once. */
  readonly onFault: (error: Error) => void;
  /** Of what is wrong and may pass, as text for a log. */
  readonly onWarning: (text: string) => void;
  readonly segmentBytes?: number;
  /** What may wait to be applied, in memory and in the journal, before publishers are held back. */
  readonly outstandingBytesMax?: number;
  readonly blockCacheBytes?: number;
}

/** So little at first, so that a store opens at once; the next ones are made while it is used. */
const firstSegmentBytes = 1_048_576;
const segmentBytesDefault = 8_388_608;
/** In memory until it is applied, and to be applied first when a killed broker starts again: two seconds at the worst. */
const outstandingBytesMaxDefault = 33_554_432;
const blockCacheBytesDefault = 33_554_432;
const retryMs = 200;

interface Waiter {
  readonly group: number;
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

export class DiskStore implements Store {
  readonly #options: DiskStoreOptions;
  readonly #lock: DirectoryLock;
  readonly #env: Environment;
  readonly #progress: Progress;
  readonly #journal: Journal;
  readonly #threads: StoreThreads;
  readonly #snapshot: Snapshot;
  readonly #blocks: BlockCache;
  readonly #dataPath: string;
  readonly #streams = new Map<string, StreamStore>();
  readonly #observers = new Set<StoreObserver>();
  readonly #outstandingBytesMax: number;
  #nextStreamId: number;
  #waiters: Waiter[] = [];
  #drainWaiters: (() => void)[] = [];
  #warning: string | null = null;
  /** What was decided could not be written, and is tried again. */
  #isStuck = false;
  #failure: Error | null = null;
  #isClosed = false;

  /**
   * Takes the directory, which is made if there is none, and brings LMDB to the end of the journal.
   * @throws Error naming the file when another process has it, or something in it is damaged or of another version
   */
  static open(options: DiskStoreOptions): DiskStore {
    makeDirectory(options.directory);
    const lock = new DirectoryLock(options.directory, options.ports ?? []);
    try {
      return new DiskStore(options, lock);
    } catch (error) {
      lock.release();
      throw error;
    }
  }

  private constructor(options: DiskStoreOptions, lock: DirectoryLock) {
    const { directory } = options;
    this.#options = options;
    this.#lock = lock;
    this.#outstandingBytesMax = options.outstandingBytesMax ?? outstandingBytesMaxDefault;
    this.#dataPath = join(directory, "streams.mdb");
    removeUnfinishedSegments(directory);
    const { env, appliedGroup } = openRecovered(directory, this.#dataPath);
    this.#env = env;
    // All of it is in LMDB. Nothing of it may be there when the new journal is begun.
    const old = listSegments(directory);
    removeSegments(
      directory,
      old.map(({ path }) => path),
    );
    this.#snapshot = new Snapshot(env);
    this.#blocks = new BlockCache(options.blockCacheBytes ?? blockCacheBytesDefault);
    this.#progress = new Progress(undefined, appliedGroup);
    this.#journal = this.#beginJournal((old.at(-1)?.number ?? 0) + 1);
    this.#nextStreamId = this.#snapshot.nextStreamId;
    for (const { id, ...base } of this.#snapshot.streams()) this.#add(id, base.account, base.name, base);
    const paths = { journalDirectory: directory, environmentPath: this.#dataPath };
    this.#threads = new StoreThreads(this.#progress, paths, options.syncIntervalMs, {
      onSynced: (group) => this.#onSynced(group),
      onApplied: (group, segmentNumber) => this.#onApplied(group, segmentNumber),
      onDelayed: (reason) =>
        this.#warn(`streams.mdb: ${reason}; it stays in the journal until there is room`),
      onFailure: (error) => this.#fail(error),
    });
  }

  get lastGroup(): number {
    return this.#journal.lastGroup;
  }

  get durableGroup(): number {
    return this.#journal.durableGroup;
  }

  get isAboveHighWaterMark(): boolean {
    return this.#isStuck || this.#journal.outstandingBytes > this.#outstandingBytesMax;
  }

  get usage(): Store["usage"] {
    let memoryBytes = this.#blocks.memoryBytes + this.#journal.outstandingBytes;
    for (const stream of this.#streams.values())
      if (stream instanceof MemoryStreamStore) memoryBytes += stream.log.memoryBytes;
    return { diskBytes: statSync(this.#dataPath).size + this.#journal.diskBytes, memoryBytes };
  }

  streams(): Iterable<StreamStore> {
    return [...this.#streams.values()];
  }

  create(account: string, name: string, kind: "file" | "memory"): StreamStore {
    assert(!this.#streams.has(keyOf(account, name)), "a stream is created once");
    if (kind === "memory") {
      const stream = new MemoryStreamStore(account, name, kind, {
        onDecided: null,
        onDrop: (dropped) => this.#remove(dropped),
      });
      this.#streams.set(keyOf(account, name), stream);
      return stream;
    }
    const id = this.#nextStreamId++;
    encodeCreateStream(this.#journal, id, account, name);
    return this.#add(id, account, name, null);
  }

  observe(observer: StoreObserver): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  refusal(bytes: number): string | null {
    if (this.#failure !== null) return this.#failure.message;
    if (this.#isStuck) return "no space left on device";
    return this.#journal.refusal(bytes);
  }

  onDrain(callback: () => void): void {
    this.#drainWaiters.push(callback);
    if (!this.isAboveHighWaterMark) this.#options.schedule("input", () => this.#drain());
  }

  /** Rejects when the store has failed, or closes with this undone. */
  async flush(): Promise<void> {
    if (this.#failure !== null) throw this.#failure;
    const group = this.lastGroup;
    if (group <= this.durableGroup) return;
    await new Promise<void>((resolve, reject) => this.#waiters.push({ group, resolve, reject }));
  }

  /** What is decided becomes durable first, unless there is no room for it on the disk. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#endGroup();
    if (this.#failure === null) {
      await this.#threads.closeSync();
      this.#onSynced(this.#progress.group("synced"));
      this.#notify();
      await this.#threads.closeApply();
    }
    await this.#threads.terminate();
    this.#observers.clear();
    this.#rejectWaiters(this.#failure ?? new Error("the store is closed"));
    await this.#journal.close();
    this.#snapshot.close();
    await this.#env.close();
    const isWhole = this.#progress.group("applied") === this.#progress.group("written");
    const { directory } = this.#options;
    if (isWhole) {
      removeUnfinishedSegments(directory);
      removeSegments(
        directory,
        listSegments(directory).map(({ path }) => path),
      );
    }
    this.#lock.release();
  }

  #beginJournal(firstNumber: number): Journal {
    const { directory, segmentBytes = segmentBytesDefault } = this.#options;
    const salt = randomBytes(saltBytes);
    const pool = new SegmentPool({
      directory,
      salt,
      segmentBytes,
      first: prepareSegment(
        directory,
        { number: firstNumber, salt },
        Math.min(segmentBytes, firstSegmentBytes),
      ),
      onChange: () => this.#onCapacityChange(pool.problem),
    });
    return new Journal(pool, salt, this.#progress, {
      onGroup: () => this.#options.schedule("commit", () => this.#endGroup()),
      onSegment: ({ fd }) => this.#threads.useSegment(fd),
      onFailure: (error) => this.#fail(error),
    });
  }

  #add(id: number, account: string, name: string, base: StreamState | null): StreamStore {
    const stream = new DiskStreamStore({
      id,
      account,
      name,
      base,
      snapshot: this.#snapshot,
      blocks: this.#blocks,
      writer: this.#journal,
      onDrop: (dropped) => this.#remove(dropped),
    });
    this.#streams.set(keyOf(account, name), stream);
    return stream;
  }

  #remove({ account, name }: StreamStore): void {
    this.#streams.delete(keyOf(account, name));
  }

  #endGroup(): void {
    if (this.#failure !== null) return;
    const group = this.#journal.endGroup();
    if (group === null) {
      this.#onUnwritten();
      return;
    }
    this.#isStuck = false;
    if (this.#options.syncIntervalMs === null) {
      this.#progress.wake("sync");
      // A socket with much to read is read again and again before the worker's report is looked at.
      this.#onSynced(this.#progress.group("synced"));
    } else {
      this.#journal.setDurable(group);
      this.#progress.wake("apply");
      this.#options.schedule("announce", () => this.#notify());
    }
    if (this.#drainWaiters.length > 0) this.#options.schedule("input", () => this.#drain());
  }

  #onUnwritten(): void {
    if (!this.#journal.isGathering || this.#isStuck || this.#isClosed) return;
    this.#isStuck = true;
    this.#warn("no space left on device: what was decided cannot be written until there is room");
    void this.#retry();
  }

  async #retry(): Promise<void> {
    while (this.#isStuck && !this.#isClosed && this.#failure === null) {
      await realDelay(retryMs);
      this.#options.schedule("commit", () => this.#endGroup());
    }
  }

  #onCapacityChange(problem: string | null): void {
    if (problem !== null) this.#warn(`the journal: ${problem}`);
    else this.#warning = null;
  }

  #onSynced(group: number): void {
    if (this.#options.syncIntervalMs === null && group > this.durableGroup) {
      this.#journal.setDurable(group);
      this.#progress.wake("apply");
      this.#options.schedule("announce", () => this.#notify());
    }
    this.#journal.recycle();
  }

  #onApplied(group: number, segmentNumber: number): void {
    if (this.#failure !== null) return;
    this.#warning = null;
    this.#journal.onApplied(group, segmentNumber);
    this.#snapshot.renew();
    this.#journal.collectChunks(group);
    if (this.#drainWaiters.length > 0) this.#options.schedule("input", () => this.#drain());
  }

  #notify(): void {
    const group = this.durableGroup;
    for (const observer of this.#observers) observer.onDurable(group);
    if (this.#waiters.length === 0) return;
    const [due, waiting] = partition(this.#waiters, (waiter) => waiter.group <= group);
    this.#waiters = waiting;
    for (const { resolve } of due) resolve();
  }

  #drain(): void {
    if (this.isAboveHighWaterMark) return;
    const drainWaiters = this.#drainWaiters;
    this.#drainWaiters = [];
    for (const drain of drainWaiters) drain();
  }

  #warn(text: string): void {
    if (text === this.#warning) return;
    this.#warning = text;
    this.#options.onWarning(text);
  }

  #fail(error: Error): void {
    if (this.#failure !== null) return;
    this.#failure = error;
    this.#rejectWaiters(error);
    this.#options.onFault(error);
  }

  #rejectWaiters(error: Error): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const { reject } of waiters) reject(error);
  }
}

function partition<T>(all: readonly T[], takes: (one: T) => boolean): [taken: T[], others: T[]] {
  return [all.filter(takes), all.filter((one) => !takes(one))];
}

function keyOf(account: string, name: string): string {
  return JSON.stringify([account, name]);
}
