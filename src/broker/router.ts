/**
 * Routing is a loop over a plan. It asks nobody what they are; it only skips the dead, the origin of the message
 * where that wants no echo, and takes one member of each queue group.
 */
import type { Account } from "./account.ts";
import type { Message } from "../protocol/message.ts";
import type { Plan, QueueGroup } from "./plan.ts";
import type { FanOutGroup, LinkSubscriber, Subscriber, Subscription } from "./subscriber.ts";

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
    return this.routeToGroups(account, subject, message, origin, null);
  }

  /** As {@link route} and {@link deliverToGroups} in one. */
  routeToGroups(
    account: Account,
    subject: string,
    message: Message,
    origin: Subscriber | null,
    queues: readonly string[] | null,
  ): number {
    const bytes = Buffer.from(subject, "latin1");
    const plan = account.planFor(bytes, 0, bytes.length);
    message.routedByOther = true;
    message.routingSubject = subject;
    const delivered =
      queues === null
        ? this.deliver(plan, message, origin)
        : this.deliverToGroups(plan, message, origin, queues);
    message.routedByOther = false;
    return delivered;
  }

  /** Carries out `plan`, which must be the one for the message's subject now. @returns how many took it */
  deliver(plan: Plan, message: Message, origin: Subscriber | null): number {
    const silent = origin === null || origin.echo ? null : origin;
    const delivered = this.#deliverPlain(plan, message, silent);
    if (plan.links.length > 0)
      return delivered + this.#deliverWithLinks(plan, plan.groups, message, origin, silent);
    const groups = plan.groups;
    let taken = 0;
    for (let at = 0; at < groups.length; at++)
      if (this.#deliverToOne((groups[at] as QueueGroup).local, message, silent)) taken++;
    return delivered + taken;
  }

  /** Like {@link deliver}, for a message whose sender has chosen the queue groups: only those named get it. */
  deliverToGroups(
    plan: Plan,
    message: Message,
    origin: Subscriber | null,
    queues: readonly string[],
  ): number {
    const silent = origin === null || origin.echo ? null : origin;
    const delivered = this.#deliverPlain(plan, message, silent);
    const named = queues.length === 0 ? [] : plan.groups.filter(({ name }) => queues.includes(name));
    if (named.length === 0 && plan.links.length === 0) return delivered;
    return delivered + this.#deliverWithLinks(plan, named, message, origin, silent);
  }

  #deliverPlain(plan: Plan, message: Message, silent: Subscriber | null): number {
    let delivered = 0;
    const plain = plan.plain;
    for (let at = 0; at < plain.length; at++) {
      const subscription = plain[at] as Subscription;
      if (subscription.dead || subscription.subscriber === silent) continue;
      if (subscription.subscriber.deliver(message, subscription)) delivered++;
    }
    const fanOutGroups = plan.fanOutGroups;
    for (let at = 0; at < fanOutGroups.length; at++)
      delivered += (fanOutGroups[at] as FanOutGroup).deliver(message, silent);
    return delivered;
  }

  /** Queue groups without a local member that takes it choose a link; then each link gets it once, groups and all. */
  #deliverWithLinks(
    plan: Plan,
    groups: readonly QueueGroup[],
    message: Message,
    origin: Subscriber | null,
    silent: Subscriber | null,
  ): number {
    let delivered = 0;
    let chosen: Subscription[] = noSubscriptions;
    for (const { local, remote } of groups) {
      if (this.#deliverToOne(local, message, silent)) delivered++;
      else {
        const member = this.#chooseRemote(remote, origin);
        if (member !== null) chosen = [...chosen, member];
      }
    }
    for (const { link, plain } of plan.links) {
      const open = plain.find(({ dead }) => !dead) ?? null;
      const queues = chosen.length === 0 ? chosen : chosen.filter(({ subscriber }) => subscriber === link);
      if ((open === null && queues.length === 0) || !link.takesFrom(origin)) continue;
      if (link.deliverBeyond(message, open, queues)) delivered++;
    }
    return delivered;
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

  /** In proportion to how many members of the group are behind each link. */
  #chooseRemote(members: readonly Subscription[], origin: Subscriber | null): Subscription | null {
    let weightSum = 0;
    let chosen: Subscription | null = null;
    for (const member of members) {
      if (member.dead || !(member.subscriber as LinkSubscriber).takesFrom(origin)) continue;
      weightSum += member.weight;
      if (chosen === null || this.#nextRandom() % weightSum < member.weight) chosen = member;
    }
    return chosen;
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

const noSubscriptions: Subscription[] = [];
