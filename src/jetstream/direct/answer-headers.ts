/**
 * The headers of a message that a direct get answers with: its own, and behind them where it comes from. They are written as
 * bytes, since strings for each of them would be the better part of what an answer costs.
 */
import { CR, copyBytes, LF, type ViewedBytes, viewBytes, wordsOf, writeWords } from "../../base/bytes.ts";
import { writeNumber } from "../../base/digits.ts";
import { timestampBytesMax, writeTimestamp } from "../../base/timestamp.ts";
import type { StoredMessage } from "../../store/contract.ts";

/** In a batch: how many follow, and which came before. */
export interface BatchPosition {
  readonly pending: number;
  readonly lastSeq: number;
}

const plainStart = "NATS/1.0\r\n";
const sequenceField = wordsOf("\r\nNats-Sequence: ");
const timeField = wordsOf("\r\nNats-Time-Stamp: ");
const pendingField = wordsOf("\r\nNats-Num-Pending: ");
const lastField = wordsOf("\r\nNats-Last-Sequence: ");
/** Three numbers of up to 16 digits, the names before them and the line ends. */
const numbersBytesMax = 160;

export class AnswerHeaders {
  /** `NATS/1.0`, and the fields up to the subject. */
  readonly #start: ViewedBytes;
  /** @param streamName wire string */
  constructor(streamName: string) {
    const start = `${plainStart}Nats-Stream: ${streamName}\r\nNats-Subject: `;
    this.#start = viewBytes(Buffer.from(start, "latin1"));
  }

  /** What {@link write} needs at most. */
  bytesMax({ headerBytes, subjectStart, subjectEnd }: StoredMessage): number {
    const fieldBytes = this.#start.bytes.length + subjectEnd - subjectStart;
    return headerBytes + fieldBytes + timestampBytesMax + numbersBytesMax;
  }

  /** @param source of the message @returns the position after them */
  write(
    target: ViewedBytes,
    start: number,
    stored: StoredMessage,
    source: ViewedBytes,
    position: BatchPosition | null,
  ): number {
    const { bytes } = target;
    const fields = this.#start;
    const { bodyStart, headerBytes } = stored;
    let at = start;
    // The blank line at the end of its own comes behind all of them.
    if (headerBytes > 0) at = copyBytes(source, bodyStart, bodyStart + headerBytes - 2, target, at);
    at = copyBytes(fields, headerBytes > 0 ? plainStart.length : 0, fields.bytes.length, target, at);
    at = copyBytes(source, stored.subjectStart, stored.subjectEnd, target, at);
    at = writeNumber(bytes, writeWords(target, at, sequenceField), stored.seq);
    at = writeTimestamp(bytes, writeWords(target, at, timeField), stored.timeMs, stored.timeNs);
    if (position !== null) {
      at = writeNumber(bytes, writeWords(target, at, pendingField), position.pending);
      at = writeNumber(bytes, writeWords(target, at, lastField), position.lastSeq);
    }
    bytes[at++] = CR;
    bytes[at++] = LF;
    bytes[at++] = CR;
    bytes[at++] = LF;
    return at;
  }
}
