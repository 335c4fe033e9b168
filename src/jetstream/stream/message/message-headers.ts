/**
 * The headers of a published message that mean something to a stream, found in one look at the block. Reading is as
 * lenient as nats-server's: a name counts where CRLF comes before it and a colon after, with the case it is written in;
 * of several the first counts; blanks before the value do not.
 */

/** Places of {@link MessageHeaders}. */
export const field = {
  msgId: 0,
  expectedStream: 1,
  expectedLastSeq: 2,
  expectedLastSubjectSeq: 3,
  expectedLastSubjectSeqSubject: 4,
  expectedLastMsgId: 5,
  streamSource: 6,
  rollup: 7,
  ttl: 8,
  incr: 9,
  batchId: 10,
  batchSeq: 11,
  batchCommit: 12,
  schedule: 13,
  scheduleTimeZone: 14,
  scheduleTtl: 15,
  scheduleRollup: 16,
  scheduleTarget: 17,
  scheduleSource: 18,
  scheduler: 19,
  scheduleNext: 20,
  requiredApiLevel: 21,
  requestInfo: 22,
  markerReason: 23,
  counterSources: 24,
} as const;

export type Field = (typeof field)[keyof typeof field];

/** Behind `Nats-`. */
const positions: ReadonlyMap<string, number> = new Map([
  ["Msg-Id", field.msgId],
  ["Expected-Stream", field.expectedStream],
  ["Expected-Last-Sequence", field.expectedLastSeq],
  ["Expected-Last-Subject-Sequence", field.expectedLastSubjectSeq],
  ["Expected-Last-Subject-Sequence-Subject", field.expectedLastSubjectSeqSubject],
  ["Expected-Last-Msg-Id", field.expectedLastMsgId],
  ["Stream-Source", field.streamSource],
  ["Rollup", field.rollup],
  ["TTL", field.ttl],
  ["Incr", field.incr],
  ["Batch-Id", field.batchId],
  ["Batch-Sequence", field.batchSeq],
  ["Batch-Commit", field.batchCommit],
  ["Schedule", field.schedule],
  ["Schedule-Time-Zone", field.scheduleTimeZone],
  ["Schedule-TTL", field.scheduleTtl],
  ["Schedule-Rollup", field.scheduleRollup],
  ["Schedule-Target", field.scheduleTarget],
  ["Schedule-Source", field.scheduleSource],
  ["Scheduler", field.scheduler],
  ["Schedule-Next", field.scheduleNext],
  ["Required-Api-Level", field.requiredApiLevel],
  ["Request-Info", field.requestInfo],
  ["Marker-Reason", field.markerReason],
  ["Counter-Sources", field.counterSources],
]);

const nameBytesMax = 48;
const CR = 0x0d;
const LF = 0x0a;
const SPACE = 0x20;
const COLON = 0x3a;

export class MessageHeaders {
  #bytes: Buffer = Buffer.alloc(0);
  /** A bit for each place. */
  #present = 0;
  readonly #ranges = new Int32Array(positions.size * 2);

  /** Without headers. */
  clear(): void {
    this.#present = 0;
  }

  /** Looks through the block `bytes[start, end)`; the bytes are read again later, so they stay as they are until then. */
  scan(bytes: Buffer, start: number, end: number): void {
    this.#bytes = bytes;
    this.#present = 0;
    for (let at = lineAfter(bytes, start, end); at < end; at = lineAfter(bytes, at, end)) {
      // "Nats-"
      if (bytes[at] !== 0x4e || bytes[at + 1] !== 0x61 || bytes[at + 2] !== 0x74) continue;
      if (bytes[at + 3] !== 0x73 || bytes[at + 4] !== 0x2d) continue;
      const nameStart = at + 5;
      const limit = Math.min(end, nameStart + nameBytesMax);
      let colon = nameStart;
      while (colon < limit && bytes[colon] !== COLON && bytes[colon] !== CR) colon++;
      if (colon >= limit || bytes[colon] !== COLON) continue;
      const position = positions.get(bytes.latin1Slice(nameStart, colon));
      if (position !== undefined && (this.#present & (1 << position)) === 0)
        this.#note(position, colon + 1, end);
    }
  }

  /** Whether it has any that matter. */
  get isEmpty(): boolean {
    return this.#present === 0;
  }

  has(position: Field): boolean {
    return (this.#present & (1 << position)) !== 0;
  }

  /** Whether it is there and has a value. */
  hasValue(position: Field): boolean {
    return this.has(position) && this.#ranges[2 * position] !== this.#ranges[2 * position + 1];
  }

  /** Wire string; "" when it is missing or empty. */
  text(position: Field): string {
    if (!this.has(position)) return "";
    return this.#bytes.latin1Slice(this.#ranges[2 * position], this.#ranges[2 * position + 1]);
  }

  #note(position: number, from: number, end: number): void {
    const bytes = this.#bytes;
    let start = from;
    while (start < end && bytes[start] === SPACE) start++;
    let stop = start;
    while (stop < end && !(bytes[stop] === CR && stop + 1 < end && bytes[stop + 1] === LF)) stop++;
    this.#present |= 1 << position;
    this.#ranges[2 * position] = start;
    this.#ranges[2 * position + 1] = stop;
  }
}

/** Where the line after the one at `from` begins; `end` when there is none. */
function lineAfter(bytes: Buffer, from: number, end: number): number {
  for (let at = from; at + 1 < end; at++) if (bytes[at] === CR && bytes[at + 1] === LF) return at + 2;
  return end;
}

/**
 * A sequence in a header: digits alone count, and what else is there equals no sequence. Source: nats-server
 * `parseInt64`, whose -1 becomes the largest unsigned number.
 */
export function sequenceOf(text: string): number {
  return isDigits(text) ? Number(text) : Infinity;
}

export function isDigits(text: string): boolean {
  if (text === "") return false;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code < 0x30 || code > 0x39) return false;
  }
  return true;
}
