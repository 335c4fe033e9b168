/**
 * The way of a published message into its stream: checks in the order that nats-server has them, then the log, then the
 * ack. Called within a delivery, so everything that is said waits for the end of the pass, and for the disk.
 */
import { textFromWire, wireFromText } from "../../subjects/subject.ts";
import type { Message } from "../../protocol/message.ts";
import { SubjectTransform } from "../../subjects/transform.ts";
import { firstSeqMax, type NewMessage, storedBytes } from "../../store/contract.ts";
import type { JetStreamAccount } from "../account.ts";
import type { ApiError } from "../api-error.ts";
import { apiError } from "../api-errors.ts";
import type { Capacity } from "../capacity.ts";
import { StreamReplies } from "../stream-replies.ts";
import {
  type AbandonReason,
  AtomicBatches,
  type BatchLimits,
  type CommittedBatch,
} from "./batch/atomic-batches.ts";
import { FastBatches } from "./batch/fast-batches.ts";
import { endsInFastSuffix } from "./batch/fast-reply.ts";
import { StagedChecks } from "./batch/staged-checks.ts";
import type { CurrentConfig, StreamConfig } from "./config/stream-config.ts";
import type { FollowedLog } from "./log/followed-log.ts";
import { InboundMessage } from "./message/inbound-message.ts";
import { field } from "./message/message-headers.ts";
import { refusals } from "./message/refusals.ts";
import { Appender } from "./publish/appender.ts";
import { type CheckedState, Checks } from "./publish/checks.ts";
import { Duplicates } from "./publish/duplicates.ts";
import { batchSuffix, PubAcks } from "./publish/pub-acks.ts";
import type { Interest } from "./retention/interest.ts";
import type { Limits } from "./retention/limits.ts";

export interface PublishDependencies {
  readonly account: JetStreamAccount;
  readonly current: CurrentConfig;
  readonly messages: FollowedLog;
  readonly limits: Limits;
  readonly interest: Interest;
  /** Stores a message with all that follows for the rest of the stream. @returns its sequence */
  readonly store: (message: NewMessage) => number;
}

export class PublishHandler {
  readonly duplicates: Duplicates;
  readonly #account: JetStreamAccount;
  readonly #current: CurrentConfig;
  readonly #messages: FollowedLog;
  readonly #capacity: Capacity;
  readonly #acks: PubAcks;
  readonly #appender: Appender;
  readonly #state: CheckedState;
  readonly #checks: Checks;
  readonly #atomicBatches: AtomicBatches;
  readonly #fastBatches: FastBatches;
  readonly #inbound = new InboundMessage();
  /** What the stream publishes itself, also while something else is on its way in; few streams do. */
  #own: InboundMessage | null = null;
  #transform: SubjectTransform | null = null;

  constructor({ account, current, messages, limits, interest, store }: PublishDependencies) {
    const { host } = account;
    const { log } = messages;
    const { name } = current.config;
    const replies = new StreamReplies(account.account, log.kind === "file", account.replies);
    this.#account = account;
    this.#current = current;
    this.#messages = messages;
    this.#capacity = account.capacityOf(name, log.kind);
    this.#acks = new PubAcks(current, replies, host.domain);
    this.duplicates = new Duplicates(log, current, host);
    this.#appender = new Appender({
      ...{ messages, current, limits, interest, store },
      capacity: this.#capacity,
      duplicates: this.duplicates,
      scheduler: host,
      republished: { name, log, replies, warnings: host.log },
    });
    const { duplicates } = this;
    this.#state = { log, current, duplicates, clock: host.clock, account: account.account };
    this.#checks = new Checks(this.#state);
    const batchLimits: BatchLimits = {
      limits: () => account.settings.limits.batch,
      inAccount: account.openBatches,
    };
    this.#atomicBatches = new AtomicBatches(host, batchLimits, (id, reason) => this.#onAbandoned(id, reason));
    this.#fastBatches = new FastBatches(this.#appender, this.#acks, this.#state, host, batchLimits);
    this.#transform = transformOf(current.config);
  }

  receive(message: Message): boolean {
    const inbound = this.#inbound;
    inbound.take(message);
    const { host } = this.#account;
    if (this.#messages.log.kind === "file" && host.store.isAboveHighWaterMark) host.stallPublisher();
    this.#transformSubject(inbound);
    if (inbound.hasReply && endsInFastSuffix(inbound.reply.bytes, inbound.replyEnd))
      this.#receiveFast(inbound);
    else if (!inbound.headers.isEmpty && inbound.headers.hasValue(field.batchId))
      this.#receiveAtomic(inbound);
    else this.#publish(inbound);
    return true;
  }

  /**
   * Stores a message that the stream itself has made: a marker, or what a schedule sends.
   * @param subject wire string @returns why it was not stored
   */
  publishOwn(
    subject: string,
    headers: Uint8Array | null,
    payload: Uint8Array,
    isTransformed = true,
  ): ApiError | null {
    const own = (this.#own ??= new InboundMessage());
    own.fill(subject, headers, payload);
    own.isSourced = true;
    if (!isTransformed) this.#transformSubject(own);
    return this.#store(own);
  }

  /**
   * Stores what a mirror (with the origin's sequence and time) or a source (without) has got. Its origin has checked it, so
   * nothing in its headers is expected or refused. What the stream's configuration makes of a message still happens: limits,
   * roll-ups, TTLs where they are allowed, republishing, and for sources the search for duplicates. Called within a
   * delivery.
   *
   * @returns null when it is stored, or need not be (a duplicate, no interest in it); else why it can not be now
   */
  storeSourced(inbound: InboundMessage): ApiError | null {
    if (inbound.seq > firstSeqMax)
      return apiError("streamStoreFailed", { err: `sequence is beyond ${firstSeqMax}` });
    if (inbound.seq > 0) return this.#appender.takeAs(inbound);
    this.#transformSubject(inbound);
    return this.#store(inbound);
  }

  onUpdated(): void {
    this.#transform = transformOf(this.#current.config);
    this.duplicates.onUpdated();
    this.#appender.onUpdated();
    this.#checks.onUpdated();
  }

  close(): void {
    this.duplicates.close();
    this.#atomicBatches.close();
    this.#fastBatches.close();
  }

  #publish(inbound: InboundMessage): void {
    const checks = this.#checks;
    const acks = this.#acks;
    let refusal = checks.check(inbound);
    if (refusal === null && checks.duplicateOf > 0) {
      acks.acknowledge(inbound, checks.duplicateOf, ',"duplicate": true}');
      return;
    }
    refusal ??= this.#appender.take(inbound);
    if (refusal !== null) acks.refuse(inbound, refusal);
    else if (inbound.counterTotal === null) acks.acknowledge(inbound, this.#appender.seq, "}");
    else acks.acknowledge(inbound, this.#appender.seq, `,"val":"${inbound.counterTotal}"}`);
  }

  /** Without an answer. */
  #store(inbound: InboundMessage): ApiError | null {
    const refusal = this.#checks.check(inbound);
    if (refusal !== null || this.#checks.duplicateOf > 0) return refusal;
    return this.#appender.take(inbound);
  }

  #receiveFast(inbound: InboundMessage): void {
    const isAllowed = this.#current.config.allow_batched === true;
    const refusal =
      this.#checkBatched(inbound) ?? (isAllowed ? this.#fastBatches.receive(inbound) : refusals.fastDisabled);
    if (refusal !== null) this.#acks.refuse(inbound, refusal);
  }

  #receiveAtomic(inbound: InboundMessage): void {
    const isAllowed = this.#current.config.allow_atomic === true;
    const outcome =
      this.#checkBatched(inbound) ??
      (isAllowed ? this.#atomicBatches.receive(inbound) : refusals.atomicDisabled);
    // Says that it was taken, which is all that holds before the commit.
    if (outcome === null) this.#acks.say(inbound, "");
    else if ("messages" in outcome) this.#commit(inbound, outcome);
    else this.#acks.refuse(inbound, outcome);
  }

  /** What can be said before it is known which batch it is. */
  #checkBatched(inbound: InboundMessage): ApiError | null {
    if (this.#current.config.sealed) return refusals.sealed;
    const { subject, headerBytes, payloadBytes } = inbound;
    const bytes = storedBytes(this.#messages.log.kind, subject.length, headerBytes, payloadBytes);
    return this.#capacity.refusal(bytes) ?? this.#checks.checkSize(inbound);
  }

  /** All or nothing: everything is checked before anything is stored, and all of it is in one group of the store. */
  #commit(inbound: InboundMessage, { id, messages, isEnd }: CommittedBatch): void {
    const checks = new StagedChecks(this.#state);
    let refusal = checks.checkAll(messages) ?? this.#capacity.refusal(checks.bytes);
    if (refusal === null && isEnd) messages.at(-1)?.addHeader("Nats-Batch-Commit", "1");
    for (const message of messages) refusal ??= this.#appender.take(message);
    if (refusal !== null) this.#acks.refuse(inbound, refusal);
    else this.#acks.acknowledge(inbound, this.#appender.seq, batchSuffix(id, messages.length));
  }

  #onAbandoned(id: string, reason: AbandonReason): void {
    const { name } = this.#current.config;
    const { advisories, host } = this.#account;
    advisories.publish(`STREAM.BATCH_ABANDONED.${name}`, "stream_batch_abandoned", () => ({
      stream: name,
      ...(host.domain !== null && { domain: host.domain }),
      batch: textFromWire(id),
      reason,
    }));
  }

  /** A subject that the transform's source does not cover stays as it is. */
  #transformSubject(inbound: InboundMessage): void {
    if (this.#transform === null) return;
    inbound.subject = this.#transform.apply(inbound.subject) ?? inbound.subject;
  }
}

function transformOf({ subject_transform: transform }: StreamConfig): SubjectTransform | null {
  if (transform === undefined || transform.dest === "") return null;
  return SubjectTransform.parseForMapping(wireFromText(transform.src), wireFromText(transform.dest));
}
