/**
 * Puts a message that has passed its checks into the log, with all that follows from that: what it replaces, its TTL,
 * what is republished. Source: nats-server `processJetStreamMsgWithBatch`, second half.
 */
import type { NewMessage } from "../../../store/contract.ts";
import { StoredMessage, storedBytes } from "../../../store/contract.ts";
import { headerValue } from "../../../protocol/headers.ts";
import type { ApiError } from "../../api-error.ts";
import { purge } from "../retention/purge.ts";
import { dueOf, isDue, nextIsPurge } from "../schedule/schedule-headers.ts";
import type { Stream } from "../stream.ts";
import type { InboundMessage } from "../message/inbound-message.ts";
import { field } from "../message/message-headers.ts";
import { parseMessageTtl } from "../message/message-ttl.ts";
import { PassStamp } from "./pass-stamp.ts";
import { refusals, storeFailed } from "../message/refusals.ts";
import { Republisher } from "./republish.ts";

const nsPerSecond = 1_000_000_000;

export class Appender {
  readonly #stream: Stream;
  readonly #draft: NewMessage = {
    subject: "",
    bytes: Buffer.alloc(0),
    bodyStart: 0,
    bodyEnd: 0,
    headerBytes: 0,
    timeMs: 0,
    timeNs: 0,
    seq: 0,
    messageId: null,
    expiresMs: 0,
    wakesMs: 0,
  };
  readonly #stamp: PassStamp;
  /** Of the message stored last; null until it is asked for. */
  #lastMsgId: string | null = null;
  /** Of the message that was taken last. */
  seq = 0;
  #republisher: Republisher | null = null;

  constructor(stream: Stream) {
    this.#stream = stream;
    this.#stamp = new PassStamp(stream.host);
    this.onUpdated();
  }

  /** Of the message stored last; "" when it had none. */
  get lastMsgId(): string {
    if (this.#lastMsgId === null) {
      const { log } = this.#stream;
      const stored = new StoredMessage();
      const headers = log.read(log.state.lastSeq, stored) ? stored.headers : null;
      this.#lastMsgId = headers === null ? "" : (headerValue(headers, "Nats-Msg-Id") ?? "");
    }
    return this.#lastMsgId;
  }

  onUpdated(): void {
    this.#republisher = Republisher.of(this.#stream, this.#stream.config);
  }

  /** Null when it was taken, under {@link seq}, whether or not anybody's interest kept it. */
  take(inbound: InboundMessage): ApiError | null {
    this.#draft.seq = 0;
    this.#stamp.read(this.#draft);
    return this.#take(inbound);
  }

  /** As {@link take}, with the sequence and the time that it has in the stream that it comes from. */
  takeAs(inbound: InboundMessage, seq: number, timeMs: number, timeNs: number): ApiError | null {
    this.#draft.seq = seq;
    this.#draft.timeMs = timeMs;
    this.#draft.timeNs = timeNs;
    return this.#take(inbound);
  }

  #take(inbound: InboundMessage): ApiError | null {
    const stream = this.#stream;
    const draft = this.#draft;
    const { headers } = inbound;
    draft.messageId = headers.hasValue(field.msgId) ? headers.text(field.msgId) : null;
    draft.expiresMs = 0;
    draft.wakesMs = 0;
    if (stream.config.retention === "interest" && !stream.hasInterest(inbound.subject)) {
      this.#skip(inbound);
      return null;
    }
    const quotaError = stream.account.storageRefusal(stream, this.#bytesOf(inbound));
    const refusal = quotaError ?? (headers.isEmpty ? null : this.#readTimes(inbound));
    if (refusal !== null) return refusal;
    const full = this.#fullText(inbound);
    if (full !== null) return storeFailed(full);
    this.#append(inbound);
    return null;
  }

  #append(inbound: InboundMessage): void {
    const stream = this.#stream;
    const draft = this.#draft;
    draft.subject = inbound.subject;
    draft.bytes = inbound.bytes;
    draft.bodyStart = inbound.bodyStart;
    draft.bodyEnd = inbound.bodyEnd;
    draft.headerBytes = inbound.headerBytes;
    this.#republisher?.prepare(inbound.subject);
    this.seq = stream.append(draft);
    if (draft.messageId === null) this.#lastMsgId = "";
    else this.#noteId(draft.messageId);
    if (!inbound.headers.isEmpty && stream.allowsRollup) this.#rollUp(inbound, 1);
    this.#republisher?.publish(draft, this.seq);
  }

  /** Nobody wants it: its sequence is used up, its id is remembered, and its publisher hears that all is well. */
  #skip(inbound: InboundMessage): void {
    const { log, allowsRollup } = this.#stream;
    const { messageId, timeMs, timeNs } = this.#draft;
    this.seq = this.#draft.seq === 0 ? log.state.lastSeq + 1 : this.#draft.seq;
    log.skipTo(this.seq + 1, timeMs, timeNs);
    if (messageId === null) this.#lastMsgId = "";
    else {
      this.#noteId(messageId);
      log.noteMessageId(messageId, this.seq, timeMs);
    }
    if (!inbound.headers.isEmpty && allowsRollup) this.#rollUp(inbound, 0);
  }

  #noteId(id: string): void {
    this.#lastMsgId = id;
    this.#stream.publishHandler.duplicates.note(id, this.seq, this.#draft.timeMs);
  }

  /** A TTL, and when a schedule is due. */
  #readTimes(inbound: InboundMessage): ApiError | null {
    const { headers } = inbound;
    const { config, host } = this.#stream;
    const draft = this.#draft;
    if (headers.hasValue(field.ttl)) {
      const ttl = parseMessageTtl(headers.text(field.ttl));
      if (ttl === null) return refusals.ttlInvalid;
      // Kept also where TTLs do not count, as in a mirror without them: they may be switched on later.
      if (ttl > 0) draft.expiresMs = draft.timeMs + 1_000 * this.#raiseTtl(inbound, ttl);
    }
    if (config.allow_msg_schedules === true && headers.hasValue(field.schedule)) {
      const due = dueOf(headers, draft.timeMs, host.clock.wallMs());
      // 0 would stand for none.
      if (isDue(due)) draft.wakesMs = Math.max(1, due.atMs);
    }
    return null;
  }

  /** A message that went before the marker of the one before it would leave none itself. */
  #raiseTtl(inbound: InboundMessage, seconds: number): number {
    const { config } = this.#stream;
    const least = Math.floor((config.subject_delete_marker_ttl ?? 0) / nsPerSecond);
    if (seconds >= least || config.max_msgs_per_subject === 1) return seconds;
    inbound.removeHeader("Nats-TTL");
    inbound.addHeader("Nats-TTL", String(least));
    return least;
  }

  #fullText(inbound: InboundMessage): string | null {
    if (this.#stream.config.discard !== "new") return null;
    const isRollup = inbound.headers.hasValue(field.rollup);
    return this.#stream.limits.refusal(inbound.subject, this.#bytesOf(inbound), isRollup);
  }

  #bytesOf({ subject, headerBytes, payloadBytes }: InboundMessage): number {
    return storedBytes(this.#stream.log.kind, subject.length, headerBytes, payloadBytes);
  }

  #rollUp({ headers, subject }: InboundMessage, keep: number): void {
    if (headers.hasValue(field.rollup)) {
      const rollup = headers.text(field.rollup).toLowerCase();
      if (rollup === "sub") purge(this.#stream, { filter: subject, keep });
      else if (rollup === "all") purge(this.#stream, { keep });
    }
    if (headers.text(field.scheduleNext) !== nextIsPurge) return;
    const scheduler = headers.text(field.scheduler);
    if (scheduler !== "") purge(this.#stream, { filter: scheduler });
  }
}
