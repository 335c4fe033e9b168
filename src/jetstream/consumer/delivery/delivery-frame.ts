/**
 * A message of a stream as it goes to those who consume it: under its own subject, with an ack subject as its reply. It is
 * put together from bytes and numbers, since strings for each would be a good part of what a delivery costs.
 */
import { copyBytes, CR, LastView, LF, viewBytes } from "../../../base/bytes.ts";
import { Message, writeSizes } from "../../../protocol/message.ts";
import type { Body } from "../../../broker/publisher.ts";
import type { StoredMessage } from "../../../store/contract.ts";
import { AckSubject, type AckNumbers } from "./ack-subject.ts";

/** Below the size from which receivers queue a view. Larger ones get bytes of their own, which may be kept. */
const scratchBytesMax = 1_700;
/** Blanks, sizes and line ends. */
const lineSlackBytes = 48;

export class DeliveryFrame {
  readonly message = new Message();
  /** Begins the bytes of every message but the large ones, and stays where it is from one to the next. */
  readonly #ackSubject: AckSubject;
  /** Messages mostly share the bytes of their block. */
  readonly #source = new LastView();
  // What the last one was composed of.
  #stored: StoredMessage | null = null;
  #body: Body | null = null;
  #delivery: AckNumbers | null = null;

  /** @param ackPrefix wire string: `$JS.ACK.<stream>.<consumer>.` */
  constructor(ackPrefix: string) {
    this.#ackSubject = new AckSubject(ackPrefix, scratchBytesMax);
    this.message.isScratch = true;
  }

  /** Subject, reply, headers and payload: what limits on bytes count. */
  get sizeBytes(): number {
    const { message } = this;
    return message.subjectEnd - message.subjectStart + message.replyEnd + message.bodyBytes;
  }

  /** Puts the last message together once more, with another body. */
  composeAgain(change: (body: Body) => Body): void {
    if (this.#stored !== null && this.#body !== null && this.#delivery !== null)
      this.compose(this.#stored, change(this.#body), this.#delivery);
  }

  /** @param body the message's own, or what goes in its place */
  compose(stored: StoredMessage, body: Body, delivery: AckNumbers): void {
    this.#stored = stored;
    this.#body = body;
    this.#delivery = delivery;
    const reply = this.#ackSubject;
    reply.set(stored, delivery);
    const bodyBytes = body.bodyEnd - body.bodyStart;
    const bytesMax = reply.end + lineSlackBytes + bodyBytes;
    const isSmall = bytesMax <= scratchBytesMax;
    const target = isSmall ? reply.viewed : viewBytes(Buffer.allocUnsafe(bytesMax));
    const { message } = this;
    const { bytes } = target;
    message.viewed = target;
    message.viewedSubject = this.#source.of(stored.bytes);
    message.subjectStart = stored.subjectStart;
    message.subjectEnd = stored.subjectEnd;
    message.tailStart = 0;
    message.replyStart = 0;
    let at = isSmall ? reply.end : copyBytes(reply.viewed, 0, reply.end, target, 0);
    message.replyEnd = at;
    at = writeSizes(bytes, at, body.headerBytes, bodyBytes);
    message.headerBytes = body.headerBytes;
    message.bodyStart = at;
    at = copyBytes(this.#source.of(body.bytes), body.bodyStart, body.bodyEnd, target, at);
    message.bodyEnd = at;
    bytes[at++] = CR;
    bytes[at] = LF;
    message.stable = !isSmall;
    message.plainTail = null;
  }
}
