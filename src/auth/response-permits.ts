/**
 * The reply subjects that one connection was sent and may therefore answer, for users with `allow_responses`.
 *
 * Grants stand in the order they were given, so the oldest is always the first to expire and the first to go when
 * there are too many: what unanswered requests can make the broker hold is bounded in pieces and in bytes.
 */
import { isRequestSubject } from "../subjects/reserved.ts";
import type { Permissions, ResponseLimits } from "./permissions.ts";

const grantsMax = 65_536;
const grantBytesMax = 4 * 1024 * 1024;

interface Grant {
  readonly reply: string;
  readonly givenMs: number;
  /** Negative: any number. */
  messagesLeft: number;
  older: Grant | null;
  newer: Grant | null;
}

export class ResponsePermits {
  #permissions: Permissions;
  readonly #grants = new Map<string, Grant>();
  // A list of its own: taking the oldest out of a Map that lost many from its front costs a walk over all of those.
  #oldest: Grant | null = null;
  #newest: Grant | null = null;
  /** Characters of all subjects in `#grants`; a wire string has one byte each. */
  #subjectBytes = 0;

  constructor(permissions: Permissions) {
    this.#permissions = permissions;
  }

  get size(): number {
    return this.#grants.size;
  }

  /**
   * Takes note that a message with this reply subject was delivered; a reply that is a request to the broker earns nothing,
   * since whoever chose it may not be allowed to make it. Each delivery earns its own answers, so a second
   * request with the same reply subject begins the count and the time anew.
   */
  grant(reply: string, nowMs: number): void {
    const limits = this.#permissions.responses;
    if (limits === null || isRequestSubject(reply) || this.#permissions.canPublish(reply)) return;
    const earlier = this.#grants.get(reply);
    if (earlier !== undefined) this.#remove(earlier);
    this.#append({
      reply,
      givenMs: nowMs,
      messagesLeft: limits.maxMessages,
      older: this.#newest,
      newer: null,
    });
    while (this.#oldest !== null && (this.#isOverBound() || isExpired(this.#oldest, limits, nowMs))) {
      this.#remove(this.#oldest);
    }
  }

  /** Whether `reply` may be published to now; if so, this counts as the publish. */
  allows(reply: string, nowMs: number): boolean {
    const limits = this.#permissions.responses;
    const grant = this.#grants.get(reply);
    if (limits === null || grant === undefined) return false;
    if (isExpired(grant, limits, nowMs)) {
      this.#remove(grant);
      return false;
    }
    grant.messagesLeft--;
    if (grant.messagesLeft === 0) this.#remove(grant);
    return true;
  }

  /** After a reload. Requests already delivered stay answerable unless the terms of answering changed. */
  update(permissions: Permissions): void {
    const before = this.#permissions.responses;
    const after = permissions.responses;
    this.#permissions = permissions;
    if (before?.maxMessages === after?.maxMessages && before?.expiresMs === after?.expiresMs) return;
    this.#grants.clear();
    this.#oldest = null;
    this.#newest = null;
    this.#subjectBytes = 0;
  }

  #isOverBound(): boolean {
    return this.#grants.size > grantsMax || this.#subjectBytes > grantBytesMax;
  }

  #append(grant: Grant): void {
    if (this.#newest === null) this.#oldest = grant;
    else this.#newest.newer = grant;
    this.#newest = grant;
    this.#grants.set(grant.reply, grant);
    this.#subjectBytes += grant.reply.length;
  }

  #remove(grant: Grant): void {
    if (grant.older === null) this.#oldest = grant.newer;
    else grant.older.newer = grant.newer;
    if (grant.newer === null) this.#newest = grant.older;
    else grant.newer.older = grant.older;
    this.#grants.delete(grant.reply);
    this.#subjectBytes -= grant.reply.length;
  }
}

function isExpired(grant: Grant, limits: ResponseLimits, nowMs: number): boolean {
  return limits.expiresMs >= 0 && nowMs - grant.givenMs > limits.expiresMs;
}
