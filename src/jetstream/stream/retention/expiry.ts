/**
 * Messages that go because of their age: by the stream's `max_age` or by a TTL of their own. The last of a subject may
 * leave a marker that says so. Source: ADR-43, nats-server `expireMsgs`.
 */
import { durationText, nsPerMs } from "../../../base/duration.ts";
import type { Deadline } from "../../../base/clock.ts";
import { headerValue } from "../../../protocol/headers.ts";
import { type MessageDeadline, StoredMessage } from "../../../store/contract.ts";
import { keyValue } from "../../../subjects/buckets.ts";
import { parseMessageTtl } from "../message/message-ttl.ts";
import type { PassScheduler } from "../../host.ts";
import type { CurrentConfig } from "../config/stream-config.ts";
import type { FollowedLog } from "../log/followed-log.ts";

/** So many go in one run; whoever else has work comes in between. */
const runCountMax = 10_000;
/** Up to here consumers are told of each; beyond, that all up to a sequence are gone. */
const singlyMax = 64;
/** A timer may be early by a fraction of a millisecond. */
const earlyMsMax = 0.5;

export class Expiry {
  readonly #messages: FollowedLog;
  readonly #current: CurrentConfig;
  readonly #scheduler: PassScheduler;
  readonly #leaveMarker: (subject: string, headers: Buffer) => void;
  readonly #stored = new StoredMessage();
  #deadline: Deadline | null = null;
  /** When `#deadline` is due, on the wall clock. */
  #dueMs = Infinity;
  /** Messages before this one are of no age: they never expire. */
  #ageFromSeq = 0;
  #maxAgeMs = 0;
  #markerTtlSeconds = 0;
  readonly #onDeadline = (): void => this.#run();

  /** @param leaveMarker stores a message that stands for the last one of a subject, in its place */
  constructor(
    messages: FollowedLog,
    current: CurrentConfig,
    scheduler: PassScheduler,
    leaveMarker: (subject: string, headers: Buffer) => void,
  ) {
    this.#messages = messages;
    this.#current = current;
    this.#scheduler = scheduler;
    this.#leaveMarker = leaveMarker;
    this.#read();
  }

  /** Begins, or goes on with another configuration. */
  start(): void {
    this.#read();
    this.#ageFromSeq = 0;
    this.#arm();
  }

  /** TTLs count from now on, also of what is there: what is over goes at once. */
  onTtlsAllowed(): void {
    this.#expireByTtl(this.#scheduler.clock.wallMs() + earlyMsMax, runCountMax);
  }

  close(): void {
    this.#deadline?.cancel();
    this.#deadline = null;
    this.#dueMs = Infinity;
  }

  /** A message was stored. @param expiresMs by its TTL; 0 without */
  onStored(timeMs: number, expiresMs: number): void {
    if (this.#maxAgeMs > 0 && this.#deadline === null) this.#armAt(timeMs + this.#maxAgeMs);
    if (expiresMs > 0 && expiresMs < this.#dueMs && this.#current.config.allow_msg_ttl)
      this.#armAt(expiresMs);
  }

  #read(): void {
    const { config } = this.#current;
    this.#maxAgeMs = config.max_age / nsPerMs;
    this.#markerTtlSeconds = Math.floor((config.subject_delete_marker_ttl ?? 0) / (1_000 * nsPerMs));
  }

  #run(): void {
    this.#deadline = null;
    this.#dueMs = Infinity;
    const nowMs = this.#scheduler.clock.wallMs() + earlyMsMax;
    let left = runCountMax;
    if (this.#maxAgeMs > 0) left -= this.#expireByAge(nowMs, left);
    if (left > 0 && this.#current.config.allow_msg_ttl) left -= this.#expireByTtl(nowMs, left);
    if (left > 0) this.#arm();
    else this.#armAt(0);
  }

  /** @returns how many it dealt with */
  #expireByAge(nowMs: number, countMax: number): number {
    const { log } = this.#messages;
    if (!this.#current.config.allow_msg_ttl) return this.#expireAllByAge(nowMs);
    const stored = this.#stored;
    let count = 0;
    while (count < countMax && log.next(this.#ageFromSeq, log.state.lastSeq, null, stored)) {
      if (stored.timeMs + this.#maxAgeMs > nowMs) break;
      count++;
      if (neverExpires(stored.headers)) this.#ageFromSeq = stored.seq + 1;
      else this.#expire(stored);
    }
    return count;
  }

  /** Without TTLs nothing is exempt, so that all up to a sequence go at once. */
  #expireAllByAge(nowMs: number): number {
    const { log } = this.#messages;
    const { state } = log;
    const oldestMs = nowMs - this.#maxAgeMs;
    let count = 0;
    while (count < singlyMax && state.messages > 0 && state.firstMs <= oldestMs) {
      this.#messages.remove(state.firstSeq);
      count++;
    }
    if (state.messages === 0 || state.firstMs > oldestMs) return count;
    const keptSeq = log.seqAtTime(Math.floor(oldestMs) + 1, 0);
    return count + this.#messages.removeThrough(Math.min(keptSeq - 1, state.lastSeq));
  }

  #expireByTtl(nowMs: number, countMax: number): number {
    const { log } = this.#messages;
    const due: MessageDeadline[] = [];
    for (const deadline of log.deadlines("expires", nowMs)) {
      due.push(deadline);
      if (due.length === countMax) break;
    }
    // In the order in which they were published, as markers depend on it.
    due.sort((a, b) => a.seq - b.seq);
    for (const deadline of due) {
      if (log.read(deadline.seq, this.#stored)) this.#expire(this.#stored);
      log.removeDeadline(deadline);
    }
    return due.length;
  }

  /** The last of a subject is replaced by a marker where there are markers, unless it is one itself. */
  #expire(stored: StoredMessage): void {
    const { seq, subject } = stored;
    if (this.#markerTtlSeconds > 0 && !isMarker(stored.headers)) {
      const isLast = this.#messages.log.subject(subject)?.count === 1;
      if (isLast) this.#leaveMarker(subject, this.#markerHeaders());
    }
    // A marker rolls up what it stands for; where there is none, or it was refused, the message goes by itself.
    this.#messages.remove(seq);
  }

  #markerHeaders(): Buffer {
    const ttl = durationText(this.#markerTtlSeconds * 1_000 * nsPerMs);
    return Buffer.from(
      `NATS/1.0\r\nNats-Marker-Reason: MaxAge\r\nNats-TTL: ${ttl}\r\nNats-Rollup: sub\r\n\r\n`,
      "latin1",
    );
  }

  #arm(): void {
    const { log } = this.#messages;
    // What a stream has once allowed it allows for ever.
    let dueMs = this.#current.config.allow_msg_ttl ? log.nextDeadlineMs("expires") : Infinity;
    if (this.#maxAgeMs > 0 && log.state.messages > 0) {
      const isFound = log.next(this.#ageFromSeq, log.state.lastSeq, null, this.#stored);
      if (isFound) dueMs = Math.min(dueMs, this.#stored.timeMs + this.#maxAgeMs);
    }
    if (dueMs < Infinity) this.#armAt(dueMs);
    else this.close();
  }

  #armAt(dueMs: number): void {
    const { clock } = this.#scheduler;
    this.#deadline?.cancel();
    this.#dueMs = dueMs;
    this.#deadline = this.#scheduler.after(Math.max(0, dueMs - clock.wallMs()), this.#onDeadline);
  }
}

function neverExpires(headers: Buffer | null): boolean {
  const ttl = headers === null ? null : headerValue(headers, "Nats-TTL");
  return ttl !== null && parseMessageTtl(ttl) === -1;
}

/** Source: nats-server `isSubjectDeleteMarker`. */
function isMarker(headers: Buffer | null): boolean {
  if (headers === null) return false;
  return (
    (headerValue(headers, "Nats-Marker-Reason") ?? "") !== "" ||
    headerValue(headers, keyValue.operationHeader) === keyValue.purged
  );
}
