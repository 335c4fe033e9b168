/**
 * What a client may publish, and where its account's mappings send it. Clients without permissions, mappings and
 * pedantry never come here but for reserved subjects.
 */
import type { Permissions } from "../auth/permissions.ts";
import type { ResponsePermits } from "../auth/response-permits.ts";
import type { Message } from "../broker/message.ts";
import { startsWith } from "../base/bytes.ts";
import { RouteCache } from "../subjects/route-cache.ts";
import type { SubjectMappings } from "../subjects/mapping.ts";

/** Whether a permission set lets a subject be published to, remembered by the subject's bytes. */
export class PublishVerdicts {
  readonly #seed: number;
  readonly #caches = new WeakMap<Permissions, RouteCache<boolean>>();

  constructor(seed: number) {
    this.#seed = seed;
  }

  allows(permissions: Permissions, message: Message): boolean {
    let cache = this.#caches.get(permissions);
    if (cache === undefined) this.#caches.set(permissions, (cache = new RouteCache(this.#seed)));
    const { subjectBytes, subjectStart, subjectEnd } = message;
    const known = cache.lookup(subjectBytes, subjectStart, subjectEnd);
    if (known !== undefined) return known;
    const verdict = permissions.canPublish(message.subject);
    cache.store(subjectBytes, subjectStart, subjectEnd, verdict);
    return verdict;
  }
}

/** Applies `mappings` to the message's subject. One that they drop has none any more, which nobody subscribes to. */
export function mapSubject(message: Message, mappings: SubjectMappings): void {
  const subject = message.subject;
  const mapped = mappings.map(subject) ?? "";
  if (mapped !== subject) message.setSubject(mapped);
}

/** Whether the message may be published, by the permission set or as an answer to a request that was delivered. */
export function mayPublish(
  message: Message,
  permissions: Permissions,
  verdicts: PublishVerdicts,
  permits: ResponsePermits | null,
  nowMs: number,
): boolean {
  if (verdicts.allows(permissions, message)) return true;
  return permits !== null && permits.allows(message.subject, nowMs);
}

/**
 * Subjects that only the broker itself publishes on. Source: nats-server `processInboundClientMsg`.
 * @param isSystem whether the publisher is in the system account
 */
export function isReservedSubject(bytes: Buffer, start: number, end: number, isSystem = false): boolean {
  return (
    isLonger(bytes, start, end, gatewayReplies) ||
    isLonger(bytes, start, end, olderGatewayReplies) ||
    (!isSystem && startsWith(bytes, start, end, raftSubjects))
  );
}

/** Reply subjects that would let a client pass for the broker. */
export function isReservedReply(bytes: Buffer, start: number, end: number): boolean {
  return (
    startsWith(bytes, start, end, serviceReplies) ||
    isLonger(bytes, start, end, acknowledgements) ||
    isLonger(bytes, start, end, gatewayReplies) ||
    isLonger(bytes, start, end, olderGatewayReplies)
  );
}

function isLonger(bytes: Buffer, start: number, end: number, prefix: Buffer): boolean {
  return end - start > prefix.length && startsWith(bytes, start, end, prefix);
}

const gatewayReplies = Buffer.from("_GR_.", "latin1");
const olderGatewayReplies = Buffer.from("$GR.", "latin1");
const raftSubjects = Buffer.from("$NRG.", "latin1");
const serviceReplies = Buffer.from("_R_.", "latin1");
const acknowledgements = Buffer.from("$JS.ACK.", "latin1");
