/** The answers to direct gets: messages with headers that tell where they come from, and statuses. */
import { formatTimestamp } from "../../base/timestamp.ts";
import { emptyBytes } from "../../base/bytes.ts";
import { filterOf } from "../../subjects/filter.ts";
import { hasWildcard } from "../../subjects/subject.ts";
import { type LogFilter, StoredMessage } from "../../store/contract.ts";
import type { Stream } from "../stream.ts";
import type { DirectRequest } from "./direct-request.ts";

/** Where a request names no bound: what the broker would let wait for one connection. */
const bytesMaxDefault = 64 * 1024 * 1024;
/** Subjects in the answer to one request. */
const resultsMax = 1_024;

/** In a batch: how many follow, and which came before. */
interface BatchPlace {
  readonly pending: number;
  readonly lastSeq: number;
}

export class DirectAnswer {
  readonly stream: Stream;
  readonly #reply: string;

  /** @param reply wire string */
  constructor(stream: Stream, reply: string) {
    this.stream = stream;
    this.#reply = reply;
  }

  /** @param fields lines that end with CRLF */
  status(code: number, text: string, fields = ""): void {
    this.#send(emptyBytes, Buffer.from(`NATS/1.0 ${code} ${text}\r\n${fields}\r\n`, "latin1"), false);
  }

  message(stored: StoredMessage, place: BatchPlace | null, noHeaders: boolean): void {
    const { log } = this.stream;
    // What is not on disk yet could be unseen by a power cut, so it is not seen before.
    const isDurable = log.kind === "memory" || stored.seq <= log.durableSeq;
    this.#send(stored.payload, noHeaders ? null : this.#headers(stored, place), isDurable && place === null);
  }

  #headers(stored: StoredMessage, place: BatchPlace | null): Buffer {
    const fields =
      `Nats-Stream: ${this.stream.wireName}\r\nNats-Subject: ${stored.subject}\r\n` +
      `Nats-Sequence: ${stored.seq}\r\nNats-Time-Stamp: ${formatTimestamp(stored.timeMs, stored.timeNs)}\r\n`;
    const placeFields = place === null ? "" : placeLines(place.pending, place.lastSeq);
    const added = `${fields}${placeFields}\r\n`;
    const { headers } = stored;
    if (headers === null) return Buffer.from(`NATS/1.0\r\n${added}`, "latin1");
    return Buffer.concat([headers.subarray(0, headers.length - 2), Buffer.from(added, "latin1")]);
  }

  #send(payload: Buffer, headers: Buffer | null, isDurable: boolean): void {
    const { answers, account } = this.stream.account;
    if (isDurable || this.stream.log.kind === "memory")
      answers.publishSoon(account, this.#reply, payload, headers);
    else answers.publish(account, this.#reply, payload, headers);
  }
}

export function placeLines(pending: number, lastSeq: number): string {
  return `Nats-Num-Pending: ${pending}\r\nNats-Last-Sequence: ${lastSeq}\r\n`;
}

/** A request for one message, or for a batch of those that follow one another. */
export function answerRequest(answer: DirectAnswer, request: DirectRequest): void {
  const { log } = answer.stream;
  const { startTime, lastFor, nextFor, noHeaders } = request;
  const stored = new StoredMessage();
  const startSeq = startTime === null ? request.seq : log.seqAtTime(startTime.ms, startTime.ns);
  if (request.batch !== 0) return answerBatch(answer, request, startSeq);
  let isFound: boolean;
  if (nextFor !== "") isFound = log.next(startSeq, log.state.lastSeq, filterOf([nextFor]), stored);
  else if (startSeq > 0) isFound = log.read(startSeq, stored);
  else isFound = readLast(answer.stream, lastFor, stored);
  if (isFound) answer.message(stored, null, noHeaders);
  else answer.status(404, "Message Not Found");
}

function readLast({ log }: Stream, subject: string, into: StoredMessage): boolean {
  if (hasWildcard(subject)) return log.last(log.state.lastSeq, filterOf([subject]), into);
  const last = log.subject(subject);
  return last !== null && log.read(last.lastSeq, into);
}

function answerBatch(answer: DirectAnswer, request: DirectRequest, startSeq: number): void {
  const { log } = answer.stream;
  const filter: LogFilter | null = request.nextFor === "" ? null : filterOf([request.nextFor]);
  const stored = new StoredMessage();
  const bytesMax = request.maxBytes === 0 ? bytesMaxDefault : request.maxBytes;
  let pending = log.count(startSeq, filter);
  let lastSeq = 0;
  let bytes = 0;
  for (let sent = 0, seq = startSeq; sent < request.batch; sent++, seq = lastSeq + 1) {
    if (!log.next(seq, log.state.lastSeq, filter, stored)) {
      if (sent === 0) return answer.status(404, "Message Not Found");
      break;
    }
    // nats-server counts down only what it writes into headers.
    if (!request.noHeaders && pending > 0) pending--;
    answer.message(stored, { pending, lastSeq }, request.noHeaders);
    lastSeq = stored.seq;
    bytes += sizeOf(stored);
    if (bytes >= bytesMax) break;
  }
  answer.status(204, "EOB", placeLines(pending, lastSeq));
}

/** The last message of each of several subjects, as of some point. */
export function answerMulti(answer: DirectAnswer, request: DirectRequest): void {
  const { log } = answer.stream;
  const { state } = log;
  let upToSeq = request.upToSeq;
  if (request.upToTime !== null) {
    const firstAfter = log.seqAtTime(request.upToTime.ms, request.upToTime.ns);
    if (firstAfter <= state.firstSeq) return answer.status(404, "No Results");
    upToSeq = firstAfter - 1;
  }
  if (upToSeq === 0) upToSeq = state.lastSeq;
  const seqs = lastSeqs(answer.stream, request.multiLast, upToSeq);
  if (seqs === null) return answer.status(413, "Too Many Results");
  if (seqs.length === 0) return answer.status(404, "No Results");
  const bytesMax = request.maxBytes === 0 ? bytesMaxDefault : request.maxBytes;
  const stored = new StoredMessage();
  let pending = seqs.length;
  let lastSeq = 0;
  let bytes = 0;
  let sent = 0;
  for (const seq of seqs) {
    pending--;
    if (seq < request.seq) continue;
    if (!log.read(seq, stored)) return answer.status(404, "Message Not Found");
    answer.message(stored, { pending, lastSeq }, false);
    lastSeq = seq;
    bytes += sizeOf(stored);
    sent++;
    if (bytes >= bytesMax || (request.batch > 0 && sent >= request.batch)) break;
  }
  answer.status(204, "EOB", `${placeLines(pending, lastSeq)}Nats-UpTo-Sequence: ${upToSeq}\r\n`);
}

/** Ascending; null when there are too many. */
function lastSeqs({ log }: Stream, patterns: readonly string[], upToSeq: number): number[] | null {
  const seqs = new Set<number>();
  const stored = new StoredMessage();
  for (const pattern of patterns) {
    for (const { subject, firstSeq, lastSeq } of log.subjects(filterOf([pattern]))) {
      if (lastSeq <= upToSeq) seqs.add(lastSeq);
      else if (firstSeq <= upToSeq && log.last(upToSeq, filterOf([subject]), stored)) seqs.add(stored.seq);
      if (seqs.size > resultsMax) return null;
    }
  }
  return [...seqs].sort((a, b) => a - b);
}

function sizeOf({ subjectStart, subjectEnd, bodyStart, bodyEnd }: StoredMessage): number {
  return subjectEnd - subjectStart + bodyEnd - bodyStart;
}
