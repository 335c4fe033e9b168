/**
 * A {@link MessageLog} on disk. What it decides goes to the journal as operations and is kept in memory until the
 * snapshot has it; what it tells is the snapshot with these on top. Nothing is held for each subject or message beyond
 * that, but for caches with bounds.
 */
import { assert } from "../../base/assert.ts";
import { LastView } from "../../base/bytes.ts";
import { type BlockCache, CachedBlocks } from "./block-cache.ts";
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
import { DiskBlocks } from "./disk-blocks.ts";
import { DiskDeadlines } from "./disk-deadlines.ts";
import { DiskGaps } from "./disk-gaps.ts";
import { DiskMessageIds } from "./disk-message-ids.ts";
import { DiskSearch } from "./disk-search.ts";
import { DiskSubjects } from "./disk-subjects.ts";
import type { Chunk } from "../journal/chunks.ts";
import type { GroupCapacity, GroupWriter } from "../journal/group.ts";
import type { NotedId } from "../lmdb/lists.ts";
import { countAppended, type LogCounters } from "../log-counters.ts";
import { LogView } from "./log-view.ts";
import {
  encodeDeadline,
  encodeForgetMessageIds,
  encodeMessage,
  encodeNoteMessageId,
  encodeRemove,
  encodeRemoveThrough,
  encodeSkip,
  type OperationSink,
  operationCodes,
} from "../journal/operation.ts";
import type { Snapshot, SnapshotFollower } from "../lmdb/snapshot.ts";
import type { StreamState } from "../lmdb/stream-state.ts";

/** Removals from the front that span more than this are not noted one by one. */
const singlesMax = 4_096;
/** Spans up to this are counted by looking at the messages. */
const countScanMax = 1_024;

export interface DiskLogSettings {
  readonly id: number;
  readonly snapshot: Snapshot;
  readonly blocks: BlockCache;
  readonly writer: GroupWriter;
  /** As the snapshot has the stream; null for one that is new. */
  readonly base: StreamState | null;
}

export class DiskLog implements MessageLog, SnapshotFollower {
  readonly kind = "file";
  readonly #id: number;
  readonly #writer: GroupWriter;
  readonly #capacity: LastCapacity;
  readonly #view: LogView;
  readonly #cached: CachedBlocks;
  readonly #blocks: DiskBlocks;
  readonly #subjects: DiskSubjects;
  readonly #search: DiskSearch;
  readonly #gaps: DiskGaps;
  readonly #ids: DiskMessageIds;
  readonly #expires: DiskDeadlines;
  readonly #wakes: DiskDeadlines;
  readonly #state: DiskLogState;
  /** What the last sequence was at the end of each group, until it is durable. */
  #marks: { readonly group: number; seq: number }[] = [];
  #markStart = 0;
  #settledSeq: number;
  #lastGroup = 0;
  readonly #frame = new StoredMessage(true);
  /** Most messages in a row come out of one read. */
  readonly #source = new LastView();

  constructor({ id, snapshot, blocks, writer, base }: DiskLogSettings) {
    this.#id = id;
    this.#writer = writer;
    this.#capacity = new LastCapacity(writer);
    this.#view = new LogView(id, snapshot, base);
    this.#cached = new CachedBlocks(blocks);
    this.#blocks = new DiskBlocks(this.#view, this.#cached);
    this.#subjects = new DiskSubjects(this.#view);
    this.#search = new DiskSearch(this.#view, this.#blocks, this.#subjects);
    this.#gaps = new DiskGaps(this.#view, this.#blocks);
    this.#ids = new DiskMessageIds(this.#view);
    this.#expires = new DiskDeadlines(this.#view, "expires");
    this.#wakes = new DiskDeadlines(this.#view, "wakes");
    this.#state = new DiskLogState(this.#subjects, base);
    this.#settledSeq = this.#state.lastSeq;
  }

  get state(): LogState {
    return this.#state;
  }

  get durableSeq(): number {
    this.#settleMarks();
    return this.#settledSeq;
  }

  read(seq: number, into: StoredMessage): boolean {
    if (seq < this.#state.firstSeq || seq > this.#state.lastSeq) return false;
    return this.#search.read(seq, into);
  }

  next(fromSeq: number, throughSeq: number, filter: LogFilter | null, into: StoredMessage): boolean {
    const { firstSeq, lastSeq, messages } = this.#state;
    const from = Math.max(fromSeq, firstSeq);
    const through = Math.min(throughSeq, lastSeq);
    if (from > through || messages === 0) return false;
    if (filter === null) return this.#search.nextAny(from, through, into);
    if (filter.literal !== null) return this.#search.nextOf(filter.literal, from, through, into);
    return this.#search.nextTaken(from, through, filter, into);
  }

  last(throughSeq: number, filter: LogFilter | null, into: StoredMessage): boolean {
    const { firstSeq, lastSeq, messages } = this.#state;
    const through = Math.min(throughSeq, lastSeq);
    if (through < firstSeq || messages === 0) return false;
    if (filter === null) return this.#search.lastAny(through, firstSeq, into);
    if (filter.literal === null) return this.#search.lastTaken(through, firstSeq, filter, into);
    const found = this.#subjects.get(filter.literal);
    if (found === null || found.firstSeq > through) return false;
    const seq = found.lastSeq <= through ? found.lastSeq : this.#subjects.lastOf(filter.literal, through);
    return seq > 0 && this.#search.read(seq, into);
  }

  seqAtTime(timeMs: number, timeNs: number): number {
    const { firstSeq, lastSeq, messages } = this.#state;
    if (messages === 0) return lastSeq + 1;
    const frame = this.#frame;
    let low = firstSeq;
    let high = lastSeq + 1;
    while (low < high) {
      const middle = Math.floor((low + high) / 2);
      const found = this.#search.nextAny(middle, lastSeq, frame);
      if (!found || frame.timeMs > timeMs || (frame.timeMs === timeMs && frame.timeNs >= timeNs))
        high = middle;
      else low = frame.seq + 1;
    }
    return this.#search.nextAny(low, lastSeq, frame) ? frame.seq : lastSeq + 1;
  }

  subject(subject: string): SubjectState | null {
    return this.#subjects.get(subject);
  }

  subjects(filter: LogFilter | null): Iterable<SubjectState> {
    return this.#subjects.taken(filter);
  }

  count(fromSeq: number, filter: LogFilter | null): number {
    const { firstSeq, lastSeq, messages } = this.#state;
    if (fromSeq > lastSeq || messages === 0) return 0;
    if (filter === null) return this.#countAny(fromSeq);
    if (filter.literal !== null) {
      const state = this.#subjects.get(filter.literal);
      return state === null ? 0 : this.#subjects.countFrom(state, fromSeq);
    }
    const from = Math.max(fromSeq, firstSeq);
    if (lastSeq - from < countScanMax) return this.#search.countTaken(from, lastSeq, filter, this.#frame);
    // A stream is often asked with the very pattern that it takes its messages by.
    if (this.#subjects.areAllTaken(filter)) return this.#countAny(from);
    let count = 0;
    for (const state of this.#subjects.taken(filter)) count += this.#subjects.countFrom(state, from);
    return count;
  }

  *deleted(): Generator<readonly [from: number, through: number]> {
    const { firstSeq, lastSeq, messages } = this.#state;
    if (messages === 0) return;
    let next = firstSeq;
    for (const [from, through] of this.#gaps.runs(firstSeq)) {
      if (from > next) yield [next, from - 1];
      next = through + 1;
    }
    if (next <= lastSeq) yield [next, lastSeq];
  }

  append(draft: NewMessage): number {
    const state = this.#state;
    const seq = draft.seq === 0 ? state.lastSeq + 1 : draft.seq;
    assert(seq > state.lastSeq, "sequences only rise");
    const { subject, messageId, timeMs, timeNs } = draft;
    encodeMessage(this.#capacity, this.#id, seq, draft, this.#source.of(draft.bytes));
    this.#view.tail.append(seq, this.#capacity.chunk, this.#capacity.at);
    const payloadBytes = draft.bodyEnd - draft.bodyStart - draft.headerBytes;
    const bytes = storedBytes("file", subject.length, draft.headerBytes, payloadBytes);
    countAppended(state, seq, timeMs, timeNs, bytes);
    const group = this.#decide();
    this.#subjects.noteAppended(subject, seq);
    if (messageId !== null) this.#ids.note(messageId, seq, timeMs, group);
    if (draft.expiresMs > 0) this.#expires.add(draft.expiresMs, seq, group);
    if (draft.wakesMs > 0) this.#wakes.add(draft.wakesMs, seq, group);
    return seq;
  }

  remove(seq: number): boolean {
    const frame = this.#frame;
    if (!this.read(seq, frame)) return false;
    const subject = frame.subject;
    const bytes = bytesOf(frame);
    encodeRemove(this.#capacity, this.#id, seq, subject, bytes);
    this.#removeOne(seq, subject, bytes, this.#decide());
    if (seq === this.#state.firstSeq || this.#state.messages === 0) this.#findFirst();
    return true;
  }

  removeThrough(seq: number): number {
    const state = this.#state;
    const before = state.messages;
    if (seq >= state.lastSeq) {
      if (before === 0 && seq === state.lastSeq && state.firstSeq > 0) return 0;
      encodeRemoveThrough(this.#capacity, this.#id, seq, before);
      this.#removeAll(Math.max(seq, this.#view.baseSeq), this.#decide());
      this.#raiseLast(seq);
      this.#mark();
      return before;
    }
    if (seq < state.firstSeq || before === 0) return 0;
    this.#removeFront(seq);
    return before - state.messages;
  }

  skipTo(nextSeq: number, timeMs = 0, timeNs = 0): void {
    const state = this.#state;
    if (nextSeq - 1 <= state.lastSeq) return;
    encodeSkip(this.#capacity, this.#id, nextSeq, timeMs, timeNs);
    this.#raiseLast(nextSeq - 1);
    if (timeMs > 0) {
      state.lastMs = timeMs;
      state.lastNs = timeNs;
    }
    this.#decide();
  }

  noteMessageId(id: string, seq: number, atMs: number): void {
    encodeNoteMessageId(this.#capacity, this.#id, id, seq, atMs);
    this.#ids.note(id, seq, atMs, this.#decide());
  }

  messageIds(sinceMs: number): Iterable<NotedId> {
    return this.#ids.since(sinceMs);
  }

  forgetMessageIds(beforeMs: number): void {
    encodeForgetMessageIds(this.#capacity, this.#id, beforeMs);
    this.#ids.forget(beforeMs);
    this.#decide();
  }

  deadlines(kind: DeadlineKind, throughMs: number): Iterable<MessageDeadline> {
    return this.#deadlinesOf(kind).due(throughMs);
  }

  nextDeadlineMs(kind: DeadlineKind): number {
    return this.#deadlinesOf(kind).nextMs;
  }

  addDeadline(deadline: MessageDeadline): void {
    encodeDeadline(this.#capacity, operationCodes.addDeadline, this.#id, deadline);
    this.#deadlinesOf(deadline.kind).add(deadline.atMs, deadline.seq, this.#decide());
  }

  removeDeadline(deadline: MessageDeadline): void {
    encodeDeadline(this.#capacity, operationCodes.removeDeadline, this.#id, deadline);
    this.#deadlinesOf(deadline.kind).remove(deadline, this.#decide());
  }

  /** The snapshot has moved: what it has now need not be kept. */
  onRenewed(): boolean {
    const { appliedGroup } = this.#view.snapshot;
    this.#view.refresh();
    this.#ids.trim();
    this.#expires.trim();
    this.#wakes.trim();
    // Nobody may have asked for long.
    this.#settleMarks();
    return this.#lastGroup > appliedGroup;
  }

  /** Frees what it holds; for the end of the stream. */
  close(): void {
    this.#view.snapshot.unfollow(this);
    this.#cached.clear();
    this.#view.tail.clear();
    this.#subjects.forgetAll();
  }

  #countAny(fromSeq: number): number {
    const { firstSeq, lastSeq, messages } = this.#state;
    if (fromSeq <= firstSeq) return messages;
    return messages === lastSeq - firstSeq + 1 ? lastSeq - fromSeq + 1 : this.#gaps.countFrom(fromSeq);
  }

  #deadlinesOf(kind: DeadlineKind): DiskDeadlines {
    return kind === "expires" ? this.#expires : this.#wakes;
  }

  /** To be called after each operation was encoded and before anything else is. @returns its group */
  #decide(): number {
    const group = this.#writer.lastGroup;
    if (this.#lastGroup <= this.#view.snapshot.appliedGroup) this.#view.snapshot.follow(this);
    this.#lastGroup = group;
    this.#mark();
    return group;
  }

  #mark(): void {
    const last = this.#marks.at(-1);
    if (last !== undefined && last.group === this.#lastGroup) last.seq = this.#state.lastSeq;
    else this.#marks.push({ group: this.#lastGroup, seq: this.#state.lastSeq });
  }

  #settleMarks(): void {
    const { durableGroup } = this.#writer;
    const marks = this.#marks;
    // Asked for with every message that is read, and mostly there is nothing to settle.
    if (marks.length === 0) return;
    let start = this.#markStart;
    for (; start < marks.length; start++) {
      const mark = marks[start] as { group: number; seq: number };
      if (mark.group > durableGroup) break;
      this.#settledSeq = mark.seq;
    }
    this.#markStart = start;
    if (start === marks.length) {
      marks.length = 0;
      this.#markStart = 0;
    } else if (start > 1_024) {
      this.#marks = marks.slice(start);
      this.#markStart = 0;
    }
  }

  #removeOne(seq: number, subject: string, bytes: number, group: number): void {
    const state = this.#state;
    const { tail, removalOverlay, baseSeq } = this.#view;
    state.messages--;
    state.bytes -= bytes;
    removalOverlay.add(seq, subject, group);
    if (seq > baseSeq) tail.kill(tail.indexOf(seq));
    else this.#blocks.kill(seq);
    this.#subjects.noteRemoved(subject, seq);
  }

  #removeFront(seq: number): void {
    const state = this.#state;
    const frame = this.#frame;
    const isLarge = seq - state.firstSeq >= singlesMax;
    // Of a long log either what goes is looked at or what stays, whichever is less.
    const looksAtRest = isLarge && state.lastSeq - seq < seq - state.firstSeq;
    const removed: { readonly seq: number; readonly subject: string; readonly bytes: number }[] = [];
    const through = looksAtRest ? state.lastSeq : seq;
    let bytes = 0;
    let count = 0;
    for (let from = looksAtRest ? seq + 1 : state.firstSeq; this.#search.nextAny(from, through, frame); ) {
      count++;
      bytes += bytesOf(frame);
      if (!isLarge) removed.push({ seq: frame.seq, subject: frame.subject, bytes: bytesOf(frame) });
      from = frame.seq + 1;
    }
    if (looksAtRest) {
      count = state.messages - count;
      bytes = state.bytes - bytes;
    }
    encodeRemoveThrough(this.#capacity, this.#id, seq, count);
    const group = this.#decide();
    if (isLarge) {
      state.messages -= count;
      state.bytes -= bytes;
      this.#view.removalOverlay.addFloor(seq, group);
      this.#view.tail.killThrough(seq);
      this.#subjects.forgetAll();
    } else for (const one of removed) this.#removeOne(one.seq, one.subject, one.bytes, group);
    this.#findFirst();
  }

  #removeAll(floor: number, group: number): void {
    const state = this.#state;
    this.#view.removalOverlay.addFloor(floor, group);
    this.#view.tail.clear();
    this.#subjects.forgetAll();
    state.messages = state.bytes = 0;
    state.firstMs = state.firstNs = 0;
    state.firstSeq = state.lastSeq + 1;
  }

  #findFirst(): void {
    const state = this.#state;
    const frame = this.#frame;
    if (state.messages > 0 && this.#search.nextAny(state.firstSeq, state.lastSeq, frame)) {
      state.firstSeq = frame.seq;
      state.firstMs = frame.timeMs;
      state.firstNs = frame.timeNs;
      return;
    }
    assert(state.messages === 0, "a log that counts messages has a first one");
    state.firstSeq = state.lastSeq + 1;
    state.firstMs = state.firstNs = 0;
  }

  #raiseLast(seq: number): void {
    const state = this.#state;
    if (seq <= state.lastSeq) return;
    state.lastSeq = seq;
    if (state.messages === 0) state.firstSeq = seq + 1;
  }
}

class DiskLogState implements LogState, LogCounters {
  messages: number;
  bytes: number;
  firstSeq: number;
  lastSeq: number;
  firstMs: number;
  firstNs: number;
  lastMs: number;
  lastNs: number;
  declare readonly subjectCount: number;

  constructor(subjects: DiskSubjects, base: StreamState | null) {
    // Found out when asked for, since it would cost each message a look into the index; its own, to be copied like others.
    const get = (): number => (this.messages === 0 ? 0 : subjects.count());
    Object.defineProperty(this, "subjectCount", { enumerable: true, get });
    this.messages = base?.messages ?? 0;
    this.bytes = base?.bytes ?? 0;
    this.firstSeq = base?.firstSeq ?? 0;
    this.lastSeq = base?.lastSeq ?? 0;
    this.firstMs = base?.firstMs ?? 0;
    this.firstNs = base?.firstNs ?? 0;
    this.lastMs = base?.lastMs ?? 0;
    this.lastNs = base?.lastNs ?? 0;
  }
}

/** Remembers where the last operation was put. */
class LastCapacity implements OperationSink {
  readonly #writer: GroupWriter;
  #capacity: GroupCapacity | null = null;

  constructor(writer: GroupWriter) {
    this.#writer = writer;
  }

  get chunk(): Chunk {
    return (this.#capacity as GroupCapacity).chunk;
  }

  get at(): number {
    return (this.#capacity as GroupCapacity).at;
  }

  capacity(size: number): GroupCapacity {
    return (this.#capacity = this.#writer.capacity(size));
  }
}

function bytesOf(message: StoredMessage): number {
  const { subjectStart, subjectEnd, bodyStart, bodyEnd, headerBytes } = message;
  return storedBytes("file", subjectEnd - subjectStart, headerBytes, bodyEnd - bodyStart - headerBytes);
}
