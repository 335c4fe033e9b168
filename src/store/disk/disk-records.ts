/** The records of one stream on disk: the snapshot's, and what was done to them since. */
import { compareAsBytes } from "../../base/bytes.ts";
import type { StoredRecord } from "../contract.ts";
import type { GroupWriter } from "../journal/group.ts";
import { changesPrefix, endKey, nameOfRecordKey, recordKey } from "../lmdb/keys.ts";
import { decodeChanges } from "../lmdb/lists.ts";
import { encodeAppendToRecord, encodePutRecord, encodeRemoveRecord } from "../journal/operation.ts";
import type { Snapshot, SnapshotFollower } from "../lmdb/snapshot.ts";

interface Pending {
  readonly group: number;
  readonly kind: "put" | "append" | "remove";
  readonly bytes: Buffer;
}

const nothing = Buffer.alloc(0);

export class DiskRecords implements SnapshotFollower {
  readonly #id: number;
  readonly #snapshot: Snapshot;
  readonly #writer: GroupWriter;
  /** Of each name in the order of their groups, until the snapshot has them. */
  readonly #pending = new Map<string, Pending[]>();

  constructor({ id, snapshot, writer }: { id: number; snapshot: Snapshot; writer: GroupWriter }) {
    this.#id = id;
    this.#snapshot = snapshot;
    this.#writer = writer;
  }

  record(name: string): StoredRecord | null {
    return this.#withPending(name, this.#base(name));
  }

  /** Whose names begin with `prefix`, in the order of their bytes. */
  *records(prefix: string): Generator<StoredRecord> {
    const start = recordKey(this.#id, prefix);
    const names = new Set<string>();
    for (const { key } of this.#snapshot.reads.range({ start, end: endKey(start) }))
      names.add(nameOfRecordKey(key));
    const known = names.size;
    for (const name of this.#pending.keys()) if (name.startsWith(prefix)) names.add(name);
    const ordered = names.size === known ? [...names] : [...names].sort(compareAsBytes);
    for (const name of ordered) {
      const record = this.record(name);
      if (record !== null) yield record;
    }
  }

  putRecord(name: string, value: Uint8Array): void {
    encodePutRecord(this.#writer, this.#id, name, value);
    this.#decide(name, "put", Buffer.from(value));
  }

  /** Where there is no record yet, it begins with an empty value. */
  appendToRecord(name: string, change: Uint8Array): void {
    encodeAppendToRecord(this.#writer, this.#id, name, change);
    this.#decide(name, "append", Buffer.from(change));
  }

  removeRecord(name: string): void {
    if (this.record(name) === null) return;
    encodeRemoveRecord(this.#writer, this.#id, name);
    this.#decide(name, "remove", nothing);
  }

  onRenewed(): boolean {
    const { appliedGroup } = this.#snapshot;
    for (const [name, pending] of this.#pending) {
      const left = pending.findIndex(({ group }) => group > appliedGroup);
      if (left === -1) this.#pending.delete(name);
      else if (left > 0) pending.splice(0, left);
    }
    return this.#pending.size > 0;
  }

  /** For the end of the stream. */
  close(): void {
    this.#snapshot.unfollow(this);
    this.#pending.clear();
  }

  #decide(name: string, kind: Pending["kind"], bytes: Buffer): void {
    if (this.#pending.size === 0) this.#snapshot.follow(this);
    const pending = this.#pending.get(name);
    const one = { group: this.#writer.lastGroup, kind, bytes };
    if (pending === undefined) this.#pending.set(name, [one]);
    else pending.push(one);
  }

  #base(name: string): StoredRecord | null {
    const { reads } = this.#snapshot;
    const value = reads.get(recordKey(this.#id, name));
    if (value === undefined) return null;
    const prefix = changesPrefix(this.#id, name);
    const changes: Buffer[] = [];
    for (const entry of reads.range({ start: prefix, end: endKey(prefix) }))
      changes.push(...decodeChanges(entry.value));
    return { name, value, changes };
  }

  #withPending(name: string, base: StoredRecord | null): StoredRecord | null {
    const pending = this.#pending.get(name);
    if (pending === undefined) return base;
    let value = base?.value ?? null;
    let changes = base === null ? [] : [...base.changes];
    for (const { kind, bytes } of pending) {
      if (kind === "append") {
        value ??= nothing;
        changes.push(bytes);
        continue;
      }
      value = kind === "put" ? bytes : null;
      changes = [];
    }
    return value === null ? null : { name, value, changes };
  }
}
