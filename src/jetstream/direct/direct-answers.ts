/** What direct gets are answered with. */
import { filterOf, type SubjectFilter } from "../../subjects/filter.ts";
import { hasWildcard } from "../../subjects/subject.ts";
import { type LogFilter, type MessageLog, StoredMessage } from "../../store/contract.ts";
import type { DirectAnswer } from "./direct-answer.ts";
import type { DirectRequest } from "./direct-request.ts";

/** Where a request names no bound: what the broker would let wait for one connection. */
const bytesMaxDefault = 64 * 1024 * 1024;
/** Beyond, one walk over all subjects is less than one for each pattern. */
const walksMax = 16;
/** Subjects in the answer to one request. */
const resultsMax = 1_024;

function positionLines(pending: number, lastSeq: number): string {
  return `Nats-Num-Pending: ${pending}\r\nNats-Last-Sequence: ${lastSeq}\r\n`;
}

/** A request for one message, or for a batch of those that follow one another. */
export function answerRequest(answer: DirectAnswer, request: DirectRequest): void {
  const { log } = answer;
  const { startTime, lastFor, nextFor, noHeaders } = request;
  const { stored } = answer;
  const startSeq = startTime === null ? request.seq : log.seqAtTime(startTime.ms, startTime.ns);
  if (request.batch !== 0) return answerBatch(answer, request, startSeq);
  if (nextFor === "" && startSeq <= 0) return answerLast(answer, lastFor, noHeaders);
  const isFound =
    nextFor === ""
      ? log.read(startSeq, stored)
      : log.next(startSeq, log.state.lastSeq, filterOf([nextFor]), stored);
  if (isFound) answer.message(stored, null, noHeaders);
  else answer.status(404, "Message Not Found");
}

/** The last message of what may be a pattern. */
export function answerLast(answer: DirectAnswer, subject: string, noHeaders: boolean): void {
  const { stored, log } = answer;
  if (readLast(log, subject, stored)) answer.message(stored, null, noHeaders);
  else answer.status(404, "Message Not Found");
}

function readLast(log: MessageLog, subject: string, into: StoredMessage): boolean {
  if (hasWildcard(subject)) return log.last(log.state.lastSeq, filterOf([subject]), into);
  const last = log.subject(subject);
  return last !== null && log.read(last.lastSeq, into);
}

function answerBatch(answer: DirectAnswer, request: DirectRequest, startSeq: number): void {
  const { log } = answer;
  const filter: LogFilter | null = request.nextFor === "" ? null : filterOf([request.nextFor]);
  const { stored } = answer;
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
  answer.status(204, "EOB", positionLines(pending, lastSeq));
}

/** The last message of each of several subjects, as of some point. */
export function answerMulti(answer: DirectAnswer, request: DirectRequest): void {
  const { log } = answer;
  const { state } = log;
  let upToSeq = request.upToSeq;
  if (request.upToTime !== null) {
    const firstAfter = log.seqAtTime(request.upToTime.ms, request.upToTime.ns);
    if (firstAfter <= state.firstSeq) return answer.status(404, "No Results");
    upToSeq = firstAfter - 1;
  }
  if (upToSeq === 0) upToSeq = state.lastSeq;
  const seqs = lastSeqs(log, request.multiLast, upToSeq);
  if (seqs === null) return answer.status(413, "Too Many Results");
  if (seqs.length === 0) return answer.status(404, "No Results");
  const bytesMax = request.maxBytes === 0 ? bytesMaxDefault : request.maxBytes;
  const { stored } = answer;
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
  answer.status(204, "EOB", `${positionLines(pending, lastSeq)}Nats-UpTo-Sequence: ${upToSeq}\r\n`);
}

/** Ascending; null when there are too many. */
function lastSeqs(log: MessageLog, patterns: readonly string[], upToSeq: number): number[] | null {
  const seqs = new Set<number>();
  const stored = new StoredMessage();
  for (const filter of filtersFor(patterns)) {
    for (const { subject, firstSeq, lastSeq } of log.subjects(filter)) {
      if (lastSeq <= upToSeq) seqs.add(lastSeq);
      else if (firstSeq <= upToSeq && log.last(upToSeq, filterOf([subject]), stored)) seqs.add(stored.seq);
      if (seqs.size > resultsMax) return null;
    }
  }
  return [...seqs].sort((a, b) => a - b);
}

/** Few patterns are looked for one after the other, by what they begin with; many in one walk over all subjects. */
function filtersFor(patterns: readonly string[]): (SubjectFilter | null)[] {
  const alone = patterns.filter((pattern) => !hasWildcard(pattern));
  const wide = patterns.filter(hasWildcard);
  const wideFilters = wide.length > walksMax ? [filterOf(wide)] : wide.map((pattern) => filterOf([pattern]));
  return [...wideFilters, ...alone.map((subject) => filterOf([subject]))];
}

function sizeOf({ subjectStart, subjectEnd, bodyStart, bodyEnd }: StoredMessage): number {
  return subjectEnd - subjectStart + bodyEnd - bodyStart;
}
