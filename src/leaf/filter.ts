/**
 * What may cross a link, from this end's side. Both ends have one: the hub's is the user's permissions turned round,
 * since what the leaf may publish is what the hub may ask for; the leaf's is what the hub has told it, with what its
 * own configuration denies. Source: nats-server `setPermissions`, `mergeDenyPermissions`, `leafMsgAllowed`.
 */
import { DOLLAR } from "../base/bytes.ts";
import { PatternSet, type Pattern } from "../auth/pattern-set.ts";
import type { Permissions } from "../auth/permissions.ts";
import { ResponsePermits } from "../auth/response-permits.ts";
import type { SubscribePermission } from "../config/options.ts";
import { hasWildcard } from "../subjects/subject.ts";

/** Null lists restrict nothing. */
export interface FilterLists {
  readonly allow: readonly SubscribePermission[] | null;
  readonly deny: readonly SubscribePermission[];
}

export interface FilterRules {
  /** What this end may ask the other for. */
  readonly ask: FilterLists;
  /** What this end may send. */
  readonly send: FilterLists;
  /** What the other end may send; null: what this end may ask for. */
  readonly receive: FilterLists | null;
  /** Of the user that the other end has proven to be, for replies to what it was asked; null at a leaf. */
  readonly permissions: Permissions | null;
}

export const openLists: FilterLists = { allow: null, deny: [] };

/** Never filtered: they belong to links and to the machinery of replies. */
const freePrefixes = ["$LDS.", "$GR.", "_GR_."];
const serviceReplies = "_R_.";

export class LinkFilter {
  readonly #ask: Side;
  readonly #send: Side;
  readonly #receive: Side;
  readonly #permits: ResponsePermits | null;

  constructor({ ask, send, receive, permissions }: FilterRules) {
    this.#ask = new Side(ask);
    this.#send = new Side(send);
    this.#receive = receive === null ? this.#ask : new Side(receive);
    const earnsReplies = permissions !== null && permissions.responses !== null;
    this.#permits = earnsReplies ? new ResponsePermits(permissions) : null;
  }

  /** Whether the other end is told of an interest. One with wildcards is told if any part of it is allowed. */
  mayAsk(subject: string): boolean {
    if (this.#ask.isInternal && subject.charCodeAt(0) !== DOLLAR) return true;
    return freePrefixes.some((prefix) => subject.startsWith(prefix)) || this.#ask.allowsInterest(subject);
  }

  /** Whether the other end may ask for a subject. What is wider than what is allowed is cut when messages are sent. */
  mayHear(subject: string): boolean {
    if (hasWildcard(subject) || freePrefixes.some((prefix) => subject.startsWith(prefix))) return true;
    return this.#send.allows(subject) || this.#permits !== null;
  }

  /** Whether a message on the literal subject may be sent. */
  maySend(subject: string): boolean {
    if (this.#send.isInternal && subject.charCodeAt(0) !== DOLLAR) return true;
    return subject.startsWith(serviceReplies) || this.#send.allows(subject);
  }

  /** False: {@link maySend} is true for all that `pattern` matches. */
  limitsSendingOf(pattern: string): boolean {
    if (!this.#send.isClosed) return false;
    return !this.#send.isInternal || "$*>".includes(pattern.charAt(0));
  }

  /** Whether a message on the literal subject is taken. */
  mayReceive(subject: string, nowMs: number): boolean {
    if (this.accepts(subject)) return true;
    return this.#permits !== null && this.#permits.allows(subject, nowMs);
  }

  /** As {@link mayReceive}, but a request that was sent earns nothing. */
  accepts(subject: string): boolean {
    return subject.startsWith(serviceReplies) || this.#receive.allows(subject);
  }

  /** False: {@link mayReceive} is true for every subject that begins with this byte. */
  limitsReceivingOf(first: number): boolean {
    return this.#receive.isClosed && (!this.#receive.isInternal || first === DOLLAR);
  }

  /** A request was sent: it may be answered. */
  granted(reply: string, nowMs: number): void {
    this.#permits?.grant(reply, nowMs);
  }

  get grantsReplies(): boolean {
    return this.#permits !== null;
  }
}

class Side {
  readonly isClosed: boolean;
  /** Only subjects that begin with `$` can be refused, as is so on every link because of JetStream. */
  readonly isInternal: boolean;
  readonly #allow: PatternSet | null;
  readonly #deny: PatternSet;

  constructor({ allow, deny }: FilterLists) {
    this.#allow = allow === null ? null : new PatternSet(allow);
    this.#deny = new PatternSet(deny);
    this.isClosed = allow !== null || deny.length > 0;
    this.isInternal = allow === null && deny.every(({ subject }) => subject.charCodeAt(0) === DOLLAR);
  }

  allows(subject: string): boolean {
    if (!this.isClosed || (this.isInternal && subject.charCodeAt(0) !== DOLLAR)) return true;
    if (this.#allow !== null && !this.#allow.has(subject)) return false;
    return !this.#deny.has(subject);
  }

  allowsInterest(subject: string): boolean {
    if (!this.isClosed || (this.isInternal && subject.charCodeAt(0) !== DOLLAR)) return true;
    if (this.#deny.has(subject)) return false;
    if (this.#allow === null || this.#allow.has(subject)) return true;
    return hasWildcard(subject) && this.#allow.collides(subject, always);
  }
}

function always(_pattern: Pattern): boolean {
  return true;
}

export function plainPatterns(subjects: readonly string[]): SubscribePermission[] {
  return subjects.map((subject) => ({ subject, queue: null }));
}

export const openFilter = new LinkFilter({
  ask: openLists,
  send: openLists,
  receive: null,
  permissions: null,
});
