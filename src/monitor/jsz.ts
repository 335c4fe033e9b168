/** `/jsz`: JetStream in numbers, by account, stream and consumer where that is asked for. Source: nats-server `Jsz`. */
import { join } from "node:path";
import { formatTimestamp } from "../base/timestamp.ts";
import { defaultJetStreamOptions } from "../config/jetstream-defaults.ts";
import type { JetStreamOptions } from "../config/jetstream-options.ts";
import type { JetStream } from "../jetstream/jetstream.ts";
import { jetStreamApiLevel } from "../base/version.ts";
import type { Stream, StreamAccount } from "../jetstream/stream/stream.ts";
import { noDetails, originInfo, streamState, visibleConsumerCount } from "../jetstream/stream/stream-info.ts";
import type { Answer, EndpointQuestion } from "./endpoint.ts";
import type { MonitorContext } from "./readings.ts";
import { BadRequest, booleanOption, cut, pageOption } from "./query.ts";
import { timestampText } from "./time-format.ts";

interface Wanted {
  readonly streams: boolean;
  readonly consumers: boolean;
  readonly directConsumers: boolean;
  readonly config: boolean;
}

/** What nats-server syncs so often where it syncs with every write as well. */
const syncIntervalMsShown = 120_000;

export function jsz({ context, query }: EndpointQuestion): Answer {
  const flag = (name: string): boolean => booleanOption(query, name);
  const accounts = flag("accounts");
  const [streams, consumers] = [flag("streams"), flag("consumers")];
  const [directConsumers, config] = [flag("direct-consumers"), flag("config")];
  const page = pageOption(query);
  const leaderOnly = flag("leader-only");
  flag("raft");
  flag("stream-leader-only");
  const wanted = { streams: streams || consumers, consumers, directConsumers, config };
  const jetstream = context.jetstream?.() ?? null;
  if (jetstream === null) {
    if (leaderOnly) throw new BadRequest("filtered response: not leader");
    return { value: disabled(context) };
  }
  const only = jetstream.accounts.get(query.get("acc") ?? "");
  const isEverybody = only === undefined && (accounts || (wanted.streams && (query.get("acc") ?? "") === ""));
  const shown = isEverybody ? cut(byName([...jetstream.accounts.values()], accountName), page) : [];
  const details = (only === undefined ? shown : [only]).map((account) => accountDetail(account, wanted));
  return {
    value: {
      ...stats(jetstream),
      ...head(context),
      config: shownConfig(jetstream.settings),
      limits: shownLimits(jetstream.settings),
      ...totals(jetstream),
      ...(details.length > 0 && { account_details: details }),
      total: jetstream.accounts.size,
    },
  };
}

/** The `jetstream` block of `/varz`. */
export function jetStreamVarz(context: MonitorContext): object {
  const jetstream = context.jetstream?.() ?? null;
  if (jetstream === null) return {};
  return {
    config: shownConfig(jetstream.settings),
    stats: stats(jetstream),
    limits: shownLimits(jetstream.settings),
  };
}

function disabled(context: MonitorContext): object {
  return {
    memory: 0,
    storage: 0,
    reserved_memory: 0,
    reserved_storage: 0,
    accounts: 0,
    ha_assets: 0,
    api: { level: 0, total: 0, errors: 0 },
    ...head(context),
    disabled: true,
    config: { max_memory: 0, max_storage: 0 },
    streams: 0,
    consumers: 0,
    messages: 0,
    bytes: 0,
    total: 0,
  };
}

function head(context: MonitorContext): object {
  return { server_id: context.info().server_id, now: timestampText(context.broker.clock.wallMs()) };
}

function stats(jetstream: JetStream): object {
  let [total, errors] = [0, 0];
  for (const account of jetstream.accounts.values()) {
    total += account.apiTotal;
    errors += account.apiErrors;
  }
  return {
    memory: jetstream.usedBytes("memory"),
    storage: jetstream.usedBytes("file"),
    reserved_memory: jetstream.reservedBytes("memory"),
    reserved_storage: jetstream.reservedBytes("file"),
    accounts: jetstream.accounts.size,
    ha_assets: 0,
    api: { level: jetStreamApiLevel, total, errors },
  };
}

function totals(jetstream: JetStream): object {
  let [streams, consumers, messages, bytes] = [0, 0, 0, 0];
  for (const account of jetstream.accounts.values()) {
    for (const stream of account.streams.values()) {
      streams++;
      consumers += visibleConsumerCount(stream);
      messages += stream.log.state.messages;
      bytes += stream.log.state.bytes;
    }
  }
  return { streams, consumers, messages, bytes };
}

function shownConfig(settings: JetStreamOptions): object {
  const { maxMemoryBytes, maxStoreBytes, storeDir, syncIntervalMs, domain, uniqueTag, strict } = settings;
  return {
    max_memory: maxMemoryBytes,
    max_storage: maxStoreBytes,
    ...(storeDir !== null && { store_dir: join(storeDir, "jetstream") }),
    sync_interval: (syncIntervalMs === 0 ? syncIntervalMsShown : syncIntervalMs) * 1_000_000,
    ...(syncIntervalMs === 0 && { sync_always: true }),
    ...(domain !== null && { domain }),
    compress_ok: true,
    ...(uniqueTag !== null && { unique_tag: uniqueTag }),
    ...(strict && { strict }),
  };
}

/** Those that were set. */
function shownLimits({ limits }: JetStreamOptions): object {
  const usual = defaultJetStreamOptions.limits.batch;
  const { maxRequestBatch, maxAckPending, duplicateWindowMs, batch } = limits;
  return {
    ...(maxRequestBatch > 0 && { max_request_batch: maxRequestBatch }),
    ...(maxAckPending > 0 && { max_ack_pending: maxAckPending }),
    ...(duplicateWindowMs > 0 && { max_duplicate_window: duplicateWindowMs * 1_000_000 }),
    ...(batch.maxInflightPerStream !== usual.maxInflightPerStream && {
      max_batch_inflight_per_stream: batch.maxInflightPerStream,
    }),
    ...(batch.maxInflightTotal !== usual.maxInflightTotal && {
      max_batch_inflight_total: batch.maxInflightTotal,
    }),
    ...(batch.maxMessages !== usual.maxMessages && { max_batch_size: batch.maxMessages }),
    ...(batch.timeoutMs !== usual.timeoutMs && { max_batch_timeout: batch.timeoutMs * 1_000_000 }),
  };
}

function accountDetail(account: StreamAccount, wanted: Wanted): object {
  const { name } = account.account;
  const streams = wanted.streams ? byName([...account.streams.values()], (stream) => stream.name) : [];
  return {
    name,
    id: name,
    memory: account.usedBytes("memory"),
    storage: account.usedBytes("file"),
    reserved_memory: unsigned(account.limits.maxMemoryBytes),
    reserved_storage: unsigned(account.limits.maxStoreBytes),
    accounts: 0,
    ha_assets: 0,
    api: { level: 0, total: account.apiTotal, errors: account.apiErrors },
    ...(streams.length > 0 && { stream_detail: streams.map((stream) => streamDetail(stream, wanted)) }),
  };
}

function streamDetail(stream: Stream, wanted: Wanted): object {
  const all = byName([...stream.consumers.values()], (consumer) => consumer.name);
  const consumers = wanted.consumers ? all.filter(({ config }) => config.direct !== true) : [];
  const direct =
    wanted.consumers && wanted.directConsumers ? all.filter(({ config }) => config.direct === true) : [];
  const { createdMs, createdNs } = stream.times;
  const detail = (list: typeof all): object[] =>
    list.map((consumer) => {
      const info = consumer.info();
      if (wanted.config) return info;
      const { config: _, ...rest } = info;
      return rest;
    });
  return {
    name: stream.name,
    created: formatTimestamp(createdMs, createdNs),
    cluster: { leader: stream.host.serverName },
    ...(wanted.config && { config: stream.config }),
    state: streamState(stream, noDetails),
    ...(consumers.length > 0 && { consumer_detail: detail(consumers) }),
    ...(direct.length > 0 && { direct_consumer_detail: detail(direct) }),
    ...originInfo(stream),
  };
}

/** As Go writes a limit of -1 that it takes for unsigned. */
function unsigned(limit: number): number | bigint {
  return limit < 0 ? BigInt.asUintN(64, BigInt(limit)) : limit;
}

function accountName(account: StreamAccount): string {
  return account.account.name;
}

function byName<T>(list: T[], nameOf: (item: T) => string): T[] {
  return list.sort((left, right) => (nameOf(left) < nameOf(right) ? -1 : 1));
}
