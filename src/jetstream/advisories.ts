/** Events that JetStream publishes in an account for whoever watches it; nothing is made where nobody does. */
import { formatTimestamp } from "../base/timestamp.ts";
import { encodeJson } from "../base/json.ts";
import type { Account } from "../broker/account.ts";
import { wireFromText } from "../subjects/subject.ts";
import type { CommitGatedReplies } from "./commit-gated-replies.ts";
import type { Host } from "./host.ts";

const advisoryPrefix = "$JS.EVENT.ADVISORY";
const typePrefix = "io.nats.jetstream.advisory.v1.";

export class Advisories {
  readonly #host: Host;
  readonly #account: Account;
  readonly #replies: CommitGatedReplies;

  constructor(host: Host, account: Account, replies: CommitGatedReplies) {
    this.#host = host;
    this.#account = account;
    this.#replies = replies;
  }

  /**
   * Tells that something has happened, once that is durable. May be called within a delivery.
   * @param subject what follows `$JS.EVENT.ADVISORY.`, as text
   * @param type what follows `io.nats.jetstream.advisory.v1.`
   * @param fields in nats-server's order, after `type`, `id` and `timestamp` and before `domain`
   */
  publish(subject: string, type: string, fields: () => object): void {
    this.publishEvent(`${advisoryPrefix}.${subject}`, `${typePrefix}${type}`, fields);
  }

  /** As {@link publish}, whether or not what was decided before is durable. */
  publishSoon(subject: string, type: string, fields: () => object): void {
    const wire = wireFromText(`${advisoryPrefix}.${subject}`);
    if (this.isWatched(wire))
      this.#replies.publishSoon(this.#account, wire, this.#encode(`${typePrefix}${type}`, fields));
  }

  /** As {@link publish}, with the whole subject and type. */
  publishEvent(subject: string, type: string, fields: () => object): void {
    const wire = wireFromText(subject);
    if (this.isWatched(wire)) this.#replies.publish(this.#account, wire, this.#encode(type, fields));
  }

  #encode(type: string, fields: () => object): Buffer {
    const { clock, domain } = this.#host;
    const stamp = { timeMs: 0, timeNs: 0 };
    clock.stamp(stamp);
    const event = {
      type,
      id: this.#host.nuid(),
      timestamp: formatTimestamp(stamp.timeMs, stamp.timeNs),
      ...fields(),
      ...(domain !== null && { domain }),
    };
    return Buffer.from(encodeJson(event, false));
  }

  /** @param subject wire string */
  isWatched(subject: string): boolean {
    const bytes = Buffer.from(subject, "latin1");
    const plan = this.#account.planFor(bytes, 0, bytes.length);
    return plan.plain.length + plan.fanOutGroups.length + plan.groups.length + plan.links.length > 0;
  }
}
