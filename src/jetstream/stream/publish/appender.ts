/**
 * Puts a message that has passed its checks into the log, with all that follows from that: what it replaces, its TTL,
 * what is republished. Source: nats-server `processJetStreamMsgWithBatch`, second half.
 */
import type { NewMessage } from "../../../store/contract.ts";
import { storedBytes } from "../../../store/contract.ts";
import type { ApiError } from "../../api-error.ts";
import type { Capacity } from "../../capacity.ts";
import type { PassScheduler } from "../../host.ts";
import { allowsRollup, type CurrentConfig } from "../config/stream-config.ts";
import type { FollowedLog } from "../log/followed-log.ts";
import type { InboundMessage } from "../message/inbound-message.ts";
import { field } from "../message/message-headers.ts";
import { parseMessageTtl } from "../message/message-ttl.ts";
import { refusals, storeFailed } from "../message/refusals.ts";
import type { Interest } from "../retention/interest.ts";
import type { Limits } from "../retention/limits.ts";
import { purge } from "../retention/purge.ts";
import { dueOf, isDue, nextIsPurge } from "../schedule/schedule-headers.ts";
import type { Duplicates } from "./duplicates.ts";
import { PassStamp } from "./pass-stamp.ts";
import { type RepublishedStream, Republisher } from "./republish.ts";

const nsPerSecond = 1_000_000_000;

export interface AppenderDependencies {
  readonly messages: FollowedLog;
  readonly current: CurrentConfig;
  readonly limits: Limits;
  readonly interest: Interest;
  readonly capacity: Capacity;
  readonly duplicates: Duplicates;
  readonly scheduler: PassScheduler;
  readonly republished: RepublishedStream;
  /** Stores a message with all that follows for the rest of the stream. @returns its sequence */
  readonly store: (message: NewMessage) => number;
}

export class Appender {
  /** Of the message that was taken last. */
  seq = 0;
  readonly #messages: FollowedLog;
  readonly #current: CurrentConfig;
  readonly #limits: Limits;
  readonly #interest: Interest;
  readonly #capacity: Capacity;
  readonly #duplicates: Duplicates;
  readonly #scheduler: PassScheduler;
  readonly #republished: RepublishedStream;
  readonly #store: (message: NewMessage) => number;
  readonly #stamp: PassStamp;
  #republisher: Republisher | null = null;

  constructor(dependencies: AppenderDependencies) {
    this.#messages = dependencies.messages;
    this.#current = dependencies.current;
    this.#limits = dependencies.limits;
    this.#interest = dependencies.interest;
    this.#capacity = dependencies.capacity;
    this.#duplicates = dependencies.duplicates;
    this.#scheduler = dependencies.scheduler;
    this.#republished = dependencies.republished;
    this.#store = dependencies.store;
    this.#stamp = new PassStamp(this.#scheduler);
    this.onUpdated();
  }

  onUpdated(): void {
    this.#republisher = Republisher.of(this.#republished, this.#current.config);
  }

  /** Null when it was taken, under {@link seq}, whether or not anybody's interest kept it. */
  take(inbound: InboundMessage): ApiError | null {
    inbound.seq = 0;
    this.#stamp.read(inbound);
    return this.takeAs(inbound);
  }

  /** As {@link take}, with the sequence and the time that it has in the stream that it comes from. */
  takeAs(inbound: InboundMessage): ApiError | null {
    const { headers } = inbound;
    inbound.messageId = headers.hasValue(field.msgId) ? headers.text(field.msgId) : null;
    inbound.expiresMs = 0;
    inbound.wakesMs = 0;
    if (this.#current.config.retention === "interest" && !this.#interest.covers(inbound.subject)) {
      this.#skip(inbound);
      return null;
    }
    const quotaError = this.#capacity.refusal(this.#bytesOf(inbound));
    const refusal = quotaError ?? (headers.isEmpty ? null : this.#readTimes(inbound));
    if (refusal !== null) return refusal;
    const full = this.#fullText(inbound);
    if (full !== null) return storeFailed(full);
    this.#append(inbound);
    return null;
  }

  #append(inbound: InboundMessage): void {
    this.#republisher?.prepare(inbound.subject);
    this.seq = this.#store(inbound);
    this.#duplicates.note(inbound.messageId, this.seq, inbound.timeMs);
    if (!inbound.headers.isEmpty && allowsRollup(this.#current.config)) this.#rollUp(inbound, 1);
    this.#republisher?.publish(inbound, this.seq);
  }

  /** Nobody wants it: its sequence is used up, its id is remembered, and its publisher hears that all is well. */
  #skip(inbound: InboundMessage): void {
    const { log } = this.#messages;
    const { messageId, timeMs, timeNs } = inbound;
    this.seq = inbound.seq === 0 ? log.state.lastSeq + 1 : inbound.seq;
    log.skipTo(this.seq + 1, timeMs, timeNs);
    this.#duplicates.note(messageId, this.seq, timeMs);
    if (messageId !== null) log.noteMessageId(messageId, this.seq, timeMs);
    if (!inbound.headers.isEmpty && allowsRollup(this.#current.config)) this.#rollUp(inbound, 0);
  }

  /** A TTL, and when a schedule is due. */
  #readTimes(inbound: InboundMessage): ApiError | null {
    const { headers, timeMs } = inbound;
    if (headers.hasValue(field.ttl)) {
      const ttl = parseMessageTtl(headers.text(field.ttl));
      if (ttl === null) return refusals.ttlInvalid;
      // Kept also where TTLs do not count, as in a mirror without them: they may be switched on later.
      if (ttl > 0) inbound.expiresMs = timeMs + 1_000 * this.#raiseTtl(inbound, ttl);
    }
    if (this.#current.config.allow_msg_schedules === true && headers.hasValue(field.schedule)) {
      const due = dueOf(headers, timeMs, this.#scheduler.clock.wallMs());
      // 0 would stand for none.
      if (isDue(due)) inbound.wakesMs = Math.max(1, due.atMs);
    }
    return null;
  }

  /** A message that went before the marker of the one before it would leave none itself. */
  #raiseTtl(inbound: InboundMessage, seconds: number): number {
    const { config } = this.#current;
    const least = Math.floor((config.subject_delete_marker_ttl ?? 0) / nsPerSecond);
    if (seconds >= least || config.max_msgs_per_subject === 1) return seconds;
    inbound.removeHeader("Nats-TTL");
    inbound.addHeader("Nats-TTL", String(least));
    return least;
  }

  #fullText(inbound: InboundMessage): string | null {
    if (this.#current.config.discard !== "new") return null;
    const isRollup = inbound.headers.hasValue(field.rollup);
    return this.#limits.refusal(inbound.subject, this.#bytesOf(inbound), isRollup);
  }

  #bytesOf({ subject, headerBytes, payloadBytes }: InboundMessage): number {
    return storedBytes(this.#messages.log.kind, subject.length, headerBytes, payloadBytes);
  }

  #rollUp({ headers, subject }: InboundMessage, keep: number): void {
    if (headers.hasValue(field.rollup)) {
      const rollup = headers.text(field.rollup).toLowerCase();
      if (rollup === "sub") purge(this.#messages, { filter: subject, keep });
      else if (rollup === "all") purge(this.#messages, { keep });
    }
    if (headers.text(field.scheduleNext) !== nextIsPurge) return;
    const scheduler = headers.text(field.scheduler);
    if (scheduler !== "") purge(this.#messages, { filter: scheduler });
  }
}
