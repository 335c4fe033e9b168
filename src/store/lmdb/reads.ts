/** Reading LMDB: within the applier's transaction, or on one of its own that is renewed now and then. */
import type { Environment, ReadTransaction } from "./environment.ts";

export interface Entry {
  readonly key: Buffer;
  readonly value: Buffer;
}

export interface Range {
  /** The first key that counts. */
  start: Buffer;
  /** The first key behind. */
  end: Buffer;
}

interface ReadOptions {
  transaction?: ReadTransaction;
}

/** As they are; the declarations of lmdb leave the options out. */
interface BinaryGets {
  /** Of the value that was read last. */
  readonly lastSize: number;
  getBinaryFast(key: Buffer, options: ReadOptions): Buffer | undefined;
}

export class Reads {
  readonly #env: Environment & BinaryGets;
  readonly #options: ReadOptions;

  /** @param options read again with each call, so that the transaction in it can be replaced */
  constructor(env: Environment, options: ReadOptions = {}) {
    this.#env = env as Environment & BinaryGets;
    this.#options = options;
  }

  /** Valid until the next read. It may be longer than the value: what is read from it knows its own end. */
  peek(key: Buffer): Buffer | undefined {
    return this.#env.getBinaryFast(key, this.#options);
  }

  /**
   * A copy. By hand: what lmdb does for it clears the memory first, and takes half as long again.
   * @param capacity where it is put; by default memory of its own
   */
  get(key: Buffer, capacity: (size: number) => Buffer = Buffer.allocUnsafeSlow): Buffer | undefined {
    const value = this.#env.getBinaryFast(key, this.#options);
    if (value === undefined) return undefined;
    const size = this.#env.lastSize;
    const copy = capacity(size);
    // What lmdb gives says another length than it has.
    copy.set(new Uint8Array(value.buffer, value.byteOffset, size));
    return copy;
  }

  first({ start, end }: Range): Entry | null {
    for (const entry of this.#env.getRange({ start, end, limit: 1, ...this.#options })) return entryOf(entry);
    return null;
  }

  /** The last one with a key from `start` to `through`, both included. */
  last(start: Buffer, through: Buffer): Entry | null {
    const range = { start: through, end: start, reverse: true, limit: 1, ...this.#options };
    for (const entry of this.#env.getRange(range)) {
      const found = entryOf(entry);
      return Buffer.compare(found.key, start) < 0 ? null : found;
    }
    const value = this.get(start);
    return value === undefined ? null : { key: start, value };
  }

  /** Not to be carried on after the transaction was renewed. */
  *range({ start, end }: Range, limit?: number): Generator<Entry> {
    const bound = limit === undefined ? {} : { limit };
    for (const entry of this.#env.getRange({ start, end, ...bound, ...this.#options })) yield entryOf(entry);
  }

  /** From behind. */
  *rangeDown(start: Buffer, through: Buffer): Generator<Entry> {
    let reachedStart = false;
    for (const entry of this.#env.getRange({ start: through, end: start, reverse: true, ...this.#options })) {
      const found = entryOf(entry);
      reachedStart = found.key.equals(start);
      yield found;
    }
    if (reachedStart) return;
    const value = this.get(start);
    if (value !== undefined) yield { key: start, value };
  }
}

function entryOf(entry: { key: Uint8Array; value: Uint8Array }): Entry {
  return { key: bufferOf(entry.key), value: bufferOf(entry.value) };
}

function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
