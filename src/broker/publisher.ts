/**
 * What the broker says itself: answers, acks, deliveries of streams. Routes at once, so it is never called from within
 * a `deliver`; whoever wants to answer there waits for the end of the pass (`FlushPass.defer`).
 */
import { type ViewedBytes, viewBytes } from "../base/bytes.ts";
import type { Account } from "./account.ts";
import { composeMessage, Message } from "./message.ts";
import type { Router } from "./router.ts";

/**
 * A message up to this size is composed in one buffer again and again: far below the size from which receivers queue a
 * view instead of a copy. Larger ones get bytes of their own, which receivers may keep.
 */
const scratchBytesMax = 1_024;

/** Parts of a message that lie in bytes of somebody else: headers and payload one after the other. */
export interface Body {
  readonly bytes: Buffer;
  readonly bodyStart: number;
  readonly bodyEnd: number;
  readonly headerBytes: number;
}

export class Publisher {
  readonly #router: Router;
  readonly #message = new Message();
  readonly #scratch: ViewedBytes = viewBytes(Buffer.allocUnsafeSlow(scratchBytesMax));

  constructor(router: Router) {
    this.#router = router;
  }

  /**
   * @param reply "" for none; subjects are wire strings
   * @param headers a whole block, `NATS/1.0` and all
   * @returns how many took it
   */
  publish(
    account: Account,
    subject: string,
    reply: string,
    headers: Uint8Array | null,
    payload: Uint8Array,
  ): number {
    const message = composeMessage(this.#message, subject, reply, headers, payload);
    return this.#router.publish(account, message, null);
  }

  /** A message that is there in canonical form already. */
  publishMessage(account: Account, message: Message): number {
    return this.#router.publish(account, message, null);
  }

  /** Like {@link publish}, but receivers are found by `to`, a wire subject in bytes, while they see `subject`. */
  deliver(account: Account, to: Buffer, subject: string, reply: string, body: Body): number {
    return this.deliverMessage(account, to, this.#frame(subject, reply, body));
  }

  /** As {@link deliver}, for a message that is there in canonical form already. */
  deliverMessage(account: Account, to: Buffer, message: Message): number {
    message.routedByOther = true;
    const plan = account.planFor(to, 0, to.length);
    // Made only for those who look at it: links, and services of the broker's.
    message.routingSubject = plan.links.length > 0 || to[0] === dollar ? to.latin1Slice() : "";
    const delivered = this.#router.deliver(plan, message, null);
    message.routedByOther = false;
    return delivered;
  }

  #frame(subject: string, reply: string, { bytes, bodyStart, bodyEnd, headerBytes }: Body): Message {
    const total = bodyEnd - bodyStart;
    const sizes = headerBytes === 0 ? `${total}\r\n` : `${headerBytes} ${total}\r\n`;
    const line = reply === "" ? `${subject} ${sizes}` : `${subject} ${reply} ${sizes}`;
    const message = this.#message;
    const whole = line.length + total + 2;
    const isSmall = whole <= scratchBytesMax;
    const target = isSmall ? this.#scratch.bytes : Buffer.allocUnsafe(whole);
    target.latin1Write(line, 0, line.length);
    bytes.copy(target, line.length, bodyStart, bodyEnd);
    target[line.length + total] = 0x0d;
    target[line.length + total + 1] = 0x0a;
    message.setBytes(target);
    message.subjectStart = 0;
    message.subjectEnd = subject.length;
    message.tailStart = subject.length + 1;
    message.replyStart = message.tailStart;
    message.replyEnd = message.tailStart + reply.length;
    message.headerBytes = headerBytes;
    message.bodyStart = line.length;
    message.bodyEnd = line.length + total;
    message.stable = !isSmall;
    message.plainTail = null;
    return message;
  }
}

const dollar = 0x24;
