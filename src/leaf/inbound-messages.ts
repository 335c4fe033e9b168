/** Messages that came over one link, on their way to those who are interested here and behind other links. */
import { DOLLAR } from "../base/bytes.ts";
import type { Account } from "../broker/account.ts";
import type { Message } from "../protocol/message.ts";
import type { Plan } from "../broker/plan.ts";
import type { Router } from "../broker/router.ts";
import type { Session } from "../broker/session.ts";
import type { Subscriber } from "../broker/subscriber.ts";
import { isTraceOnly } from "../protocol/trace-headers.ts";
import type { SubjectMappings } from "../subjects/mapping.ts";
import { isReservedDestination } from "../subjects/reserved.ts";
import { deliverSubjectStart } from "./delivery.ts";

export class Inbound {
  readonly #origin: Subscriber & Pick<Session, "canPublish">;
  readonly #router: Router;
  /** Of the last message of the read under way. */
  #plan: Plan | null = null;
  #planGeneration = 0;

  constructor(origin: Subscriber & Pick<Session, "canPublish">, router: Router) {
    this.#origin = origin;
    this.#router = router;
  }

  endRead(): void {
    this.#plan = null;
  }

  /**
   * @param repeated whether subject and reply are those of the message before
   * @param queues the groups that the other end has chosen
   * @returns how many took it
   */
  route(message: Message, account: Account, repeated: boolean, queues: readonly string[]): number {
    const { bytes, replyStart, replyEnd, headerBytes, bodyStart } = message;
    if (headerBytes > 0 && isTraceOnly(bytes, bodyStart, bodyStart + headerBytes)) return 0;
    const shownStart = replyEnd > replyStart ? deliverSubjectStart(bytes, replyStart, replyEnd) : -1;
    if (shownStart > 0) return this.#routeShown(message, account, shownStart, queues);
    const { mappings } = account;
    if (mappings !== null && (!mappings.isInternal || bytes[message.subjectStart] === DOLLAR))
      return this.#routeMapped(message, mappings, account, queues);
    if (!repeated || this.#plan === null || this.#planGeneration !== account.generation) {
      this.#plan = account.planFor(message.subjectBytes, message.subjectStart, message.subjectEnd);
      this.#planGeneration = account.generation;
    }
    return this.#router.deliverToGroups(this.#plan, message, this.#origin, queues);
  }

  /**
   * Of a mapped subject the other end cannot know the queue groups. What the other end may send is a matter of the subject
   * before, but a reserved one that a mapping leads to takes its own permission, as it does of a client.
   */
  #routeMapped(
    message: Message,
    mappings: SubjectMappings,
    account: Account,
    queues: readonly string[],
  ): number {
    const subject = message.subject;
    const mapped = mappings.map(subject) ?? "";
    if (mapped !== subject) {
      const isAlias = isReservedDestination(mapped) && !isReservedDestination(subject);
      if (isAlias && !this.#origin.canPublish(mapped)) return 0;
      message.setSubject(mapped);
    }
    const plan = account.planFor(message.subjectBytes, message.subjectStart, message.subjectEnd);
    return mapped !== subject && queues.length === 0
      ? this.#router.deliver(plan, message, this.#origin)
      : this.#router.deliverToGroups(plan, message, this.#origin, queues);
  }

  /**
   * A delivery of JetStream's: receivers are found by the message's subject, and see the one that stands at the end of
   * its reply. What is left of the reply moves up to the sizes, so that the tail is in canonical form again.
   */
  #routeShown(message: Message, account: Account, shownStart: number, queues: readonly string[]): number {
    const { bytes, replyStart, replyEnd } = message;
    const routing = message.subject;
    message.setSubject(bytes.latin1Slice(shownStart, replyEnd));
    message.tailStart = replyEnd - (shownStart - 1 - replyStart);
    bytes.copyWithin(message.tailStart, replyStart, shownStart - 1);
    message.replyStart = message.tailStart;
    return this.#router.routeToGroups(account, routing, message, this.#origin, queues);
  }
}
