/**
 * A message of a stream as it goes to those who consume it: under its own subject, with an ack subject as its reply. It is
 * put together from bytes and numbers, since strings for each would be a good part of what a delivery costs.
 */
import { writeNumber, writePadded } from "../../base/digits.ts";
import { copyBytes, emptyBytes, type ViewedBytes, viewBytes } from "../../base/bytes.ts";
import { Message } from "../../broker/message.ts";
import type { Body } from "../../broker/publisher.ts";
import type { StoredMessage } from "../../store/contract.ts";

/** Far below the size from which receivers queue a view. Larger ones get bytes of their own, which may be kept. */
const scratchBytesMax = 1_024;
/** Six numbers, their dots, sizes and line ends. */
const numbersBytesMax = 160;
const space = 0x20;
const dot = 0x2e;
const cr = 0x0d;
const lf = 0x0a;

/** The numbers in an ack subject. */
export interface Delivery {
  deliveries: number;
  consumerSeq: number;
  pending: number;
}

export class DeliveryFrame {
  readonly message = new Message();
  readonly #ackPrefix: ViewedBytes;
  readonly #scratch: ViewedBytes = viewBytes(Buffer.allocUnsafeSlow(scratchBytesMax + 8));
  #source: ViewedBytes = viewBytes(emptyBytes);

  /** @param ackPrefix wire string: `$JS.ACK.<stream>.<consumer>.` */
  constructor(ackPrefix: string) {
    this.#ackPrefix = viewBytes(Buffer.from(ackPrefix, "latin1"));
  }

  /** Subject, reply, headers and payload: what limits on bytes count. */
  get sizeBytes(): number {
    const { message } = this;
    return message.subjectEnd + (message.replyEnd - message.replyStart) + message.bodyBytes;
  }

  /** @param body the message's own, or what goes in its place */
  compose(stored: StoredMessage, body: Body, delivery: Delivery): void {
    const bodyBytes = body.bodyEnd - body.bodyStart;
    const subjectBytes = stored.subjectEnd - stored.subjectStart;
    const lineBytesMax = subjectBytes + this.#ackPrefix.bytes.length + numbersBytesMax;
    const isSmall = lineBytesMax + bodyBytes <= scratchBytesMax;
    const target = isSmall ? this.#scratch : viewBytes(Buffer.allocUnsafe(lineBytesMax + bodyBytes + 8));
    const { message } = this;
    const { bytes } = target;
    let at = copyBytes(this.#viewOf(stored.bytes), stored.subjectStart, stored.subjectEnd, target, 0);
    message.viewed = target;
    message.viewedSubject = target;
    message.subjectStart = 0;
    message.subjectEnd = at;
    bytes[at++] = space;
    message.tailStart = at;
    message.replyStart = at;
    at = copyBytes(this.#ackPrefix, 0, this.#ackPrefix.bytes.length, target, at);
    at = writeNumbers(bytes, at, stored, delivery);
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
    at = copyBytes(this.#viewOf(body.bytes), body.bodyStart, body.bodyEnd, target, at);
    message.bodyEnd = at;
    bytes[at++] = cr;
    bytes[at] = lf;
    message.stable = !isSmall;
    message.plainTail = null;
  }

  /** Messages mostly share the bytes of their block, and so its view. */
  #viewOf(bytes: Buffer): ViewedBytes {
    if (this.#source.bytes !== bytes) this.#source = viewBytes(bytes);
    return this.#source;
  }
}

function writeNumbers(bytes: Buffer, start: number, stored: StoredMessage, delivery: Delivery): number {
  let at = writeNumber(bytes, start, delivery.deliveries);
  bytes[at++] = dot;
  at = writeNumber(bytes, at, stored.seq);
  bytes[at++] = dot;
  at = writeNumber(bytes, at, delivery.consumerSeq);
  bytes[at++] = dot;
  at = writeNumber(bytes, at, stored.timeMs);
  at = writePadded(bytes, at, stored.timeNs, 6);
  bytes[at++] = dot;
  return writeNumber(bytes, at, delivery.pending);
}
