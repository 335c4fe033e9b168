/** Streams: created, updated, deleted, purged, shown and listed. */
import { collides, wireFromText } from "../../subjects/subject.ts";
import { firstSeqMax } from "../../store/contract.ts";
import { apiError } from "../api-errors.ts";
import { checkStreamConfig } from "../stream/config/stream-config-check.ts";
import { invalidConfig } from "../stream/config/config-rules.ts";
import type { RequestedStreamConfig } from "../stream/config/requested-config.ts";
import { noDetails, streamInfo, subjectPage, subjectsMax } from "../stream/stream-info.ts";
import { streamMetadata } from "../metadata.ts";
import { purge } from "../stream/retention/purge.ts";
import type { Stream } from "../stream/stream.ts";
import type { StreamCatalog } from "../stream-catalog.ts";
import { cutPage, namesMax, listMax, pageRequest } from "./page.ts";
import {
  type ApiRequest,
  decodeBody,
  decodeOptionalBody,
  refuseBody,
  type Route,
  streamOf,
} from "./route.ts";
import { bool, int, object, string, uint64 } from "../json/shape.ts";
import { streamRequest } from "./stream-shape.ts";

const infoRequest = object("JSApiStreamInfoRequest", {
  offset: int,
  deleted_details: bool,
  subjects_filter: string,
});
const purgeRequest = object("JSApiStreamPurgeRequest", { seq: uint64, filter: string, keep: uint64 });

const page = { total: 0, offset: 0, limit: 0 };

export function streamRoutes(catalog: StreamCatalog): Route[] {
  return [
    { pattern: "STREAM.CREATE.*", type: "stream_create", answer: (request) => create(catalog, request) },
    { pattern: "STREAM.UPDATE.*", type: "stream_update", answer: (request) => update(catalog, request) },
    { pattern: "STREAM.DELETE.*", type: "stream_delete", answer: (request) => remove(catalog, request) },
    { pattern: "STREAM.PURGE.*", type: "stream_purge", empty: { purged: 0 }, answer: purgeMessages },
    { pattern: "STREAM.INFO.*", type: "stream_info", empty: page, answer: info },
    { pattern: "STREAM.NAMES", type: "stream_names", empty: { ...page, streams: null }, answer: names },
    { pattern: "STREAM.LIST", type: "stream_list", empty: { ...page, streams: [] }, answer: list },
  ];
}

function create(catalog: StreamCatalog, request: ApiRequest): object {
  const { pedantic, ...asked } = decodeBody(request, streamRequest);
  const config = asked as RequestedStreamConfig;
  config.metadata = streamMetadata(config);
  const name = request.tokens[2] as string;
  if (name !== (config.name ?? "")) throw apiError("streamMismatch");
  if (/[\\/]/.test(name)) throw apiError("streamNameContainsPathSeparators");
  if (config.sealed === true) throw invalidConfig("stream configuration for create can not be sealed");
  if (config.mirror_direct === true && config.mirror === undefined)
    throw invalidConfig("stream has no mirror but does have mirror direct");
  const stream = catalog.create(request.account, config, pedantic === true);
  return {
    ...streamInfo(stream, noDetails, { domain: false, cluster: false, versions: true }),
    did_create: true,
  };
}

function update(catalog: StreamCatalog, request: ApiRequest): object {
  const { pedantic, ...asked } = decodeBody(request, streamRequest);
  const draft = asked as RequestedStreamConfig;
  const checked = checkStreamConfig(draft, catalog.surroundings(request.account), pedantic === true);
  if (request.tokens[2] !== checked.name) throw apiError("streamMismatch");
  const stream = streamOf(request, 2);
  catalog.update(stream, { ...checked, metadata: streamMetadata(checked) });
  return streamInfo(stream, noDetails, { domain: true, cluster: false, versions: true });
}

function remove(catalog: StreamCatalog, request: ApiRequest): object {
  refuseBody(request);
  catalog.remove(streamOf(request, 2));
  return { success: true };
}

function purgeMessages(request: ApiRequest): object {
  const asked = decodeOptionalBody(request, purgeRequest);
  const { seq = 0, filter = "", keep = 0 } = asked as { seq?: number; filter?: string; keep?: number };
  if (seq > 0 && keep > 0) throw apiError("badRequest");
  const stream = streamOf(request, 2);
  if (stream.config.sealed) throw apiError("streamSealed");
  if (stream.config.deny_purge) throw apiError("streamPurgeFailed", { err: "stream purge not permitted" });
  if (seq > firstSeqMax) throw apiError("streamPurgeFailed", { err: `sequence is beyond ${firstSeqMax}` });
  return { success: true, purged: purge(stream.messages, { filter: wireFromText(filter), seq, keep }) };
}

function info(request: ApiRequest): object {
  const asked = decodeOptionalBody(request, infoRequest);
  const { deleted_details: deleted = false, subjects_filter: filter = "" } = asked as {
    deleted_details?: boolean;
    subjects_filter?: string;
  };
  const offset = Math.max(0, (asked["offset"] as number | undefined) ?? 0);
  const stream = streamOf(request, 2);
  const subjects = filter === "" ? null : subjectPage(stream.log, filter, offset);
  const total = subjects?.total ?? 0;
  return {
    ...(total > 0 ? { total, offset, limit: subjectsMax } : page),
    ...streamInfo(stream, { deleted, subjects }, { domain: true, cluster: true, versions: true }),
  };
}

function names(request: ApiRequest): object {
  const { streams, offset, total } = found(request, namesMax);
  const shown = streams.map(({ name }) => name);
  return { total, offset, limit: namesMax, streams: shown.length === 0 ? null : shown };
}

function list(request: ApiRequest): object {
  const { streams, offset, total } = found(request, listMax);
  const shown = streams.map((stream) =>
    streamInfo(stream, noDetails, { domain: true, cluster: false, versions: false }),
  );
  return { total, offset, limit: listMax, streams: shown };
}

/** Sorted by their names' bytes; of those that take messages on the subject that was asked for. */
function found(
  request: ApiRequest,
  limit: number,
): { readonly streams: readonly Stream[]; readonly offset: number; readonly total: number } {
  const asked = decodeOptionalBody(request, pageRequest);
  const filter = (asked["subject"] as string | undefined) ?? "";
  const streams = [...request.account.streams.values()].filter(
    ({ config }) => filter === "" || (config.subjects ?? []).some((subject) => collides(subject, filter)),
  );
  const { items, offset } = cutPage(streams, asked["offset"] as number | undefined, limit);
  return { streams: items, offset, total: streams.length };
}
