/**
 * Carries the groups of the journal out on LMDB. The number of the last one is written in the same transaction, so each
 * group is carried out once, whatever happens in between.
 */
import type { BlockMemory } from "./block-memory.ts";
import type { Environment } from "./environment.ts";
import type { JournalGroup } from "../journal/group.ts";
import { endKey, type KeyKind, keyKinds, prefixKey, incarnationKinds, streamKinds } from "./keys.ts";
import { decodeOperation, Operation, operationCodes } from "../journal/operation.ts";
import { Reads } from "./reads.ts";
import { decodeState, encodeState, freshState } from "./stream-state.ts";
import { metaNames, present, readMeta, StreamWriter, writeMeta } from "./stream-writer.ts";

/** Streams that are kept at hand from batch to batch; each holds its last block. */
const writersMax = 256;
/** Keys that {@link Applier.tidy} removes in one transaction. */
const tidyKeysMax = 2_000;

export class Applier {
  readonly #env: Environment;
  readonly #reads: Reads;
  /** Null: there is no such stream. */
  #writers = new Map<number, StreamWriter | null>();
  #touched = new Set<StreamWriter>();
  #appliedGroup: number;
  #mayHaveGarbage = true;
  readonly #operation = new Operation();
  readonly #memory: BlockMemory | null;
  /** The one that the last operation was for. */
  #writer: StreamWriter | null = null;
  #writerId = 0;
  readonly #takesIncarnation = () => this.#takeIncarnation();

  /** @param memory for the blocks of a batch; it may hold the groups as well */
  constructor(env: Environment, memory: BlockMemory | null = null) {
    this.#env = env;
    this.#memory = memory;
    this.#reads = new Reads(env);
    this.#appliedGroup = readMeta(this.#reads, metaNames.applied);
  }

  /** The last group that LMDB has. */
  get appliedGroup(): number {
    return this.#appliedGroup;
  }

  /**
   * All of them in one transaction, within which they are asked for; those that LMDB has already are passed over. Throws
   * what lmdb throws, for one that the disk is full; then nothing has happened, and the same groups may be tried again.
   */
  apply(groups: Iterable<JournalGroup>): void {
    try {
      const last = this.#env.transactionSync(() => this.#applyWithin(groups));
      this.#appliedGroup = last;
      if (this.#writers.size > writersMax) this.#writers.clear();
    } catch (error) {
      // They hold what was not to be.
      this.#writers.clear();
      throw error;
    } finally {
      this.#writer = null;
      this.#memory?.reset();
      this.#touched.clear();
    }
  }

  /** Removes a slice of what dropped streams and purges have left behind. @returns whether there is more */
  tidy(): boolean {
    if (!this.#mayHaveGarbage) return false;
    this.#mayHaveGarbage = this.#env.transactionSync(() => this.#tidyWithin());
    return this.#mayHaveGarbage;
  }

  #applyWithin(groups: Iterable<JournalGroup>): number {
    const operation = this.#operation;
    let last = this.#appliedGroup;
    for (const group of groups) {
      if (group.number <= last) continue;
      for (let at = group.start; at < group.end; ) {
        at = decodeOperation(group, at, group.end, operation);
        this.#applyOne(operation);
      }
      last = group.number;
    }
    for (const writer of this.#touched) writer.flush(last);
    writeMeta(this.#env, metaNames.applied, last);
    return last;
  }

  #applyOne(operation: Operation): void {
    if (operation.code === operationCodes.createStream) {
      this.#create(operation);
      return;
    }
    const { streamId } = operation;
    if (
      this.#writer !== null &&
      this.#writerId === streamId &&
      operation.code !== operationCodes.dropStream
    ) {
      this.#writer.apply(operation, this.#takesIncarnation);
      return;
    }
    const writer = this.#writerOf(streamId);
    // Dropped, with something left over that a timer decided afterwards.
    if (writer === null) return;
    if (operation.code === operationCodes.dropStream) {
      this.#drop(streamId, writer);
      return;
    }
    this.#touched.add(writer);
    this.#writer = writer;
    this.#writerId = streamId;
    writer.apply(operation, this.#takesIncarnation);
  }

  #writerOf(id: number): StreamWriter | null {
    let writer = this.#writers.get(id);
    if (writer !== undefined) return writer;
    const value = this.#reads.get(prefixKey(keyKinds.stream, id));
    writer = value === undefined ? null : new StreamWriter(this.#env, id, decodeState(value), this.#memory);
    this.#writers.set(id, writer);
    return writer;
  }

  #create(operation: Operation): void {
    const { streamId } = operation;
    const state = freshState(operation.body.utf8Slice(), operation.text, this.#takeIncarnation());
    this.#writer = null;
    const writer = new StreamWriter(this.#env, streamId, state, this.#memory);
    this.#env.putSync(prefixKey(keyKinds.stream, streamId), encodeState(state));
    this.#writers.set(streamId, writer);
    const next = readMeta(this.#reads, metaNames.nextStream);
    writeMeta(this.#env, metaNames.nextStream, Math.max(next, streamId + 1));
  }

  #drop(id: number, writer: StreamWriter): void {
    this.#writer = null;
    this.#touched.delete(writer);
    this.#writers.set(id, null);
    this.#env.putSync(prefixKey(keyKinds.garbage, writer.incarnation), present);
    this.#env.removeSync(prefixKey(keyKinds.stream, id));
    this.#env.putSync(prefixKey(keyKinds.dropped, id), present);
    this.#mayHaveGarbage = true;
  }

  #takeIncarnation(): number {
    // A purge has left its old one behind.
    this.#mayHaveGarbage = true;
    const incarnation = Math.max(1, readMeta(this.#reads, metaNames.nextIncarnation));
    writeMeta(this.#env, metaNames.nextIncarnation, incarnation + 1);
    return incarnation;
  }

  #tidyWithin(): boolean {
    const prefix = Buffer.from([keyKinds.garbage]);
    const entry = this.#reads.first({ start: prefix, end: Buffer.from([keyKinds.dropped + 1]) });
    if (entry === null) return false;
    const kinds = entry.key[0] === keyKinds.garbage ? incarnationKinds : streamKinds;
    const owner = entry.key.readUInt32BE(1);
    let left = tidyKeysMax;
    for (const kind of kinds) {
      left -= this.#removeSome(kind, owner, left);
      if (left <= 0) return true;
    }
    this.#env.removeSync(entry.key);
    return true;
  }

  #removeSome(kind: KeyKind, owner: number, countMax: number): number {
    const start = prefixKey(kind, owner);
    const keys: Buffer[] = [];
    for (const { key } of this.#reads.range({ start, end: endKey(start) })) {
      if (keys.length >= countMax) break;
      keys.push(key);
    }
    for (const key of keys) this.#env.removeSync(key);
    return keys.length;
  }
}
