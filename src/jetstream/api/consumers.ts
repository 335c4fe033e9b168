/** Consumers: created, updated, deleted, paused, shown and listed. What they do is theirs ({@link ConsumerApi}). */
import { formatTimestamp, parseTimestamp, zeroTimeText } from "../../base/timestamp.ts";
import { apiError } from "../api-errors.ts";
import type { ConsumerApi } from "../consumer/consumer-api.ts";
import type { ConsumerInfo, ManagedConsumer } from "../stream/log/managed-consumer.ts";
import type { RequestedConsumerConfig } from "../consumer/config/consumer-config.ts";
import { asSourcing, checkIdentity, goesOn, identityHeaders } from "../sourcing/sourcing-request.ts";
import { consumerMetadata, withVersions } from "../metadata.ts";
import { consumerRequest } from "./consumer-shape.ts";
import { cutPage, listMax, namesMax } from "./page.ts";
import {
  type ApiRequest,
  consumerOf,
  decodeBody,
  decodeLeniently,
  decodeOptionalBody,
  refuseBody,
  type Route,
  streamOf,
} from "./route.ts";
import { int, object, string, time, uint64 } from "../json/shape.ts";

const listRequest = object("JSApiConsumersRequest", { offset: int });
const pauseRequest = object("JSApiConsumerPauseRequest", { pause_until: time });
const unpinRequest = object("JSApiConsumerUnpinRequest", { group: string });
const resetRequest = object("JSApiConsumerResetRequest", { seq: uint64 });

const page = { total: 0, offset: 0, limit: 0 };
const notPaused = { paused: false, pause_until: zeroTimeText };

export function consumerRoutes(consumers: ConsumerApi): Route[] {
  const create = {
    type: "consumer_create",
    answer: (request: ApiRequest) => createOne(consumers, request),
    headers: ({ account, tokens, headers }: ApiRequest) =>
      identityHeaders(headers, account.streams.get(tokens[2] ?? "")?.times),
  };
  return [
    { pattern: "CONSUMER.CREATE.*", ...create },
    { pattern: "CONSUMER.CREATE.*.>", ...create },
    { pattern: "CONSUMER.DURABLE.CREATE.*.*", ...create },
    {
      pattern: "CONSUMER.NAMES.*",
      type: "consumer_names",
      empty: { ...page, consumers: [] },
      answer: names,
    },
    { pattern: "CONSUMER.LIST.*", type: "consumer_list", empty: { ...page, consumers: [] }, answer: list },
    { pattern: "CONSUMER.INFO.*.*", type: "consumer_info", answer: info },
    { pattern: "CONSUMER.DELETE.*.*", type: "consumer_delete", answer: remove },
    { pattern: "CONSUMER.PAUSE.*.*", type: "consumer_pause", empty: notPaused, answer: pause },
    { pattern: "CONSUMER.UNPIN.*.*", type: "consumer_unpin", answer: unpin },
    {
      pattern: "CONSUMER.RESET.*.*",
      type: "consumer_reset",
      empty: { reset_seq: 0 },
      answer: reset,
      headers: ({ account, tokens, headers }) =>
        identityHeaders(headers, account.streams.get(tokens[2] ?? "")?.times),
    },
  ];
}

/** What the subject says must be what the body says. Source: nats-server `jsConsumerCreateRequest`. */
function createOne(consumers: ConsumerApi, request: ApiRequest): object {
  const asked = decodeBody(request, consumerRequest) as {
    stream_name?: string;
    config?: RequestedConsumerConfig;
    action?: "create" | "update" | "";
    pedantic?: boolean;
  };
  const { tokens } = request;
  const isDurable = tokens[1] === "DURABLE";
  const streamAt = isDurable ? 3 : 2;
  const config = { ...asked.config };
  if ((asked.stream_name ?? "") !== tokens[streamAt]) throw apiError("streamMismatch");
  const isLegacy = !isDurable && tokens.length === 3;
  const named = isLegacy ? (config.name ?? "") : (tokens[streamAt + 1] as string);
  if (/[\\/]/.test(named)) throw apiError("consumerNameContainsPathSeparators");
  checkNames(config, named, isDurable, isLegacy);
  const filter = isDurable ? "" : tokens.slice(4).join(".");
  if (filter !== "" && (config.filter_subjects?.length ?? 0) > 0)
    throw apiError("consumerMultipleFiltersNotAllowed");
  if (filter !== "" && (config.filter_subject ?? "") !== filter)
    throw apiError("consumerCreateFilterSubjectMismatch");
  if ((config.num_replicas ?? 0) > 1) throw apiError("streamReplicasNotSupported");
  const stream = streamOf(request, streamAt);
  checkIdentity(request.headers, config, stream.times);
  const adapted = asSourcing({ ...config, name: named }, stream.config);
  const before = stream.consumers.get(adapted.name ?? "");
  const { pause_until: _, ...rest } = adapted;
  const kept = before?.config.pause_until;
  // An update leaves a pause as it is.
  const wanted =
    before === undefined
      ? adapted
      : goesOn({ ...rest, ...(kept !== undefined && { pause_until: kept }) }, before.config);
  const consumer = consumers.create(stream, {
    config: { ...wanted, metadata: consumerMetadata(wanted) },
    action: asked.action ?? "",
    pedantic: asked.pedantic === true,
  });
  // What was on its way to a stream that asks again is sent again.
  if (before !== undefined && wanted.sourcing === true) consumer.reset(0);
  return shownInfo(consumer);
}

function checkNames(
  config: RequestedConsumerConfig,
  named: string,
  isDurable: boolean,
  isLegacy: boolean,
): void {
  const durable = config.durable_name ?? "";
  if (isDurable && durable === "") throw apiError("consumerDurableNameNotSet");
  if (isLegacy && durable !== "") throw apiError("consumerEphemeralWithDurableName");
  if (!isLegacy && durable !== "" && durable !== named) throw apiError("consumerDurableNameNotMatchSubject");
}

function shownInfo(consumer: ManagedConsumer): ConsumerInfo {
  const info = consumer.info();
  return { ...info, config: withVersions(info.config) };
}

/** Without those of mirrors and sources. */
function visible(request: ApiRequest): ManagedConsumer[] {
  return [...streamOf(request, 2).consumers.values()].filter(({ config }) => config.direct !== true);
}

function names(request: ApiRequest): object {
  const asked = decodeOptionalBody(request, listRequest);
  const all = visible(request);
  const { items, offset } = cutPage(all, asked["offset"] as number | undefined, namesMax);
  return { total: all.length, offset, limit: namesMax, consumers: items.map(({ name }) => name) };
}

function list(request: ApiRequest): object {
  const asked = decodeOptionalBody(request, listRequest);
  const all = visible(request);
  const { items, offset } = cutPage(all, asked["offset"] as number | undefined, listMax);
  return { total: all.length, offset, limit: listMax, consumers: items.map((consumer) => consumer.info()) };
}

function info(request: ApiRequest): object {
  refuseBody(request);
  return shownInfo(consumerOf(streamOf(request, 2), request.tokens[3]));
}

function remove(request: ApiRequest): object {
  refuseBody(request);
  const stream = streamOf(request, 2);
  const consumer = consumerOf(stream, request.tokens[3]);
  consumer.delete();
  stream.consumers.delete(consumer.name);
  return { success: true };
}

function pause(request: ApiRequest): object {
  const asked = decodeOptionalBody(request, pauseRequest) as { pause_until?: string };
  const parsed = asked.pause_until === undefined ? null : parseTimestamp(asked.pause_until);
  const until = asked.pause_until === zeroTimeText ? null : parsed;
  const consumer = consumerOf(streamOf(request, 2), request.tokens[3]);
  consumer.pause(until);
  if (until === null) return notPaused;
  const remainingMs = until.ms + until.ns / 1_000_000 - request.account.host.clock.wallMs();
  return {
    paused: remainingMs > 0,
    pause_until: formatTimestamp(until.ms, until.ns),
    ...(remainingMs > 0 && { pause_remaining: Math.round(remainingMs * 1_000_000) }),
  };
}

function unpin(request: ApiRequest): object {
  const { group = "" } = decodeLeniently(request, unpinRequest, false) as { group?: string };
  if (group === "") throw apiError("invalidJSON", { err: "consumer group not specified" });
  if (!/^[a-zA-Z0-9/_=-]{1,16}$/.test(group)) throw apiError("consumerInvalidGroupName");
  const consumer = consumerOf(streamOf(request, 2), request.tokens[3]);
  if (consumer.config.priority_groups?.includes(group) !== true)
    throw apiError("consumerInvalidPriorityGroup");
  consumer.unpin(group);
  return {};
}

function reset(request: ApiRequest): object {
  const { seq = 0 } =
    request.body === "" ? {} : (decodeLeniently(request, resetRequest, false) as { seq?: number });
  const consumer = consumerOf(streamOf(request, 2), request.tokens[3]);
  const resetSeq = consumer.reset(seq);
  return { ...shownInfo(consumer), reset_seq: resetSeq };
}
