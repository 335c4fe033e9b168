/** A part of the broker that listens on subjects of an account, among its clients and like one of them. */
import { isUnanswerable, mayBeReservedReply } from "../subjects/reserved.ts";
import type { Account } from "./account.ts";
import type { Message } from "../protocol/message.ts";
import { type FanOutGroup, type Subscriber, Subscription } from "./subscriber.ts";

/**
 * Called within a delivery: it takes what it needs and returns; what it would publish waits for the end of the pass.
 * @returns false when it refuses the message
 */
export type MessageHandler = (message: Message, account: Account) => boolean | void;

interface Listening {
  readonly account: Account;
  readonly handler: MessageHandler;
  /** A reply that is not to be answered is hidden from the handler. */
  readonly answers: boolean;
}

export class Service implements Subscriber {
  readonly tier = 0;
  readonly echo = true;
  readonly #listening = new Map<Subscription, Listening>();
  #lastSid = 0;

  /**
   * A message whose reply is a subject of the broker's own comes to the handler as one without a reply, so that no answer
   * can be a request in somebody's name.
   * @param subject wire string, maybe with wildcards
   * @param queue null for a plain subscription
   */
  listen(account: Account, subject: string, queue: string | null, handler: MessageHandler): Subscription {
    return this.#add(subject, queue, { account, handler, answers: true });
  }

  /** As {@link listen}, for deliveries of streams: their replies are shown, and the handler looks at what it answers. */
  listenForDeliveries(
    account: Account,
    subject: string,
    queue: string | null,
    handler: MessageHandler,
  ): Subscription {
    return this.#add(subject, queue, { account, handler, answers: false });
  }

  #add(subject: string, queue: string | null, listening: Listening): Subscription {
    const subscription = new Subscription(this, subject, queue, String(++this.#lastSid));
    this.#listening.set(subscription, listening);
    // Found again at delivery without a look into the map.
    subscription.prefix = listening;
    listening.account.add(subscription);
    return subscription;
  }

  stop(subscription: Subscription): void {
    const listening = this.#listening.get(subscription);
    if (listening === undefined) return;
    this.#listening.delete(subscription);
    listening.account.remove(subscription);
  }

  stopAll(): void {
    for (const subscription of [...this.#listening.keys()]) this.stop(subscription);
  }

  deliver(message: Message, subscription: Subscription): boolean {
    const { account, handler, answers } = subscription.prefix as Listening;
    const { replyStart, replyEnd } = message;
    // Two bytes of an inbox tell that there is nothing to hide.
    if (answers && replyEnd > replyStart && mayBeReservedReply(message.bytes, replyStart)) {
      if (isUnanswerable(message.reply)) message.replyEnd = replyStart;
      const isTaken = handler(message, account) !== false;
      message.replyEnd = replyEnd;
      return isTaken;
    }
    return handler(message, account) !== false;
  }

  deniesDelivery(): boolean {
    return false;
  }

  filters(): boolean {
    return false;
  }

  fanOutKey(): null {
    return null;
  }

  /** Never asked, since there is no fan-out key. */
  formFanOutGroup(members: readonly Subscription[]): FanOutGroup {
    return { members, deliver: () => 0 };
  }
}
