/**
 * A message of a stream as it goes to those who consume it: under its own subject, with an ack subject as its reply. It is
 * put together from bytes and numbers, since strings for each would be a good part of what a delivery costs.
 */
import { copyBytes, LastView, type ViewedBytes, viewBytes } from "../../base/bytes.ts";
import { writeNumber } from "../../base/digits.ts";
import { Message } from "../../broker/message.ts";
import type { Body } from "../../broker/publisher.ts";
import type { StoredMessage } from "../../store/contract.ts";
import { AckSubject, type Delivery } from "./ack-subject.ts";

/** Far below the size from which receivers queue a view. Larger ones get bytes of their own, which may be kept. */
const scratchBytesMax = 1_024;
/** Blanks, sizes and line ends. */
const lineSlackBytes = 48;
const space = 0x20;
const cr = 0x0d;
const lf = 0x0a;

export class DeliveryFrame {
  readonly message = new Message();
  readonly #ackSubject: AckSubject;
  readonly #scratch: ViewedBytes = viewBytes(Buffer.allocUnsafeSlow(scratchBytesMax + 8));
  /** Messages mostly share the bytes of their block. */
  readonly #source = new LastView();

  /** @param ackPrefix wire string: `$JS.ACK.<stream>.<consumer>.` */
  constructor(ackPrefix: string) {
    this.#ackSubject = new AckSubject(ackPrefix);
  }

  /** Subject, reply, headers and payload: what limits on bytes count. */
  get sizeBytes(): number {
    const { message } = this;
    return message.subjectEnd + (message.replyEnd - message.replyStart) + message.bodyBytes;
  }

  /** @param body the message's own, or what goes in its place */
  compose(stored: StoredMessage, body: Body, delivery: Delivery): void {
    const reply = this.#ackSubject;
    reply.set(stored, delivery);
    const bodyBytes = body.bodyEnd - body.bodyStart;
    const lineBytesMax = stored.subjectEnd - stored.subjectStart + reply.end + lineSlackBytes;
    const isSmall = lineBytesMax + bodyBytes <= scratchBytesMax;
    const target = isSmall ? this.#scratch : viewBytes(Buffer.allocUnsafe(lineBytesMax + bodyBytes + 8));
    const { message } = this;
    const { bytes } = target;
    let at = copyBytes(this.#source.of(stored.bytes), stored.subjectStart, stored.subjectEnd, target, 0);
    message.viewed = target;
    message.viewedSubject = target;
    message.subjectStart = 0;
    message.subjectEnd = at;
    bytes[at++] = space;
    message.tailStart = at;
    message.replyStart = at;
    at = copyBytes(reply.viewed, 0, reply.end, target, at);
    message.replyEnd = at;
    bytes[at++] = space;
    if (body.headerBytes > 0) {
      at = writeNumber(bytes, at, body.headerBytes);
      bytes[at++] = space;
    }
    at = writeNumber(bytes, at, bodyBytes);
    bytes[at++] = cr;
    bytes[at++] = lf;
    message.headerBytes = body.headerBytes;
    message.bodyStart = at;
    at = copyBytes(this.#source.of(body.bytes), body.bodyStart, body.bodyEnd, target, at);
    message.bodyEnd = at;
    bytes[at++] = cr;
    bytes[at] = lf;
    message.stable = !isSmall;
    message.plainTail = null;
  }
}
