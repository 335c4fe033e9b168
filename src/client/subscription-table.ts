/** The subscriptions of one client, by the sid that it chose for each. */
import type { Identity } from "../auth/identity.ts";
import type { Account } from "../broker/account.ts";
import { type Subscriber, Subscription } from "../broker/subscriber.ts";
import { recoverable } from "../protocol/errors.ts";
import { patternTokensMax } from "../subjects/subject-trie.ts";
import { isValidSubject } from "../subjects/subject.ts";
import type { ClientSettings } from "./context.ts";

/** A queue name that the reference server keeps for itself. */
const systemQueue = "_sys_";

/** Whose subscriptions they are. */
export interface SubscribingClient extends Subscriber {
  /** Null before the login. */
  readonly account: Account | null;
  readonly identity: Identity | null;
}

export class SubscriptionTable {
  readonly #client: SubscribingClient;
  readonly #bySid = new Map<string, Subscription>();

  constructor(client: SubscribingClient) {
    this.#client = client;
  }

  get size(): number {
    return this.#bySid.size;
  }

  values(): Iterable<Subscription> {
    return this.#bySid.values();
  }

  /**
   * Adds a subscription. A sid that is taken leaves the older one as it is, without a word, as the protocol has it;
   * but permission and limits are asked first, in the reference server's order.
   * @returns why not, as the text of an `-ERR`; null when all is well
   */
  subscribe(subject: string, queue: string | null, sid: string, settings: ClientSettings): string | null {
    const { account, identity } = this.#client;
    if (account === null) return recoverable.subscribeDenied(subject, queue);
    const permissions = identity?.permissions ?? null;
    if (queue === systemQueue || (permissions !== null && !permissions.canSubscribe(subject, queue)))
      return recoverable.subscribeDenied(subject, queue);
    if (hasTooManyTokens(subject, settings.maxSubscriptionTokens)) return recoverable.tooManyTokens(subject);
    // Of a broker 0 is no limit; of an account it is one.
    if (this.#isFull(settings.maxSubscriptions || -1) || this.#isFull(account.limits.maxSubscriptions))
      return recoverable.subscriptionsExceeded;
    if (this.#bySid.has(sid)) return null;
    if (!isValidSubject(subject)) return recoverable.invalidSubject;
    const subscription = new Subscription(this.#client, subject, queue, sid);
    this.#bySid.set(sid, subscription);
    account.add(subscription);
    return null;
  }

  /** With `max`, ends the subscription after that many deliveries since it began; without, now. */
  unsubscribe(sid: string, max: number): void {
    const subscription = this.#bySid.get(sid);
    if (subscription === undefined) return;
    if (max > subscription.deliveredCount) subscription.deliveredMax = max;
    else this.remove(subscription);
  }

  remove(subscription: Subscription): void {
    this.#bySid.delete(subscription.sid);
    this.#client.account?.remove(subscription);
  }

  clear(): void {
    for (const subscription of this.#bySid.values()) this.#client.account?.remove(subscription);
    this.#bySid.clear();
  }

  /** Those that the client's permissions, as they are now, would refuse. */
  forbidden(): Subscription[] {
    const permissions = this.#client.identity?.permissions ?? null;
    if (permissions === null) return [];
    return [...this.#bySid.values()].filter(
      ({ subject, queue }) => !permissions.canSubscribe(subject, queue),
    );
  }

  /** @param max below 0: no limit */
  #isFull(max: number): boolean {
    return max >= 0 && this.#bySid.size >= max;
  }
}

/** @param max 0: as many as a trie takes, which a control line of the default length cannot exceed */
function hasTooManyTokens(subject: string, max: number): boolean {
  const tokensMax = max === 0 ? patternTokensMax : Math.min(max, patternTokensMax);
  if (subject.length < tokensMax) return false;
  let count = 1;
  for (let at = subject.indexOf("."); at >= 0; at = subject.indexOf(".", at + 1)) count++;
  return count > tokensMax;
}
