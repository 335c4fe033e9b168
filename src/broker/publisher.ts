/**
 * What the broker says itself: answers, acks, deliveries of streams. Routes at once, so it is never called from within
 * a `deliver`; whoever wants to answer there waits for the end of the pass (`FlushPass.defer`).
 */
import type { Account } from "./account.ts";
import type { Destination } from "./destination.ts";
import { composeMessage, Message } from "../protocol/message.ts";
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

  /** As {@link publishMessage}, but receivers are found by the destination, while they see the message's own subject. */
  deliverMessage(to: Destination, message: Message): number {
    message.routedByOther = true;
    message.routingSubject = to.subject;
    const delivered = this.#router.deliver(to.plan, message, null);
    message.routedByOther = false;
    return delivered;
  }
}
