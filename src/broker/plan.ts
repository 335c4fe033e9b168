/**
 * What to do with a message on one subject: immutable once made, shared by all subjects that have the same
 * receivers, and kept in the route cache. A subscription that goes away in the meantime is marked dead in it.
 */
import type { Cohort, Subscriber, Subscription } from "./subscriber.ts";

export interface QueueGroup {
  readonly name: string;
  /** Members in the broker itself; one of them gets the message if any takes it. */
  readonly local: readonly Subscription[];
  /** Members behind links, tried after the local ones. */
  readonly remote: readonly Subscription[];
}

export class Plan {
  readonly plain: readonly Subscription[];
  readonly cohorts: readonly Cohort[];
  readonly groups: readonly QueueGroup[];

  constructor(plain: readonly Subscription[], cohorts: readonly Cohort[], groups: readonly QueueGroup[]) {
    this.plain = plain;
    this.cohorts = cohorts;
    this.groups = groups;
  }
}

export const emptyPlan = new Plan([], [], []);

/** Fewer than this many alike are not worth a cohort. */
const cohortMembersMin = 2;
const receiversSharedMax = 8;
const plansMax = 1_024;

/** Makes plans, and shares equal ones: ten thousand subjects below one wildcard subscription need one, not ten thousand. */
export class Planner {
  readonly #plans = new Map<string, WeakRef<Plan>>();

  /**
   * Sorts the subscriptions that match `subject` into a plan. Queue groups are merged by name over all matching
   * patterns; subscriptions that may not see this subject are left out.
   */
  plan(subject: string, matches: readonly Subscription[]): Plan {
    const plain: Subscription[] = [];
    const queued: Subscription[] = [];
    for (const subscription of matches) {
      if (subscription.dead || subscription.subscriber.deniesDelivery(subject, subscription)) continue;
      (subscription.queue === null ? plain : queued).push(subscription);
    }
    if (plain.length === 0 && queued.length === 0) return emptyPlan;
    if (queued.length > 0 || plain.length > receiversSharedMax) return makePlan(plain, queued);
    const key = plain.map((subscription) => subscription.serial).join(",");
    let plan = this.#plans.get(key)?.deref();
    if (plan === undefined) {
      plan = makePlan(plain, queued);
      if (this.#plans.size >= plansMax) this.#plans.clear();
      this.#plans.set(key, new WeakRef(plan));
    }
    return plan;
  }
}

function makePlan(plain: readonly Subscription[], queued: readonly Subscription[]): Plan {
  const { single, cohorts } = gatherCohorts(plain);
  return new Plan(single, cohorts, gatherGroups(queued));
}

function gatherCohorts(plain: readonly Subscription[]): { single: Subscription[]; cohorts: Cohort[] } {
  const single: Subscription[] = [];
  const alike = new Map<string, Subscription[]>();
  for (const subscription of plain) {
    const key = plain.length < cohortMembersMin ? null : subscription.subscriber.cohortKey(subscription);
    if (key === null) {
      single.push(subscription);
      continue;
    }
    const members = alike.get(key);
    if (members === undefined) alike.set(key, [subscription]);
    else members.push(subscription);
  }
  const cohorts: Cohort[] = [];
  for (const members of alike.values()) {
    if (members.length < cohortMembersMin) single.push(...members);
    else cohorts.push(((members[0] as Subscription).subscriber as Subscriber).formCohort(members));
  }
  return { single, cohorts };
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
