/** `/subsz`: how many subscriptions there are, how they are found, and which. Source: nats-server `Subsz`. */
import type { Account } from "../broker/account.ts";
import type { Subscription } from "../broker/subscriber.ts";
import { isValidLiteralSubject, wireFromText } from "../subjects/subject.ts";
import { compareText } from "./connz-sort.ts";
import { subscriptionDetail } from "./connz.ts";
import type { Answer, EndpointQuestion } from "./endpoint.ts";
import { BadRequest, booleanOption, cut, pageOption } from "./query.ts";
import { sessionsBySubscriber } from "./sessions.ts";
import { timestampText } from "./time-format.ts";

export function subsz({ context, query }: EndpointQuestion): Answer {
  const withList = booleanOption(query, "subs");
  const page = pageOption(query);
  const test = query.get("test") ?? "";
  const wanted = query.get("acc") ?? "";
  if (test !== "" && !isValidLiteralSubject(wireFromText(test)))
    throw new BadRequest(`invalid test subject, must be valid publish subject: ${test}`);
  const { broker } = context;
  const accounts = [...broker.accounts.values()].filter(({ name }) => wanted === "" || name === wanted);
  const held = withList ? accounts.flatMap((account) => localSubscriptions(account, test)) : [];
  const sessions = withList ? sessionsBySubscriber(broker) : new Map<never, never>();
  const idOf = ({ subscription }: Held): number => sessions.get(subscription.subscriber)?.id ?? 0;
  held.sort(
    (left, right) =>
      idOf(left) - idOf(right) ||
      compareText(left.subscription.sid, right.subscription.sid) ||
      compareText(left.subscription.subject, right.subscription.subject),
  );
  const listed = cut(held, page).map((each) => ({
    account: each.account.name,
    account_tag: each.account.name,
    ...subscriptionDetail(each.subscription, idOf(each)),
  }));
  return {
    value: {
      server_id: context.info().server_id,
      now: timestampText(broker.clock.wallMs()),
      ...interestStats(accounts),
      total: held.length,
      offset: page.offset,
      limit: page.limit,
      ...(listed.length > 0 && { subscriptions_list: listed }),
    },
  };
}

/** Counters of several accounts together, as `/subsz` and `/accountz` show them. */
export function interestStats(accounts: readonly Account[]): object {
  let subscriptions = 0;
  let cached = 0;
  let inserts = 0;
  let removes = 0;
  let hits = 0;
  let matches = 0;
  let fanoutMax = 0;
  let fanoutTotal = 0;
  for (const account of accounts) {
    subscriptions += account.interest.size;
    inserts += account.insertCount;
    removes += account.removeCount;
    hits += account.cacheHitCount;
    matches += account.cacheHitCount + account.matchCount;
    for (const plan of account.cachedPlans()) {
      let fanout = plan.plain.length + plan.groups.length;
      for (const group of plan.fanOutGroups) fanout += group.members.length;
      cached++;
      fanoutTotal += fanout;
      fanoutMax = Math.max(fanoutMax, fanout);
    }
  }
  return {
    num_subscriptions: subscriptions,
    num_cache: cached,
    num_inserts: inserts,
    num_removes: removes,
    num_matches: matches,
    cache_hit_rate: matches === 0 ? 0 : hits / matches,
    max_fanout: fanoutMax,
    avg_fanout: fanoutTotal === 0 ? 0 : fanoutTotal / cached,
  };
}

interface Held {
  readonly account: Account;
  readonly subscription: Subscription;
}

/** Not those behind links. */
function localSubscriptions(account: Account, test: string): Held[] {
  const held: Held[] = [];
  if (test !== "") {
    for (const subscription of account.matches(wireFromText(test)))
      if (subscription.subscriber.tier === 0) held.push({ account, subscription });
    return held;
  }
  for (const subscription of account.interest.values())
    if (subscription.subscriber.tier === 0) held.push({ account, subscription });
  return held;
}
