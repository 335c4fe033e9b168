/** A {@link StreamStore} in memory alone. */
import { compareAsBytes } from "../../base/bytes.ts";
import type { StoredRecord, StreamStore } from "../contract.ts";
import { MemoryLog } from "./memory-log.ts";

export interface MemoryStreamHooks {
  /** Called with every change; null when all counts as durable at once. */
  readonly onDecided: ((stream: MemoryStreamStore) => void) | null;
  readonly onDrop: (stream: MemoryStreamStore) => void;
}

class MemoryRecord implements StoredRecord {
  readonly name: string;
  readonly value: Buffer;
  readonly changes: Buffer[] = [];

  constructor(name: string, value: Uint8Array) {
    this.name = name;
    this.value = Buffer.from(value);
  }
}

export class MemoryStreamStore implements StreamStore {
  readonly account: string;
  readonly name: string;
  readonly log: MemoryLog;
  readonly #records = new Map<string, MemoryRecord>();
  readonly #hooks: MemoryStreamHooks;

  constructor(account: string, name: string, kind: "file" | "memory", hooks: MemoryStreamHooks) {
    this.account = account;
    this.name = name;
    this.#hooks = hooks;
    this.log = new MemoryLog(kind, hooks.onDecided === null ? null : () => this.#decide());
  }

  record(name: string): StoredRecord | null {
    return this.#records.get(name) ?? null;
  }

  *records(prefix: string): Generator<StoredRecord> {
    const names = [...this.#records.keys()].filter((name) => name.startsWith(prefix));
    for (const name of names.sort(compareAsBytes)) {
      const record = this.#records.get(name);
      if (record !== undefined) yield record;
    }
  }

  putRecord(name: string, value: Uint8Array): void {
    this.#records.set(name, new MemoryRecord(name, value));
    this.#decide();
  }

  /** Where there is no record yet, it begins with an empty value. */
  appendToRecord(name: string, change: Uint8Array): void {
    const record = this.#records.get(name) ?? new MemoryRecord(name, Buffer.alloc(0));
    this.#records.set(name, record);
    record.changes.push(Buffer.from(change));
    this.#decide();
  }

  removeRecord(name: string): void {
    if (this.#records.delete(name)) this.#decide();
  }

  drop(): void {
    this.log.clear();
    this.#records.clear();
    this.#decide();
    this.#hooks.onDrop(this);
  }

  #decide(): void {
    this.#hooks.onDecided?.(this);
  }
}
