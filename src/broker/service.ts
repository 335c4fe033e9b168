/** A part of the broker that listens on subjects of an account, among its clients and like one of them. */
import type { Account } from "./account.ts";
import type { Message } from "./message.ts";
import { type Cohort, type Subscriber, Subscription } from "./subscriber.ts";

/**
 * Called within a delivery: it takes what it needs and returns; what it would publish waits for the end of the pass.
 * @returns false when it refuses the message
 */
export type MessageHandler = (message: Message, account: Account) => boolean | void;

interface Listening {
  readonly account: Account;
  readonly handler: MessageHandler;
}

export class Service implements Subscriber {
  readonly tier = 0;
  readonly echo = true;
  readonly #listening = new Map<Subscription, Listening>();
  #lastSid = 0;

  /** @param subject wire string, maybe with wildcards @param queue null for a plain subscription */
  listen(account: Account, subject: string, queue: string | null, handler: MessageHandler): Subscription {
    const subscription = new Subscription(this, subject, queue, String(++this.#lastSid));
    const listening = { account, handler };
    this.#listening.set(subscription, listening);
    // Found again at delivery without a look into the map.
    subscription.prefix = listening;
    account.add(subscription);
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
    const { account, handler } = subscription.prefix as Listening;
    return handler(message, account) !== false;
  }

  deniesDelivery(): boolean {
    return false;
  }

  filters(): boolean {
    return false;
  }

  cohortKey(): null {
    return null;
  }

  /** Never asked, since there is no cohort key. */
  formCohort(members: readonly Subscription[]): Cohort {
    return { members, deliver: () => 0 };
  }
}
