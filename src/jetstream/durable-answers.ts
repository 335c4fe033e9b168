/** Answers that wait until what they tell of is durable: publish acks first of all. */
import type { Account } from "../broker/account.ts";
import type { Host } from "./host.ts";

interface Waiting {
  readonly group: number;
  readonly account: Account;
  readonly subject: string;
  readonly payload: Buffer;
}

/** Only the store's report of a durable group lets an answer out, so that none can outrun the disk. */
export class DurableAnswers {
  readonly #host: Host;
  #waiting: Waiting[] = [];
  #scheduled = false;
  readonly #stop: () => void;

  constructor(host: Host) {
    this.#host = host;
    this.#stop = host.store.observe({ onDurable: (group) => this.#release(group) });
  }

  close(): void {
    this.#stop();
    this.#waiting = [];
  }

  /**
   * Publishes `payload` on `subject` as soon as everything decided until now is durable, in the order of the calls. May
   * be called within a delivery.
   */
  publish(account: Account, subject: string, payload: Buffer): void {
    this.#waiting.push({ group: this.#host.store.lastGroup, account, subject, payload });
    if (this.#scheduled || this.#host.store.durableGroup < this.#host.store.lastGroup) return;
    this.#scheduled = true;
    this.#host.defer(() => {
      this.#scheduled = false;
      this.#release(this.#host.store.durableGroup);
    });
  }

  #release(group: number): void {
    const waiting = this.#waiting;
    let at = 0;
    for (; at < waiting.length; at++) {
      const { group: needed, account, subject, payload } = waiting[at] as Waiting;
      if (needed > group) break;
      this.#host.publisher.publish(account, subject, "", null, payload);
    }
    if (at > 0) this.#waiting = waiting.slice(at);
  }
}
