/**
 * JetStream of a broker: opens it in each account that has it, brings back what the store holds, and closes it. Owned by
 * the server, which makes its {@link Host}.
 */
import type { Options } from "../config/options.ts";
import type { JetStreamAccountLimits, JetStreamOptions } from "../config/jetstream-options.ts";
import { encodeJson } from "../base/json.ts";
import type { Account } from "../broker/account.ts";
import type { Subscription } from "../broker/subscriber.ts";
import { JetStreamAccount } from "./account.ts";
import { Api, apiPrefix } from "./api/api.ts";
import { consumerRoutes } from "./api/consumers.ts";
import { messageRoutes } from "./api/messages.ts";
import { streamRoutes } from "./api/streams.ts";
import { apiError } from "./api-errors.ts";
import type { ConsumerApi } from "./consumer/consumer-api.ts";
import { Disk } from "./disk.ts";
import { CommitGatedReplies } from "./commit-gated-replies.ts";
import type { Host } from "./host.ts";
import { Quota, type Quotas } from "./quota.ts";
import { snapshotRoutes } from "./backup/snapshot-routes.ts";
import type { StreamAccount } from "./stream/stream.ts";
import { type LostStream, StreamCatalog } from "./stream-catalog.ts";

type Kind = "file" | "memory";

export class JetStream {
  readonly host: Host;
  settings: JetStreamOptions;
  /** Those with JetStream, by name. */
  readonly accounts = new Map<string, StreamAccount>();
  readonly #replies: CommitGatedReplies;
  readonly #catalog: StreamCatalog;
  readonly #api: Api;
  readonly #quotas: Quotas;
  readonly #disk: Disk;
  #systemAccount: string | null = null;
  /** Accounts without JetStream are told so when they ask. */
  readonly #refusing = new Map<string, Subscription>();

  constructor(host: Host, settings: JetStreamOptions, consumers: ConsumerApi) {
    this.host = host;
    this.settings = settings;
    this.#replies = new CommitGatedReplies(host);
    this.#catalog = new StreamCatalog(this.accounts, consumers);
    const routes = [
      ...streamRoutes(this.#catalog),
      ...messageRoutes,
      ...consumerRoutes(consumers),
      ...snapshotRoutes((account, config) => this.#catalog.beginRestore(account, config)),
    ];
    this.#api = new Api(host, routes);
    this.#disk = new Disk(host, this.#replies, () =>
      this.#systemAccount === null ? null : (host.broker.accounts.get(this.#systemAccount) ?? null),
    );
    this.#quotas = {
      memory: new Quota(settings.maxMemoryBytes, () => this.usedBytes("memory")),
      file: new Quota(settings.maxStoreBytes, () => this.usedBytes("file")),
    };
  }

  /**
   * Brings accounts to what the options say, at start and on a reload. Streams of an account that loses JetStream stop
   * and are kept.
   */
  apply({ accounts: options, systemAccount, jetstream }: Options): void {
    this.settings = jetstream ?? this.settings;
    this.#systemAccount = systemAccount;
    this.#quotas.memory.setMax(this.settings.maxMemoryBytes);
    this.#quotas.file.setMax(this.settings.maxStoreBytes);
    const wanted = new Map(options.map(({ name, jetstream }) => [name, jetstream]));
    for (const name of this.accounts.keys())
      if ((wanted.get(name) ?? null) === null) this.#closeAccount(name);
    for (const [name, limits] of wanted) {
      const account = this.host.broker.accounts.get(name);
      if (account === undefined || name === systemAccount) continue;
      if (limits !== null) this.#openAccount(account, limits);
      else this.#refuse(account);
    }
  }

  /** The streams behind an API can be reached now: whoever copies from them goes on. @param api as in `external` */
  retrySourcing(accountName: string, api: string): void {
    const account = this.accounts.get(accountName);
    if (account === undefined) return;
    for (const { sourcing } of account.streams.values()) sourcing.retryNow(api);
  }

  /** Those in the store that could not be brought back. */
  get lostStreams(): readonly LostStream[] {
    return this.#catalog.lost;
  }

  usedBytes(kind: Kind): number {
    let bytes = 0;
    for (const account of this.accounts.values()) bytes += account.usedBytes(kind);
    return bytes;
  }

  reservedBytes(kind: Kind): number {
    return this.#catalog.reservedBytes(kind);
  }

  /** Stops everything and keeps it; what has been decided is on its way to the store. */
  close(): void {
    for (const name of [...this.accounts.keys()]) this.#closeAccount(name);
    for (const subscription of this.#refusing.values()) this.host.service.stop(subscription);
    this.#refusing.clear();
  }

  /** Nothing is answered any more. Called once the store has written what was decided. */
  end(): void {
    this.#replies.close();
  }

  #openAccount(account: Account, limits: JetStreamAccountLimits): void {
    const open = this.accounts.get(account.name);
    if (open !== undefined) {
      open.settings = this.settings;
      open.setLimits(limits);
      return;
    }
    const refusing = this.#refusing.get(account.name);
    if (refusing !== undefined) this.host.service.stop(refusing);
    this.#refusing.delete(account.name);
    const opened: StreamAccount = new JetStreamAccount(this.host, account, this.#replies, {
      settings: this.settings,
      limits,
      brokerQuotas: this.#quotas,
      disk: this.#disk,
    });
    this.accounts.set(account.name, opened);
    this.#catalog.load(opened, this.host.store.streams());
    this.#api.open(opened);
  }

  #closeAccount(name: string): void {
    const account = this.accounts.get(name) as StreamAccount;
    this.accounts.delete(name);
    this.#api.close(account);
    this.#catalog.abandonRestores(account);
    for (const stream of account.streams.values()) stream.close();
  }

  #refuse(account: Account): void {
    if (this.#refusing.has(account.name)) return;
    let isTold = false;
    const subscription = this.host.service.listen(account, `${apiPrefix}INFO`, null, (message) => {
      if (!message.hasReply) return;
      if (!isTold) this.host.log.warn(offInAccount(account.name));
      isTold = true;
      const answer = {
        type: "io.nats.jetstream.api.v1.account_info_response",
        error: apiError("notEnabledForAccount").json,
      };
      this.#replies.publish(account, message.reply, Buffer.from(encodeJson(answer, false)));
    });
    this.#refusing.set(account.name, subscription);
  }
}

function offInAccount(name: string): string {
  return `Account "${name}": a client asked for JetStream, which is off in this account: give it a jetstream block`;
}
