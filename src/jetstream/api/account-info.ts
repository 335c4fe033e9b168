/** `INFO`: what an account uses and may use. */
import type { JetStreamAccount } from "../account.ts";
import { apiError } from "../api-errors.ts";
import { jetStreamApiLevel } from "../../base/version.ts";
import type { Route } from "./route.ts";

/** What needs more than one node. */
const clusterOnly: readonly (readonly [pattern: string, type: string])[] = [
  ["STREAM.PEER.REMOVE.*", "stream_remove_peer"],
  ["STREAM.LEADER.STEPDOWN.*", "stream_leader_stepdown"],
  ["STREAM.CANCEL_MOVE.*", "stream_cancel_move"],
  ["CONSUMER.LEADER.STEPDOWN.*.*", "consumer_leader_stepdown"],
];

export const accountRoutes: readonly Route[] = [
  { pattern: "INFO", type: "account_info", answer: ({ account }) => accountInfo(account) },
  ...clusterOnly.map(
    ([pattern, type]): Route => ({
      pattern,
      type,
      answer: () => {
        throw apiError("clusterRequired");
      },
    }),
  ),
];

export function accountInfo(account: JetStreamAccount): object {
  const { limits, host } = account;
  return {
    memory: account.usedBytes("memory"),
    storage: account.usedBytes("file"),
    reserved_memory: account.reservedBytes("memory"),
    reserved_storage: account.reservedBytes("file"),
    streams: account.streams.size,
    consumers: account.consumerCount,
    limits: {
      max_memory: limits.maxMemoryBytes,
      max_storage: limits.maxStoreBytes,
      max_streams: limits.maxStreams,
      max_consumers: limits.maxConsumers,
      max_ack_pending: limits.maxAckPending,
      memory_max_stream_bytes: limits.memoryStreamBytesMax,
      storage_max_stream_bytes: limits.storeStreamBytesMax,
      max_bytes_required: limits.maxBytesRequired,
    },
    ...(host.domain !== null && { domain: host.domain }),
    api: { level: jetStreamApiLevel, total: account.apiTotal, errors: account.apiErrors },
  };
}
