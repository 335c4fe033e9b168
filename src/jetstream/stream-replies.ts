/**
 * What a stream publishes itself: answers, acks, republished messages. Of a stream on disk they go out when all is durable
 * that was decided before, of one in memory at the end of the pass.
 */
import type { Account } from "../broker/account.ts";
import type { AckForm, CommitGatedReplies, ReplyRange } from "./commit-gated-replies.ts";

export class StreamReplies {
  readonly account: Account;
  /** Whether what is told of has to be durable first. */
  readonly waits: boolean;
  readonly #replies: CommitGatedReplies;

  constructor(account: Account, waits: boolean, replies: CommitGatedReplies) {
    this.account = account;
    this.waits = waits;
    this.#replies = replies;
  }

  /** @param subject wire string. Bytes are copied. */
  publish(subject: string, payload: Uint8Array, headers: Uint8Array | null = null): void {
    if (this.waits) this.#replies.publish(this.account, subject, payload, headers);
    else this.#replies.publishSoon(this.account, subject, payload, headers);
  }

  /** See {@link CommitGatedReplies.acknowledge}. */
  acknowledge(form: AckForm, message: ReplyRange, seq: number, suffix: string): void {
    this.#replies.acknowledge(form, message, seq, suffix);
  }
}
