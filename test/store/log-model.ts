/** What a message log is, in the slowest and plainest way: an array of messages. */
import { expect } from "vitest";
import { SubjectFilter } from "../../src/subjects/filter.ts";
import {
  type DeadlineKind,
  type LogFilter,
  type MessageDeadline,
  type MessageLog,
  StoredMessage,
  storedBytes,
} from "../../src/store/contract.ts";

export interface ModelMessage {
  readonly seq: number;
  readonly subject: string;
  readonly headers: string;
  readonly payload: string;
  readonly timeMs: number;
  readonly timeNs: number;
}

export interface ModelDraft extends Omit<ModelMessage, "seq"> {
  /** How many sequences are left out before it. */
  readonly gap: number;
  readonly messageId: string | null;
  readonly expiresMs: number;
  readonly wakesMs: number;
}

export class LogModel {
  messages: ModelMessage[] = [];
  lastSeq = 0;
  lastMs = 0;
  lastNs = 0;
  hasBegun = false;
  ids: { id: string; seq: number; atMs: number }[] = [];
  forgottenMs = 0;
  deadlines: MessageDeadline[] = [];

  append(draft: ModelDraft): number {
    const seq = this.lastSeq + 1 + draft.gap;
    const { subject, headers, payload, timeMs, timeNs } = draft;
    this.messages.push({ seq, subject, headers, payload, timeMs, timeNs });
    this.lastSeq = seq;
    this.lastMs = timeMs;
    this.lastNs = timeNs;
    if (draft.messageId !== null) this.ids.push({ id: draft.messageId, seq, atMs: timeMs });
    if (draft.expiresMs > 0) this.addDeadline({ kind: "expires", atMs: draft.expiresMs, seq });
    if (draft.wakesMs > 0) this.addDeadline({ kind: "wakes", atMs: draft.wakesMs, seq });
    return seq;
  }

  remove(seq: number): boolean {
    const before = this.messages.length;
    this.messages = this.messages.filter((message) => message.seq !== seq);
    return this.messages.length < before;
  }

  removeThrough(seq: number): number {
    const before = this.messages.length;
    this.messages = this.messages.filter((message) => message.seq > seq);
    this.hasBegun ||= seq >= this.lastSeq;
    this.skipTo(seq + 1);
    return before - this.messages.length;
  }

  skipTo(nextSeq: number, timeMs = 0, timeNs = 0): void {
    if (nextSeq - 1 <= this.lastSeq) return;
    this.lastSeq = nextSeq - 1;
    if (timeMs === 0) return;
    this.lastMs = timeMs;
    this.lastNs = timeNs;
  }

  forgetMessageIds(beforeMs: number): void {
    this.forgottenMs = Math.max(this.forgottenMs, beforeMs);
  }

  addDeadline(deadline: MessageDeadline): void {
    this.removeDeadline(deadline);
    this.deadlines.push(deadline);
  }

  removeDeadline({ kind, atMs, seq }: MessageDeadline): void {
    this.deadlines = this.deadlines.filter(
      (other) => other.kind !== kind || other.atMs !== atMs || other.seq !== seq,
    );
  }

  has(seq: number): boolean {
    return this.messages.some((message) => message.seq === seq);
  }

  state(kind: "file" | "memory"): object {
    const first = this.messages[0];
    const bytes = this.messages.map(({ subject, headers, payload }) =>
      storedBytes(kind, subject.length, headers.length, payload.length),
    );
    return {
      messages: this.messages.length,
      bytes: bytes.reduce((total, one) => total + one, 0),
      firstSeq: first?.seq ?? (this.lastSeq === 0 && !this.hasBegun ? 0 : this.lastSeq + 1),
      lastSeq: this.lastSeq,
      firstMs: first?.timeMs ?? 0,
      firstNs: first?.timeNs ?? 0,
      lastMs: this.lastMs,
      lastNs: this.lastNs,
      subjectCount: new Set(this.messages.map((message) => message.subject)).size,
    };
  }

  taken(filter: LogFilter | null): ModelMessage[] {
    return this.messages.filter((message) => filter === null || filter.matches(message.subject));
  }

  subjects(filter: LogFilter | null): object[] {
    const taken = this.taken(filter);
    const names = [...new Set(taken.map((message) => message.subject))];
    names.sort((a, b) => Buffer.compare(Buffer.from(a, "latin1"), Buffer.from(b, "latin1")));
    return names.map((subject) => {
      const seqs = taken.filter((message) => message.subject === subject).map((message) => message.seq);
      return { subject, count: seqs.length, firstSeq: seqs[0], lastSeq: seqs.at(-1) };
    });
  }

  deleted(): [number, number][] {
    const first = this.messages[0];
    if (first === undefined) return [];
    const ranges: [number, number][] = [];
    let next = first.seq;
    for (const { seq } of this.messages) {
      if (seq > next) ranges.push([next, seq - 1]);
      next = seq + 1;
    }
    if (next <= this.lastSeq) ranges.push([next, this.lastSeq]);
    return ranges;
  }
}

export function plainMessage(message: StoredMessage): ModelMessage {
  return {
    seq: message.seq,
    subject: message.subject,
    headers: message.headers?.toString("latin1") ?? "",
    payload: message.payload.toString("latin1"),
    timeMs: message.timeMs,
    timeNs: message.timeNs,
  };
}

export const filters: readonly (LogFilter | null)[] = [
  null,
  new SubjectFilter(["a"]),
  new SubjectFilter(["none"]),
  new SubjectFilter(["a", "k.1", "none"]),
  new SubjectFilter(["k.*"]),
  new SubjectFilter(["k.>", "a.*", "k.1"]),
  new SubjectFilter(["*.1"]),
  new SubjectFilter(["none.*"]),
  new SubjectFilter(["\u00c3\u00a9.>", "a.b.c"]),
];

/** Everything that a log can be asked, at every place where an answer may change. */
export function compareWithModel(log: MessageLog, model: LogModel): void {
  expect({ ...log.state }).toMatchObject(model.state(log.kind));
  expect(readAll(log)).toEqual(model.messages);
  expect([...log.deleted()].map(([from, through]) => [from, through])).toEqual(model.deleted());
  for (const filter of filters) compareFilter(log, model, filter);
  const into = new StoredMessage();
  for (const { seq } of model.messages) expect(log.read(seq, into) && into.seq).toBe(seq);
  for (const [from, through] of model.deleted()) {
    expect(log.read(from, into)).toBe(false);
    expect(log.read(through, into)).toBe(false);
  }
  expect(log.read(0, into)).toBe(false);
  expect(log.read(model.lastSeq + 1, into)).toBe(false);
  compareTimes(log, model);
  compareIds(log, model);
  for (const kind of ["expires", "wakes"] as const) compareDeadlines(log, model, kind);
}

function readAll(log: MessageLog): ModelMessage[] {
  const all: ModelMessage[] = [];
  const into = new StoredMessage();
  for (let from = 0; log.next(from, Infinity, null, into); from = into.seq + 1) all.push(plainMessage(into));
  return all;
}

function compareFilter(log: MessageLog, model: LogModel, filter: LogFilter | null): void {
  const taken = model.taken(filter);
  expect([...log.subjects(filter)].map((state) => ({ ...state }))).toEqual(model.subjects(filter));
  for (const { subject } of taken.slice(0, 3)) {
    const only = new SubjectFilter([subject]);
    expect({ ...log.subject(subject) }).toEqual(model.subjects(only)[0]);
  }
  const into = new StoredMessage();
  for (const from of placesOf(model)) {
    const after = taken.filter((message) => message.seq >= from);
    const next = after[0];
    expect(log.count(from, filter)).toBe(after.length);
    expect(log.next(from, Infinity, filter, into) ? plainMessage(into) : undefined).toEqual(next);
    if (next !== undefined) {
      expect(log.next(from, next.seq - 1, filter, into)).toBe(false);
      expect(log.next(from, next.seq, filter, into)).toBe(true);
    }
    const last = taken.filter((message) => message.seq <= from).at(-1);
    expect(log.last(from, filter, into) ? plainMessage(into) : undefined).toEqual(last);
  }
}

function placesOf(model: LogModel): number[] {
  const { messages, lastSeq } = model;
  const step = Math.max(1, Math.floor(messages.length / 7));
  const some = messages.filter((_, at) => at % step === 0).flatMap(({ seq }) => [seq, seq + 1]);
  return [...new Set([0, 1, ...some, lastSeq, lastSeq + 1, Infinity])];
}

function compareTimes(log: MessageLog, model: LogModel): void {
  const step = Math.max(1, Math.floor(model.messages.length / 5));
  const times = model.messages.filter((_, at) => at % step === 0);
  const probes = times.flatMap(({ timeMs, timeNs }) => [
    [timeMs, timeNs],
    [timeMs, timeNs + 1],
    [timeMs - 1, 999_999],
  ]);
  for (const [ms, ns] of [...probes, [0, 0], [model.lastMs + 1, 0]] as [number, number][]) {
    const found = model.messages.find(({ timeMs, timeNs }) => timeMs > ms || (timeMs === ms && timeNs >= ns));
    expect(log.seqAtTime(ms, ns)).toBe(found?.seq ?? model.lastSeq + 1);
  }
}

function compareIds(log: MessageLog, model: LogModel): void {
  for (const since of [model.forgottenMs, model.lastMs].filter((atMs) => atMs >= model.forgottenMs)) {
    const noted = [...log.messageIds(since)].map(({ id, seq, atMs }) => ({ id, seq, atMs }));
    expect(noted).toEqual(model.ids.filter(({ atMs }) => atMs >= since));
  }
}

function compareDeadlines(log: MessageLog, model: LogModel, kind: DeadlineKind): void {
  const added = model.deadlines.filter((deadline) => deadline.kind === kind);
  added.sort((a, b) => a.atMs - b.atMs || a.seq - b.seq);
  const expected = added.filter(({ seq }) => model.has(seq));
  for (const through of [0, expected[0]?.atMs ?? 1, Infinity]) {
    const found = [...log.deadlines(kind, through)].map(({ atMs, seq }) => ({ kind, atMs, seq }));
    const of = found.filter(({ seq }) => model.has(seq));
    expect(of).toEqual(expected.filter(({ atMs }) => atMs <= through));
    for (const one of found) expect(added).toContainEqual(one);
  }
  const next = log.nextDeadlineMs(kind);
  expect(next).toBeLessThanOrEqual(expected[0]?.atMs ?? Infinity);
  expect([...added.map(({ atMs }) => atMs), Infinity]).toContain(next);
}
