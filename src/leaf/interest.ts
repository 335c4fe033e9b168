/**
 * What one account is interested in, counted, for all of its links: each subject, or subject and queue group, with how
 * many subscriptions there are here and how many behind each link. A link is told only when what it may see of a count
 * leaves or reaches zero, and of a queue group whenever the number of members changes.
 *
 * One ledger for all links, and not one for each, so that a thousand links to a hub with a hundred thousand
 * subscriptions cost a hundred thousand entries.
 */
import type { Account, InterestObserver } from "../broker/account.ts";
import type { Subscription } from "../broker/subscriber.ts";

/** A link, as far as interest goes. */
export interface InterestLink {
  /** Sees what is behind every other link: only its own interest is kept from it. */
  readonly seesAll: boolean;
  /** Whether it is told of interest from behind `other`. */
  sees(other: InterestLink, isLoopSubject: boolean): boolean;
  /** Whether it may be told of an interest in `subject`. */
  mayAsk(subject: string): boolean;
  /** @param weight members of the queue group; 0: nobody any more */
  announce(subject: string, queue: string | null, weight: number): void;
}

export interface Interest {
  readonly subject: string;
  readonly queue: string | null;
  /** Subscriptions in the broker itself. */
  local: number;
  /** Weights behind each link; null when there is no link. */
  links: Map<InterestLink, number> | null;
  /** All of them. */
  total: number;
}

export const loopPrefix = "$LDS.";

export class InterestLedger implements InterestObserver {
  readonly #account: Account;
  readonly #links = new Set<InterestLink>();
  readonly #plain = new Map<string, Interest>();
  /** By subject, a blank, and the queue. */
  readonly #queued = new Map<string, Interest>();
  /** Subjects that every link is told of, whoever subscribes. */
  readonly #pinned = new Set<string>();

  constructor(account: Account) {
    this.#account = account;
  }

  get size(): number {
    return this.#plain.size + this.#queued.size;
  }

  /** From now on the link is told of changes; what is there already is in {@link interests}. */
  join(link: InterestLink): void {
    if (this.#links.size === 0) {
      this.#account.interestObservers.add(this);
      for (const subscription of this.#account.interest.values()) this.onAdd(subscription);
      for (const subject of this.#pinned) this.#count(subject, null, 1);
    }
    this.#links.add(link);
  }

  /** What was behind the link must have been withdrawn before. */
  leave(link: InterestLink): void {
    if (!this.#links.delete(link) || this.#links.size > 0) return;
    this.#account.interestObservers.delete(this);
    this.#plain.clear();
    this.#queued.clear();
  }

  /** Every link is told of these, and no longer of those pinned before. Wire strings, maybe with wildcards. */
  pin(subjects: readonly string[]): void {
    const isCounted = this.#links.size > 0;
    for (const subject of this.#pinned) {
      if (subjects.includes(subject)) continue;
      this.#pinned.delete(subject);
      if (isCounted) this.#count(subject, null, -1);
    }
    for (const subject of subjects) {
      if (this.#pinned.has(subject)) continue;
      this.#pinned.add(subject);
      if (isCounted) this.#count(subject, null, 1);
    }
  }

  onAdd({ subject, queue, weight, subscriber }: Subscription): void {
    if (subscriber.tier === 0) this.#count(subject, queue, weight);
  }

  onRemove({ subject, queue, weight, subscriber }: Subscription): void {
    if (subscriber.tier === 0) this.#count(subject, queue, -weight);
  }

  /** Behind `link` there are now `weight`, 0 for none. */
  changed(link: InterestLink, subject: string, queue: string | null, weight: number): void {
    const interest = this.#interest(subject, queue);
    const links = (interest.links ??= new Map());
    const before = links.get(link) ?? 0;
    if (weight === before) return this.#dropIfNone(interest);
    if (weight > 0) links.set(link, weight);
    else links.delete(link);
    if (links.size === 0) interest.links = null;
    interest.total += weight - before;
    this.#notify(interest, link, before, weight);
    this.#dropIfNone(interest);
  }

  /** Everything there is now; while it is gone through, it may change. */
  *interests(): Generator<Interest> {
    yield* this.#plain.values();
    yield* this.#queued.values();
  }

  /** How much of it the link is told of; 0: nothing. */
  visibleTo(link: InterestLink, interest: Interest): number {
    const { links, local, total, queue } = interest;
    if (!link.mayAsk(interest.subject)) return 0;
    if (links === null) return local;
    if (link.seesAll) return total - (links.get(link) ?? 0);
    const isLoop = isLoopSubject(interest);
    let visible = local;
    for (const [other, weight] of links) {
      if (queue === null && visible > 0) return visible;
      if (other !== link && link.sees(other, isLoop)) visible += weight;
    }
    return visible;
  }

  #count(subject: string, queue: string | null, delta: number): void {
    const interest = this.#interest(subject, queue);
    const before = interest.local;
    interest.local += delta;
    interest.total += delta;
    this.#notify(interest, null, before, interest.local);
    this.#dropIfNone(interest);
  }

  /** @param from behind which link it changed; null: here */
  #notify(interest: Interest, from: InterestLink | null, before: number, after: number): void {
    const { subject, queue } = interest;
    // Of a plain subject only the first and the last matter.
    if (queue === null && before > 0 === after > 0) return;
    const isLoop = isLoopSubject(interest);
    for (const link of this.#links) {
      if (from !== null && (from === link || !(link.seesAll || link.sees(from, isLoop)))) continue;
      if (queue === null && this.#isSeenElsewhere(interest, from, link, isLoop)) continue;
      if (link.mayAsk(subject)) link.announce(subject, queue, this.visibleTo(link, interest));
    }
  }

  /** Whether the link knows of the plain subject anyway, because of somebody else. */
  #isSeenElsewhere(
    { local, links }: Interest,
    from: InterestLink | null,
    link: InterestLink,
    isLoop: boolean,
  ): boolean {
    if (from !== null && local > 0) return true;
    if (links === null) return false;
    for (const other of links.keys())
      if (other !== from && other !== link && (link.seesAll || link.sees(other, isLoop))) return true;
    return false;
  }

  #interest(subject: string, queue: string | null): Interest {
    const [entries, key] = queue === null ? [this.#plain, subject] : [this.#queued, `${subject} ${queue}`];
    let interest = entries.get(key);
    if (interest === undefined) {
      interest = { subject, queue, local: 0, links: null, total: 0 };
      entries.set(key, interest);
    }
    return interest;
  }

  #dropIfNone({ subject, queue, total }: Interest): void {
    if (total > 0) return;
    if (queue === null) this.#plain.delete(subject);
    else this.#queued.delete(`${subject} ${queue}`);
  }
}

function isLoopSubject({ subject }: Interest): boolean {
  return subject.startsWith(loopPrefix);
}
