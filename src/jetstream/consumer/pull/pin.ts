/** Which client of a `pinned_client` group gets the messages; nobody until one asks. */
import type { Deadline } from "../../../base/clock.ts";
import { nowText, zeroTimeText } from "../../../base/timestamp.ts";
import type { Host } from "../../host.ts";
import type { CurrentConfig } from "../config/consumer-config.ts";
import type { ConsumerAdvisories } from "../consumer-advisories.ts";

export class Pin {
  readonly #host: Pick<Host, "after" | "clock" | "nuid">;
  readonly #current: CurrentConfig;
  readonly #advisories: ConsumerAdvisories;
  readonly #onExpired: () => void;
  /** "" while nobody is pinned. */
  id = "";
  sinceText = zeroTimeText;
  #group = "";
  #deadline: Deadline | null = null;

  /** @param onExpired called as a pass when the pinned client has not shown itself in time */
  constructor(
    host: Pick<Host, "after" | "clock" | "nuid">,
    current: CurrentConfig,
    advisories: ConsumerAdvisories,
    onExpired: () => void,
  ) {
    this.#host = host;
    this.#current = current;
    this.#advisories = advisories;
    this.#onExpired = onExpired;
  }

  /** @returns the id that the client is to repeat */
  assign(group: string): string {
    this.id = this.#host.nuid();
    this.sinceText = nowText(this.#host.clock);
    this.keep(group);
    this.#advisories.pinned(group, this.id);
    return this.id;
  }

  /** The pinned client has shown itself. */
  keep(group: string): void {
    this.#group = group;
    this.#deadline?.cancel();
    const timeoutMs = (this.#current.config.priority_timeout ?? 0) / 1_000_000;
    this.#deadline = this.#host.after(timeoutMs, () => this.#expire());
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
    this.#advisories.unpinned(this.#group, "timeout");
    this.#onExpired();
  }
}
