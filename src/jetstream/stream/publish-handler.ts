/**
 * The way of a published message into its stream: checks in the order that nats-server has them, then the log, then the
 * ack. Called within a delivery, so everything that is said waits for the end of the pass, and for the disk.
 */
import type { Message } from "../../protocol/message.ts";
import { SubjectTransform } from "../../subjects/transform.ts";
import { wireFromText } from "../../subjects/subject.ts";
import { firstSeqMax } from "../../store/contract.ts";
import type { ApiError } from "../api-error.ts";
import { apiError } from "../api-errors.ts";
import { AtomicBatches } from "./batch/atomic-batches.ts";
import { FastBatches } from "./batch/fast-batches.ts";
import { endsInFastSuffix } from "./batch/fast-reply.ts";
import type { SourcedMessage } from "../sourcing/sourcing-sink.ts";
import type { Stream } from "./stream.ts";
import { Checks } from "./publish/checks.ts";
import { Duplicates } from "./publish/duplicates.ts";
import { InboundMessage } from "./message/inbound-message.ts";
import { Appender } from "./publish/appender.ts";
import { field } from "./message/message-headers.ts";
import { PubAcks } from "./publish/pub-acks.ts";

export class PublishHandler {
  readonly acks: PubAcks;
  readonly duplicates: Duplicates;
  readonly appender: Appender;
  readonly checks: Checks;
  readonly atomicBatches: AtomicBatches;
  readonly fastBatches: FastBatches;
  readonly #stream: Stream;
  readonly #inbound = new InboundMessage();
  /** What the stream publishes itself, also while something else is on its way in; few streams do. */
  #own: InboundMessage | null = null;
  #transform: SubjectTransform | null = null;

  constructor(stream: Stream) {
    this.#stream = stream;
    this.acks = new PubAcks(stream);
    this.duplicates = new Duplicates(stream);
    this.appender = new Appender(stream);
    this.checks = new Checks(stream);
    this.atomicBatches = new AtomicBatches(stream);
    this.fastBatches = new FastBatches(stream);
    this.#transform = transformOf(stream);
  }

  /** Of the message stored last; "" when it had none. Wire string. */
  get lastMsgId(): string {
    return this.appender.lastMsgId;
  }

  receive(message: Message): boolean {
    const inbound = this.#inbound;
    inbound.take(message);
    const { host, log } = this.#stream;
    if (log.kind === "file" && host.store.isAboveHighWaterMark) host.stallPublisher();
    this.#transformSubject(inbound);
    if (inbound.hasReply && endsInFastSuffix(inbound.reply.bytes, inbound.replyEnd))
      this.fastBatches.receive(inbound);
    else if (!inbound.headers.isEmpty && inbound.headers.hasValue(field.batchId))
      this.atomicBatches.receive(inbound);
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
    const refusal = this.checks.check(own);
    if (refusal !== null || this.checks.duplicateOf > 0) return refusal;
    return this.appender.take(own);
  }

  /** For mirrors and sources; see `CopySink.storeCopy`. */
  storeSourced(draft: SourcedMessage): ApiError | null {
    if (draft.seq > firstSeqMax)
      return apiError("streamStoreFailed", { err: `sequence is beyond ${firstSeqMax}` });
    const inbound = this.#inbound;
    inbound.takeSourced(draft);
    if (draft.seq > 0) return this.appender.takeAs(inbound, draft.seq, draft.timeMs, draft.timeNs);
    this.#transformSubject(inbound);
    const refusal = this.checks.check(inbound);
    if (refusal !== null || this.checks.duplicateOf > 0) return refusal;
    return this.appender.take(inbound);
  }

  onUpdated(): void {
    this.#transform = transformOf(this.#stream);
    this.duplicates.onUpdated();
    this.appender.onUpdated();
    this.checks.onUpdated();
  }

  close(): void {
    this.duplicates.close();
    this.atomicBatches.close();
    this.fastBatches.close();
  }

  #publish(inbound: InboundMessage): void {
    const { checks, acks, appender } = this;
    let refusal = checks.check(inbound);
    if (refusal === null && checks.duplicateOf > 0) {
      acks.acknowledge(inbound, checks.duplicateOf, ',"duplicate": true}');
      return;
    }
    refusal ??= appender.take(inbound);
    if (refusal !== null) acks.refuse(inbound, refusal);
    else if (inbound.counterTotal === null) acks.acknowledge(inbound, appender.seq, "}");
    else acks.acknowledge(inbound, appender.seq, `,"val":"${inbound.counterTotal}"}`);
  }

  /** A subject that the transform's source does not cover stays as it is. */
  #transformSubject(inbound: InboundMessage): void {
    if (this.#transform === null) return;
    inbound.subject = this.#transform.apply(inbound.subject) ?? inbound.subject;
  }
}

function transformOf({ config }: Stream): SubjectTransform | null {
  const { subject_transform: transform } = config;
  if (transform === undefined || transform.dest === "") return null;
  return SubjectTransform.parseForMapping(wireFromText(transform.src), wireFromText(transform.dest));
}
