/** The API's requests for snapshots and restores. */
import { nowText } from "../../base/timestamp.ts";
import { isReservedDestination } from "../../subjects/reserved.ts";
import { hasWildcard, isValidSubject, wireFromText } from "../../subjects/subject.ts";
import {
  type ApiRequest,
  decodeBody,
  decodeLeniently,
  hasEmptyBody,
  type Route,
  streamOf,
} from "../api/route.ts";
import { bool, int, object, string } from "../json/shape.ts";
import { streamConfig } from "../api/stream-shape.ts";
import { apiError } from "../api-errors.ts";
import { clientInfo } from "../client-info.ts";
import type { RequestedStreamConfig } from "../stream/config/requested-config.ts";
import { noDetails, streamState } from "../stream/stream-info.ts";
import type { Stream, StreamAccount } from "../stream/stream.ts";
import type { RestoringStream } from "../stream-catalog.ts";
import { Restore } from "./restore.ts";
import { SnapshotSender } from "./snapshot-sender.ts";

const snapshotRequest = object("JSApiStreamSnapshotRequest", {
  deliver_subject: string,
  no_consumers: bool,
  chunk_size: int,
  window_size: int,
  jsck: bool,
});
/** The state that a backup goes with is nobody's business: the snapshot has its own. */
const restoreRequest = object("JSApiStreamRestoreRequest", { config: streamConfig });

const chunkBytesDefault = 128 * 1024;
const chunkBytesMin = 1024;
const chunkBytesMax = 1024 * 1024;
const windowBytesDefault = 8 * 1024 * 1024;
const windowBytesMax = 32 * 1024 * 1024;

/** Makes room for a stream that is to come. @throws ApiError */
export type BeginRestore = (account: StreamAccount, config: RequestedStreamConfig) => RestoringStream;

export function snapshotRoutes(begin: BeginRestore): Route[] {
  return [
    { pattern: "STREAM.SNAPSHOT.*", type: "stream_snapshot", answer: snapshot },
    {
      pattern: "STREAM.RESTORE.*",
      type: "stream_restore",
      empty: { deliver_subject: "" },
      answer: (request) => restore(begin, request),
    },
  ];
}

function snapshot(request: ApiRequest): object {
  if (hasEmptyBody(request)) throw apiError("badRequest");
  const stream = streamOf(request, 2);
  const asked = decodeBody(request, snapshotRequest) as {
    deliver_subject?: string;
    no_consumers?: boolean;
    chunk_size?: number;
    window_size?: number;
  };
  const deliverTo = wireFromText(asked.deliver_subject ?? "");
  if (!isValidSubject(deliverTo) || hasWildcard(deliverTo) || isReservedDestination(deliverTo))
    throw apiError("snapshotDeliverSubjectInvalid");
  const chunkBytes = clamp(asked.chunk_size || chunkBytesDefault, chunkBytesMin, chunkBytesMax);
  const windowBytes = clamp(asked.window_size || windowBytesDefault, chunkBytes, windowBytesMax);
  const withConsumers = asked.no_consumers !== true;
  const state = streamState(stream, noDetails);
  sendSnapshot(stream, clientOf(request), { deliverTo, chunkBytes, windowBytes, withConsumers }, state);
  return { config: stream.config, state };
}

function sendSnapshot(
  stream: Stream,
  client: object,
  request: ConstructorParameters<typeof SnapshotSender>[1],
  state: object,
): void {
  const { host, account, name } = stream;
  const start = nowText(host.clock);
  host.log.info(`Starting snapshot for stream '${account.account.name} > ${name}'`);
  account.advisories.publish(`STREAM.SNAPSHOT_CREATE.${name}`, "snapshot_create", () => ({
    stream: name,
    state,
    client,
  }));
  const sender = new SnapshotSender(stream, request, (problem) => {
    account.advisories.publish(`STREAM.SNAPSHOT_COMPLETE.${name}`, "snapshot_complete", () => ({
      stream: name,
      start,
      end: nowText(host.clock),
      client,
      ...(problem !== null && { error: problem }),
    }));
    const what = `napshot for stream '${account.account.name} > ${name}'`;
    if (problem === null) host.log.info(`Completed s${what}`);
    else host.log.warn(`S${what} failed: ${problem}`);
  });
  sender.start();
}

function restore(begin: BeginRestore, request: ApiRequest): object {
  if (hasEmptyBody(request)) throw apiError("badRequest");
  const { config = {} } = decodeLeniently(request, restoreRequest, false) as {
    config?: RequestedStreamConfig;
  };
  const name = request.tokens[2] as string;
  config.name ||= name;
  if (config.name !== name) throw apiError("streamMismatch");
  if (/[\\/]/.test(name)) throw apiError("streamNameContainsPathSeparators");
  const { account } = request;
  const { host, advisories } = account;
  const restoring = begin(account, config);
  const start = nowText(host.clock);
  const client = clientOf(request);
  const what = `estore for stream '${account.account.name} > ${name}'`;
  host.log.info(`Starting r${what}`);
  advisories.publish(`STREAM.RESTORE_CREATE.${name}`, "restore_create", () => ({ stream: name, client }));
  const restore = new Restore(restoring, ({ bytes, problem }) => {
    advisories.publish(`STREAM.RESTORE_COMPLETE.${name}`, "restore_complete", () => ({
      stream: name,
      start,
      end: nowText(host.clock),
      bytes,
      client,
    }));
    if (problem === null) host.log.info(`Completed r${what}, ${bytes} bytes`);
    else host.log.warn(`R${what} failed: ${problem}`);
  });
  restore.start();
  return { deliver_subject: restore.deliverSubject };
}

function clientOf({ session, account }: ApiRequest): object {
  return clientInfo(session, account.account.name, account.host.serverName);
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}
