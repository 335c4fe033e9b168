/** All links of a broker, by account: whom each of them must know of. */
import type { Account } from "../broker/account.ts";
import { Nuid } from "../base/nuid.ts";
import type { ProtocolError } from "../protocol/errors.ts";
import type { ConnectionLimits } from "../transport/connection.ts";
import type { LinkFacts } from "./facts.ts";
import { InterestLedger, loopPrefix } from "./interest.ts";

/** A link, as those see it who look for others of its account. */
export interface RegisteredLink {
  readonly isDialed: boolean;
  /** The other end is the hub. */
  readonly isSpoke: boolean;
  readonly facts: LinkFacts;
  refresh(limits: ConnectionLimits): void;
  reauthenticate(): Promise<void>;
  fail(error: ProtocolError): void;
  close(reason: string): void;
}

/** The links of one account. */
export class AccountLinks {
  readonly account: Account;
  readonly links = new Set<RegisteredLink>();
  readonly interest: InterestLedger;
  /** Comes back to where it was sent from only in a loop. */
  readonly loopSubject: string;

  constructor(account: Account) {
    this.account = account;
    this.interest = new InterestLedger(account);
    this.loopSubject = `${loopPrefix}${new Nuid().next()}`;
    this.pinSubjects();
  }

  /** Whoever publishes to a mapped subject behind a link does so because of the mapping. To be called when they change. */
  pinSubjects(): void {
    this.interest.pin([this.loopSubject, ...(this.account.mappings?.sources ?? [])]);
  }
}

export class LinkRegistry {
  readonly #accounts = new Map<Account, AccountLinks>();

  of(account: Account): AccountLinks {
    let links = this.#accounts.get(account);
    if (links === undefined) this.#accounts.set(account, (links = new AccountLinks(account)));
    return links;
  }

  *all(): Generator<RegisteredLink> {
    for (const { links } of this.#accounts.values()) yield* links;
  }

  /** Mappings of accounts, or the accounts that there are, have changed. */
  refresh(isThere: (account: Account) => boolean): void {
    for (const [account, links] of this.#accounts) {
      if (!isThere(account) && links.links.size === 0) this.#accounts.delete(account);
      else links.pinSubjects();
    }
  }
}
