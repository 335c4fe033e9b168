/**
 * Whoever takes messages: a client's connection, a leaf link, a stream, a service. The router sees only this, and
 * decides by data (`tier`, `echo`), never by what is behind it.
 */
import type { TrieValue } from "../subjects/subject-trie.ts";
import type { Message } from "../protocol/message.ts";

export interface Subscriber {
  /** 0: local. 1: behind a link; chosen from a queue group only when no local member takes the message. */
  readonly tier: 0 | 1;
  /** Whether it gets what it published itself. */
  readonly echo: boolean;
  /**
   * Takes one message. Never routes, never throws; what it would publish in turn waits for the end of the pass.
   * @returns false when it refuses (closed, too slow): a queue group then tries its next member
   */
  deliver(message: Message, subscription: Subscription): boolean;
  /** Whether permissions keep messages on this literal subject from a subscription that is wider. Asked when a plan is made, not for each message. */
  deniesDelivery(subject: string, subscription: Subscription): boolean;
  /** Whether {@link deniesDelivery} may be true for some subject that the subscription matches. */
  filters(subscription: Subscription): boolean;
  /** Subscriptions with the same key are sent the same bytes for every message. Null: this one is served by itself. */
  fanOutKey(subscription: Subscription): string | null;
  /** Makes one receiver of `members`, whose fan-out keys are all equal. */
  formFanOutGroup(members: readonly Subscription[]): FanOutGroup;
}

/**
 * A subscriber of tier 1: one connection that many are behind. However many of its subscriptions match, it gets a
 * message once, and is told of all its queue groups that were chosen at the same time.
 */
export interface LinkSubscriber extends Subscriber {
  readonly tier: 1;
  /** Whether it is there, and may be sent what comes from `origin`; null for the broker itself. */
  takesFrom(origin: Subscriber | null): boolean;
  /**
   * As {@link Subscriber.deliver}.
   * @param plain one of its subscriptions without a queue, if any matches
   * @param queues those of its queue subscriptions whose groups are to choose a member behind it
   */
  deliverBeyond(message: Message, plain: Subscription | null, queues: readonly Subscription[]): boolean;
}

/** Several subscriptions that are sent the same bytes, served together. */
export interface FanOutGroup {
  readonly members: readonly Subscription[];
  /** As `deliver` for each member but those of `silent`. @returns how many took it */
  deliver(message: Message, silent: Subscriber | null): number;
}

export class Subscription implements TrieValue {
  readonly subscriber: Subscriber;
  /** Wire string, maybe with wildcards. */
  readonly subject: string;
  readonly queue: string | null;
  /** As the client wrote it. */
  readonly sid: string;
  /** Removed, but maybe still in a plan: never delivered to again. */
  dead = false;
  deliveredCount = 0;
  /** Ends after this many deliveries since it began; 0: never. */
  deliveredMax = 0;
  /** How many members of its queue group it stands for, behind a link. */
  weight = 1;
  triePosition = -1;
  /** Unique in its account; another one from when it is served in another way. See `Account.reconsider`. */
  serial = 0;
  /** Whatever the subscriber wants to find again at delivery. */
  prefix: object | null = null;

  constructor(subscriber: Subscriber, subject: string, queue: string | null, sid: string) {
    this.subscriber = subscriber;
    this.subject = subject;
    this.queue = queue;
    this.sid = sid;
  }
}
