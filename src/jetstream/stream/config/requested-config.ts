/** A stream's configuration on its way in: what was asked for, and what it becomes when it is complete. */
import type { StreamConfig, StreamSource } from "./stream-config.ts";

export type RequestedStreamConfig = { -readonly [K in keyof StreamConfig]?: StreamConfig[K] | undefined };

/** In nats-server's order of fields and without what its JSON leaves out. Every check has passed. */
export function completeConfig(draft: RequestedStreamConfig): StreamConfig {
  const config = {
    name: draft.name ?? "",
    description: filled(draft.description),
    subjects: filledList(draft.subjects),
    retention: draft.retention ?? "limits",
    max_consumers: draft.max_consumers ?? -1,
    max_msgs: draft.max_msgs ?? -1,
    max_bytes: draft.max_bytes ?? -1,
    max_age: draft.max_age ?? 0,
    max_msgs_per_subject: draft.max_msgs_per_subject ?? -1,
    max_msg_size: filled(draft.max_msg_size),
    discard: draft.discard ?? "old",
    storage: draft.storage ?? "file",
    num_replicas: draft.num_replicas ?? 1,
    no_ack: filled(draft.no_ack),
    duplicate_window: filled(draft.duplicate_window),
    placement: placementOf(draft.placement),
    mirror: draft.mirror === undefined ? undefined : sourceOf(draft.mirror),
    sources: filledList(draft.sources?.map(sourceOf)),
    compression: draft.compression ?? "none",
    first_seq: filled(draft.first_seq),
    subject_transform: draft.subject_transform && {
      src: draft.subject_transform.src ?? "",
      dest: draft.subject_transform.dest ?? "",
    },
    republish: republishOf(draft.republish),
    allow_direct: draft.allow_direct ?? false,
    mirror_direct: draft.mirror_direct ?? false,
    discard_new_per_subject: filled(draft.discard_new_per_subject),
    sealed: draft.sealed ?? false,
    deny_delete: draft.deny_delete ?? false,
    deny_purge: draft.deny_purge ?? false,
    allow_rollup_hdrs: draft.allow_rollup_hdrs ?? false,
    consumer_limits: withoutGaps({
      inactive_threshold: filled(draft.consumer_limits?.inactive_threshold),
      max_ack_pending: filled(draft.consumer_limits?.max_ack_pending),
    }),
    allow_msg_ttl: draft.allow_msg_ttl ?? false,
    subject_delete_marker_ttl: filled(draft.subject_delete_marker_ttl),
    allow_msg_counter: filled(draft.allow_msg_counter),
    allow_atomic: filled(draft.allow_atomic),
    allow_msg_schedules: filled(draft.allow_msg_schedules),
    persist_mode: draft.persist_mode === "async" ? ("async" as const) : undefined,
    allow_batched: filled(draft.allow_batched),
    metadata: draft.metadata && sortedMetadata(draft.metadata),
  };
  return withoutGaps(config) as StreamConfig;
}

function placementOf(placement: StreamConfig["placement"]): StreamConfig["placement"] {
  if (placement === undefined) return undefined;
  const { cluster, tags } = placement;
  if ((cluster ?? "") === "" && (tags?.length ?? 0) === 0) return undefined;
  return {
    ...(cluster !== undefined && { cluster }),
    ...(tags !== undefined && tags.length > 0 && { tags }),
  };
}

function republishOf(republish: StreamConfig["republish"]): StreamConfig["republish"] {
  if (republish === undefined) return undefined;
  const { src, dest, headers_only } = republish;
  return {
    ...((src ?? "") !== "" && { src: src as string }),
    dest: dest ?? "",
    ...(headers_only === true && { headers_only }),
  };
}

function sourceOf(source: StreamSource): StreamSource {
  const { name, opt_start_seq, opt_start_time, filter_subject, subject_transforms, external, consumer } =
    source;
  return withoutGaps({
    name: name ?? "",
    opt_start_seq: filled(opt_start_seq),
    opt_start_time,
    filter_subject: filled(filter_subject),
    subject_transforms: filledList(
      subject_transforms?.map(({ src, dest }) => ({ src: src ?? "", dest: dest ?? "" })),
    ),
    external: external && { api: external.api ?? "", deliver: external.deliver ?? "" },
    consumer:
      consumer &&
      withoutGaps({
        name: filled(consumer.name),
        deliver_subject: filled(consumer.deliver_subject),
      }),
  }) as StreamSource;
}

/** In the order in which Go writes a map. */
export function sortedMetadata(metadata: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(metadata).sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** As `omitempty` has it. */
function filled<T extends string | number | boolean>(value: T | undefined): T | undefined {
  return value === "" || value === 0 || value === false ? undefined : value;
}

function filledList<T>(list: readonly T[] | undefined): readonly T[] | undefined {
  return list === undefined || list.length === 0 ? undefined : list;
}

function withoutGaps<T extends object>(value: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(value).filter(([, part]) => part !== undefined)) as {
    [K in keyof T]?: Exclude<T[K], undefined>;
  };
}
