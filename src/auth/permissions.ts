/**
 * What one user may publish and subscribe to. Immutable, made once for each user in the configuration and shared by
 * all its connections, so that a verdict may be cached under the Permissions object for as long as that lives.
 *
 * Subjects and queue names are wire strings. The rules are the reference server's (`canSubscribe`,
 * `pubAllowedFullCheck`, `checkDenySub` in its client.go), with one exception on the side of safety: an allowed
 * `foo.*` does not let a peer subscribe to `foo.>`, which would show it subjects nobody allowed.
 */
import type { PermissionsOptions } from "../config/options.ts";
import { hasWildcard, isCoveredBy } from "../subjects/subject.ts";
import { PatternSet, type Pattern } from "./pattern-set.ts";

export interface ResponseLimits {
  /** Negative: any number. */
  readonly maxMessages: number;
  /** Negative: forever. */
  readonly expiresMs: number;
}

const responseMessagesDefault = 1;
const responseExpiresMsDefault = 120_000;

export class Permissions {
  /** What it was made from, for people to look at. */
  readonly options: PermissionsOptions;
  /** How a reply subject that was received may be published to; null when that earns nothing. */
  readonly responses: ResponseLimits | null;
  /** False: every publish is allowed, nothing to ask. */
  readonly restrictsPublish: boolean;
  /** False: {@link deliveryDenied} is never true. */
  readonly hasDeliveryDenies: boolean;
  /** Null: no list, so everything is allowed that is not denied. */
  readonly #publishAllow: PatternSet | null;
  readonly #publishDeny: PatternSet;
  readonly #subscribeAllow: PatternSet | null;
  readonly #subscribeDeny: PatternSet;

  /** @throws RangeError naming a subject or queue in `options` that is not valid */
  constructor(options: PermissionsOptions) {
    const { publish, subscribe, responses } = options;
    this.options = options;
    this.responses = responses === null ? null : limitsWithDefaults(responses);
    // Being allowed to answer means being allowed nothing but answers, unless a list says more.
    const publishAllow = publish.allow ?? (responses === null ? null : []);
    this.#publishAllow = publishAllow === null ? null : new PatternSet(publishAllow.map(withoutQueue));
    this.#publishDeny = new PatternSet((publish.deny ?? []).map(withoutQueue));
    this.#subscribeAllow = subscribe.allow === null ? null : new PatternSet(subscribe.allow);
    this.#subscribeDeny = new PatternSet(subscribe.deny ?? []);
    this.restrictsPublish = this.#publishAllow !== null || this.#publishDeny.size > 0;
    this.hasDeliveryDenies = this.#subscribeDeny.size > 0;
  }

  /** Without regard to `responses`, which depend on what the connection received. Wildcards in `subject` are plain text. */
  canPublish(subject: string): boolean {
    if (this.#publishAllow !== null && !this.#publishAllow.has(subject)) return false;
    return !this.#publishDeny.has(subject);
  }

  /**
   * Whether a subscription is accepted. One that is wider than a deny is, and what the deny covers is then kept
   * from it at delivery: ask {@link filtersSubscription}.
   * @param queue null for a subscription without a queue group
   */
  canSubscribe(subject: string, queue: string | null): boolean {
    return this.#subscribeAllowed(subject, queue) && this.#denyFor(subject, queue) === null;
  }

  /** Whether deliveries to a subscription that was accepted must be asked about one by one. */
  filtersSubscription(subject: string, queue: string | null): boolean {
    if (!this.hasDeliveryDenies || !hasWildcard(subject)) return false;
    return this.#subscribeDeny.collides(
      subject,
      (deny) => deny.queue === null || (queue !== null && queueCovered(queue, deny.queue)),
    );
  }

  /** Whether a message on the literal `subject` is kept from a subscription of this user in `queue`. */
  deliveryDenied(subject: string, queue: string | null): boolean {
    return this.hasDeliveryDenies && this.#denyFor(subject, queue) !== null;
  }

  /** The deny in the way, as configured (`"subject"` or `"subject queue"`); null when there is none. */
  denyInTheWay(subject: string, queue: string | null): string | null {
    const deny = this.#denyFor(subject, queue);
    if (deny === null) return null;
    return deny.queue === null ? deny.subject : `${deny.subject} ${deny.queue}`;
  }

  #subscribeAllowed(subject: string, queue: string | null): boolean {
    if (this.#subscribeAllow === null) return true;
    const about = this.#subscribeAllow.match(subject);
    const covers = (allow: Pattern): boolean => isCoveredBy(subject, allow.subject);
    // Once queues are named for a subject, no other queue may be used on it, even where plain use is allowed.
    if (queue !== null && about.some((allow) => allow.queue !== null)) {
      return about.some((allow) => allow.queue !== null && queueCovered(queue, allow.queue) && covers(allow));
    }
    return about.some((allow) => allow.queue === null && covers(allow));
  }

  #denyFor(subject: string, queue: string | null): Pattern | null {
    const about = this.#subscribeDeny.match(subject);
    return (
      about.find((deny) => deny.queue === null || (queue !== null && queueCovered(queue, deny.queue))) ?? null
    );
  }
}

function queueCovered(queue: string, pattern: string): boolean {
  return queue === pattern || (hasWildcard(pattern) && isCoveredBy(queue, pattern));
}

function limitsWithDefaults(limits: ResponseLimits): ResponseLimits {
  return {
    maxMessages: limits.maxMessages === 0 ? responseMessagesDefault : limits.maxMessages,
    expiresMs: limits.expiresMs === 0 ? responseExpiresMsDefault : limits.expiresMs,
  };
}

function withoutQueue(subject: string): Pattern {
  return { subject, queue: null };
}
