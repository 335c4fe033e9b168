/**
 * What a client may publish, and where its account's mappings send it. Clients without permissions, mappings and
 * pedantry never come here but for reserved subjects.
 */
import type { Permissions } from "../auth/permissions.ts";
import { ResponsePermits } from "../auth/response-permits.ts";
import type { Account } from "../broker/account.ts";
import { publishRule } from "../broker/refusal-rules.ts";
import type { Message } from "../protocol/message.ts";
import { recoverable } from "../protocol/errors.ts";
import type { SubjectMappings } from "../subjects/mapping.ts";
import {
  isReservedReply,
  isReservedSubject,
  mayBeReservedReply,
  mayBeReservedSubject,
} from "../subjects/reserved.ts";
import { isValidLiteralSubject } from "../subjects/subject.ts";
import type { ClientContext } from "./context.ts";

/** What stands between one client's publishes and the router. */
export class PublishAuthorizer {
  readonly #context: ClientContext;
  readonly #complain: (text: string, rule?: string) => void;
  #permissions: Permissions | null = null;
  #pedantic = false;
  #isSystem = false;
  /** Replies that the client may publish to because it was asked; null when its permissions grant none. */
  permits: ResponsePermits | null = null;
  /** Permissions, mappings or pedantry: every publish must be admitted, not only those with something reserved. */
  isClosed = false;

  /** @param complain tells the client why something is not admitted, and the log by which rule */
  constructor(context: ClientContext, complain: (text: string, rule?: string) => void) {
    this.#context = context;
    this.#complain = complain;
  }

  update(permissions: Permissions | null, account: Account | null, pedantic: boolean): void {
    this.#permissions = permissions;
    this.#pedantic = pedantic;
    this.#isSystem = account !== null && account.name === this.#context.systemAccount;
    if (permissions === null || permissions.responses === null) this.permits = null;
    else if (this.permits === null) this.permits = new ResponsePermits(permissions);
    else this.permits.update(permissions);
    const mappings = account?.mappings ?? null;
    // Subjects with a `$` are asked about in any case.
    this.isClosed = permissions !== null || pedantic || (mappings !== null && !mappings.isInternal);
  }

  dropPermits(): void {
    this.permits = null;
  }

  /** Whether the message may go on; also maps its subject. */
  admit(message: Message, account: Account): boolean {
    if (this.#pedantic && !isValidLiteralSubject(message.subject))
      this.#complain(recoverable.invalidPublishSubject);
    if (account.mappings !== null) mapSubject(message, account.mappings);
    const isReserved = this.#isReserved(message);
    if (isReserved || !this.#mayPublish(message)) {
      const { subject } = message;
      this.#complain(
        recoverable.publishDenied(subject),
        isReserved ? "only the broker publishes there" : publishRule(this.#permissions, subject),
      );
      return false;
    }
    if (!message.hasReply || !mayBeReservedReply(message.bytes, message.replyStart)) return true;
    if (!isReservedReply(message.reply)) return true;
    this.#complain(recoverable.replyDenied(message.reply), "no client may be answered on a reserved subject");
    return false;
  }

  #isReserved({ subjectBytes, subjectStart, subjectEnd }: Message): boolean {
    if (!mayBeReservedSubject(subjectBytes, subjectStart)) return false;
    return isReservedSubject(subjectBytes.latin1Slice(subjectStart, subjectEnd), this.#isSystem);
  }

  /** By the permission set, or as an answer to a request that was delivered. */
  #mayPublish(message: Message): boolean {
    if (this.#permissions === null || this.#context.publishVerdicts.allows(this.#permissions, message))
      return true;
    return this.permits !== null && this.permits.allows(message.subject, this.#context.broker.clock.nowMs());
  }
}

/** Applies `mappings` to the message's subject. One that they drop has none any more, which nobody subscribes to. */
function mapSubject(message: Message, mappings: SubjectMappings): void {
  const subject = message.subject;
  const mapped = mappings.map(subject) ?? "";
  if (mapped !== subject) message.setSubject(mapped);
}
