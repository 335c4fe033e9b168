/** What a log on disk is made of: what the snapshot has of it, and what came since. */
import { RemovalOverlay } from "./removal-overlay.ts";
import type { Snapshot } from "../lmdb/snapshot.ts";
import type { StreamState } from "../lmdb/stream-state.ts";
import { Tail } from "./tail.ts";

export class LogView {
  readonly id: number;
  readonly snapshot: Snapshot;
  readonly tail = new Tail();
  readonly removalOverlay = new RemovalOverlay();
  #base: StreamState | null;

  /** @param base as the snapshot has it; null for a stream that is new */
  constructor(id: number, snapshot: Snapshot, base: StreamState | null) {
    this.id = id;
    this.snapshot = snapshot;
    this.#base = base;
  }

  /** As the snapshot has it; null: not at all yet. */
  get base(): StreamState | null {
    return this.#base;
  }

  /** Of the snapshot's messages; 0: it has none. */
  get incarnation(): number {
    return this.#base?.incarnation ?? 0;
  }

  /** Messages up to here are in the snapshot, those behind in the tail. */
  get baseSeq(): number {
    return this.#base?.lastSeq ?? 0;
  }

  /** Whether the snapshot has messages that are not removed altogether. */
  get hasBase(): boolean {
    return this.#base !== null && this.#base.messages > 0 && this.removalOverlay.floor < this.#base.lastSeq;
  }

  /** Whether the snapshot has all there is: nothing came or went since. */
  get isBaseAll(): boolean {
    return this.removalOverlay.isEmpty && this.tail.firstSeq === Infinity;
  }

  /** The snapshot has moved. */
  refresh(): void {
    this.#base = this.snapshot.stream(this.id);
    this.removalOverlay.trim(this.snapshot.appliedGroup);
    this.tail.trimThrough(this.baseSeq);
  }
}
