/** A {@link MessageLog} in memory alone. */
import { countAppended } from "../log-counters.ts";
import { assert } from "../../base/assert.ts";
import {
  type DeadlineKind,
  type LogFilter,
  type LogState,
  type MessageDeadline,
  type NewMessage,
  type MessageLog,
  StoredMessage,
  type SubjectState,
  storedBytes,
} from "../contract.ts";
import { BlockPosition, MessageBlocks } from "./message-blocks.ts";
import { MessageDeadlines } from "./message-deadlines.ts";
import { MessageIds, type NotedMessageId } from "./message-ids.ts";
import { SubjectTable } from "./subject-table.ts";

/** How many messages are looked at one by one before the subjects are asked which of them a filter takes. */
const scanCountMin = 256;

class MemoryLogState implements LogState {
  messages = 0;
  bytes = 0;
  firstSeq = 0;
  lastSeq = 0;
  firstMs = 0;
  firstNs = 0;
  lastMs = 0;
  lastNs = 0;
  subjectCount = 0;
}

export class MemoryLog implements MessageLog {
  readonly kind: "file" | "memory";
  readonly #state = new MemoryLogState();
  readonly #blocks = new MessageBlocks();
  readonly #subjects = new SubjectTable();
  readonly #deadlines = new MessageDeadlines();
  readonly #ids = new MessageIds();
  readonly #onDecided: (() => void) | null;
  readonly #position = new BlockPosition();
  readonly #frame = new StoredMessage();
  #settledSeq = 0;

  /**
   * @param kind how `bytes` are counted: a broker without a disk keeps file streams here as well
   * @param onDecided called with every change; whoever passes it calls {@link settle}. Without, all is durable at once.
   */
  constructor(kind: "file" | "memory", onDecided: (() => void) | null = null) {
    this.kind = kind;
    this.#onDecided = onDecided;
  }

  get state(): LogState {
    return this.#state;
  }

  get durableSeq(): number {
    return this.#onDecided === null ? this.#state.lastSeq : this.#settledSeq;
  }

  get memoryBytes(): number {
    return this.#blocks.memoryBytes;
  }

  /** What was decided so far counts as durable. */
  settle(): void {
    this.#settledSeq = this.#state.lastSeq;
  }

  /** Frees the memory; for the end of the stream. */
  clear(): void {
    this.#blocks.clear();
    this.#subjects.clear();
    this.#deadlines.clear();
    this.#ids.clear();
    Object.assign(this.#state, new MemoryLogState());
  }

  read(seq: number, into: StoredMessage): boolean {
    return this.#blocks.find(seq, this.#position) && this.#readPosition(into);
  }

  next(fromSeq: number, throughSeq: number, filter: LogFilter | null, into: StoredMessage): boolean {
    if (filter !== null && filter.literal !== null) {
      const seq = this.#subjects.get(filter.literal)?.atOrAfter(fromSeq) ?? 0;
      return seq !== 0 && seq <= throughSeq && this.read(seq, into);
    }
    const position = this.#position;
    let budget = scanCountMin;
    let isRaised = false;
    const startSeq = Math.max(fromSeq, this.#state.firstSeq);
    for (let found = this.#blocks.seek(startSeq, position); found; found = this.#blocks.step(position)) {
      const seq = this.#blocks.seqAt(position);
      if (seq > throughSeq) return false;
      if (filter === null || this.#blocks.subjectAt(position).isTakenBy(filter))
        return this.#readPosition(into);
      if (--budget > 0) continue;
      if (isRaised) return this.#nextBySubject(seq, throughSeq, filter, into);
      // Worth it only where it costs less than what is to be looked at anyway.
      isRaised = true;
      budget = this.#subjects.candidateCount(filter);
      if (budget <= 0) return false;
    }
    return false;
  }

  last(throughSeq: number, filter: LogFilter | null, into: StoredMessage): boolean {
    if (filter !== null && filter.literal !== null) {
      const seq = this.#subjects.get(filter.literal)?.atOrBefore(throughSeq) ?? 0;
      return seq !== 0 && this.read(seq, into);
    }
    const position = this.#position;
    let budget = scanCountMin;
    let isRaised = false;
    for (
      let found = this.#blocks.seekBack(throughSeq, position);
      found;
      found = this.#blocks.stepBack(position)
    ) {
      if (filter === null || this.#blocks.subjectAt(position).isTakenBy(filter))
        return this.#readPosition(into);
      if (--budget > 0) continue;
      if (isRaised) return this.#lastBySubject(this.#blocks.seqAt(position), filter, into);
      isRaised = true;
      budget = this.#subjects.candidateCount(filter);
      if (budget <= 0) return false;
    }
    return false;
  }

  seqAtTime(timeMs: number, timeNs: number): number {
    const found = this.#blocks.seekTime(timeMs, timeNs, this.#position);
    return found ? this.#blocks.seqAt(this.#position) : this.#state.lastSeq + 1;
  }

  subject(subject: string): SubjectState | null {
    const entry = this.#subjects.get(subject);
    return entry === undefined ? null : snapshotOf(entry);
  }

  *subjects(filter: LogFilter | null): Generator<SubjectState> {
    if (filter !== null && filter.literal !== null) {
      const entry = this.#subjects.get(filter.literal);
      if (entry !== undefined) yield snapshotOf(entry);
      return;
    }
    for (const entry of this.#subjects.taken(filter)) yield snapshotOf(entry);
  }

  count(fromSeq: number, filter: LogFilter | null): number {
    if (fromSeq > this.#state.lastSeq) return 0;
    if (filter === null)
      return fromSeq <= this.#state.firstSeq ? this.#state.messages : this.#blocks.countFrom(fromSeq);
    if (filter.literal !== null) return this.#subjects.get(filter.literal)?.countFrom(fromSeq) ?? 0;
    const span = this.#state.lastSeq - Math.max(fromSeq, this.#state.firstSeq) + 1;
    if (span <= scanCountMin || span <= this.#subjects.candidateCount(filter))
      return this.#countByScan(fromSeq, filter);
    let count = 0;
    for (const entry of this.#subjects.taken(filter)) count += entry.countFrom(fromSeq);
    return count;
  }

  *deleted(): Generator<readonly [from: number, through: number]> {
    const { messages, firstSeq, lastSeq } = this.#state;
    if (messages === 0) return;
    let next = firstSeq;
    for (const [from, through] of this.#blocks.runs()) {
      if (from > next) yield [next, from - 1];
      next = through + 1;
    }
    if (next <= lastSeq) yield [next, lastSeq];
  }

  append(draft: NewMessage): number {
    const state = this.#state;
    const seq = draft.seq === 0 ? state.lastSeq + 1 : draft.seq;
    assert(seq > state.lastSeq, "sequences only rise");
    this.#blocks.append(draft, seq, this.#subjects.add(draft.subject, seq));
    state.subjectCount = this.#subjects.size;
    const bytes = storedBytes(this.kind, draft.subject.length, draft.headerBytes, payloadLength(draft));
    countAppended(state, seq, draft.timeMs, draft.timeNs, bytes);
    if (draft.messageId !== null) this.#ids.note(draft.messageId, seq, draft.timeMs);
    this.#deadlines.noteMessage("expires", draft.expiresMs, seq);
    this.#deadlines.noteMessage("wakes", draft.wakesMs, seq);
    this.#onDecided?.();
    return seq;
  }

  remove(seq: number): boolean {
    if (!this.#blocks.find(seq, this.#position)) return false;
    this.#removeAtPosition();
    if (seq === this.#state.firstSeq) this.#findFirst();
    this.#onDecided?.();
    return true;
  }

  removeThrough(seq: number): number {
    const before = this.#state.messages;
    if (seq >= this.#state.lastSeq) this.#removeAll();
    for (let from = this.#state.firstSeq; this.#blocks.seek(from, this.#position); ) {
      from = this.#blocks.seqAt(this.#position);
      if (from > seq) break;
      this.#removeAtPosition();
    }
    this.#findFirst();
    this.#raiseLast(seq);
    this.#onDecided?.();
    return before - this.#state.messages;
  }

  skipTo(nextSeq: number, timeMs = 0, timeNs = 0): void {
    const state = this.#state;
    if (nextSeq - 1 <= state.lastSeq) return;
    this.#raiseLast(nextSeq - 1);
    if (timeMs > 0) {
      state.lastMs = timeMs;
      state.lastNs = timeNs;
    }
    this.#onDecided?.();
  }

  noteMessageId(id: string, seq: number, atMs: number): void {
    this.#ids.note(id, seq, atMs);
    this.#onDecided?.();
  }

  messageIds(sinceMs: number): Iterable<NotedMessageId> {
    return this.#ids.since(sinceMs);
  }

  forgetMessageIds(beforeMs: number): void {
    this.#ids.forget(beforeMs);
  }

  deadlines(kind: DeadlineKind, throughMs: number): Iterable<MessageDeadline> {
    return this.#deadlines.due(kind, throughMs);
  }

  nextDeadlineMs(kind: DeadlineKind): number {
    return this.#deadlines.nextMs(kind);
  }

  addDeadline(deadline: MessageDeadline): void {
    this.#deadlines.add(deadline);
    this.#onDecided?.();
  }

  removeDeadline(deadline: MessageDeadline): void {
    this.#deadlines.remove(deadline);
    this.#onDecided?.();
  }

  #readPosition(into: StoredMessage): true {
    this.#blocks.readAt(this.#position, into);
    return true;
  }

  #nextBySubject(fromSeq: number, throughSeq: number, filter: LogFilter, into: StoredMessage): boolean {
    let nearest = Infinity;
    for (const entry of this.#subjects.taken(filter)) {
      const seq = entry.atOrAfter(fromSeq);
      if (seq !== 0 && seq < nearest) nearest = seq;
    }
    return nearest <= throughSeq && this.read(nearest, into);
  }

  #lastBySubject(throughSeq: number, filter: LogFilter, into: StoredMessage): boolean {
    let nearest = 0;
    for (const entry of this.#subjects.taken(filter))
      nearest = Math.max(nearest, entry.atOrBefore(throughSeq));
    return nearest !== 0 && this.read(nearest, into);
  }

  #countByScan(fromSeq: number, filter: LogFilter): number {
    const position = this.#position;
    let count = 0;
    for (let found = this.#blocks.seek(fromSeq, position); found; found = this.#blocks.step(position))
      if (this.#blocks.subjectAt(position).isTakenBy(filter)) count++;
    return count;
  }

  #removeAll(): void {
    this.#blocks.clear();
    this.#subjects.clear();
    this.#deadlines.clear();
    this.#state.messages = 0;
    this.#state.bytes = 0;
    this.#state.subjectCount = 0;
  }

  /** Leaves `firstSeq` to the caller. */
  #removeAtPosition(): void {
    const state = this.#state;
    const frame = this.#frame;
    const entry = this.#blocks.subjectAt(this.#position);
    this.#blocks.readAt(this.#position, frame);
    const { seq, headerBytes } = frame;
    const payloadBytes = frame.bodyEnd - frame.bodyStart - headerBytes;
    state.bytes -= storedBytes(this.kind, frame.subjectEnd - frame.subjectStart, headerBytes, payloadBytes);
    state.messages--;
    this.#subjects.remove(entry, seq);
    state.subjectCount = this.#subjects.size;
    this.#deadlines.forgetMessage(seq);
    this.#blocks.removeAt(this.#position);
  }

  #findFirst(): void {
    const state = this.#state;
    const frame = this.#frame;
    if (this.#blocks.seek(state.firstSeq, this.#position)) {
      this.#blocks.readAt(this.#position, frame);
      state.firstSeq = frame.seq;
      state.firstMs = frame.timeMs;
      state.firstNs = frame.timeNs;
      return;
    }
    state.firstMs = 0;
    state.firstNs = 0;
    state.firstSeq = state.lastSeq + 1;
  }

  #raiseLast(seq: number): void {
    const state = this.#state;
    if (seq <= state.lastSeq) return;
    state.lastSeq = seq;
    if (state.messages === 0) state.firstSeq = seq + 1;
  }
}

function payloadLength(draft: NewMessage): number {
  return draft.bodyEnd - draft.bodyStart - draft.headerBytes;
}

function snapshotOf({ subject, count, firstSeq, lastSeq }: SubjectState): SubjectState {
  return { subject, count, firstSeq, lastSeq };
}
