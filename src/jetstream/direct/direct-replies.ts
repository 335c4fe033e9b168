/**
 * The way out for answers to direct gets that wait for nothing: at the end of the pass, in the order of the requests.
 * Each is written once, to where it is sent from, and costs no string; see `reply-queue.ts`.
 */
import { copyBytes, LastView, type ViewedBytes, viewBytes } from "../../base/bytes.ts";
import { digitCount } from "../../base/digits.ts";
import type { Account } from "../../broker/account.ts";
import type { Publisher } from "../../broker/publisher.ts";
import { type Message, writeSizes } from "../../protocol/message.ts";
import { StoredMessage } from "../../store/contract.ts";
import type { CommitGatedReplies } from "../commit-gated-replies.ts";
import type { PassScheduler } from "../host.ts";
import { ReplyQueue } from "../reply-queue.ts";
import type { AnswerHeaders, BatchPosition } from "./answer-headers.ts";

/** Two sizes, the blanks before them, and two line ends. */
const sizesBytesMax = 32;
const scratchBytesMin = 512;

export class DirectReplies {
  /** For whoever looks for what to answer with. */
  readonly stored = new StoredMessage();
  readonly account: Account;
  readonly #scheduler: PassScheduler;
  readonly #publisher: Publisher;
  readonly #replies: CommitGatedReplies;
  /** Made for the first answer: most accounts never see one. */
  #queue: ReplyQueue | null = null;
  /** Messages mostly share the bytes that they lie in. */
  readonly #source = new LastView();
  #scratch: ViewedBytes = viewBytes(Buffer.allocUnsafeSlow(scratchBytesMin));
  #isScheduled = false;
  readonly #atEnd = (): void => this.#publish();

  constructor(account: Account, scheduler: PassScheduler, publisher: Publisher, replies: CommitGatedReplies) {
    this.account = account;
    this.#scheduler = scheduler;
    this.#publisher = publisher;
    this.#replies = replies;
  }

  /** What is one of several answers, in the order of the calls. @param waits for all that was decided before */
  publish(request: Message, payload: Uint8Array, headers: Uint8Array | null, waits: boolean): void {
    if (waits) this.#replies.publish(this.account, request.reply, payload, headers);
    else this.#replies.publishSoon(this.account, request.reply, payload, headers);
  }

  /** Answers `request` with what is stored. @param headers null: the message goes without any */
  send(request: Message, stored: StoredMessage, headers: AnswerHeaders | null): void {
    const { replyStart, replyEnd } = request;
    const payloadStart = stored.bodyStart + stored.headerBytes;
    const lineBytesMax = replyEnd - replyStart + sizesBytesMax;
    const headerBytesMax = headers === null ? 0 : headers.bytesMax(stored);
    this.#queue ??= new ReplyQueue();
    const block = this.#queue.reserve(lineBytesMax + headerBytesMax + stored.bodyEnd - payloadStart + 2);
    const target = block.viewed;
    const source = this.#source.of(stored.bytes);
    const bodyStart = block.used + lineBytesMax;
    const payloadAt = headers === null ? bodyStart : headers.write(target, bodyStart, stored, source, null);
    const bodyEnd = copyBytes(source, payloadStart, stored.bodyEnd, target, payloadAt);
    const headerBytes = payloadAt - bodyStart;
    // Only now it is known how long the line is that ends where the body begins.
    const sizesAt = bodyStart - sizesBytes(headerBytes, bodyEnd - bodyStart);
    block.used = sizesAt - (replyEnd - replyStart);
    copyBytes(request.viewed, replyStart, replyEnd, target, block.used);
    writeSizes(target.bytes, sizesAt, headerBytes, bodyEnd - bodyStart);
    block.end(0, this.account, sizesAt, bodyStart, headerBytes, bodyEnd);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#scheduler.defer("announce", this.#atEnd);
  }

  /** Headers alone, for what goes another way. Good until the next call. */
  compose(stored: StoredMessage, headers: AnswerHeaders, position: BatchPosition | null): Uint8Array {
    const bytesMax = headers.bytesMax(stored);
    if (this.#scratch.bytes.length < bytesMax) this.#scratch = viewBytes(Buffer.allocUnsafeSlow(bytesMax));
    const scratch = this.#scratch;
    return scratch.bytes.subarray(
      0,
      headers.write(scratch, 0, stored, this.#source.of(stored.bytes), position),
    );
  }

  #publish(): void {
    this.#isScheduled = false;
    this.#queue?.publish(this.#publisher, 0);
  }
}

function sizesBytes(headerBytes: number, bodyBytes: number): number {
  const headerPart = headerBytes > 0 ? 1 + digitCount(headerBytes) : 0;
  return headerPart + 1 + digitCount(bodyBytes) + 2;
}
