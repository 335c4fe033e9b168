/**
 * Batches that are stored whole or not at all: what belongs to one is kept aside until its commit. Source: ADR-50,
 * nats-server `processJetStreamAtomicBatchMsg`.
 */
import type { Deadline } from "../../../base/clock.ts";
import type { JetStreamOptions } from "../../../config/jetstream-options.ts";
import { isApiLevelEnough, requiredLevelHeader } from "../../api-level.ts";
import type { ApiError } from "../../api-error.ts";
import type { PassScheduler } from "../../host.ts";
import { InboundMessage } from "../message/inbound-message.ts";
import { field, isDigits } from "../message/message-headers.ts";
import { atomicTooLarge, refusals } from "../message/refusals.ts";

const idBytesMax = 64;
/** Of all open batches of a stream: they are in memory. */
const stagedBytesMax = 256 * 1024 * 1024;

export type AbandonReason = "timeout" | "large" | "incomplete" | "unsupported";

/** A copy, since the publisher's bytes are gone by the time of the commit. */
interface Staged {
  readonly subject: string;
  readonly headers: Buffer | null;
  readonly payload: Buffer;
}

interface Batch {
  readonly id: string;
  readonly messages: Staged[];
  bytes: number;
  deadline: Deadline;
}

/** A batch that is committed, to be stored now. */
export interface CommittedBatch {
  /** Wire string. */
  readonly id: string;
  readonly messages: readonly InboundMessage[];
  /** The message that committed it is not one of it. */
  readonly isEnd: boolean;
}

export interface BatchLimits {
  /** As configured now. */
  readonly limits: () => JetStreamOptions["limits"]["batch"];
  /** Batches that are open in all streams of the account. */
  readonly inAccount: { atomic: number; fast: number };
}

type Commit = "none" | "last" | "end" | "invalid";

export class AtomicBatches {
  readonly #scheduler: PassScheduler;
  readonly #limits: BatchLimits;
  readonly #onAbandoned: (id: string, reason: AbandonReason) => void;
  readonly #open = new Map<string, Batch>();
  #stagedBytes = 0;

  /** @param onAbandoned what was staged is dropped; the id is a wire string */
  constructor(
    scheduler: PassScheduler,
    limits: BatchLimits,
    onAbandoned: (id: string, reason: AbandonReason) => void,
  ) {
    this.#scheduler = scheduler;
    this.#limits = limits;
    this.#onAbandoned = onAbandoned;
  }

  /** @returns the batch that the message commits, null when it was staged, or why it was refused */
  receive(inbound: InboundMessage): CommittedBatch | ApiError | null {
    const { headers } = inbound;
    const id = headers.text(field.batchId);
    if (id.length > idBytesMax) return refusals.atomicInvalidId;
    const seqText = headers.text(field.batchSeq);
    if (!isDigits(seqText)) return refusals.atomicMissingSeq;
    const seq = Number(seqText);
    const commit = commitOf(inbound);
    const batch = this.#open.get(id) ?? this.#begin(id, seq, commit);
    if (!("messages" in batch)) return batch;
    if (commit === "invalid") return this.#drop(batch, null, refusals.atomicInvalidCommit);
    if (headers.hasValue(field.requiredApiLevel)) {
      if (!isApiLevelEnough(headers.text(field.requiredApiLevel)))
        return this.#drop(batch, "unsupported", refusals.requiredApiLevel);
      inbound.removeHeader(requiredLevelHeader);
    }
    batch.deadline.cancel();
    batch.deadline = this.#expireLater(batch);
    return this.#join(inbound, batch, seq, commit);
  }

  close(): void {
    for (const batch of [...this.#open.values()]) this.#forget(batch);
  }

  #begin(id: string, seq: number, commit: Commit): Batch | ApiError {
    const { maxInflightPerStream, maxInflightTotal, maxMessages } = this.#limits.limits();
    if (seq !== 1) {
      const size = commit === "end" ? seq - 1 : seq;
      return size > maxMessages ? atomicTooLarge(maxMessages) : refusals.atomicIncomplete;
    }
    if (this.#open.size >= maxInflightPerStream || this.#limits.inAccount.atomic >= maxInflightTotal)
      return refusals.atomicTooManyInflight;
    const batch: Batch = { id, messages: [], bytes: 0, deadline: noDeadline };
    batch.deadline = this.#expireLater(batch);
    this.#open.set(id, batch);
    this.#limits.inAccount.atomic++;
    return batch;
  }

  #join(
    inbound: InboundMessage,
    batch: Batch,
    seq: number,
    commit: Commit,
  ): CommittedBatch | ApiError | null {
    const { maxMessages } = this.#limits.limits();
    const isEnd = commit === "end";
    if (batch.messages.length + 1 !== seq || (seq === 1 && isEnd))
      return this.#drop(batch, "incomplete", refusals.atomicIncomplete);
    if ((isEnd ? seq - 1 : seq) > maxMessages) return this.#drop(batch, "large", atomicTooLarge(maxMessages));
    if (!isEnd && !this.#stage(inbound, batch))
      return this.#drop(batch, "large", refusals.insufficientResources);
    if (commit === "none") return null;
    this.#forget(batch);
    const messages = batch.messages.map(({ subject, headers, payload }) => {
      const message = new InboundMessage();
      message.fill(subject, headers, payload);
      return message;
    });
    return { id: batch.id, messages, isEnd };
  }

  /** @returns false when too much is staged already */
  #stage(inbound: InboundMessage, batch: Batch): boolean {
    const bytes = inbound.subject.length + inbound.bodyBytes;
    if (this.#stagedBytes + bytes > stagedBytesMax) return false;
    const { headerBlock, payload, subject } = inbound;
    this.#stagedBytes += bytes;
    batch.bytes += bytes;
    batch.messages.push({
      subject,
      headers: headerBlock === null ? null : Buffer.from(headerBlock),
      payload: Buffer.from(payload),
    });
    return true;
  }

  #expireLater(batch: Batch): Deadline {
    const { timeoutMs } = this.#limits.limits();
    return this.#scheduler.after(timeoutMs, () => this.#drop(batch, "timeout", refusals.atomicIncomplete));
  }

  #drop(batch: Batch, reason: AbandonReason | null, refusal: ApiError): ApiError {
    this.#forget(batch);
    if (reason !== null) this.#onAbandoned(batch.id, reason);
    return refusal;
  }

  #forget(batch: Batch): void {
    batch.deadline.cancel();
    if (!this.#open.delete(batch.id)) return;
    this.#limits.inAccount.atomic--;
    this.#stagedBytes -= batch.bytes;
  }
}

const noDeadline: Deadline = { atMs: 0, cancel: () => {} };

function commitOf({ headers }: InboundMessage): Commit {
  if (!headers.has(field.batchCommit)) return "none";
  const text = headers.text(field.batchCommit);
  if (text === "1") return "last";
  return text === "eob" ? "end" : "invalid";
}
