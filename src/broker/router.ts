/**
 * Routing is a loop over a plan. It asks nobody what they are; it only skips the dead, the origin of the message
 * where that wants no echo, and takes one member of each queue group.
 */
import type { Account } from "./account.ts";
import type { Message } from "./message.ts";
import type { Plan, QueueGroup } from "./plan.ts";
import type { Cohort, Subscriber, Subscription } from "./subscriber.ts";

export class Router {
  /** xorshift state for picking queue members; never 0. */
  #random: number;

  constructor(seed: number) {
    this.#random = seed | 0 || 1;
  }

  /**
   * Delivers `message` to everyone in `account` who is interested in its subject.
   * @param origin who published it; null for the broker itself
   * @returns how many took it
   */
  publish(account: Account, message: Message, origin: Subscriber | null): number {
    const plan = account.planFor(message.subjectBytes, message.subjectStart, message.subjectEnd);
    return this.deliver(plan, message, origin);
  }

  /** Like {@link publish}, but finds receivers by `subject` while they see the message's own. */
  route(account: Account, subject: string, message: Message, origin: Subscriber | null): number {
    const bytes = Buffer.from(subject, "latin1");
    message.routedByOther = true;
    const delivered = this.deliver(account.planFor(bytes, 0, bytes.length), message, origin);
    message.routedByOther = false;
    return delivered;
  }

  /** Carries out `plan`, which must be the one for the message's subject now. @returns how many took it */
  deliver(plan: Plan, message: Message, origin: Subscriber | null): number {
    const silent = origin === null || origin.echo ? null : origin;
    let delivered = 0;
    const plain = plan.plain;
    for (let at = 0; at < plain.length; at++) {
      const subscription = plain[at] as Subscription;
      if (subscription.dead || subscription.subscriber === silent) continue;
      if (subscription.subscriber.deliver(message, subscription)) delivered++;
    }
    const cohorts = plan.cohorts;
    for (let at = 0; at < cohorts.length; at++) delivered += (cohorts[at] as Cohort).deliver(message, silent);
    const groups = plan.groups;
    for (let at = 0; at < groups.length; at++)
      if (this.#deliverToGroup(groups[at] as QueueGroup, message, silent)) delivered++;
    return delivered;
  }

  #deliverToGroup(group: QueueGroup, message: Message, silent: Subscriber | null): boolean {
    return (
      this.#deliverToOne(group.local, message, silent) || this.#deliverToOne(group.remote, message, silent)
    );
  }

  /** A random member first, then the ones after it until one accepts. */
  #deliverToOne(members: readonly Subscription[], message: Message, silent: Subscriber | null): boolean {
    const count = members.length;
    if (count === 0) return false;
    let at = count === 1 ? 0 : this.#nextRandom() % count;
    for (let tried = 0; tried < count; tried++) {
      const member = members[at] as Subscription;
      if (!member.dead && member.subscriber !== silent && member.subscriber.deliver(message, member))
        return true;
      if (++at === count) at = 0;
    }
    return false;
  }

  #nextRandom(): number {
    let x = this.#random;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#random = x;
    return x >>> 0;
  }
}
