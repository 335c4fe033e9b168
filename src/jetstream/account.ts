/** JetStream in one account: its streams, and what it may and does use. */
import type { Account } from "../broker/account.ts";
import type { DurableAnswers } from "./durable-answers.ts";
import type { Host } from "./host.ts";
import type { Stream } from "./stream.ts";

export class JetStreamAccount {
  readonly host: Host;
  readonly account: Account;
  readonly answers: DurableAnswers;
  /** By name. */
  readonly streams = new Map<string, Stream>();

  constructor(host: Host, account: Account, answers: DurableAnswers) {
    this.host = host;
    this.account = account;
    this.answers = answers;
  }
}
