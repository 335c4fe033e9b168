/** Store and forward over one remote: the streams of its `forward` block. Nothing here outlives the remote. */
import type { ForwardOptions } from "../../config/leafnode-options.ts";
import type { LinkFacts } from "../facts.ts";
import { DownFlow } from "./down-flow.ts";
import type { FlowEnds } from "./flow.ts";
import { type ForwardedStatus, ForwardedStream } from "./forwarded-stream.ts";
import { type ApiConnection, StreamApi } from "./stream-api.ts";
import { UpFlow } from "./up-flow.ts";

export class Forward {
  readonly #options: ForwardOptions;
  readonly #accountName: string;
  readonly #parts: ApiConnection;
  /** What is known of the hub; null while there is no link. */
  readonly #hub: () => LinkFacts | null;
  readonly #streams: readonly ForwardedStream[];

  constructor(
    options: ForwardOptions,
    accountName: string,
    parts: ApiConnection,
    hub: () => LinkFacts | null,
  ) {
    this.#options = options;
    this.#accountName = accountName;
    this.#parts = parts;
    this.#hub = hub;
    const flows = [
      ...options.up.map((stream) => new UpFlow(stream, options.replicas)),
      ...options.down.map((stream) => new DownFlow(stream)),
    ];
    this.#streams = flows.map(
      (flow) => new ForwardedStream(flow, options, parts.context, () => this.#ends()),
    );
  }

  get statuses(): readonly ForwardedStatus[] {
    return this.#streams.map(({ status }) => status);
  }

  /** Looks at everything now. To be called when the broker has begun, and when the hub's streams can be reached. */
  wake(): void {
    for (const stream of this.#streams) stream.wake();
  }

  stop(): void {
    for (const stream of this.#streams) stream.stop();
  }

  #ends(): FlowEnds | string {
    const { context } = this.#parts;
    const own = context.settings.domain ?? "";
    const account = context.broker.accounts.get(this.#accountName);
    if (account === undefined) return `there is no account ${this.#accountName}`;
    const here = new StreamApi(this.#parts, account, "$JS.API");
    const facts = this.#hub();
    const ends = { here, hub: null, ownApi: `$JS.${own}.API` };
    if (facts === null) return ends;
    const domain = this.#options.hubDomain ?? facts.domain;
    if (domain === "")
      return "the hub has no JetStream domain, so its streams can not be reached from here: set domain in its jetstream block, or hub_domain here";
    if (domain === own) return `the hub's JetStream domain is this broker's own: ${own}`;
    return { ...ends, hub: new StreamApi(this.#parts, account, `$JS.${domain}.API`) };
  }
}
