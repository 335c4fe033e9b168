/**
 * A subject that many messages go to, one after the other: its plan is looked up again only when somebody has come or
 * gone.
 */
import type { Account } from "./account.ts";
import type { Plan } from "./plan.ts";

export class Destination {
  /** Wire string. */
  readonly subject: string;
  readonly #account: Account;
  readonly #bytes: Buffer;
  #plan: Plan | null = null;
  #generation = 0;

  constructor(account: Account, subject: string) {
    this.#account = account;
    this.subject = subject;
    this.#bytes = Buffer.from(subject, "latin1");
  }

  get plan(): Plan {
    const { generation } = this.#account;
    if (this.#plan === null || this.#generation !== generation) {
      this.#plan = this.#account.planFor(this.#bytes, 0, this.#bytes.length);
      this.#generation = generation;
    }
    return this.#plan;
  }

  get hasReceivers(): boolean {
    const { plain, fanOutGroups, groups, links } = this.plan;
    return plain.length + fanOutGroups.length + groups.length + links.length > 0;
  }
}
