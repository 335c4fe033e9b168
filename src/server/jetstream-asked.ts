/** Says once for each account that a client has asked for JetStream although the broker runs without it. */
import type { Log } from "../base/log.ts";
import type { Account } from "../broker/account.ts";
import type { Options } from "../config/options.ts";

const api = "$JS.API.";

export class JetStreamAsked {
  readonly #log: Log;
  readonly #options: () => Options;
  readonly #accounts = new Set<string>();

  constructor(log: Log, options: () => Options) {
    this.#log = log;
    this.#options = options;
  }

  /** A request that nobody got. */
  note({ name }: Account, subject: string): void {
    if (!subject.startsWith(api) || this.#accounts.has(name)) return;
    const { jetstream, leafnodes } = this.#options();
    // The streams of an account with a hub may be there, and the hub away.
    if (jetstream !== null || leafnodes?.remotes.some(({ account }) => account === name) === true) return;
    this.#accounts.add(name);
    this.#log.warn(
      `Account "${name}": a client asked for JetStream, which is off: start with -js or a jetstream block`,
    );
  }

  /** JetStream is switched on or off. */
  forget(): void {
    this.#accounts.clear();
  }
}
