/** The ended sessions that monitoring can still show: so many, and so many of their subscriptions, and no more. */
import { factsOf, type ClosedSession, type Session } from "./session.ts";
import type { Subscription } from "./subscriber.ts";

/** Over all sessions: some ten megabytes. */
const subscriptionsMax = 65_536;

export class ClosedSessions {
  readonly #max: number;
  /** A ring once it is full; `#next` is then the oldest. */
  readonly #ring: ClosedSession[] = [];
  #next = 0;
  /** Those that still have subscriptions, oldest first. */
  readonly #subscribed: ClosedSession[] = [];
  #subscriptionCount = 0;

  /** @param max 0 keeps none */
  constructor(max: number) {
    this.#max = max;
  }

  /** In no particular order. */
  get all(): readonly ClosedSession[] {
    return this.#ring;
  }

  /** @param subscriptions those that ended with the session */
  add(
    session: Session,
    stopMs: number,
    reason: string,
    subscriptions: readonly Subscription[],
  ): ClosedSession {
    const kept = this.#max > 0 && subscriptions.length <= subscriptionsMax ? subscriptions : [];
    const closed: ClosedSession = {
      session: factsOf(session),
      stopMs,
      reason,
      account: session.account,
      subscriptionCount: subscriptions.length,
      subscriptions: kept.map(({ subject, queue, sid, deliveredCount }) => ({
        subject,
        queue,
        sid,
        deliveredCount,
      })),
    };
    if (this.#max === 0) return closed;
    const oldest = this.#ring[this.#next];
    if (oldest !== undefined && oldest === this.#subscribed[0]) this.#forgetSubscriptions();
    this.#ring[this.#next] = closed;
    this.#next = (this.#next + 1) % this.#max;
    if (kept.length === 0) return closed;
    this.#subscribed.push(closed);
    this.#subscriptionCount += kept.length;
    while (this.#subscriptionCount > subscriptionsMax) this.#forgetSubscriptions();
    return closed;
  }

  #forgetSubscriptions(): void {
    const oldest = this.#subscribed.shift();
    if (oldest === undefined) return;
    this.#subscriptionCount -= oldest.subscriptions.length;
    oldest.subscriptions = [];
  }
}
