/**
 * What the broker says itself: answers, acks, deliveries of streams. Routes at once, so it is never called from within
 * a `deliver`; whoever wants to answer there waits for the end of the pass (`FlushPass.defer`).
 */
import type { Account } from "./account.ts";
import { composeMessage, Message } from "./message.ts";
import type { Router } from "./router.ts";

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

  /**
   * As {@link publishMessage}, but receivers are found by `to`, a wire subject in bytes, while they see the message's own.
   */
  deliverMessage(account: Account, to: Buffer, message: Message): number {
    message.routedByOther = true;
    const plan = account.planFor(to, 0, to.length);
    // Made only for those who look at it: links, and services of the broker's.
    message.routingSubject = plan.links.length > 0 || to[0] === dollar ? to.latin1Slice() : "";
    const delivered = this.#router.deliver(plan, message, null);
    message.routedByOther = false;
    return delivered;
  }
}

const dollar = 0x24;
