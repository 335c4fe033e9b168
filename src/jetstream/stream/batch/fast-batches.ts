/**
 * Batches whose messages are stored as they come, with an ack for many of them at once. Source: nats-server
 * `processJetStreamFastBatchMsg`.
 */
import type { Deadline } from "../../../base/clock.ts";
import { encodeJson } from "../../../base/json.ts";
import type { ApiError } from "../../api-error.ts";
import type { InboundMessage } from "../message/inbound-message.ts";
import { field } from "../message/message-headers.ts";
import { batchSuffix, type PubAcks } from "../publish/pub-acks.ts";
import { refusals } from "../message/refusals.ts";
import type { PassScheduler } from "../../host.ts";
import type { Appender } from "../publish/appender.ts";
import type { CheckedState } from "../publish/checks.ts";
import { isApiLevelEnough, requiredLevelHeader } from "../../api-level.ts";
import type { BatchLimits } from "./atomic-batches.ts";
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
  deadline: Deadline | null = null;

  constructor(reply: FastReply, ackEvery: number) {
    this.id = reply.id;
    this.isGapAllowed = reply.isGapAllowed;
    this.ackEveryMax = reply.flow;
    this.ackEvery = ackEvery;
  }
}

export class FastBatches {
  readonly #appender: Appender;
  readonly #acks: PubAcks;
  readonly #state: CheckedState;
  readonly #scheduler: PassScheduler;
  readonly #limits: BatchLimits;
  readonly #open = new Map<string, FastBatch>();

  constructor(
    appender: Appender,
    acks: PubAcks,
    state: CheckedState,
    scheduler: PassScheduler,
    limits: BatchLimits,
  ) {
    this.#appender = appender;
    this.#acks = acks;
    this.#state = state;
    this.#scheduler = scheduler;
    this.#limits = limits;
  }

  close(): void {
    for (const batch of [...this.#open.values()]) this.#forget(batch);
  }

  /** @returns why the message is refused, if nothing else is to be said of it */
  receive(inbound: InboundMessage): ApiError | null {
    const reply = parseFastReply(inbound.replySubject);
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
    batch.deadline?.cancel();
    batch.deadline = this.#expireLater(batch);
    if (reply.isPing) this.#ping(batch, reply);
    else if (this.#follows(batch, reply)) this.#add(inbound, batch, reply);
    return null;
  }

  #begin(reply: FastReply): FastBatch | ApiError {
    if (reply.seq !== 1 || reply.isPing) return refusals.fastUnknownId;
    if (this.#open.size >= perStreamMax) return refusals.fastTooManyInflight;
    if (this.#limits.inAccount.fast >= totalMax) return refusals.fastTooManyInflight;
    // The only one may have what it asks for; others have to grow.
    const ackEvery = this.#open.size > 0 ? 1 : Math.min(ackMessagesMax, reply.flow);
    const batch = new FastBatch(reply, ackEvery);
    this.#open.set(reply.id, batch);
    this.#limits.inAccount.fast++;
    return batch;
  }

  /** Asks what has come so far. */
  #ping(batch: FastBatch, reply: FastReply): void {
    if (reply.seq > batch.lastSeq) {
      this.#sayGap(reply, batch.lastSeq + 1, reply.seq + 1);
      if (!batch.isGapAllowed) return this.#end(batch, reply);
      batch.lastSeq = reply.seq;
      batch.storedSeq = reply.seq;
      if (this.#ackIfDue(batch, reply)) return;
    }
    this.#sayFlow(batch, reply);
  }

  /** Whether the message is the next one, or may follow a gap. */
  #follows(batch: FastBatch, reply: FastReply): boolean {
    const expected = batch.lastSeq + 1;
    if (reply.seq === expected) {
      batch.lastSeq = expected;
      return true;
    }
    this.#sayGap(reply, expected, reply.seq);
    if (batch.isGapAllowed && reply.seq > expected) {
      batch.lastSeq = reply.seq;
      return true;
    }
    this.#end(batch, reply);
    return false;
  }

  #add(inbound: InboundMessage, batch: FastBatch, reply: FastReply): void {
    if (reply.isEnd) {
      batch.lastSeq--;
      return this.#end(batch, reply);
    }
    // The first is told how often acks will come.
    const { config } = this.#state.current;
    if (reply.seq === 1 && !reply.isCommit && config.no_ack !== true) this.#sayFlow(batch, reply);
    const checks = new StagedChecks(this.#state);
    const refusal = checks.check(inbound) ?? this.#appender.take(inbound);
    if (refusal !== null) return this.#refuse(inbound, batch, reply, refusal, checks.duplicateOf);
    batch.streamSeq = this.#appender.seq;
    batch.storedSeq = batch.lastSeq;
    if (reply.isCommit) this.#end(batch, reply);
    else this.#ackIfDue(batch, reply);
  }

  #refuse(
    inbound: InboundMessage,
    batch: FastBatch,
    reply: FastReply,
    refusal: ApiError,
    duplicateOf: number,
  ): void {
    const acks = this.#acks;
    const isDuplicate = duplicateOf > 0;
    if (isDuplicate) {
      batch.storedSeq = reply.seq;
      this.#ackIfDue(batch, reply);
      if (!reply.isCommit) return;
    }
    if (!reply.isGapAllowed && batch.lastSeq === 1) {
      this.#forget(batch);
      const suffix = `,"duplicate": true${batchSuffix(reply.id, reply.seq)}`;
      if (isDuplicate) acks.acknowledge(inbound, duplicateOf, suffix);
      else acks.refuse(inbound, refusal);
      return;
    }
    if (!isDuplicate)
      acks.sayTo(reply.subject, encodeJson({ type: "err", seq: reply.seq, error: refusal.json }, false));
    if (reply.isGapAllowed && !reply.isCommit) return;
    if (!isDuplicate) batch.lastSeq--;
    this.#end(batch, reply);
  }

  /** The ack for all of it. */
  #end(batch: FastBatch, { subject }: FastReply): void {
    this.#forget(batch);
    const suffix = batchSuffix(batch.id, batch.lastSeq);
    this.#acks.acknowledgeTo(subject, batch.streamSeq, Buffer.from(suffix, "latin1").toString());
  }

  /** @returns whether there was one to be sent */
  #ackIfDue(batch: FastBatch, reply: FastReply): boolean {
    const { ackEvery } = batch;
    if (batch.storedSeq < batch.ackedSeq + ackEvery) return false;
    batch.ackedSeq += Math.floor((batch.storedSeq - batch.ackedSeq) / ackEvery) * ackEvery;
    const share = Math.max(1, Math.floor(ackMessagesMax / this.#open.size));
    const most = Math.min(share, batch.ackEveryMax);
    if (ackEvery < most) batch.ackEvery = Math.min(ackEvery * 2, most);
    else if (ackEvery > most) batch.ackEvery = Math.max(Math.floor(ackEvery / 2), most);
    this.#sayFlow(batch, reply);
    return true;
  }

  #sayFlow({ ackedSeq, ackEvery }: FastBatch, { subject }: FastReply): void {
    this.#acks.sayTo(subject, `{"type":"ack","seq":${ackedSeq},"msgs":${ackEvery}}`);
  }

  #sayGap({ subject }: FastReply, expectedSeq: number, seq: number): void {
    this.#acks.sayTo(subject, `{"type":"gap","last_seq":${expectedSeq},"seq":${seq}}`);
  }

  #expireLater(batch: FastBatch): Deadline {
    return this.#scheduler.after(this.#limits.limits().timeoutMs, () => this.#forget(batch));
  }

  #forget(batch: FastBatch): void {
    batch.deadline?.cancel();
    if (this.#open.delete(batch.id)) this.#limits.inAccount.fast--;
  }
}
