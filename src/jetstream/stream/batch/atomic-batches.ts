/**
 * Batches that are stored whole or not at all. What belongs to one is kept aside until its commit, then checked and
 * stored in one go, so that it is in one group of the store. Source: ADR-50, nats-server
 * `processJetStreamAtomicBatchMsg`.
 */
import type { Deadline } from "../../../base/clock.ts";
import { textFromWire } from "../../../subjects/subject.ts";
import { storedBytes } from "../../../store/contract.ts";
import { isApiLevelEnough, requiredLevelHeader } from "../../api-level.ts";
import type { ApiError } from "../../api-error.ts";
import { InboundMessage } from "../message/inbound-message.ts";
import { field, isDigits } from "../message/message-headers.ts";
import { batchSuffix } from "../publish/pub-acks.ts";
import { atomicTooLarge, atomicUnsupportedHeader, refusals } from "../message/refusals.ts";
import type { Stream } from "../stream.ts";
import { StagedChecks } from "./staged-checks.ts";

const idBytesMax = 64;
/** Of all open batches of a stream: they are in memory. */
const stagedBytesMax = 256 * 1024 * 1024;

type Reason = "timeout" | "large" | "incomplete" | "unsupported";

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

type Commit = "none" | "last" | "end" | "invalid";

export class AtomicBatches {
  readonly #stream: Stream;
  readonly #open = new Map<string, Batch>();
  #stagedBytes = 0;

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
    const { headers } = inbound;
    const refusal = this.#checkFirst(inbound);
    if (refusal !== null) return refusal;
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

  /** What can be said before it is known which batch it is. */
  #checkFirst(inbound: InboundMessage): ApiError | null {
    const { config, account, publishHandler } = this.#stream;
    if (config.sealed) return refusals.sealed;
    const quotaError = account.storageRefusal(this.#stream, this.#bytesOf(inbound));
    if (quotaError !== null) return quotaError;
    const tooLarge = publishHandler.checks.checkSize(inbound);
    if (tooLarge !== null) return tooLarge;
    return config.allow_atomic === true ? null : refusals.atomicDisabled;
  }

  #begin(id: string, seq: number, commit: Commit): Batch | ApiError {
    const { account } = this.#stream;
    const { maxInflightPerStream, maxInflightTotal, maxMessages } = account.settings.limits.batch;
    if (seq !== 1) {
      const size = commit === "end" ? seq - 1 : seq;
      return size > maxMessages ? atomicTooLarge(maxMessages) : refusals.atomicIncomplete;
    }
    if (this.#open.size >= maxInflightPerStream) return refusals.atomicTooManyInflight;
    let total = 0;
    for (const { publishHandler } of account.streams.values())
      total += publishHandler.atomicBatches.openCount;
    if (total >= maxInflightTotal) return refusals.atomicTooManyInflight;
    const batch: Batch = { id, messages: [], bytes: 0, deadline: noDeadline };
    batch.deadline = this.#expireLater(batch);
    this.#open.set(id, batch);
    return batch;
  }

  #join(inbound: InboundMessage, batch: Batch, seq: number, commit: Commit): ApiError | null {
    const { maxMessages } = this.#stream.account.settings.limits.batch;
    const isEnd = commit === "end";
    if (batch.messages.length + 1 !== seq || (seq === 1 && isEnd))
      return this.#drop(batch, "incomplete", refusals.atomicIncomplete);
    if ((isEnd ? seq - 1 : seq) > maxMessages) return this.#drop(batch, "large", atomicTooLarge(maxMessages));
    if (!isEnd && !this.#stage(inbound, batch))
      return this.#drop(batch, "large", refusals.insufficientResources);
    if (commit === "none") {
      // Says that it was taken, which is all that holds before the commit.
      this.#stream.publishHandler.acks.say(inbound, "");
      return null;
    }
    const refusal = this.#commit(inbound, batch, isEnd);
    this.#forget(batch);
    return refusal;
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

  /** All or nothing: everything is checked before anything is stored. */
  #commit(inbound: InboundMessage, batch: Batch, isEnd: boolean): ApiError | null {
    const { account, publishHandler } = this.#stream;
    const checks = new StagedChecks(this.#stream);
    const checked: InboundMessage[] = [];
    let bytes = 0;
    for (const { subject, headers, payload } of batch.messages) {
      const message = new InboundMessage();
      message.fill(subject, headers, payload);
      if (message.headers.hasValue(field.expectedLastMsgId))
        return atomicUnsupportedHeader("Nats-Expected-Last-Msg-Id");
      const refusal = checks.check(message);
      if (refusal !== null) return refusal;
      bytes += this.#bytesOf(message);
      checked.push(message);
    }
    const quotaError = account.storageRefusal(this.#stream, bytes);
    if (quotaError !== null) return quotaError;
    if (isEnd) checked.at(-1)?.addHeader("Nats-Batch-Commit", "1");
    for (const message of checked) {
      const refusal = publishHandler.appender.take(message);
      if (refusal !== null) return refusal;
    }
    publishHandler.acks.acknowledge(
      inbound,
      publishHandler.appender.seq,
      batchSuffix(batch.id, checked.length),
    );
    return null;
  }

  #bytesOf({ subject, headerBytes, payloadBytes }: InboundMessage): number {
    return storedBytes(this.#stream.log.kind, subject.length, headerBytes, payloadBytes);
  }

  #expireLater(batch: Batch): Deadline {
    const { account, host } = this.#stream;
    const { timeoutMs } = account.settings.limits.batch;
    return host.after(timeoutMs, () => this.#drop(batch, "timeout", refusals.atomicIncomplete));
  }

  #drop(batch: Batch, reason: Reason | null, refusal: ApiError): ApiError {
    this.#forget(batch);
    if (reason !== null) this.#advise(batch, reason);
    return refusal;
  }

  #forget(batch: Batch): void {
    batch.deadline.cancel();
    if (!this.#open.delete(batch.id)) return;
    this.#stagedBytes -= batch.bytes;
  }

  #advise({ id }: Batch, reason: Reason): void {
    const { account, name, host } = this.#stream;
    account.advisories.publish(`STREAM.BATCH_ABANDONED.${name}`, "stream_batch_abandoned", () => ({
      stream: name,
      ...(host.domain !== null && { domain: host.domain }),
      batch: textFromWire(id),
      reason,
    }));
  }
}

const noDeadline: Deadline = { atMs: 0, cancel: () => {} };

function commitOf({ headers }: InboundMessage): Commit {
  if (!headers.has(field.batchCommit)) return "none";
  const text = headers.text(field.batchCommit);
  if (text === "1") return "last";
  return text === "eob" ? "end" : "invalid";
}
