/** The body of a request to create or update a stream. */
import {
  bool,
  duration,
  enumeration,
  int,
  int32,
  int64,
  map,
  object,
  objects,
  type Shape,
  string,
  strings,
  time,
  uint64,
} from "../json/shape.ts";

const transform = { src: string, dest: string };

const source: Readonly<Record<string, Shape>> = {
  name: string,
  opt_start_seq: uint64,
  opt_start_time: time,
  filter_subject: string,
  subject_transforms: objects("SubjectTransformConfig", transform),
  external: object("ExternalStream", { api: string, deliver: string }),
  consumer: object("StreamConsumerSource", { name: string, deliver_subject: string }),
};

const streamFields: Readonly<Record<string, Shape>> = {
  name: string,
  description: string,
  subjects: strings,
  retention: enumeration(["limits", "interest", "workqueue"]),
  max_consumers: int,
  max_msgs: int64,
  max_bytes: int64,
  max_age: duration,
  max_msgs_per_subject: int64,
  max_msg_size: int32,
  discard: enumeration(["old", "new"], { anyCase: true }),
  storage: enumeration(["memory", "file"]),
  num_replicas: int,
  no_ack: bool,
  duplicate_window: duration,
  placement: object("Placement", { cluster: string, tags: strings, preferred: string }),
  mirror: object("StreamSource", source),
  sources: objects("StreamSource", source),
  compression: enumeration(["none", "s2"], { complaint: () => "unknown compression algorithm" }),
  first_seq: uint64,
  subject_transform: object("SubjectTransformConfig", transform),
  republish: object("RePublish", { src: string, dest: string, headers_only: bool }),
  allow_direct: bool,
  mirror_direct: bool,
  discard_new_per_subject: bool,
  sealed: bool,
  deny_delete: bool,
  deny_purge: bool,
  allow_rollup_hdrs: bool,
  consumer_limits: object("StreamConsumerLimits", { inactive_threshold: duration, max_ack_pending: int }),
  allow_msg_ttl: bool,
  subject_delete_marker_ttl: duration,
  allow_msg_counter: bool,
  allow_atomic: bool,
  allow_msg_schedules: bool,
  persist_mode: enumeration(["default", "async"], { aliases: { "": "default" } }),
  allow_batched: bool,
  metadata: map,
};

export const streamConfig = object("StreamConfig", streamFields);

export const streamRequest = object(
  "StreamConfigRequest",
  { ...streamFields, pedantic: bool },
  { name: "StreamConfig", fields: streamFields },
);
