/** Which client of a `pinned_client` group gets the messages; nobody until one asks. */
import type { Deadline } from "../../../base/clock.ts";
import { zeroTimeText } from "../../../base/timestamp.ts";
import type { Consumer } from "../consumer.ts";
import { nowText } from "../consumer-info.ts";

export class Pin {
  readonly #consumer: Consumer;
  /** "" while nobody is pinned. */
  id = "";
  sinceText = zeroTimeText;
  #group = "";
  #deadline: Deadline | null = null;

  constructor(consumer: Consumer) {
    this.#consumer = consumer;
  }

  /** @returns the id that the client is to repeat */
  assign(group: string): string {
    this.id = this.#consumer.host.nuid();
    this.sinceText = nowText(this.#consumer.host.clock);
    this.keep(group);
    this.#consumer.advisories.pinned(group, this.id);
    return this.id;
  }

  /** The pinned client has shown itself. */
  keep(group: string): void {
    this.#group = group;
    this.#deadline?.cancel();
    const timeoutMs = (this.#consumer.config.priority_timeout ?? 0) / 1_000_000;
    this.#deadline = this.#consumer.host.after(timeoutMs, () => this.#expire());
  }

  release(): void {
    this.id = "";
    this.sinceText = zeroTimeText;
    this.#deadline?.cancel();
    this.#deadline = null;
  }

  #expire(): void {
    if (this.id === "") return;
    this.release();
    this.#consumer.advisories.unpinned(this.#group, "timeout");
    this.#consumer.schedule();
  }
}
