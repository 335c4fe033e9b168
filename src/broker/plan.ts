/**
 * What to do with a message on one subject: immutable once made, shared by all subjects that have the same
 * receivers, and kept in the route cache. A subscription that goes away in the meantime is marked dead in it.
 */
import type { Subscription } from "./subscriber.ts";

export interface QueueGroup {
  readonly name: string;
  /** Members in the broker itself; one of them gets the message if any takes it. */
  readonly local: readonly Subscription[];
  /** Members behind links, tried after the local ones. */
  readonly remote: readonly Subscription[];
}

export class Plan {
  readonly plain: readonly Subscription[];
  readonly groups: readonly QueueGroup[];

  constructor(plain: readonly Subscription[], groups: readonly QueueGroup[]) {
    this.plain = plain;
    this.groups = groups;
  }

  get isEmpty(): boolean {
    return this.plain.length === 0 && this.groups.length === 0;
  }
}

export const emptyPlan = new Plan([], []);

/**
 * Sorts the subscriptions that match `subject` into a plan. Queue groups are merged by name over all matching
 * patterns; subscriptions that may not see this subject are left out.
 */
export function makePlan(subject: string, matches: readonly Subscription[]): Plan {
  const plain: Subscription[] = [];
  let groups: Map<string, { local: Subscription[]; remote: Subscription[] }> | null = null;
  for (const subscription of matches) {
    if (subscription.dead || subscription.subscriber.deniesDelivery(subject, subscription)) continue;
    if (subscription.queue === null) {
      plain.push(subscription);
      continue;
    }
    groups ??= new Map();
    let group = groups.get(subscription.queue);
    if (group === undefined) groups.set(subscription.queue, (group = { local: [], remote: [] }));
    (subscription.subscriber.tier === 0 ? group.local : group.remote).push(subscription);
  }
  if (plain.length === 0 && groups === null) return emptyPlan;
  return new Plan(plain, groups === null ? [] : [...groups].map(([name, members]) => ({ name, ...members })));
}

/** Shares equal plans: ten thousand subjects below one wildcard subscription need one plan, not ten thousand. */
export class PlanPool {
  readonly #plans = new Map<string, WeakRef<Plan>>();

  /** Returns `plan`, or an equal one made before. Only plans without groups and with few receivers are worth it. */
  share(plan: Plan): Plan {
    if (plan.groups.length > 0 || plan.plain.length > plainSharedMax || plan.isEmpty) return plan;
    const key = plan.plain.map((subscription) => subscription.serial).join(",");
    const known = this.#plans.get(key)?.deref();
    if (known !== undefined) return known;
    if (this.#plans.size >= plansMax) this.#plans.clear();
    this.#plans.set(key, new WeakRef(plan));
    return plan;
  }
}

const plainSharedMax = 8;
const plansMax = 1_024;
