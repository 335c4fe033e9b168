/**
 * A subject space of its own: the subscriptions in it, the cached plans for its subjects, its mappings and counters.
 * Accounts share nothing but messages that imports pass on.
 */
import { DOLLAR, DOT, startsWith, UNDERSCORE } from "../base/bytes.ts";
import { RouteCache } from "../subjects/route-cache.ts";
import { SubjectTrie } from "../subjects/subject-trie.ts";
import type { SubjectMappings } from "../subjects/mapping.ts";
import { hasWildcard } from "../subjects/subject.ts";
import { emptyPlan, Planner, type Plan } from "./plan.ts";
import type { Subscription } from "./subscriber.ts";

export interface AccountLimits {
  /** -1: unlimited. */
  readonly maxConnections: number;
  readonly maxSubscriptions: number;
  readonly maxPayloadBytes: number;
}

/** Messages and bytes between the broker and connections; `in` is what came from them. */
export interface Traffic {
  readonly inMessages: number;
  readonly inBytes: number;
  readonly outMessages: number;
  readonly outBytes: number;
}

/** Told of every subscription that comes and goes, after the fact. */
export interface InterestObserver {
  onAdd(subscription: Subscription): void;
  onRemove(subscription: Subscription): void;
}

export class Account {
  readonly name: string;
  limits: AccountLimits;
  /** Null when there are none, so that the hot path asks one question. */
  mappings: SubjectMappings | null = null;
  /** Connections bound to it now. */
  connectionCount = 0;
  /** Connections cut because they were too slow. */
  slowConsumerCount = 0;
  /** Of connections that have ended; those of now count for themselves. */
  endedTraffic: Traffic = { inMessages: 0, inBytes: 0, outMessages: 0, outBytes: 0 };
  readonly interest = new SubjectTrie<Subscription>();
  readonly routes: RouteCache<Plan>;
  /** Moves whenever some plan may have become another. */
  generation = 0;
  insertCount = 0;
  removeCount = 0;
  matchCount = 0;
  readonly interestObservers = new Set<InterestObserver>();
  readonly #planner = new Planner();
  #lastSerial = 0;
  readonly #found: Subscription[] = [];
  /** Plans of one-off subjects, by what stands before their own part: see {@link oneOffHeadEnd}. */
  readonly #oneOffRoutes: RouteCache<Plan>;
  /** Whether a subscription of the last match may be kept from some of its subjects by permissions. */
  #isFiltered = false;

  constructor(name: string, limits: AccountLimits, seed: number) {
    this.name = name;
    this.limits = limits;
    this.routes = new RouteCache(seed);
    this.#oneOffRoutes = new RouteCache(seed);
  }

  add(subscription: Subscription): void {
    this.interest.insert(subscription.subject, subscription);
    this.insertCount++;
    this.reconsider(subscription);
    if (this.interestObservers.size === 0) return;
    for (const observer of this.interestObservers) observer.onAdd(subscription);
  }

  /** It is new, or served in another way than before: plans that hold it are made anew. */
  reconsider(subscription: Subscription): void {
    subscription.serial = ++this.#lastSerial;
    this.#invalidate(subscription.subject);
  }

  remove(subscription: Subscription): void {
    subscription.dead = true;
    if (!this.interest.remove(subscription.subject, subscription)) return;
    this.removeCount++;
    this.#invalidate(subscription.subject);
    if (this.interestObservers.size === 0) return;
    for (const observer of this.interestObservers) observer.onRemove(subscription);
  }

  /** Who is interested in what `pattern` matches has changed, or how they are served. */
  #invalidate(pattern: string): void {
    this.generation++;
    this.routes.invalidate(pattern);
    const lastDot = pattern.lastIndexOf(".");
    const head = pattern.slice(0, lastDot + 1);
    if (pattern.startsWith(ackPrefix)) this.#oneOffRoutes.invalidate(`${ackPrefix}>`);
    else if (pattern.endsWith(".>") || lastDot < 0 || hasWildcard(pattern.slice(0, lastDot)))
      this.#oneOffRoutes.invalidate(pattern);
    else this.#oneOffRoutes.forget(head);
  }

  addEnded(traffic: Traffic): void {
    const ended = this.endedTraffic;
    this.endedTraffic = {
      inMessages: ended.inMessages + traffic.inMessages,
      inBytes: ended.inBytes + traffic.inBytes,
      outMessages: ended.outMessages + traffic.outMessages,
      outBytes: ended.outBytes + traffic.outBytes,
    };
  }

  /** How often a plan was there already; `matchCount` is how often not. */
  get cacheHitCount(): number {
    return this.routes.hits + this.#oneOffRoutes.hits;
  }

  /** In no particular order. */
  *cachedPlans(): Generator<Plan> {
    yield* this.routes.values();
    yield* this.#oneOffRoutes.values();
  }

  /** The plan for the literal subject `bytes[start, end)`. */
  planFor(bytes: Buffer, start: number, end: number): Plan {
    if (isOneOff(bytes, start, end)) return this.#oneOffPlan(bytes, start, end);
    return this.routes.lookup(bytes, start, end) ?? this.#newPlan(bytes, start, end);
  }

  /** Every subscription whose pattern matches, whether or not it would be delivered to. */
  matches(subject: string): Subscription[] {
    const found: Subscription[] = [];
    this.interest.match(subject, found);
    return found;
  }

  #newPlan(bytes: Buffer, start: number, end: number): Plan {
    const plan = this.#match(bytes, start, end);
    this.routes.store(bytes, start, end, plan);
    return plan;
  }

  /**
   * An inbox is used once, or once for each request, and an ack subject for one delivery; only the end of them differs.
   * So what is kept is the plan for everything up to there, where no subscription cares for the rest.
   */
  #oneOffPlan(bytes: Buffer, start: number, end: number): Plan {
    const isAck = startsWith(bytes, start, end, ackPrefixBytes);
    const headEnd = oneOffHeadEnd(bytes, start, end, isAck);
    const kept = headEnd === end ? undefined : this.#oneOffRoutes.lookup(bytes, start, headEnd);
    if (kept !== undefined) return kept;
    const plan = this.#match(bytes, start, end);
    const { lastTokenMattered, tokensLookedAt } = this.interest;
    const isSameForAll = !this.#isFiltered && (isAck ? tokensLookedAt <= ackHeadTokens : !lastTokenMattered);
    if (headEnd < end && isSameForAll) this.#oneOffRoutes.store(bytes, start, headEnd, plan);
    return plan;
  }

  #forgetPlans(): void {
    this.routes.clear();
    this.#oneOffRoutes.clear();
    this.#planner.forget();
  }

  #match(bytes: Buffer, start: number, end: number): Plan {
    const subject = bytes.latin1Slice(start, end);
    const found = this.#found;
    this.matchCount++;
    this.interest.match(subject, found);
    this.#isFiltered = found.some((each) => each.subscriber.filters(each));
    const plan = found.length === 0 ? emptyPlan : this.#planner.plan(subject, found);
    found.length = 0;
    if (this.#planner.receiverCount > receiversPlannedMax) this.#forgetPlans();
    return plan;
  }
}

/** Of plans that are cached: about 100 MB, whoever subscribes to what. */
const receiversPlannedMax = 4_000_000;

const ackPrefix = "$JS.ACK.";
const ackPrefixBytes = Buffer.from(ackPrefix, "latin1");
/** `$JS.ACK.<stream>.<consumer>`: what comes behind belongs to one delivery. */
const ackHeadTokens = 4;
const oneOffPrefixes = [
  ...["_INBOX.", "_R_."].map((prefix) => Buffer.from(prefix, "latin1")),
  ackPrefixBytes,
];

/** Where the part begins that is the subject's own: its last token, or all behind an ack's consumer. `end` if there is none. */
function oneOffHeadEnd(bytes: Buffer, start: number, end: number, isAck: boolean): number {
  if (!isAck) {
    let at = end;
    while (at > start && bytes[at - 1] !== DOT) at--;
    return at;
  }
  let dots = 0;
  let headEnd = end;
  for (let at = start; at < end; at++) {
    if (bytes[at] !== DOT) continue;
    // With an empty token it is nobody's subject.
    if (at + 1 === end || bytes[at + 1] === DOT) return end;
    if (++dots === ackHeadTokens) headEnd = at + 1;
  }
  return headEnd;
}

/** Subjects that are made for one message or one conversation: to cache them whole would push useful ones out. */
function isOneOff(bytes: Buffer, start: number, end: number): boolean {
  const first = bytes[start];
  if (first !== UNDERSCORE && first !== DOLLAR) return false;
  for (const prefix of oneOffPrefixes) if (startsWith(bytes, start, end, prefix)) return true;
  return false;
}
