/**
 * A consumer's configuration, in the shape that clients send and get it in: names are theirs, durations are
 * nanoseconds, subjects are text. What has been checked is complete and never changed in place.
 */
export interface ConsumerConfig {
  readonly name?: string;
  readonly durable_name?: string;
  readonly description?: string;
  readonly deliver_policy:
    | "all"
    | "last"
    | "new"
    | "by_start_sequence"
    | "by_start_time"
    | "last_per_subject";
  readonly opt_start_seq?: number;
  /** RFC 3339. */
  readonly opt_start_time?: string;
  readonly ack_policy: "none" | "all" | "explicit" | "flow_control";
  readonly ack_wait?: number;
  readonly max_deliver?: number;
  readonly backoff?: readonly number[];
  readonly filter_subject?: string;
  readonly filter_subjects?: readonly string[];
  readonly replay_policy: "instant" | "original";
  readonly rate_limit_bps?: number;
  readonly sample_freq?: string;
  readonly max_waiting?: number;
  readonly max_ack_pending?: number;
  readonly flow_control?: boolean;
  readonly headers_only?: boolean;
  readonly idle_heartbeat?: number;
  readonly max_batch?: number;
  readonly max_expires?: number;
  readonly max_bytes?: number;
  readonly deliver_subject?: string;
  readonly deliver_group?: string;
  readonly inactive_threshold?: number;
  readonly num_replicas: number;
  readonly mem_storage?: boolean;
  readonly direct?: boolean;
  readonly sourcing?: boolean;
  /** RFC 3339. */
  readonly pause_until?: string;
  readonly priority_groups?: readonly string[];
  readonly priority_policy?: "none" | "overflow" | "pinned_client" | "prioritized";
  readonly priority_timeout?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** As a request has it: what it does not say is missing. */
export type RequestedConsumerConfig = Partial<ConsumerConfig>;

/** The configuration that holds now; an update puts another in its place. */
export interface CurrentConfig {
  readonly config: ConsumerConfig;
}
