/**
 * Batches whose messages are stored as they come, with an ack for many of them at once. Source: nats-server
 * `processJetStreamFastBatchMsg`.
 */
import type { Deadline } from "../../../base/clock.ts";
import { encodeJson } from "../../../base/json.ts";
import { storedBytes } from "../../../store/contract.ts";
import type { ApiError } from "../../api-error.ts";
import type { InboundMessage } from "../message/inbound-message.ts";
import { field } from "../message/message-headers.ts";
import { batchSuffix } from "../publish/pub-acks.ts";
import { refusals } from "../message/refusals.ts";
import type { Stream } from "../stream.ts";
import { isApiLevelEnough, requiredLevelHeader } from "../../api-level.ts";
import { type FastReply, parseFastReply } from "./fast-reply.ts";
import { StagedChecks } from "./staged-checks.ts";

const idBytesMax = 64;
const perStreamMax = 1_000;
const totalMax = 50_000;
/** Acks come for that many messages at most, shared by the batches that are open. */
const ackMessagesMax = 500;

class FastBatch {
  readonly id: string;
  readonly isGapAllowed: boolean;
  /** What the publisher allows. */
  readonly ackEveryMax: number;
  ackEvery: number;
  /** The last message that came. */
  lastSeq = 0;
  /** The last that was stored, or need not be. */
  storedSeq = 0;
  /** The last that was acked. */
  ackedSeq = 0;
  /** In the stream. */
  streamSeq = 0;
  deadline: Deadline;

  constructor(reply: FastReply, ackEvery: number, deadline: Deadline) {
    this.id = reply.id;
    this.isGapAllowed = reply.isGapAllowed;
    this.ackEveryMax = reply.flow;
    this.ackEvery = ackEvery;
    this.deadline = deadline;
  }
}

export class FastBatches {
  readonly #stream: Stream;
  readonly #open = new Map<string, FastBatch>();

  constructor(stream: Stream) {
    this.#stream = stream;
  }

  get openCount(): number {
    return this.#open.size;
  }

  receive(inbound: InboundMessage): void {
    const refusal = this.#receive(inbound);
    if (refusal !== null) this.#stream.publishHandler.acks.refuse(inbound, refusal);
  }

  close(): void {
    for (const batch of [...this.#open.values()]) this.#forget(batch);
  }

  #receive(inbound: InboundMessage): ApiError | null {
    const refusal = this.#checkFirst(inbound);
    if (refusal !== null) return refusal;
    const replySubject = inbound.replySubject;
    const reply = parseFastReply(replySubject);
    if (reply === null) return refusals.fastPattern;
    if (reply.id.length > idBytesMax) return refusals.fastInvalidId;
    const batch = this.#open.get(reply.id) ?? this.#begin(reply);
    if (!(batch instanceof FastBatch)) return batch;
    if (inbound.headers.hasValue(field.requiredApiLevel)) {
      if (!isApiLevelEnough(inbound.headers.text(field.requiredApiLevel))) {
        this.#forget(batch);
        return refusals.requiredApiLevel;
      }
      inbound.removeHeader(requiredLevelHeader);
    }
    batch.deadline.cancel();
    batch.deadline = this.#expireLater(reply.id);
    if (reply.isPing) this.#ping(batch, reply, replySubject);
    else if (this.#follows(batch, reply, replySubject)) this.#add(inbound, batch, reply, replySubject);
    return null;
  }

  #checkFirst(inbound: InboundMessage): ApiError | null {
    const { config, account, log, publishHandler } = this.#stream;
    if (config.sealed) return refusals.sealed;
    const bytes = storedBytes(log.kind, inbound.subject.length, inbound.headerBytes, inbound.payloadBytes);
    const quotaError = account.storageRefusal(this.#stream, bytes);
    if (quotaError !== null) return quotaError;
    const tooLarge = publishHandler.checks.checkSize(inbound);
    if (tooLarge !== null) return tooLarge;
    return config.allow_batched === true ? null : refusals.fastDisabled;
  }

  #begin(reply: FastReply): FastBatch | ApiError {
    if (reply.seq !== 1 || reply.isPing) return refusals.fastUnknownId;
    if (this.#open.size >= perStreamMax) return refusals.fastTooManyInflight;
    let total = 0;
    for (const { publishHandler } of this.#stream.account.streams.values())
      total += publishHandler.fastBatches.openCount;
    if (total >= totalMax) return refusals.fastTooManyInflight;
    // The only one may have what it asks for; others have to grow.
    const ackEvery = this.#open.size > 0 ? 1 : Math.min(ackMessagesMax, reply.flow);
    const batch = new FastBatch(reply, ackEvery, this.#expireLater(reply.id));
    this.#open.set(reply.id, batch);
    return batch;
  }

  /** Asks what has come so far. */
  #ping(batch: FastBatch, reply: FastReply, to: string): void {
    if (reply.seq > batch.lastSeq) {
      this.#sayGap(to, batch.lastSeq + 1, reply.seq + 1);
      if (!batch.isGapAllowed) return this.#end(batch, to);
      batch.lastSeq = reply.seq;
      batch.storedSeq = reply.seq;
      if (this.#ackIfDue(batch, to)) return;
    }
    this.#sayFlow(batch, to);
  }

  /** Whether the message is the next one, or may follow a gap. */
  #follows(batch: FastBatch, reply: FastReply, to: string): boolean {
    const expected = batch.lastSeq + 1;
    if (reply.seq === expected) {
      batch.lastSeq = expected;
      return true;
    }
    this.#sayGap(to, expected, reply.seq);
    if (batch.isGapAllowed && reply.seq > expected) {
      batch.lastSeq = reply.seq;
      return true;
    }
    this.#end(batch, to);
    return false;
  }

  #add(inbound: InboundMessage, batch: FastBatch, reply: FastReply, to: string): void {
    if (reply.isEnd) {
      batch.lastSeq--;
      return this.#end(batch, to);
    }
    // The first is told how often acks will come.
    if (reply.seq === 1 && !reply.isCommit && this.#stream.config.no_ack !== true) this.#sayFlow(batch, to);
    const checks = new StagedChecks(this.#stream);
    const { publishHandler } = this.#stream;
    const refusal = checks.check(inbound) ?? publishHandler.appender.take(inbound);
    if (refusal !== null) return this.#refuse(inbound, batch, reply, to, refusal, checks.duplicateOf);
    batch.streamSeq = publishHandler.appender.seq;
    batch.storedSeq = batch.lastSeq;
    if (reply.isCommit) this.#end(batch, to);
    else this.#ackIfDue(batch, to);
  }

  #refuse(
    inbound: InboundMessage,
    batch: FastBatch,
    reply: FastReply,
    to: string,
    refusal: ApiError,
    duplicateOf: number,
  ): void {
    const { acks } = this.#stream.publishHandler;
    const isDuplicate = duplicateOf > 0;
    if (isDuplicate) {
      batch.storedSeq = reply.seq;
      this.#ackIfDue(batch, to);
      if (!reply.isCommit) return;
    }
    if (!reply.isGapAllowed && batch.lastSeq === 1) {
      this.#forget(batch);
      const suffix = `,"duplicate": true${batchSuffix(reply.id, reply.seq)}`;
      if (isDuplicate) acks.acknowledge(inbound, duplicateOf, suffix);
      else acks.refuse(inbound, refusal);
      return;
    }
    if (!isDuplicate) acks.sayTo(to, encodeJson({ type: "err", seq: reply.seq, error: refusal.json }, false));
    if (reply.isGapAllowed && !reply.isCommit) return;
    if (!isDuplicate) batch.lastSeq--;
    this.#end(batch, to);
  }

  /** The ack for all of it. */
  #end(batch: FastBatch, to: string): void {
    this.#forget(batch);
    const suffix = batchSuffix(batch.id, batch.lastSeq);
    this.#stream.publishHandler.acks.acknowledgeTo(
      to,
      batch.streamSeq,
      Buffer.from(suffix, "latin1").toString(),
    );
  }

  /** @returns whether there was one to be sent */
  #ackIfDue(batch: FastBatch, to: string): boolean {
    const { ackEvery } = batch;
    if (batch.storedSeq < batch.ackedSeq + ackEvery) return false;
    batch.ackedSeq += Math.floor((batch.storedSeq - batch.ackedSeq) / ackEvery) * ackEvery;
    const share = Math.max(1, Math.floor(ackMessagesMax / this.#open.size));
    const most = Math.min(share, batch.ackEveryMax);
    if (ackEvery < most) batch.ackEvery = Math.min(ackEvery * 2, most);
    else if (ackEvery > most) batch.ackEvery = Math.max(Math.floor(ackEvery / 2), most);
    this.#sayFlow(batch, to);
    return true;
  }

  #sayFlow({ ackedSeq, ackEvery }: FastBatch, to: string): void {
    this.#stream.publishHandler.acks.sayTo(to, `{"type":"ack","seq":${ackedSeq},"msgs":${ackEvery}}`);
  }

  #sayGap(to: string, expectedSeq: number, seq: number): void {
    this.#stream.publishHandler.acks.sayTo(to, `{"type":"gap","last_seq":${expectedSeq},"seq":${seq}}`);
  }

  #expireLater(id: string): Deadline {
    const { account, host } = this.#stream;
    return host.after(account.settings.limits.batch.timeoutMs, () => this.#open.delete(id));
  }

  #forget(batch: FastBatch): void {
    batch.deadline.cancel();
    this.#open.delete(batch.id);
  }
}
