/**
 * The way out for answers to direct gets that wait for nothing: at the end of the pass, in the order of the requests.
 * Each is written once, to where it is sent from, and costs no string; see `answer-queue.ts`.
 */
import { CR, copyBytes, emptyBytes, LF, SPACE, type ViewedBytes, viewBytes } from "../../base/bytes.ts";
import { digitCount, writeNumber } from "../../base/digits.ts";
import type { Account } from "../../broker/account.ts";
import { Message } from "../../broker/message.ts";
import { StoredMessage } from "../../store/contract.ts";
import { type Answer, AnswerQueue } from "../answer-queue.ts";
import type { Host } from "../host.ts";
import type { AnswerHeaders, BatchPlace } from "./answer-headers.ts";

/** Two sizes, the blanks before them, and two line ends. */
const sizesBytesMax = 32;
const scratchBytesMin = 512;

export class DirectOutlet {
  /** For whoever looks for what to answer with. */
  readonly stored = new StoredMessage();
  readonly #host: Host;
  readonly #account: Account;
  /** Made for the first answer: most accounts never see one. */
  #queue: AnswerQueue | null = null;
  readonly #message = new Message();
  #source: ViewedBytes = viewBytes(emptyBytes);
  #scratch: ViewedBytes = this.#source;
  #isScheduled = false;
  readonly #atEnd = (): void => this.#publish();

  constructor(host: Host, account: Account) {
    this.#host = host;
    this.#account = account;
  }

  /** Answers `request` with what is stored. @param headers null: the message goes without any */
  send(request: Message, stored: StoredMessage, headers: AnswerHeaders | null): void {
    const { replyStart, replyEnd } = request;
    const payloadStart = stored.bodyStart + stored.headerBytes;
    const lineBytesMax = replyEnd - replyStart + sizesBytesMax;
    const headerBytesMax = headers === null ? 0 : headers.bytesMax(stored);
    this.#queue ??= new AnswerQueue();
    const block = this.#queue.reserve(lineBytesMax + headerBytesMax + stored.bodyEnd - payloadStart + 2);
    const target = block.viewed;
    const source = this.#viewOf(stored.bytes);
    const bodyStart = block.used + lineBytesMax;
    const payloadAt = headers === null ? bodyStart : headers.write(target, bodyStart, stored, source, null);
    const bodyEnd = copyBytes(source, payloadStart, stored.bodyEnd, target, payloadAt);
    const headerBytes = payloadAt - bodyStart;
    // Only now it is known how long the line is that ends where the body begins.
    const sizesAt = bodyStart - sizesBytes(headerBytes, bodyEnd - bodyStart);
    block.used = sizesAt - (replyEnd - replyStart);
    copyBytes(request.viewed, replyStart, replyEnd, target, block.used);
    writeSizes(target.bytes, sizesAt, headerBytes, bodyEnd - bodyStart);
    block.end(0, this.#account, sizesAt, bodyStart, headerBytes, bodyEnd);
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#host.defer(this.#atEnd);
  }

  /** Headers alone, for what goes another way. Good until the next call. */
  compose(stored: StoredMessage, headers: AnswerHeaders, place: BatchPlace | null): Uint8Array {
    const bytesMax = headers.bytesMax(stored);
    if (this.#scratch.bytes.length < bytesMax)
      this.#scratch = viewBytes(Buffer.allocUnsafeSlow(Math.max(bytesMax, scratchBytesMin)));
    const scratch = this.#scratch;
    return scratch.bytes.subarray(0, headers.write(scratch, 0, stored, this.#viewOf(stored.bytes), place));
  }

  /** Messages mostly share the bytes that they lie in, and so the view of them. */
  #viewOf(bytes: Buffer): ViewedBytes {
    if (this.#source.bytes !== bytes) this.#source = viewBytes(bytes);
    return this.#source;
  }

  #publish(): void {
    this.#isScheduled = false;
    const queue = this.#queue;
    if (queue === null) return;
    const { publisher } = this.#host;
    for (let answer = queue.take(0); answer !== null; answer = queue.take(0)) {
      fill(this.#message, answer);
      publisher.publishMessage(this.#account, this.#message);
    }
  }
}

function sizesBytes(headerBytes: number, bodyBytes: number): number {
  const headerPart = headerBytes > 0 ? 1 + digitCount(headerBytes) : 0;
  return headerPart + 1 + digitCount(bodyBytes) + 2;
}

/** Writes ` [<headerBytes> ]<bodyBytes>\r\n`. */
function writeSizes(bytes: Buffer, start: number, headerBytes: number, bodyBytes: number): void {
  let at = start;
  if (headerBytes > 0) {
    bytes[at++] = SPACE;
    at = writeNumber(bytes, at, headerBytes);
  }
  bytes[at++] = SPACE;
  at = writeNumber(bytes, at, bodyBytes);
  bytes[at++] = CR;
  bytes[at] = LF;
}

function fill(message: Message, answer: Answer): void {
  message.viewed = answer.viewed;
  message.viewedSubject = answer.viewed;
  message.subjectStart = answer.start;
  message.subjectEnd = answer.subjectEnd;
  message.tailStart = answer.subjectEnd + 1;
  message.replyStart = message.tailStart;
  message.replyEnd = message.tailStart;
  message.headerBytes = answer.headerBytes;
  message.bodyStart = answer.bodyStart;
  message.bodyEnd = answer.bodyEnd;
  message.stable = false;
  message.plainTail = null;
}
