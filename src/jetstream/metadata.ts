/**
 * What `metadata` says of versions: the API level that an asset needs is kept with it, and answers get the server's own
 * version and level besides. Source: nats-server `jetstream_versioning.go`.
 */
import { jetStreamApiLevel, natsVersion } from "../base/version.ts";
import type { RequestedConsumerConfig } from "./consumer/config/consumer-config.ts";
import type { RequestedStreamConfig } from "./stream/config/requested-config.ts";
import { sortedMetadata } from "./stream/config/requested-config.ts";

type Metadata = Readonly<Record<string, string>>;

const requiredLevelKey = "_nats.req.level";
const versionKey = "_nats.ver";
const levelKey = "_nats.level";

export function streamMetadata(config: RequestedStreamConfig): Metadata {
  let level = 0;
  if (config.allow_msg_ttl === true || (config.subject_delete_marker_ttl ?? 0) > 0) level = 1;
  if (
    config.allow_msg_counter === true ||
    config.allow_atomic === true ||
    config.allow_msg_schedules === true ||
    config.persist_mode === "async"
  )
    level = 2;
  if (config.allow_batched === true) level = 4;
  return withLevel(config.metadata, level);
}

export function consumerMetadata(config: RequestedConsumerConfig): Metadata {
  let level = 0;
  const isGrouped =
    (config.priority_policy ?? "none") !== "none" ||
    (config.priority_timeout ?? 0) !== 0 ||
    (config.priority_groups?.length ?? 0) > 0;
  if (config.pause_until !== undefined || isGrouped) level = 1;
  if (config.ack_policy === "flow_control") level = 4;
  return withLevel(config.metadata, level);
}

/** For answers. */
export function withVersions<T extends { readonly metadata?: Metadata }>(config: T): T {
  return {
    ...config,
    metadata: sortedMetadata({
      ...config.metadata,
      [versionKey]: natsVersion,
      [levelKey]: String(jetStreamApiLevel),
    }),
  };
}

/** What the client did not write itself. */
export function withoutVersions(metadata: Metadata | undefined): Metadata {
  const { [requiredLevelKey]: _level, [versionKey]: _version, [levelKey]: _own, ...rest } = metadata ?? {};
  return rest;
}

function withLevel(metadata: Metadata | undefined, level: number): Metadata {
  return sortedMetadata({ ...withoutVersions(metadata), [requiredLevelKey]: String(level) });
}
