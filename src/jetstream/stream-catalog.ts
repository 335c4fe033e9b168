/** All streams of the broker: how they come, change and go, at a client's wish and at start. */
import { nsPerMs } from "../base/duration.ts";
import { isDeepStrictEqual } from "node:util";
import type { StreamStore } from "../store/contract.ts";
import { apiError } from "./api-errors.ts";
import type { ConsumerApi, SavedConsumer } from "./consumer/consumer-api.ts";
import type { Host } from "./host.ts";
import { Stream, type StreamAccount } from "./stream/stream.ts";
import type { StreamConfig, StreamTimes } from "./stream/config/stream-config.ts";
import { checkStreamConfig } from "./stream/config/stream-config-check.ts";
import { isValidText, type StreamSurroundings } from "./stream/config/config-rules.ts";
import type { RequestedStreamConfig } from "./stream/config/requested-config.ts";
import { checkUpdate } from "./stream/config/stream-config-update.ts";

/** Where a stream's configuration and time of creation are kept, as JSON. */
const recordName = "stream";
/** Of a store that is being filled by a restore: without the end of that it is worth nothing. */
const restoringRecordName = "restoring";

interface KeptStream {
  readonly config: StreamConfig;
  readonly createdMs: number;
  readonly createdNs: number;
}

/** A stream that is not there yet: its name is taken, and its store is being filled. */
export interface RestoringStream {
  readonly account: StreamAccount;
  readonly config: StreamConfig;
  readonly store: StreamStore;
  /** It is there from now on, with these consumers. @throws ApiError */
  complete(consumers: readonly SavedConsumer[]): Stream;
  /** All of it goes. */
  abandon(): void;
}

export interface LostStream {
  readonly account: string;
  readonly stream: string;
}

export class StreamCatalog {
  /** In the store, but without what it takes to bring them back. */
  readonly lost: LostStream[] = [];
  readonly #accounts: ReadonlyMap<string, StreamAccount>;
  readonly #consumers: ConsumerApi;
  readonly #restoring = new Set<RestoringStream>();

  /** @param accounts by name; whoever has JetStream now */
  constructor(accounts: ReadonlyMap<string, StreamAccount>, consumers: ConsumerApi) {
    this.#accounts = accounts;
    this.#consumers = consumers;
  }

  surroundings(account: StreamAccount): StreamSurroundings {
    const { limits, settings, streams } = account;
    return {
      find: (name) => streams.get(name)?.config,
      duplicateWindowMax: settings.limits.duplicateWindowMs * nsPerMs,
      streamBytesMax: (storage) =>
        storage === "memory" ? limits.memoryStreamBytesMax : limits.storeStreamBytesMax,
      maxBytesRequired: limits.maxBytesRequired,
    };
  }

  /**
   * The one that is there already when it is configured just so.
   * @throws ApiError
   */
  create(account: StreamAccount, asked: RequestedStreamConfig, pedantic: boolean): Stream {
    this.#checkCount(account, asked.name ?? "");
    const config = checkStreamConfig(asked, this.surroundings(account), pedantic);
    if (config.num_replicas > 1) throw apiError("streamReplicasNotSupported");
    const before = account.streams.get(config.name);
    if (before !== undefined) {
      if (isDeepStrictEqual(comparable(before.config), comparable(config))) return before;
      throw apiError("streamNameExist");
    }
    if (this.#isRestoring(account, config.name)) throw apiError("streamNameExist");
    account.checkLimits(config, (kind) => this.reservedBytes(kind));
    checkFilters(config);
    this.#refuseOverlap(account, config);
    const { host } = account;
    const store = host.store.create(account.account.name, config.name, config.storage);
    if (config.first_seq !== undefined) store.log.removeThrough(config.first_seq - 1);
    const stream = new Stream(account, store, config, timesOfNow(host));
    keep(stream);
    enter(stream);
    stream.start();
    advise(stream, "CREATED", "create");
    return stream;
  }

  /** @param checked by itself already @throws ApiError */
  update(stream: Stream, checked: StreamConfig): void {
    const { account } = stream;
    const config = checkUpdate(stream.config, checked);
    account.checkLimits(config, (kind) => this.reservedBytes(kind));
    this.#checkConsumers(stream, config);
    this.#refuseOverlap(account, config);
    account.release(stream);
    stream.update(config);
    account.claim(stream);
    keep(stream);
    advise(stream, "UPDATED", "modify");
  }

  remove(stream: Stream): void {
    stream.account.release(stream);
    stream.account.streams.delete(stream.name);
    stream.delete();
    advise(stream, "DELETED", "delete");
  }

  /**
   * Makes room for a stream that a snapshot is to fill. Its name is taken from now on.
   * @throws ApiError
   */
  beginRestore(account: StreamAccount, asked: RequestedStreamConfig): RestoringStream {
    const config = checkStreamConfig(asked, this.surroundings(account), false);
    if (config.num_replicas > 1) throw apiError("streamReplicasNotSupported");
    this.#checkCount(account, config.name);
    account.checkLimits(config, (kind) => this.reservedBytes(kind));
    if (account.streams.has(config.name) || this.#isRestoring(account, config.name))
      throw apiError("streamNameExistRestoreFailed");
    checkFilters(config);
    this.#refuseOverlap(account, config);
    const store = account.host.store.create(account.account.name, config.name, config.storage);
    store.putRecord(restoringRecordName, Buffer.alloc(0));
    const restoring: RestoringStream = {
      account,
      config,
      store,
      complete: (consumers) => {
        this.#refuseOverlap(account, config);
        const stream = this.#restored(account, store, config, consumers);
        this.#restoring.delete(restoring);
        account.restoring.delete(store);
        return stream;
      },
      abandon: () => {
        account.restoring.delete(store);
        if (this.#restoring.delete(restoring)) store.drop();
      },
    };
    this.#restoring.add(restoring);
    account.restoring.add(store);
    return restoring;
  }

  /** Those of an account that is closed can not be gone on with. */
  abandonRestores(account: StreamAccount): void {
    for (const restoring of [...this.#restoring]) if (restoring.account === account) restoring.abandon();
  }

  /** Brings back what the store has of an account. */
  load(account: StreamAccount, stores: Iterable<StreamStore>): void {
    const loaded: Stream[] = [];
    for (const store of stores) {
      if (store.account !== account.account.name || account.streams.has(store.name)) continue;
      if (store.record(restoringRecordName) !== null) {
        store.drop();
        continue;
      }
      const record = store.record(recordName);
      if (record === null) {
        account.host.log.error(`Stream '${store.account} > ${store.name}' has no configuration: left out`);
        this.lost.push({ account: store.account, stream: store.name });
        continue;
      }
      const { config, createdMs, createdNs } = JSON.parse(record.value.toString()) as KeptStream;
      const stream = new Stream(account, store, config, { createdMs, createdNs });
      enter(stream);
      loaded.push(stream);
    }
    for (const stream of loaded) {
      this.#consumers.load(stream);
      stream.start();
    }
  }

  reservedBytes(kind: "file" | "memory"): number {
    let bytes = 0;
    for (const account of this.#accounts.values()) bytes += account.reservedBytes(kind);
    return bytes;
  }

  #isRestoring(account: StreamAccount, name: string): boolean {
    return [...this.#restoring].some(
      (restoring) => restoring.account === account && restoring.config.name === name,
    );
  }

  /** A stream whose store has its messages already. @throws ApiError for consumers that cannot be */
  #restored(
    account: StreamAccount,
    store: StreamStore,
    config: StreamConfig,
    consumers: readonly SavedConsumer[],
  ): Stream {
    // What copies it must know that it is another: after an older backup its sequences come a second time.
    const stream = new Stream(account, store, config, timesOfNow(account.host));
    try {
      for (const saved of consumers) this.#consumers.restore(stream, saved);
    } catch (error) {
      for (const consumer of [...stream.consumers.values()]) consumer.close();
      throw error;
    }
    store.removeRecord(restoringRecordName);
    keep(stream);
    enter(stream);
    stream.start();
    stream.limits.onUpdated();
    advise(stream, "CREATED", "create");
    return stream;
  }

  #checkCount(account: StreamAccount, name: string): void {
    const { maxStreams } = account.limits;
    const others = account.streams.size - (account.streams.has(name) ? 1 : 0);
    if (maxStreams > 0 && others >= maxStreams) throw apiError("maximumStreamsLimit");
  }

  #refuseOverlap(account: StreamAccount, config: StreamConfig): void {
    const self = account.streams.get(config.name) ?? null;
    if ((config.subjects ?? []).some((subject) => account.claims.overlaps(subject, self)))
      throw apiError("streamSubjectOverlap");
  }

  #checkConsumers(stream: Stream, { consumer_limits: next }: StreamConfig): void {
    const { consumer_limits: old } = stream.config;
    const { inactive_threshold: inactive = 0, max_ack_pending: pending = 0 } = next;
    const isChanged =
      (inactive > 0 && inactive !== (old.inactive_threshold ?? 0)) ||
      (pending > 0 && pending !== (old.max_ack_pending ?? 0));
    if (!isChanged) return;
    const violated = [...stream.consumers.values()].filter(
      ({ config }) =>
        (inactive > 0 && (config.inactive_threshold ?? 0) > inactive) ||
        (pending > 0 && (config.max_ack_pending ?? 0) > pending),
    );
    if (violated.length === 0) return;
    const names = violated.map(({ name }) => name).join(", ");
    throw apiError("streamUpdate", { err: `change to limits violates consumers: ${names}` });
  }
}

/** Of mirror and sources; only new streams are asked. */
function checkFilters({ mirror, sources = [] }: StreamConfig): void {
  const isWrong = (filter: string | undefined): filter is string =>
    filter !== undefined && !isValidText(filter);
  if (isWrong(mirror?.filter_subject)) {
    const err = `subject filter '${mirror.filter_subject}' for the mirror invalid subject`;
    throw apiError("streamCreate", { err });
  }
  for (const { filter_subject: filter } of sources) {
    if (isWrong(filter))
      throw apiError("streamCreate", { err: `subject filter '${filter}' for the source: invalid subject` });
  }
}

function enter(stream: Stream): void {
  stream.account.streams.set(stream.name, stream);
  stream.account.claim(stream);
}

function timesOfNow({ clock }: Host): StreamTimes {
  const stamp = { timeMs: 0, timeNs: 0 };
  clock.stamp(stamp);
  return { createdMs: stamp.timeMs, createdNs: stamp.timeNs };
}

function keep(stream: Stream): void {
  const kept: KeptStream = { config: stream.config, ...stream.times };
  stream.store.putRecord(recordName, Buffer.from(JSON.stringify(kept)));
}

/** Without what the server has written into it. */
function comparable(config: StreamConfig): unknown {
  const { metadata = {}, ...rest } = config;
  const own = Object.entries(metadata).filter(([key]) => key !== "_nats.req.level");
  return { ...rest, metadata: Object.fromEntries(own) };
}

function advise(stream: Stream, event: string, action: string): void {
  stream.account.advisories.publish(`STREAM.${event}.${stream.name}`, "stream_action", () => ({
    stream: stream.name,
    action,
  }));
}
