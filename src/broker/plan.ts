/**
 * What to do with a message on one subject: immutable once made, shared by all subjects that have the same
 * receivers, and kept in the route cache. A subscription that goes away in the meantime is marked dead in it.
 */
import type { FanOutGroup, LinkSubscriber, Subscriber, Subscription } from "./subscriber.ts";

export interface QueueGroup {
  readonly name: string;
  /** Members in the broker itself; one of them gets the message if any takes it. */
  readonly local: readonly Subscription[];
  /** Members behind links, tried after the local ones. */
  readonly remote: readonly Subscription[];
}

/** One link that has an interest in the subject, however many of its subscriptions match. */
export interface LinkReceiver {
  readonly link: LinkSubscriber;
  /** Its subscriptions without a queue. */
  readonly plain: readonly Subscription[];
}

export class Plan {
  /** Of subscribers in the broker itself, as are the fan-out groups. */
  readonly plain: readonly Subscription[];
  readonly fanOutGroups: readonly FanOutGroup[];
  readonly groups: readonly QueueGroup[];
  readonly links: readonly LinkReceiver[];
  /** What it was made of: the serials of all its subscriptions. */
  readonly serials: Float64Array;

  constructor(
    plain: readonly Subscription[],
    fanOutGroups: readonly FanOutGroup[],
    groups: readonly QueueGroup[],
    links: readonly LinkReceiver[],
    serials: Float64Array,
  ) {
    this.plain = plain;
    this.fanOutGroups = fanOutGroups;
    this.groups = groups;
    this.links = links;
    this.serials = serials;
  }

  isOf(subscriptions: readonly Subscription[]): boolean {
    if (this.serials.length !== subscriptions.length) return false;
    for (let at = 0; at < subscriptions.length; at++)
      if (this.serials[at] !== (subscriptions[at] as Subscription).serial) return false;
    return true;
  }
}

export const emptyPlan = new Plan([], [], [], [], new Float64Array());

/** Fewer than this many alike are not worth a fan-out group. */
const fanOutMembersMin = 2;
const plansMax = 4_096;

/**
 * Makes plans, and shares equal ones: ten thousand subjects below one wildcard subscription need one, not ten thousand.
 * With a thousand subscriptions a plan is 20 KB, so that not to share it would take gigabytes.
 */
export class Planner {
  /** By a hash of the serials; of two with the same hash the later one is found. */
  readonly #plans = new Map<number, WeakRef<Plan>>();
  /** Receivers in all plans made since {@link forget}: whoever keeps them keeps so many places at most. */
  receiverCount = 0;

  /**
   * Sorts the subscriptions that match `subject` into a plan. Queue groups are merged by name over all matching
   * patterns; subscriptions that may not see this subject are left out.
   */
  plan(subject: string, matches: readonly Subscription[]): Plan {
    const served = matches.filter(
      (subscription) => !subscription.dead && !subscription.subscriber.deniesDelivery(subject, subscription),
    );
    if (served.length === 0) return emptyPlan;
    const hash = hashOf(served);
    const known = this.#plans.get(hash)?.deref();
    if (known?.isOf(served) === true) return known;
    const plan = makePlan(served);
    this.receiverCount += served.length;
    if (this.#plans.size >= plansMax) this.#plans.clear();
    this.#plans.set(hash, new WeakRef(plan));
    return plan;
  }

  forget(): void {
    this.#plans.clear();
    this.receiverCount = 0;
  }
}

function hashOf(subscriptions: readonly Subscription[]): number {
  let hash = 0;
  for (const { serial } of subscriptions) hash = (Math.imul(hash, 0x5bd1e995) ^ serial) | 0;
  return hash;
}

function makePlan(served: readonly Subscription[]): Plan {
  const plain = served.filter(({ queue, subscriber }) => queue === null && subscriber.tier === 0);
  const queued = served.filter(({ queue }) => queue !== null);
  const { single, fanOutGroups } = gatherFanOutGroups(plain);
  const serials = Float64Array.from(served, ({ serial }) => serial);
  return new Plan(single, fanOutGroups, gatherGroups(queued), gatherLinks(served), serials);
}

function gatherLinks(served: readonly Subscription[]): LinkReceiver[] {
  const links = new Map<LinkSubscriber, Subscription[]>();
  for (const subscription of served) {
    if (subscription.subscriber.tier !== 1) continue;
    const link = subscription.subscriber as LinkSubscriber;
    let plain = links.get(link);
    if (plain === undefined) links.set(link, (plain = []));
    if (subscription.queue === null) plain.push(subscription);
  }
  return [...links].map(([link, plain]) => ({ link, plain }));
}

function gatherFanOutGroups(plain: readonly Subscription[]): {
  single: Subscription[];
  fanOutGroups: FanOutGroup[];
} {
  const single: Subscription[] = [];
  const alike = new Map<string, Subscription[]>();
  for (const subscription of plain) {
    const key = plain.length < fanOutMembersMin ? null : subscription.subscriber.fanOutKey(subscription);
    if (key === null) {
      single.push(subscription);
      continue;
    }
    const members = alike.get(key);
    if (members === undefined) alike.set(key, [subscription]);
    else members.push(subscription);
  }
  const fanOutGroups: FanOutGroup[] = [];
  for (const members of alike.values()) {
    if (members.length < fanOutMembersMin) single.push(...members);
    else fanOutGroups.push(((members[0] as Subscription).subscriber as Subscriber).formFanOutGroup(members));
  }
  return { single, fanOutGroups };
}

function gatherGroups(queued: readonly Subscription[]): QueueGroup[] {
  const groups = new Map<string, { name: string; local: Subscription[]; remote: Subscription[] }>();
  for (const subscription of queued) {
    const name = subscription.queue as string;
    let group = groups.get(name);
    if (group === undefined) groups.set(name, (group = { name, local: [], remote: [] }));
    (subscription.subscriber.tier === 0 ? group.local : group.remote).push(subscription);
  }
  return [...groups.values()];
}
