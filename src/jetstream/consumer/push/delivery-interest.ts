/**
 * Whether somebody listens where push consumers deliver to: on just that subject, since whoever only looks on with a
 * wildcard is not the one it is meant for. Source: nats-server `registerNotification`.
 */
import type { Account, InterestObserver } from "../../../broker/account.ts";
import type { Subscription } from "../../../broker/subscriber.ts";
import type { Host } from "../../host.ts";

interface Watcher {
  readonly queue: string | null;
  readonly tell: (isThere: boolean) => void;
}

export interface Watching {
  readonly isThere: boolean;
  readonly stop: () => void;
}

export class DeliveryInterest implements InterestObserver {
  readonly #host: Host;
  readonly #account: Account;
  readonly #watchers = new Map<string, Set<Watcher>>();
  readonly #changed = new Set<string>();

  constructor(host: Host, account: Account) {
    this.#host = host;
    this.#account = account;
  }

  /**
   * @param subject wire string
   * @param queue only members of this queue group count; null: only subscriptions without one
   * @param tell called at the end of a pass in which that may have changed
   */
  watch(subject: string, queue: string | null, tell: (isThere: boolean) => void): Watching {
    if (this.#watchers.size === 0) this.#account.interestObservers.add(this);
    let watchers = this.#watchers.get(subject);
    if (watchers === undefined) this.#watchers.set(subject, (watchers = new Set()));
    const watcher = { queue, tell };
    watchers.add(watcher);
    return { isThere: this.#isThere(subject, queue), stop: () => this.#stop(subject, watcher) };
  }

  onAdd({ subject }: Subscription): void {
    if (this.#watchers.has(subject)) this.#note(subject);
  }

  onRemove({ subject }: Subscription): void {
    if (this.#watchers.has(subject)) this.#note(subject);
  }

  #note(subject: string): void {
    this.#changed.add(subject);
    if (this.#changed.size > 1) return;
    this.#host.defer("decide", () => {
      const changed = [...this.#changed];
      this.#changed.clear();
      for (const each of changed)
        for (const { queue, tell } of this.#watchers.get(each) ?? []) tell(this.#isThere(each, queue));
    });
  }

  #stop(subject: string, watcher: Watcher): void {
    const watchers = this.#watchers.get(subject);
    watchers?.delete(watcher);
    if (watchers?.size === 0) this.#watchers.delete(subject);
    if (this.#watchers.size === 0) this.#account.interestObservers.delete(this);
  }

  #isThere(subject: string, queue: string | null): boolean {
    return this.#account
      .matches(subject)
      .some((subscription) => subscription.subject === subject && subscription.queue === queue);
  }
}
