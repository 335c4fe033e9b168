/** Whether there is room on the disk, and who hears of it when there is none: once, until there is room again. */
import type { Account } from "../broker/account.ts";
import { Advisories } from "./advisories.ts";
import type { CommitGatedReplies } from "./commit-gated-replies.ts";
import type { Host } from "./host.ts";

export class Disk {
  readonly #host: Host;
  readonly #replies: CommitGatedReplies;
  /** The system account; null where there is none. */
  readonly #system: () => Account | null;
  /** What was refused last; null while there is room. */
  #refusedBytes: number | null = null;

  constructor(host: Host, replies: CommitGatedReplies, system: () => Account | null) {
    this.#host = host;
    this.#replies = replies;
    this.#system = system;
  }

  /**
   * Why a message of so many bytes can not be stored; null when it can. May be called within a delivery.
   * @param account whose stream it is: hears of it where there is no system account
   */
  problem(bytes: number, account: Account, stream: string): string | null {
    const reason = this.#host.store.refusal(bytes);
    const wasRefused = this.#refusedBytes;
    if (reason !== null) {
      this.#refusedBytes = bytes;
      if (wasRefused === null) this.#notify(this.#system() ?? account, stream);
      // What fits where something larger did not says nothing.
    } else if (wasRefused !== null && bytes >= wasRefused) this.#refusedBytes = null;
    return reason;
  }

  /** Source: nats-server `JSServerOutOfSpaceAdvisory`. */
  #notify(account: Account, stream: string): void {
    const { serverName, serverId } = this.#host;
    const advisories = new Advisories(this.#host, account, this.#replies);
    // Not to wait for what can not be written.
    advisories.publishSoon("SERVER.OUT_OF_STORAGE", "server_out_of_space", () => ({
      server: serverName,
      server_id: serverId,
      stream,
      cluster: "",
    }));
  }
}
