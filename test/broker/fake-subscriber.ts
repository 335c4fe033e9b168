/** A subscriber that takes what it is told to take, and writes it down. */
import type { Message } from "../../src/protocol/message.ts";
import type { FanOutGroup, Subscriber, Subscription } from "../../src/broker/subscriber.ts";

export class FakeSubscriber implements Subscriber {
  readonly name: string;
  readonly tier: 0 | 1;
  echo = true;
  accepts = true;
  /** Subjects kept from its wider subscriptions. */
  readonly denied = new Set<string>();
  /** Null: served by itself. */
  likeness: string | null = null;
  readonly received: string[] = [];
  /** What one delivery leads to. */
  then: () => void = () => {};

  constructor(name: string, tier: 0 | 1 = 0) {
    this.name = name;
    this.tier = tier;
  }

  deliver(message: Message, { sid }: Subscription): boolean {
    if (!this.accepts) return false;
    this.received.push(`${sid} ${message.subject}`);
    this.then();
    return true;
  }

  takesFrom(origin: Subscriber | null): boolean {
    return this.accepts && origin !== this;
  }

  /** Writes down the queue groups as well. */
  deliverBeyond(message: Message, plain: Subscription | null, queues: readonly Subscription[]): boolean {
    if (!this.accepts) return false;
    const groups = queues.map(({ queue }) => ` ${queue}`).join("");
    this.received.push(`${plain === null ? "-" : plain.sid} ${message.subject}${groups}`);
    return true;
  }

  deniesDelivery(subject: string): boolean {
    return this.denied.has(subject);
  }

  filters(): boolean {
    return this.denied.size > 0;
  }

  fanOutKey(): string | null {
    return this.likeness;
  }

  formFanOutGroup(members: readonly Subscription[]): FanOutGroup {
    return {
      members,
      deliver: (message, silent) =>
        members.filter(
          (member) =>
            !member.dead && member.subscriber !== silent && member.subscriber.deliver(message, member),
        ).length,
    };
  }

  take(): string[] {
    return this.received.splice(0);
  }
}
