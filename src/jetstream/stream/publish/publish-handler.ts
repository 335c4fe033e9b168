/**
 * The way of a published message into its stream: checks in the order that nats-server has them, then the log, then the
 * ack. Called within a delivery, so everything that is said waits for the end of the pass, and for the disk.
 */
import type { Message } from "../../../broker/message.ts";
import { SubjectTransform } from "../../../subjects/transform.ts";
import { wireFromText } from "../../../subjects/subject.ts";
import { firstSeqMax } from "../../../store/contract.ts";
import type { ApiError } from "../../api-error.ts";
import { apiError } from "../../api-errors.ts";
import { AtomicBatches } from "../batch/atomic-batches.ts";
import { FastBatches } from "../batch/fast-batches.ts";
import { endsInFastSuffix } from "../batch/fast-reply.ts";
import type { CopyDraft } from "../../sourcing/sourcing-sink.ts";
import type { Stream } from "../stream.ts";
import { Checks } from "./checks.ts";
import { Duplicates } from "./duplicates.ts";
import { Incoming } from "./inbound-message.ts";
import { Intake } from "./appender.ts";
import { field } from "./message-headers.ts";
import { PubAcks } from "./pub-acks.ts";

export class Ingest {
  readonly acks: PubAcks;
  readonly duplicates: Duplicates;
  readonly intake: Intake;
  readonly checks: Checks;
  readonly atomicBatches: AtomicBatches;
  readonly fastBatches: FastBatches;
  readonly #stream: Stream;
  readonly #incoming = new Incoming();
  /** What the stream publishes itself, also while something else is on its way in; few streams do. */
  #own: Incoming | null = null;
  #transform: SubjectTransform | null = null;

  constructor(stream: Stream) {
    this.#stream = stream;
    this.acks = new PubAcks(stream);
    this.duplicates = new Duplicates(stream);
    this.intake = new Intake(stream);
    this.checks = new Checks(stream);
    this.atomicBatches = new AtomicBatches(stream);
    this.fastBatches = new FastBatches(stream);
    this.#transform = transformOf(stream);
  }

  /** Of the message stored last; "" when it had none. Wire string. */
  get lastMsgId(): string {
    return this.intake.lastMsgId;
  }

  receive(message: Message): boolean {
    const incoming = this.#incoming;
    incoming.take(message);
    const { host, log } = this.#stream;
    if (log.kind === "file" && host.store.crowded) host.holdPublisher();
    this.#transformSubject(incoming);
    if (incoming.hasReply && endsInFastSuffix(incoming.reply.bytes, incoming.replyEnd))
      this.fastBatches.receive(incoming);
    else if (!incoming.headers.isEmpty && incoming.headers.hasValue(field.batchId))
      this.atomicBatches.receive(incoming);
    else this.#publish(incoming);
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
    const own = (this.#own ??= new Incoming());
    own.fill(subject, headers, payload);
    own.isSourced = true;
    if (!isTransformed) this.#transformSubject(own);
    const refusal = this.checks.check(own);
    if (refusal !== null || this.checks.duplicateOf > 0) return refusal;
    return this.intake.take(own);
  }

  /** For mirrors and sources; see `CopySink.storeCopy`. */
  storeCopy(draft: CopyDraft): ApiError | null {
    if (draft.seq > firstSeqMax)
      return apiError("streamStoreFailed", { err: `sequence is beyond ${firstSeqMax}` });
    const incoming = this.#incoming;
    incoming.takeCopy(draft);
    if (draft.seq > 0) return this.intake.takeAs(incoming, draft.seq, draft.timeMs, draft.timeNs);
    this.#transformSubject(incoming);
    const refusal = this.checks.check(incoming);
    if (refusal !== null || this.checks.duplicateOf > 0) return refusal;
    return this.intake.take(incoming);
  }

  onUpdated(): void {
    this.#transform = transformOf(this.#stream);
    this.duplicates.onUpdated();
    this.intake.onUpdated();
    this.checks.onUpdated();
  }

  close(): void {
    this.duplicates.close();
    this.atomicBatches.close();
    this.fastBatches.close();
  }

  #publish(incoming: Incoming): void {
    const { checks, acks, intake } = this;
    let refusal = checks.check(incoming);
    if (refusal === null && checks.duplicateOf > 0) {
      acks.acknowledge(incoming, checks.duplicateOf, ',"duplicate": true}');
      return;
    }
    refusal ??= intake.take(incoming);
    if (refusal !== null) acks.refuse(incoming, refusal);
    else if (incoming.counterTotal === null) acks.acknowledge(incoming, intake.seq, "}");
    else acks.acknowledge(incoming, intake.seq, `,"val":"${incoming.counterTotal}"}`);
  }

  /** A subject that the transform's source does not cover stays as it is. */
  #transformSubject(incoming: Incoming): void {
    if (this.#transform === null) return;
    incoming.subject = this.#transform.apply(incoming.subject) ?? incoming.subject;
  }
}

function transformOf({ config }: Stream): SubjectTransform | null {
  const { subject_transform: transform } = config;
  if (transform === undefined || transform.dest === "") return null;
  return SubjectTransform.parseForMapping(wireFromText(transform.src), wireFromText(transform.dest));
}
