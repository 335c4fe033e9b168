/** What a consumer's configuration is completed with. Source: nats-server `setConsumerConfigDefaults`. */
import { nsPerMs } from "../../../base/duration.ts";
import { formatTimestamp, parseTimestamp } from "../../../base/timestamp.ts";
import { apiError } from "../../api-errors.ts";
import type { ConsumerConfig, RequestedConsumerConfig } from "./consumer-config.ts";
import type { StreamConfig } from "../../stream/config/stream-config.ts";

const defaultAckWaitNs = 30_000 * nsPerMs;
const defaultAckPendingMax = 1_000;
const defaultWaitingMax = 512;
const defaultPinnedNs = 120_000 * nsPerMs;
/** What consumers without a durable name are kept for when nobody uses them. */
export const ephemeralInactiveNs = 5_000 * nsPerMs;
/** Consumers that are acknowledged by flow control have this heartbeat and no other. */
export const flowControlHeartbeatNs = 1_000 * nsPerMs;

/** What the account allows; 0 or -1: no limit. */
export interface ConsumerLimits {
  readonly ackPendingMax: number;
  readonly consumersMax: number;
  readonly requestBatchMax: number;
}

/**
 * The fields that may not be negative, in nats-server's order. Pedantic requests must say what they mean; others get
 * what is `floor`.
 */
const floors = [
  ["max_waiting", 0, "max_waiting must not be negative"],
  ["max_ack_pending", -1, "max_ack_pending must be set to -1"],
  ["max_batch", 0, "max_batch must not be negative"],
  ["max_expires", 0, "max_expires must not be negative"],
  ["max_bytes", 0, "max_bytes must not be negative"],
  ["idle_heartbeat", 0, "idle_heartbeat must not be negative"],
  ["inactive_threshold", 0, "inactive_threshold must not be negative"],
  ["priority_timeout", 0, "priority_timeout must not be negative"],
] as const satisfies readonly (readonly [keyof ConsumerConfig, number, string])[];

type Draft = { -readonly [K in keyof ConsumerConfig]?: ConsumerConfig[K] };

/** @throws ApiError (10157) what a pedantic request leaves to the broker */
export function completeConsumerConfig(
  requested: RequestedConsumerConfig,
  stream: StreamConfig,
  limits: ConsumerLimits,
  pedantic: boolean,
): ConsumerConfig {
  const draft: Draft = { ...requested };
  const complain = (wrong: boolean, text: string): void => {
    if (pedantic && wrong) throw apiError("pedantic", { err: text });
  };
  const deliverMax = draft.max_deliver ?? 0;
  complain(deliverMax < -1, "max_deliver must be set to -1");
  if (deliverMax === 0 || deliverMax < -1) draft.max_deliver = -1;
  for (const [field, floor, text] of floors) {
    if ((draft[field] ?? 0) >= floor) continue;
    complain(true, text);
    draft[field] = floor;
  }
  const isPull = (draft.deliver_subject ?? "") === "";
  draft.ack_policy ??= "none";
  if (isPull && (draft.max_waiting ?? 0) === 0) draft.max_waiting = defaultWaitingMax;
  const waits = draft.ack_policy === "explicit" || draft.ack_policy === "all";
  if (waits && (draft.ack_wait ?? 0) === 0) draft.ack_wait = defaultAckWaitNs;
  const [firstBackoff] = draft.backoff ?? [];
  if (firstBackoff !== undefined) {
    complain((draft.ack_wait ?? 0) !== firstBackoff, "first backoff value has to equal batch AckWait");
    draft.ack_wait = firstBackoff;
  }
  completeFromStream(draft, stream, complain);
  if ((draft.max_ack_pending ?? 0) === 0 && draft.ack_policy !== "none")
    draft.max_ack_pending = least(defaultAckPendingMax, limits.ackPendingMax);
  if (isPull && (draft.max_batch ?? 0) === 0 && limits.requestBatchMax > 0) {
    complain(true, "max_request_batch must be set if it's JetStream limits are set");
    draft.max_batch = limits.requestBatchMax;
  }
  if (draft.priority_policy === "pinned_client" && (draft.priority_timeout ?? 0) === 0)
    draft.priority_timeout = defaultPinnedNs;
  if (draft.ack_policy === "flow_control" && !pedantic) {
    draft.flow_control = true;
    draft.idle_heartbeat = flowControlHeartbeatNs;
  }
  return inOrder(draft);
}

function completeFromStream(
  draft: Draft,
  { consumer_limits: limits }: StreamConfig,
  complain: (wrong: boolean, text: string) => void,
): void {
  const pendingMax = limits.max_ack_pending ?? 0;
  if ((draft.max_ack_pending ?? 0) === 0) {
    complain(pendingMax > 0, "max_ack_pending must be set if it's configured in stream limits");
    draft.max_ack_pending = pendingMax;
  }
  const inactiveNs = limits.inactive_threshold ?? 0;
  if ((draft.inactive_threshold ?? 0) === 0) {
    complain(inactiveNs > 0, "inactive_threshold must be set if it's configured in stream limits");
    draft.inactive_threshold = inactiveNs;
  }
}

function least(value: number, limit: number): number {
  return limit > 0 && limit < value ? limit : value;
}

/** Go's order of fields; those that are zero are left out, as its encoder does. */
const fieldOrder = [
  "durable_name",
  "name",
  "description",
  "deliver_policy",
  "opt_start_seq",
  "opt_start_time",
  "ack_policy",
  "ack_wait",
  "max_deliver",
  "backoff",
  "filter_subject",
  "filter_subjects",
  "replay_policy",
  "rate_limit_bps",
  "sample_freq",
  "max_waiting",
  "max_ack_pending",
  "flow_control",
  "headers_only",
  "max_batch",
  "max_expires",
  "max_bytes",
  "deliver_subject",
  "deliver_group",
  "idle_heartbeat",
  "inactive_threshold",
  "num_replicas",
  "mem_storage",
  "direct",
  "sourcing",
  "metadata",
  "pause_until",
  "priority_groups",
  "priority_policy",
  "priority_timeout",
] as const satisfies readonly (keyof ConsumerConfig)[];

const alwaysShown: ReadonlySet<string> = new Set([
  "deliver_policy",
  "ack_policy",
  "replay_policy",
  "num_replicas",
]);

/** The same configuration in nats-server's order, without what its JSON leaves out. */
export function inOrder(draft: Draft): ConsumerConfig {
  const whole: Draft = {
    deliver_policy: "all",
    ack_policy: "none",
    replay_policy: "instant",
    num_replicas: 0,
  };
  const ordered: Record<string, unknown> = {};
  for (const field of fieldOrder) {
    const value = draft[field] ?? whole[field];
    if (value === undefined || (isZero(value) && !alwaysShown.has(field))) continue;
    ordered[field] = value;
  }
  if (ordered["priority_policy"] === "none") delete ordered["priority_policy"];
  for (const field of ["pause_until", "opt_start_time"]) {
    const text = ordered[field];
    const time = typeof text === "string" ? parseTimestamp(text) : null;
    if (time !== null) ordered[field] = formatTimestamp(time.ms, time.ns);
  }
  return ordered as unknown as ConsumerConfig;
}

function isZero(value: unknown): boolean {
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value === "object" && value !== null) return Object.keys(value).length === 0;
  return value === 0 || value === "" || value === false;
}
