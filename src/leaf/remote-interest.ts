/** What the other end of one link has asked for: a subscription for each subject, or subject and queue group. */
import type { Account } from "../broker/account.ts";
import { type LinkSubscriber, Subscription } from "../broker/subscriber.ts";
import { patternTokensMax } from "../subjects/subject-trie.ts";
import { isValidSubject } from "../subjects/subject.ts";
import type { InterestLink } from "./interest.ts";
import type { AccountLinks } from "./registry.ts";

const apiEnd = ".API";
/** What a broker with streams announces for those who would copy them: `$JS.<domain>.API.CONSUMER.>`. */
const consumerApi = `${apiEnd}.CONSUMER.>`;

export class RemoteInterest {
  readonly #link: LinkSubscriber & InterestLink;
  readonly #onStreams: (account: Account, api: string) => void;
  /** By what stands in LS-. */
  readonly #byKey = new Map<string, Subscription>();

  /**
   * @param link whose subscriptions they are
   * @param onStreams called when streams are announced, with the prefix of their API
   */
  constructor(link: LinkSubscriber & InterestLink, onStreams: (account: Account, api: string) => void) {
    this.#link = link;
    this.#onStreams = onStreams;
  }

  get size(): number {
    return this.#byKey.size;
  }

  values(): Iterable<Subscription> {
    return this.#byKey.values();
  }

  /**
   * A queue group that is known gets another weight; anything else that is known stays as it is.
   * @param max 0: no limit
   * @returns why not, as the text of an `-ERR`; null when all is well
   */
  add(
    links: AccountLinks,
    subject: string,
    queue: string | null,
    weight: number,
    max: number,
  ): string | null {
    const key = keyOf(subject, queue);
    const known = this.#byKey.get(key);
    if (known === undefined) {
      if (max > 0 && this.#byKey.size >= max) return "maximum subscriptions exceeded";
      if (!isValidSubject(subject) || tokenCount(subject) > patternTokensMax) return "Invalid Subscription";
      const subscription = new Subscription(this.#link, subject, queue, key);
      subscription.weight = weight;
      this.#byKey.set(key, subscription);
      links.account.add(subscription);
      if (subject.endsWith(consumerApi))
        this.#onStreams(links.account, subject.slice(0, -consumerApi.length + apiEnd.length));
    } else {
      if (queue === null || known.weight === weight) return null;
      known.weight = weight;
    }
    links.interest.changed(this.#link, subject, queue, weight);
    return null;
  }

  remove(links: AccountLinks, subject: string, queue: string | null): void {
    const key = keyOf(subject, queue);
    const subscription = this.#byKey.get(key);
    if (subscription === undefined) return;
    this.#byKey.delete(key);
    links.account.remove(subscription);
    links.interest.changed(this.#link, subject, queue, 0);
  }

  clear(links: AccountLinks): void {
    for (const subscription of this.#byKey.values()) {
      links.account.remove(subscription);
      links.interest.changed(this.#link, subscription.subject, subscription.queue, 0);
    }
    this.#byKey.clear();
  }
}

function keyOf(subject: string, queue: string | null): string {
  return queue === null ? subject : `${subject} ${queue}`;
}

function tokenCount(subject: string): number {
  let count = 1;
  for (let at = subject.indexOf("."); at >= 0; at = subject.indexOf(".", at + 1)) count++;
  return count;
}
