/** A stream as the bytes of a snapshot, made piece by piece while they are sent. It shows the stream as it was at first. */
import { StoredMessage } from "../../store/contract.ts";
import type { Stream } from "../stream.ts";
import {
  encodeDeadline,
  encodeMessage,
  encodeMessageId,
  encodeNamed,
  frame,
  magic,
  recordKind,
  type SnapshotHeader,
} from "./snapshot-format.ts";

/** Records that are made anew by whoever restores. */
const streamRecord = "stream";
const consumerPrefix = "c/";

export class SnapshotReader {
  readonly #records: Iterator<Buffer>;
  /** Made and not taken yet. */
  #pieces: Buffer[] = [];
  #piecesBytes = 0;
  #isDone = false;

  /**
   * What changes quickly is taken down now; messages are read when it is their turn, and may be gone by then.
   * @param withConsumers whether consumers are in it, with how far they have come
   */
  constructor(stream: Stream, withConsumers: boolean) {
    this.#records = recordsOf(stream, stream.log.state.lastSeq, namedRecords(stream, withConsumers));
  }

  /** The next so many bytes; fewer at the end, none behind it. */
  take(count: number): Buffer {
    while (this.#piecesBytes < count && !this.#isDone) this.#make();
    const all = this.#pieces.length === 1 ? (this.#pieces[0] as Buffer) : Buffer.concat(this.#pieces);
    const rest = all.subarray(Math.min(count, all.length));
    this.#pieces = [rest];
    this.#piecesBytes = rest.length;
    return all.subarray(0, count);
  }

  #make(): void {
    const next = this.#records.next();
    if (next.done === true) {
      this.#isDone = true;
      return;
    }
    this.#pieces.push(next.value);
    this.#piecesBytes += next.value.length;
  }
}

function namedRecords(stream: Stream, withConsumers: boolean): Buffer[] {
  const named: Buffer[] = [];
  for (const { name, value, changes } of stream.store.records("")) {
    if (name === streamRecord || (!withConsumers && name.startsWith(consumerPrefix))) continue;
    named.push(frame(recordKind.value, encodeNamed(name, value)));
    for (const change of changes) named.push(frame(recordKind.change, encodeNamed(name, change)));
  }
  return named;
}

function* recordsOf(stream: Stream, lastSeq: number, named: readonly Buffer[]): Generator<Buffer> {
  const { config, log } = stream;
  const header: SnapshotHeader = { version: 1, config, lastSeq };
  yield magic;
  yield frame(recordKind.header, Buffer.from(JSON.stringify(header)));
  let count = named.length;
  yield* named;
  const stored = new StoredMessage();
  for (let from = 0; log.next(from, lastSeq, null, stored); from = stored.seq + 1) {
    const { seq, timeMs, timeNs, subject, headerBytes, bytes, bodyStart, bodyEnd } = stored;
    const body = bytes.subarray(bodyStart, bodyEnd);
    yield frame(recordKind.message, encodeMessage({ seq, timeMs, timeNs, subject, headerBytes, body }));
    count++;
  }
  for (const record of closingRecords(stream, lastSeq)) {
    yield record;
    count++;
  }
  const end = Buffer.allocUnsafe(8);
  end.writeDoubleLE(count);
  yield frame(recordKind.end, end);
}

/** Gathered in one go: they change with every message. */
function closingRecords({ log }: Stream, lastSeq: number): Buffer[] {
  const records: Buffer[] = [];
  for (const kind of ["expires", "wakes"] as const) {
    for (const { atMs, seq } of log.deadlines(kind, Infinity))
      if (seq <= lastSeq) records.push(frame(recordKind.deadline, encodeDeadline(kind, atMs, seq)));
  }
  for (const { id, seq, atMs } of log.messageIds(0))
    if (seq <= lastSeq) records.push(frame(recordKind.messageId, encodeMessageId(id, seq, atMs)));
  return records;
}
