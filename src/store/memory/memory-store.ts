/**
 * A {@link Store} in memory alone, for a broker without a disk. Nothing can be lost by waiting, yet a group becomes
 * durable only at the end of its pass, so that who uses it sees the same order of events as with a disk.
 */
import { assert } from "../../base/assert.ts";
import type { Phase } from "../../base/phases.ts";
import type { Store, StoreObserver, StreamStore } from "../contract.ts";
import { MemoryStreamStore } from "./memory-stream-store.ts";

export class MemoryStore implements Store {
  readonly isAboveHighWaterMark = false;
  readonly #schedule: (phase: Phase, work: () => void) => void;
  readonly #streams = new Map<string, MemoryStreamStore>();
  readonly #observers = new Set<StoreObserver>();
  /** Those with something in the group that is being gathered. */
  readonly #changed = new Set<MemoryStreamStore>();
  #flushed: (() => void)[] = [];
  #lastGroup = 0;
  #durableGroup = 0;

  /** @param schedule runs the work in a phase of this pass */
  constructor(schedule: (phase: Phase, work: () => void) => void) {
    this.#schedule = schedule;
  }

  get lastGroup(): number {
    return this.#lastGroup;
  }

  get durableGroup(): number {
    return this.#durableGroup;
  }

  get usage(): Store["usage"] {
    let memoryBytes = 0;
    for (const { log } of this.#streams.values()) memoryBytes += log.memoryBytes;
    return { diskBytes: 0, memoryBytes };
  }

  streams(): Iterable<StreamStore> {
    return [...this.#streams.values()];
  }

  create(account: string, name: string, kind: "file" | "memory"): StreamStore {
    const key = keyOf(account, name);
    assert(!this.#streams.has(key), "a stream is created once");
    const stream = new MemoryStreamStore(account, name, kind, {
      onDecided: (changed) => this.#decide(changed),
      onDrop: (dropped) => this.#streams.delete(keyOf(dropped.account, dropped.name)),
    });
    this.#streams.set(key, stream);
    this.#decide(stream);
    return stream;
  }

  observe(observer: StoreObserver): () => void {
    this.#observers.add(observer);
    return () => this.#observers.delete(observer);
  }

  refusal(_bytes: number): null {
    return null;
  }

  onDrain(callback: () => void): void {
    this.#schedule("input", callback);
  }

  async flush(): Promise<void> {
    if (this.#durableGroup === this.#lastGroup) return;
    await new Promise<void>((resolve) => this.#flushed.push(resolve));
  }

  async close(): Promise<void> {
    await this.flush();
    this.#observers.clear();
  }

  #decide(stream: MemoryStreamStore): void {
    this.#changed.add(stream);
    if (this.#lastGroup !== this.#durableGroup) return;
    this.#lastGroup++;
    this.#schedule("commit", () => this.#endGroup());
  }

  #endGroup(): void {
    this.#durableGroup = this.#lastGroup;
    for (const { log } of this.#changed) log.settle();
    this.#changed.clear();
    this.#schedule("announce", () => this.#notify());
  }

  #notify(): void {
    const flushed = this.#flushed;
    this.#flushed = [];
    for (const observer of this.#observers) observer.onDurable(this.#durableGroup);
    for (const resolve of flushed) resolve();
  }
}

function keyOf(account: string, name: string): string {
  return JSON.stringify([account, name]);
}
