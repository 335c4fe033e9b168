/** JetStream in one account: its streams, and what it may and does use. */
import type { Account } from "../broker/account.ts";
import type { JetStreamAccountLimits, JetStreamOptions } from "../config/jetstream-options.ts";
import { defaultJetStreamLimits, defaultJetStreamOptions } from "../config/jetstream-defaults.ts";
import { Advisories } from "./advisories.ts";
import { apiError } from "./api-errors.ts";
import { DirectReplies } from "./direct/direct-replies.ts";
import { Disk } from "./disk.ts";
import type { CommitGatedReplies } from "./commit-gated-replies.ts";
import { Capacity } from "./capacity.ts";
import type { Host } from "./host.ts";
import { unlimitedQuotas, Quota, type Quotas } from "./quota.ts";
import type { LogState, StreamStore } from "../store/contract.ts";
import type { StreamConfig } from "./stream/config/stream-config.ts";
import { SubjectClaims } from "./stream/config/subject-claims.ts";

type Kind = "file" | "memory";

/** What an account counts of a stream. */
export interface CountedStream {
  readonly name: string;
  readonly config: StreamConfig;
  readonly log: { readonly state: LogState };
  readonly consumers: { readonly size: number };
}

/** What all accounts share, and what this one may use; without it there is no limit. */
export interface AccountSettings {
  readonly settings?: JetStreamOptions;
  readonly limits?: JetStreamAccountLimits;
  /** What all accounts together may still store. */
  readonly brokerQuotas?: Quotas;
  readonly disk?: Disk;
}

export class JetStreamAccount<S extends CountedStream = CountedStream> {
  readonly host: Host;
  readonly account: Account;
  readonly replies: CommitGatedReplies;
  readonly directReplies: DirectReplies;
  readonly advisories: Advisories;
  /** What the configuration says of JetStream as a whole. */
  settings: JetStreamOptions;
  limits: JetStreamAccountLimits;
  /** By name. */
  readonly streams = new Map<string, S>();
  /** What snapshots are filling: it counts, though there are no streams yet. */
  readonly restoring = new Set<StreamStore>();
  /** Subjects that streams have taken, as text. */
  readonly claims = new SubjectClaims();
  /** Requests answered, and those among them with an error. */
  apiTotal = 0;
  apiErrors = 0;
  /** Batches that are open in all its streams. */
  readonly openBatches = { atomic: 0, fast: 0 };
  readonly #disk: Disk;
  readonly #brokerQuotas: Quotas;
  /** Kept as a sum, since there may be very many streams. */
  readonly #reserved = { memory: 0, file: 0 };
  readonly #quotas: Quotas;

  constructor(
    host: Host,
    account: Account,
    replies: CommitGatedReplies,
    {
      settings = defaultJetStreamOptions,
      limits = defaultJetStreamLimits,
      brokerQuotas = unlimitedQuotas(),
      disk = new Disk(host, replies, () => null),
    }: AccountSettings = {},
  ) {
    this.host = host;
    this.account = account;
    this.replies = replies;
    this.directReplies = new DirectReplies(account, host, host.publisher, replies);
    this.advisories = new Advisories(host, account, replies);
    this.settings = settings;
    this.limits = limits;
    this.#brokerQuotas = brokerQuotas;
    this.#disk = disk;
    const quotaOf = (kind: Kind): Quota => new Quota(this.bytesMax(kind), () => this.usedBytes(kind));
    this.#quotas = { memory: quotaOf("memory"), file: quotaOf("file") };
  }

  /** On a reload. */
  setLimits(limits: JetStreamAccountLimits): void {
    this.limits = limits;
    this.#quotas.memory.setMax(this.bytesMax("memory"));
    this.#quotas.file.setMax(this.bytesMax("file"));
  }

  get consumerCount(): number {
    let count = 0;
    for (const stream of this.streams.values()) count += stream.consumers.size;
    return count;
  }

  /** As nats-server counts them, of every stream of that kind. */
  usedBytes(kind: Kind): number {
    let bytes = 0;
    for (const { config, log } of this.streams.values())
      if (config.storage === kind) bytes += log.state.bytes;
    for (const { log } of this.restoring) if (log.kind === kind) bytes += log.state.bytes;
    return bytes;
  }

  /** What `max_bytes` of its streams adds up to. @param except a stream that does not count */
  reservedBytes(kind: Kind, except: string | null = null): number {
    const own = except === null ? undefined : this.streams.get(except)?.config;
    return this.#reserved[kind] - (own === undefined ? 0 : reservationOf(own, kind));
  }

  /** A stream is there and configured so; its claim to subjects and bytes begins. */
  claim(stream: S): void {
    const { config } = stream;
    this.#reserved[config.storage] += reservationOf(config, config.storage);
    for (const subject of config.subjects ?? []) this.claims.add(subject, stream);
  }

  /** Before it is configured otherwise, or goes. */
  release(stream: S): void {
    const { config } = stream;
    this.#reserved[config.storage] -= reservationOf(config, config.storage);
    for (const subject of config.subjects ?? []) this.claims.remove(subject, stream);
  }

  /** -1: unlimited. */
  bytesMax(kind: Kind): number {
    return kind === "memory" ? this.limits.maxMemoryBytes : this.limits.maxStoreBytes;
  }

  /** What a stream of that name and kind may still store. */
  capacityOf(stream: string, kind: Kind): Capacity {
    const disk = kind === "file" ? this.#disk : null;
    return new Capacity(this.#brokerQuotas[kind], this.#quotas[kind], disk, this.account, stream);
  }

  /**
   * For a new configuration, with what the other streams have reserved. Source: nats-server `checkLimits`.
   * @throws ApiError
   */
  checkLimits(config: StreamConfig, serverReserved: (kind: Kind) => number): void {
    const { maxConsumers } = this.limits;
    if (config.max_consumers > 0 && maxConsumers > 0 && config.max_consumers > maxConsumers)
      throw apiError("maximumConsumersLimit");
    const kind = config.storage;
    const current = this.streams.get(config.name)?.config;
    // A new stream without a limit of its own takes at least a byte, so that a limit of 0, or one that is spent, refuses it.
    const wanted = Math.max(config.max_bytes, current === undefined ? 1 : 0);
    const most = this.bytesMax(kind);
    const serverMost = kind === "memory" ? this.settings.maxMemoryBytes : this.settings.maxStoreBytes;
    const isTooMuch = most >= 0 && this.reservedBytes(kind, config.name) + wanted > most;
    // What the stream has reserved before counts in the server's sum.
    const before = Math.max(current?.max_bytes ?? 0, 0);
    const more = Math.max(0, wanted - before);
    if (isTooMuch || serverReserved(kind) + more > serverMost)
      throw apiError(kind === "memory" ? "memoryResourcesExceeded" : "storageResourcesExceeded");
  }
}

function reservationOf(config: StreamConfig, kind: Kind): number {
  return config.storage === kind ? Math.max(config.max_bytes, 0) : 0;
}
