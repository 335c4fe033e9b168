/** The two threads of a store, as the main one sees them. */
import { Worker } from "node:worker_threads";
import type { ApplyMessage, ApplyReport, ApplyWorkerData } from "../lmdb/apply-link.ts";
import type { Progress } from "../journal/progress.ts";
import type { SyncMessage, SyncReport, SyncWorkerData } from "../journal/sync-link.ts";
import { workerUrl } from "../worker-url.ts";

export interface StoreThreadsHooks {
  onSynced(group: number): void;
  onApplied(group: number, segmentNumber: number): void;
  /** What was to be applied has to wait, since the disk is full for one. */
  onDelayed(reason: string): void;
  onFailure(error: Error): void;
}

export class StoreThreads {
  readonly #progress: Progress;
  readonly #hooks: StoreThreadsHooks;
  readonly #sync: Worker;
  readonly #apply: Worker;
  readonly #syncEnd: Promise<void>;
  readonly #applyEnd: Promise<void>;
  #closing = false;
  #isDelayed = false;

  constructor(
    progress: Progress,
    paths: Pick<ApplyWorkerData, "journalDirectory" | "environmentPath">,
    intervalMs: number | null,
    hooks: StoreThreadsHooks,
  ) {
    this.#progress = progress;
    this.#hooks = hooks;
    const syncData: SyncWorkerData = {
      progress: progress.memory,
      directory: paths.journalDirectory,
      intervalMs,
    };
    const applyData: ApplyWorkerData = { progress: progress.memory, ...paths };
    this.#sync = new Worker(workerUrl("sync-worker"), { workerData: syncData });
    this.#apply = new Worker(workerUrl("apply-worker"), { workerData: applyData });
    this.#sync.on("message", (report: SyncReport) => this.#guard(() => this.#onSyncReport(report)));
    this.#apply.on("message", (report: ApplyReport) => this.#guard(() => this.#onApplyReport(report)));
    this.#syncEnd = this.#endOf(this.#sync, "sync");
    this.#applyEnd = this.#endOf(this.#apply, "apply");
  }

  /** Groups are written to this descriptor from now on. */
  useSegment(fd: number): void {
    this.#notifySync({ kind: "segment", fd });
  }

  /** Resolves when all that was written is synced. */
  async closeSync(): Promise<void> {
    this.#closing = true;
    this.#notifySync({ kind: "close" });
    await this.#syncEnd;
  }

  /** Resolves when all that is durable is applied, or cannot be. Nothing of it is lost: it stands in the journal. */
  async closeApply(): Promise<void> {
    this.#closing = true;
    const message: ApplyMessage = { kind: "close" };
    this.#apply.postMessage(message);
    this.#progress.wake("apply");
    if (this.#isDelayed) await this.#apply.terminate();
    await this.#applyEnd;
  }

  async terminate(): Promise<void> {
    this.#closing = true;
    await Promise.all([this.#sync.terminate(), this.#apply.terminate()]);
  }

  #notifySync(message: SyncMessage): void {
    this.#sync.postMessage(message);
    this.#progress.wake("sync");
  }

  /** What fails here would end the process without a word to anybody. */
  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#hooks.onFailure(error instanceof Error ? error : new Error(String(error)));
  }

  #onSyncReport(report: SyncReport): void {
    if (report.kind === "synced") this.#hooks.onSynced(report.group);
    else if (report.kind === "failed") this.#hooks.onFailure(new Error(`the journal: ${report.reason}`));
  }

  #onApplyReport(report: ApplyReport): void {
    switch (report.kind) {
      case "applied":
        this.#isDelayed = false;
        this.#hooks.onApplied(report.group, report.segmentNumber);
        return;
      case "delayed":
        this.#isDelayed = true;
        if (this.#closing) void this.#apply.terminate();
        this.#hooks.onDelayed(report.reason);
        return;
      case "failed":
        this.#hooks.onFailure(new Error(`streams.mdb: ${report.reason}`));
        return;
      case "closed":
        return;
    }
  }

  async #endOf(worker: Worker, name: string): Promise<void> {
    worker.on("error", (error) => this.#fail(error));
    await new Promise<void>((resolve) => {
      worker.on("exit", () => {
        if (!this.#closing) this.#hooks.onFailure(new Error(`the ${name} thread of the store has ended`));
        resolve();
      });
    });
  }
}
