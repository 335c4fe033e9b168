/** The whole of JetStream over a store in memory, asked through its API. */
import { defaultJetStreamLimits, defaultJetStreamOptions } from "../../../src/config/jetstream-defaults.ts";
import type { JetStreamAccountLimits, JetStreamOptions } from "../../../src/config/jetstream-options.ts";
import { optionsFromObject } from "../../../src/config/embedding.ts";
import type { Options } from "../../../src/config/options.ts";
import { Consumers } from "../../../src/jetstream/consumer/consumers.ts";
import { JetStream } from "../../../src/jetstream/jetstream.ts";
import { type Heard, World } from "../stream-world.ts";

export interface Answer {
  readonly type: string;
  readonly error?: { readonly code: number; readonly err_code: number; readonly description: string };
  readonly [field: string]: unknown;
}

export interface BenchSettings {
  readonly jetstream?: Partial<JetStreamOptions>;
  readonly limits?: Partial<JetStreamAccountLimits>;
  readonly domain?: string;
}

/** An account `A` with JetStream, and one `B` without. */
export class ApiBench {
  readonly world: World;
  readonly jetstream: JetStream;
  readonly settings: JetStreamOptions;

  constructor({ jetstream = {}, limits = {}, domain }: BenchSettings = {}) {
    this.world = new World(domain ?? null);
    this.settings = { ...defaultJetStreamOptions, ...jetstream };
    this.world.broker.openAccount("B", this.world.account.limits);
    this.jetstream = new JetStream(this.world.host, this.settings, new Consumers());
    this.apply(limits);
  }

  /** @param limits null takes JetStream away from the account */
  apply(limits: Partial<JetStreamAccountLimits> | null, jetstream: Partial<JetStreamOptions> = {}): void {
    const base = optionsFromObject({ accounts: { A: {}, B: {} } }).options;
    const accounts = base.accounts.map((account) =>
      account.name === "A" && limits !== null
        ? { ...account, jetstream: { ...defaultJetStreamLimits, ...limits } }
        : account,
    );
    const options: Options = { ...base, accounts, jetstream: { ...this.settings, ...jetstream } };
    this.jetstream.apply(options);
    this.world.endPass();
  }

  /** The text of the answer; "" when there is none. */
  text(subject: string, body: unknown = "", headers: readonly string[] = []): string {
    const payload = typeof body === "string" ? body : JSON.stringify(body);
    return this.world.publish(`$JS.API.${subject}`, payload, headers);
  }

  api(subject: string, body: unknown = "", headers: readonly string[] = []): Answer {
    return JSON.parse(this.text(subject, body, headers)) as Answer;
  }

  /** `code/err_code description`, or `ok`. */
  outcome(subject: string, body: unknown = "", headers: readonly string[] = []): string {
    const { error } = this.api(subject, body, headers);
    return error === undefined ? "ok" : `${error.code}/${error.err_code} ${error.description}`;
  }

  /** @throws Error with what is wrong with it */
  stream(name: string, config: object = {}): Answer {
    const answer = this.api(`STREAM.CREATE.${name}`, { name, subjects: [`${name}.>`], ...config });
    if (answer.error !== undefined) throw new Error(answer.error.description);
    return answer;
  }

  advisories(subject = "$JS.EVENT.ADVISORY.>"): { readonly messages: Heard[]; stop: () => void } {
    return this.world.listen(subject);
  }
}
