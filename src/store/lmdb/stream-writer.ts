/** One stream as the applier keeps it. All within transactions; {@link StreamWriter.flush} ends a batch. */
import { countAppended } from "../log-counters.ts";
import { BlockWriter } from "./block-writer.ts";
import { StoredMessage, storedBytes } from "../contract.ts";
import type { BlockMemory } from "./block-memory.ts";
import type { Environment } from "./environment.ts";
import {
  changesKey,
  changesPrefix,
  deadlineKey,
  endKey,
  keyKinds,
  messageIdsKey,
  metaKey,
  prefixKey,
  recordKey,
} from "./keys.ts";
import { encodeChanges, encodeMessageIds, type NotedId } from "./lists.ts";
import { type Operation, operationCodes } from "../journal/operation.ts";
import { Reads } from "./reads.ts";
import type { StreamState } from "./stream-state.ts";
import { encodeState } from "./stream-state.ts";
import { SubjectChanges } from "./subject-changes.ts";
import { SubjectIndex } from "./subject-index.ts";

export class StreamWriter {
  readonly #env: Environment;
  readonly #reads: Reads;
  readonly #id: number;
  readonly #state: StreamState;
  readonly #index: SubjectIndex;
  readonly #memory: BlockMemory | null;
  #blocks: BlockWriter;
  /** Of this batch. */
  readonly #changes = new SubjectChanges();
  #floor = 0;
  #firstMayBeGone = false;
  #ids: NotedId[] = [];
  #recordChanges = new Map<string, Buffer[]>();
  readonly #frame = new StoredMessage();

  constructor(env: Environment, id: number, state: StreamState, memory: BlockMemory | null) {
    this.#env = env;
    this.#memory = memory;
    this.#reads = new Reads(env);
    this.#id = id;
    this.#state = state;
    this.#index = new SubjectIndex(env);
    this.#blocks = new BlockWriter(env, state.incarnation, memory);
  }

  get incarnation(): number {
    return this.#state.incarnation;
  }

  /** @param takeIncarnation for a purge of everything */
  apply(operation: Operation, takeIncarnation: () => number): void {
    switch (operation.code) {
      case operationCodes.message:
        this.#append(operation);
        return;
      case operationCodes.remove:
        this.#remove(operation);
        return;
      case operationCodes.removeThrough:
        this.#removeThrough(operation.seq, takeIncarnation);
        return;
      case operationCodes.skip:
        this.#skip(operation);
        return;
      case operationCodes.noteMessageId:
        this.#ids.push({ id: operation.text, seq: operation.seq, atMs: operation.amount });
        return;
      case operationCodes.forgetMessageIds:
        this.#forgetIds(operation.amount);
        return;
      case operationCodes.addDeadline:
      case operationCodes.removeDeadline:
        this.#changeDeadline(operation);
        return;
      default:
        this.#changeRecord(operation);
    }
  }

  /** @param group the last one of the batch */
  flush(group: number): void {
    const state = this.#state;
    this.#blocks.flush(this.#floor, (message) => this.#onFloorRemoval(message));
    this.#index.apply(state, this.#changes.bySubject);
    this.#changes.clear();
    this.#floor = 0;
    if (this.#firstMayBeGone) this.#findFirst();
    this.#flushIds();
    this.#flushRecordChanges(group);
    this.#env.putSync(prefixKey(keyKinds.stream, this.#id), encodeState(state));
  }

  #append(operation: Operation): void {
    const state = this.#state;
    const { seq, timeMs, timeNs, textStart, textEnd, headerBytes } = operation;
    this.#blocks.append(operation);
    this.#changes.add(operation.bytes, textStart, textEnd, seq);
    const payloadBytes = operation.bodyEnd - operation.bodyStart - headerBytes;
    const bytes = storedBytes("file", textEnd - textStart, headerBytes, payloadBytes);
    countAppended(state, seq, timeMs, timeNs, bytes);
    const id = operation.messageId;
    if (id !== null) this.#ids.push({ id, seq, atMs: timeMs });
    if (operation.expiresMs > 0)
      this.#env.putSync(deadlineKey(this.#id, "expires", operation.expiresMs, seq), present);
    if (operation.wakesMs > 0)
      this.#env.putSync(deadlineKey(this.#id, "wakes", operation.wakesMs, seq), present);
  }

  #remove(operation: Operation): void {
    const state = this.#state;
    const { seq, bytes, textStart, textEnd } = operation;
    this.#blocks.remove(seq);
    this.#changes.remove(bytes, textStart, textEnd, seq);
    state.messages--;
    state.bytes -= operation.amount;
    if (seq === state.firstSeq || state.messages === 0) this.#firstMayBeGone = true;
  }

  #removeThrough(seq: number, takeIncarnation: () => number): void {
    const state = this.#state;
    if (seq >= state.lastSeq) this.#purge(takeIncarnation);
    else this.#floor = Math.max(this.#floor, seq);
    this.#firstMayBeGone = true;
    this.#raiseLast(seq);
  }

  #skip({ seq, amount, body }: Operation): void {
    this.#raiseLast(seq - 1);
    if (amount === 0) return;
    this.#state.lastMs = amount;
    this.#state.lastNs = body.readUInt32LE();
  }

  #onFloorRemoval(message: StoredMessage): void {
    const state = this.#state;
    const { seq, subjectStart, subjectEnd, headerBytes } = message;
    const payloadBytes = message.bodyEnd - message.bodyStart - headerBytes;
    state.messages--;
    state.bytes -= storedBytes("file", subjectEnd - subjectStart, headerBytes, payloadBytes);
    this.#changes.remove(message.bytes, subjectStart, subjectEnd, seq);
  }

  /** Everything goes at once: what there was is left behind in its space, which is cleared away later. */
  #purge(takeIncarnation: () => number): void {
    const state = this.#state;
    this.#env.putSync(prefixKey(keyKinds.garbage, state.incarnation), present);
    state.incarnation = takeIncarnation();
    this.#blocks = new BlockWriter(this.#env, state.incarnation, this.#memory);
    this.#changes.clear();
    this.#floor = 0;
    state.messages = state.bytes = state.subjectCount = 0;
    state.nextSubjectNumber = 1;
  }

  #raiseLast(seq: number): void {
    const state = this.#state;
    if (seq <= state.lastSeq) return;
    state.lastSeq = seq;
    if (state.messages === 0) state.firstSeq = seq + 1;
  }

  #findFirst(): void {
    const state = this.#state;
    this.#firstMayBeGone = false;
    if (state.messages > 0) {
      const first = this.#frame;
      if (!this.#blocks.first(first))
        throw new Error(`stream ${this.#id} counts ${state.messages} messages, but has none`);
      state.firstSeq = first.seq;
      state.firstMs = first.timeMs;
      state.firstNs = first.timeNs;
      return;
    }
    state.firstMs = state.firstNs = 0;
    state.firstSeq = state.lastSeq + 1;
  }

  #changeDeadline(operation: Operation): void {
    const key = deadlineKey(this.#id, operation.deadlineKind, operation.amount, operation.seq);
    if (operation.code === operationCodes.addDeadline) this.#env.putSync(key, present);
    else this.#env.removeSync(key);
  }

  #flushIds(): void {
    const last = this.#ids.at(-1);
    if (last === undefined) return;
    const lastMs = this.#ids.reduce((latest, { atMs }) => Math.max(latest, atMs), 0);
    const key = messageIdsKey(this.#id, lastMs, this.#state.messageIdRecords++);
    this.#env.putSync(key, encodeMessageIds(this.#ids));
    this.#ids = [];
  }

  #flushRecordChanges(group: number): void {
    for (const [name, changes] of this.#recordChanges) {
      const key = recordKey(this.#id, name);
      if (this.#reads.peek(key) === undefined) this.#env.putSync(key, Buffer.alloc(0));
      this.#env.putSync(changesKey(this.#id, name, group), encodeChanges(changes));
    }
    this.#recordChanges.clear();
  }

  #forgetIds(beforeMs: number): void {
    const range = {
      start: prefixKey(keyKinds.messageIds, this.#id),
      end: messageIdsKey(this.#id, beforeMs, 0),
    };
    for (const { key } of [...this.#reads.range(range)]) this.#env.removeSync(key);
  }

  #changeRecord(operation: Operation): void {
    const name = operation.text;
    if (operation.code === operationCodes.appendToRecord) {
      const changes = this.#recordChanges.get(name);
      if (changes === undefined) this.#recordChanges.set(name, [Buffer.from(operation.body)]);
      else changes.push(Buffer.from(operation.body));
      return;
    }
    this.#recordChanges.delete(name);
    const prefix = changesPrefix(this.#id, name);
    for (const { key } of [...this.#reads.range({ start: prefix, end: endKey(prefix) })])
      this.#env.removeSync(key);
    const key = recordKey(this.#id, name);
    if (operation.code === operationCodes.putRecord) this.#env.putSync(key, Buffer.from(operation.body));
    else this.#env.removeSync(key);
  }
}

/** A value for keys that say it all. LMDB takes empty ones, but not every reader can tell them from nothing. */
export const present: Buffer = Buffer.from([1]);

export const metaNames = {
  format: "format",
  applied: "applied",
  nextIncarnation: "nextSpace",
  nextStream: "nextStream",
};

export function readMeta(reads: Reads, name: string): number {
  return reads.peek(metaKey(name))?.readDoubleLE(0) ?? 0;
}

export function writeMeta(env: Environment, name: string, value: number): void {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  env.putSync(metaKey(name), bytes);
}
