/** What a consumer may be. Source: nats-server `checkConsumerCfg` and `addConsumerWithAssignment`, checks in their order. */
import { durationText, nsPerMs } from "../../../base/duration.ts";
import { filterOf } from "../../../subjects/filter.ts";
import { isReservedDestination } from "../../../subjects/reserved.ts";
import { hasWildcard, isCoveredBy, isValidSubject, wireFromText } from "../../../subjects/subject.ts";
import { apiError } from "../../api-errors.ts";
import type { ApiError } from "../../api-error.ts";
import type { ConsumerConfig } from "./consumer-config.ts";
import type { StreamConfig } from "../../stream/config/stream-config.ts";
import { excessOf, hasCovered, shortListMax } from "../../stream/config/subject-lists.ts";
import { type ConsumerLimits, flowControlHeartbeatNs } from "./config-defaults.ts";

const descriptionBytesMax = 4 * 1024;
const metadataBytesMax = 128 * 1024;
const nameBytesMax = 255;
const groupName = /^[a-zA-Z0-9/_=-]{1,16}$/;

/** @throws ApiError the first rule that is broken */
export function checkConsumerConfig(
  config: ConsumerConfig,
  stream: StreamConfig,
  limits: ConsumerLimits,
): void {
  const wrong =
    wrongName(config) ??
    wrongReplicas(config, stream) ??
    wrongWaits(config) ??
    wrongFlowControlAcks(config) ??
    wrongLengths(config) ??
    (isPush(config) ? wrongPush(config, stream) : wrongPull(config, stream, limits)) ??
    wrongLimits(config, stream, limits) ??
    wrongDirect(config) ??
    wrongFilters(config) ??
    wrongStart(config) ??
    wrongRest(config) ??
    wrongPriority(config);
  if (wrong !== null) throw wrong;
}

export function isPush(config: ConsumerConfig): boolean {
  return (config.deliver_subject ?? "") !== "";
}

/** Text, as it stands in the configuration. */
export function filtersOf(
  config: Pick<ConsumerConfig, "filter_subject" | "filter_subjects">,
): readonly string[] {
  if ((config.filter_subject ?? "") !== "") return [config.filter_subject as string];
  return config.filter_subjects ?? [];
}

/** Null takes everything. */
export function filterFor(config: ConsumerConfig): ReturnType<typeof filterOf> {
  return filterOf(filtersOf(config).map(wireFromText));
}

function isAssetName(name: string): boolean {
  return !/[\s.*>\\/\0]/.test(name);
}

function invalid(text: string): ApiError {
  return apiError("streamInvalidConfig", { err: text });
}

const badCharacters = "can not contain '.', '*', '>', '\\', '/'";

function wrongName({ name = "", durable_name: durable = "" }: ConsumerConfig): ApiError | null {
  if (!isAssetName(name)) return invalid(`consumer name ${badCharacters}`);
  if (!isAssetName(durable)) return invalid(`consumer durable name ${badCharacters}`);
  return null;
}

function wrongReplicas({ num_replicas: replicas }: ConsumerConfig, stream: StreamConfig): ApiError | null {
  if (replicas > stream.num_replicas) return apiError("consumerReplicasExceedsStream");
  if (replicas < 0) return apiError("replicasCountCannotBeNegative");
  if (stream.retention !== "limits" && replicas !== 0 && replicas !== stream.num_replicas)
    return apiError("consumerReplicasShouldMatchStream");
  return null;
}

function wrongWaits({ backoff = [], ack_wait: ackWait = 0 }: ConsumerConfig): ApiError | null {
  if (backoff.some((wait) => wait < 0)) return apiError("consumerBackOffNegative");
  return ackWait < 0 ? apiError("consumerAckWaitNegative") : null;
}

function wrongFlowControlAcks(config: ConsumerConfig): ApiError | null {
  if (config.ack_policy !== "flow_control") return null;
  if (!isPush(config)) return apiError("consumerAckFCRequiresPush");
  if (config.flow_control !== true) return apiError("consumerAckFCRequiresFC");
  if ((config.idle_heartbeat ?? 0) !== flowControlHeartbeatNs)
    return invalid("flow control ack policy heartbeat needs to be 1s");
  if ((config.max_ack_pending ?? 0) <= 0) return apiError("consumerAckFCRequiresMaxAckPending");
  if ((config.ack_wait ?? 0) !== 0 || (config.backoff ?? []).length > 0)
    return apiError("consumerAckFCRequiresNoAckWait");
  if ((config.max_deliver ?? -1) > 0) return apiError("consumerAckFCRequiresNoMaxDeliver");
  return null;
}

function wrongLengths(config: ConsumerConfig): ApiError | null {
  const { backoff = [], max_deliver: deliverMax = -1, description = "" } = config;
  if (backoff.length > 0 && deliverMax !== -1 && backoff.length > deliverMax)
    return apiError("consumerMaxDeliverBackoff");
  if (Buffer.byteLength(description) > descriptionBytesMax)
    return apiError("consumerDescriptionTooLong", { max: descriptionBytesMax });
  return null;
}

function wrongPush(config: ConsumerConfig, stream: StreamConfig): ApiError | null {
  const subject = wireFromText(config.deliver_subject as string);
  if (hasWildcard(subject)) return apiError("consumerDeliverToWildcards");
  if (!isValidSubject(subject) || isReservedDestination(subject))
    return apiError("consumerInvalidDeliverSubject");
  if ((stream.subjects ?? []).some((pattern) => isCoveredBy(subject, wireFromText(pattern))))
    return apiError("consumerDeliverCycle");
  if ((config.max_waiting ?? 0) !== 0) return apiError("consumerPushMaxWaiting");
  if ((config.max_ack_pending ?? 0) > 0 && config.ack_policy === "none")
    return apiError("consumerMaxPendingAckPolicyRequired");
  const heartbeat = config.idle_heartbeat ?? 0;
  return heartbeat > 0 && heartbeat < 100 * nsPerMs ? apiError("consumerSmallHeartbeat") : null;
}

function wrongPull(config: ConsumerConfig, stream: StreamConfig, limits: ConsumerLimits): ApiError | null {
  if (config.ack_policy === "none" && stream.retention === "workqueue")
    return apiError("consumerPullRequiresAck");
  if ((config.rate_limit_bps ?? 0) > 0) return apiError("consumerPullWithRateLimit");
  if ((config.idle_heartbeat ?? 0) > 0) return apiError("consumerHBRequiresPush");
  if (config.flow_control === true) return apiError("consumerFCRequiresPush");
  const expires = config.max_expires ?? 0;
  if (expires !== 0 && expires < nsPerMs) return apiError("consumerMaxRequestExpiresTooSmall");
  const { requestBatchMax } = limits;
  if (requestBatchMax > 0 && (config.max_batch ?? 0) > requestBatchMax)
    return apiError("consumerMaxRequestBatchExceeded", { limit: requestBatchMax });
  return null;
}

function wrongLimits(config: ConsumerConfig, stream: StreamConfig, limits: ConsumerLimits): ApiError | null {
  const pendingMax = config.max_ack_pending ?? 0;
  for (const limit of [limits.ackPendingMax, stream.consumer_limits.max_ack_pending ?? 0])
    if (limit > 0 && pendingMax > limit) return apiError("consumerMaxPendingAckExcess", { limit });
  const inactive = stream.consumer_limits.inactive_threshold ?? 0;
  if (inactive > 0 && (config.inactive_threshold ?? 0) > inactive)
    return apiError("consumerInactiveThresholdExcess", { limit: durationText(inactive) });
  return null;
}

function wrongDirect(config: ConsumerConfig): ApiError | null {
  if (config.direct !== true) return null;
  if (!isPush(config)) return apiError("consumerDirectRequiresPush");
  return (config.durable_name ?? "") === "" ? null : apiError("consumerDirectRequiresEphemeral");
}

function wrongFilters(config: ConsumerConfig): ApiError | null {
  const { filter_subject: single = "", filter_subjects: several = [] } = config;
  if (single !== "" && several.length > 0) return apiError("consumerDuplicateFilterSubjects");
  if (single !== "" && !isValidSubject(wireFromText(single))) return invalid("invalid subject");
  if (several.includes("")) return apiError("consumerEmptyFilter");
  const filters = filtersOf(config).map(wireFromText);
  const excess = excessOf(filters);
  if (excess !== null) return invalid(excess);
  if (filters.length > shortListMax) {
    if (!filters.every(isValidSubject)) return invalid("invalid subject");
    return hasCovered(filters) ? apiError("consumerOverlappingSubjectFilters") : null;
  }
  for (const [at, filter] of filters.entries()) {
    if (!isValidSubject(filter)) return invalid("invalid subject");
    for (const [other, pattern] of filters.entries())
      if (other !== at && isCoveredBy(filter, pattern)) return apiError("consumerOverlappingSubjectFilters");
  }
  return null;
}

function wrongStart(config: ConsumerConfig): ApiError | null {
  const policy = config.deliver_policy;
  const hasSeq = (config.opt_start_seq ?? 0) > 0;
  const hasTime = config.opt_start_time !== undefined;
  const words = policy.replaceAll("_", " ");
  const text = (rest: string): ApiError =>
    apiError("consumerInvalidPolicy", {
      err: `consumer delivery policy is deliver ${words}, but optional ${rest}`,
    });
  if (policy === "by_start_sequence") {
    if (!hasSeq) return text("start sequence is not set");
    return hasTime ? text("start time is also set") : null;
  }
  if (policy === "by_start_time") {
    if (!hasTime) return text("start time is not set");
    // Twice "start", as nats-server has it.
    return hasSeq ? text("start start sequence is also set") : null;
  }
  if (hasSeq) return text("start sequence is also set");
  if (hasTime) return text("start time is also set");
  if (policy === "last_per_subject" && filtersOf(config).length === 0)
    return text("filter subject is not set");
  return null;
}

function wrongRest(config: ConsumerConfig): ApiError | null {
  const sample = config.sample_freq ?? "";
  if (sample !== "") {
    const digits = sample.replace(/%$/, "");
    if (!/^[+-]?[0-9]+$/.test(digits))
      return apiError("consumerInvalidSampling", {
        err: `strconv.Atoi: parsing ${JSON.stringify(digits)}: invalid syntax`,
      });
    if (Number(digits) < 0) return apiError("consumerInvalidSampling", { err: "%!s(<nil>)" });
  }
  if (config.flow_control === true && (config.idle_heartbeat ?? 0) === 0)
    return apiError("consumerWithFlowControlNeedsHeartbeats");
  const { name = "", durable_name: durable = "" } = config;
  if (name !== "" && durable !== "" && name !== durable)
    return apiError("consumerCreateDurableAndNameMismatch");
  let metadataBytes = 0;
  for (const [key, value] of Object.entries(config.metadata ?? {}))
    metadataBytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  if (metadataBytes > metadataBytesMax)
    return apiError("consumerMetadataLength", { limit: `${metadataBytesMax / 1024}KB` });
  return null;
}

function wrongPriority(config: ConsumerConfig): ApiError | null {
  const { priority_policy: policy = "none", priority_groups: groups = [] } = config;
  if (policy === "none") {
    if (groups.length > 0) return apiError("consumerPriorityGroupWithPolicyNone");
    return (config.priority_timeout ?? 0) > 0 ? apiError("consumerPinnedTTLWithoutPriorityPolicyNone") : null;
  }
  if (isPush(config)) return apiError("consumerPushWithPriorityGroup");
  if (groups.length === 0) return apiError("consumerPriorityPolicyWithoutGroup");
  for (const group of groups) {
    if (group === "") return apiError("consumerEmptyGroupName");
    if (!groupName.test(group)) return apiError("consumerInvalidGroupName");
  }
  return null;
}

/** @throws ApiError (10102) */
export function checkDurableName({ durable_name: name = "" }: ConsumerConfig): void {
  if (Buffer.byteLength(name) > nameBytesMax) throw apiError("consumerNameTooLong", { max: nameBytesMax });
}
