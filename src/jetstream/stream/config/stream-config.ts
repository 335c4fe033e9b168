/**
 * A stream's configuration, in the shape that clients send and get it in: names are theirs, durations are nanoseconds,
 * and subjects are text. What `checkStreamConfig` has passed is complete and never changed in place.
 */
export interface StreamConfig {
  readonly name: string;
  readonly description?: string;
  readonly subjects?: readonly string[];
  readonly retention: "limits" | "interest" | "workqueue";
  readonly max_consumers: number;
  readonly max_msgs: number;
  readonly max_bytes: number;
  readonly max_age: number;
  readonly max_msgs_per_subject: number;
  readonly max_msg_size?: number;
  readonly discard: "old" | "new";
  readonly discard_new_per_subject?: boolean;
  readonly storage: "file" | "memory";
  readonly num_replicas: number;
  readonly no_ack?: boolean;
  readonly duplicate_window?: number;
  readonly placement?: {
    readonly cluster?: string;
    readonly tags?: readonly string[];
    /** A name is refused. */
    readonly preferred?: string;
  };
  readonly mirror?: StreamSource;
  readonly sources?: readonly StreamSource[];
  readonly compression: "none" | "s2";
  readonly first_seq?: number;
  readonly subject_transform?: SubjectTransformConfig;
  readonly republish?: {
    readonly src?: string;
    readonly dest: string;
    readonly headers_only?: boolean;
  };
  readonly allow_direct: boolean;
  readonly mirror_direct: boolean;
  readonly sealed: boolean;
  readonly deny_delete: boolean;
  readonly deny_purge: boolean;
  readonly allow_rollup_hdrs: boolean;
  readonly consumer_limits: { readonly inactive_threshold?: number; readonly max_ack_pending?: number };
  readonly allow_msg_ttl: boolean;
  readonly subject_delete_marker_ttl?: number;
  readonly allow_msg_counter?: boolean;
  readonly allow_atomic?: boolean;
  readonly allow_msg_schedules?: boolean;
  readonly persist_mode?: "default" | "async";
  readonly allow_batched?: boolean;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** When a stream was created. What it is known by as long as it is the same follows from that. */
export interface StreamTimes {
  readonly createdMs: number;
  readonly createdNs: number;
}

/** Holds the configuration of now: code that reads it at each use sees every update. The stream alone replaces it. */
export interface CurrentConfig {
  readonly config: StreamConfig;
}

/** Whether a message may make those before it go. */
export function allowsRollup(config: StreamConfig): boolean {
  return config.allow_rollup_hdrs && !config.deny_purge;
}

export interface SubjectTransformConfig {
  readonly src: string;
  readonly dest: string;
}

export interface StreamSource {
  readonly name: string;
  readonly opt_start_seq?: number;
  /** RFC 3339. */
  readonly opt_start_time?: string;
  readonly filter_subject?: string;
  readonly subject_transforms?: readonly SubjectTransformConfig[];
  readonly external?: { readonly api: string; readonly deliver?: string };
  readonly consumer?: { readonly name?: string; readonly deliver_subject?: string };
}
