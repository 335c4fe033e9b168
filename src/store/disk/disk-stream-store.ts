/** A {@link StreamStore} on disk. */
import type { BlockCache } from "./block-cache.ts";
import type { StoredRecord, StreamStore } from "../contract.ts";
import { DiskLog } from "./disk-log.ts";
import { DiskRecords } from "./disk-records.ts";
import type { GroupWriter } from "../journal/group.ts";
import { encodeDropStream } from "../journal/operation.ts";
import type { Snapshot } from "../lmdb/snapshot.ts";
import type { StreamState } from "../lmdb/stream-state.ts";

export interface DiskStreamSettings {
  readonly id: number;
  readonly account: string;
  readonly name: string;
  readonly snapshot: Snapshot;
  readonly blocks: BlockCache;
  readonly writer: GroupWriter;
  /** As the snapshot has the stream; null for one that is new. */
  readonly base: StreamState | null;
  readonly onDrop: (stream: StreamStore) => void;
}

export class DiskStreamStore implements StreamStore {
  readonly account: string;
  readonly name: string;
  readonly log: DiskLog;
  readonly #records: DiskRecords;
  readonly #settings: DiskStreamSettings;

  constructor(settings: DiskStreamSettings) {
    this.account = settings.account;
    this.name = settings.name;
    this.#settings = settings;
    this.log = new DiskLog(settings);
    this.#records = new DiskRecords(settings);
  }

  record(name: string): StoredRecord | null {
    return this.#records.record(name);
  }

  records(prefix: string): Iterable<StoredRecord> {
    return this.#records.records(prefix);
  }

  putRecord(name: string, value: Uint8Array): void {
    this.#records.putRecord(name, value);
  }

  appendToRecord(name: string, change: Uint8Array): void {
    this.#records.appendToRecord(name, change);
  }

  removeRecord(name: string): void {
    this.#records.removeRecord(name);
  }

  drop(): void {
    encodeDropStream(this.#settings.writer, this.#settings.id);
    this.log.close();
    this.#records.close();
    this.#settings.onDrop(this);
  }
}
