/**
 * Whether a stream may be configured so, and what is filled in. Checks, texts and their order are those of nats-server's
 * `checkStreamCfg`.
 */
import { durationText, nsPerMs } from "../../../base/duration.ts";
import { MappingError } from "../../../subjects/mapping-error.ts";
import { collides, isCoveredBy, wireFromText } from "../../../subjects/subject.ts";
import { SubjectTransform } from "../../../subjects/transform.ts";
import { firstSeqMax } from "../../../store/contract.ts";
import { apiError } from "../../api-errors.ts";
import type { StreamConfig } from "./stream-config.ts";
import {
  invalidConfig,
  isValidName,
  isValidText,
  pedanticError,
  type StreamSurroundings,
  transformProblem,
} from "./config-rules.ts";
import { completeConfig, type RequestedStreamConfig } from "./requested-config.ts";
import { checkOrigins } from "./stream-config-sources.ts";
import { collidingPair, excessOf, shortListMax } from "./subject-lists.ts";

export const nameLengthMax = 255;
export const descriptionBytesMax = 4_096;
export const metadataBytesMax = 128 * 1_024;
const replicasMax = 5;
const leastDurationNs = 100 * nsPerMs;
const duplicateWindowNsDefault = 120_000 * nsPerMs;

/** @throws ApiError */
export function checkStreamConfig(
  asked: RequestedStreamConfig,
  surroundings: StreamSurroundings,
  pedantic: boolean,
): StreamConfig {
  const config: RequestedStreamConfig = { ...asked };
  checkTexts(config);
  // JavaScript counts no further.
  if ((config.first_seq ?? 0) > firstSeqMax)
    throw invalidConfig(`first sequence can not be beyond ${firstSeqMax}`);
  config.retention ??= "limits";
  config.discard ??= "old";
  config.storage ??= "file";
  checkReplicas(config);
  fillLimits(config, pedantic);
  checkAges(config, surroundings, pedantic);
  checkPolicies(config, pedantic);
  checkOrigins(config, surroundings, pedantic);
  checkSubjects(config);
  checkBytes(config, surroundings);
  checkTransform(config);
  checkRepublish(config, pedantic);
  if ((config.placement?.preferred ?? "") !== "")
    throw invalidConfig("preferred server not permitted in placement");
  return completeConfig(config);
}

function checkTexts(config: RequestedStreamConfig): void {
  const { name, description, metadata } = config;
  if (!isValidName(name)) {
    throw invalidConfig("stream name is required and can not contain '.', '*', '>', '\\', '/'");
  }
  if (Buffer.byteLength(name) > nameLengthMax)
    throw invalidConfig(`stream name is too long, maximum allowed is ${nameLengthMax}`);
  if (Buffer.byteLength(description ?? "") > descriptionBytesMax)
    throw invalidConfig(`stream description is too long, maximum allowed is ${descriptionBytesMax}`);
  if (metadataBytes(metadata) > metadataBytesMax)
    throw invalidConfig(`stream metadata exceeds maximum size of ${metadataBytesMax} bytes`);
}

export function metadataBytes(metadata: Readonly<Record<string, string>> | undefined): number {
  let bytes = 0;
  for (const [key, value] of Object.entries(metadata ?? {}))
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  return bytes;
}

function checkReplicas(config: RequestedStreamConfig): void {
  const replicas = config.num_replicas ?? 0;
  if (replicas > replicasMax) throw invalidConfig(`maximum replicas is ${replicasMax}`);
  if (replicas < 0) throw apiError("replicasCountCannotBeNegative");
  config.num_replicas = replicas === 0 ? 1 : replicas;
}

const limits = ["max_msgs", "max_msgs_per_subject", "max_bytes", "max_msg_size", "max_consumers"] as const;

function fillLimits(config: RequestedStreamConfig, pedantic: boolean): void {
  for (const limit of limits) {
    const value = config[limit] ?? 0;
    if (pedantic && value < -1) throw pedanticError(`${limit} must be set to -1`);
    if (value === 0 || value < -1) config[limit] = -1;
  }
}

function checkAges(config: RequestedStreamConfig, surroundings: StreamSurroundings, pedantic: boolean): void {
  const maxAge = config.max_age ?? 0;
  if (maxAge < 0) throw invalidConfig("max age can not be negative");
  if (maxAge !== 0 && maxAge < leastDurationNs) throw invalidConfig("max age needs to be >= 100ms");
  const windowMax = surroundings.duplicateWindowMax;
  const hasOrigin = config.mirror !== undefined || (config.sources?.length ?? 0) > 0;
  if ((config.duplicate_window ?? 0) === 0 && !hasOrigin)
    config.duplicate_window = defaultWindow(maxAge, windowMax, pedantic);
  const window = config.duplicate_window ?? 0;
  if (window < 0) throw invalidConfig("duplicates window can not be negative");
  if (maxAge !== 0 && window > maxAge)
    throw invalidConfig("duplicates window can not be larger then max age");
  if (windowMax > 0 && window > windowMax) {
    const shown = durationText(windowMax);
    throw invalidConfig(`duplicates window can not be larger then server limit of ${shown}`);
  }
  if (window > 0 && window < leastDurationNs) throw invalidConfig("duplicates window needs to be >= 100ms");
}

function defaultWindow(maxAge: number, windowMax: number, pedantic: boolean): number {
  let window = duplicateWindowNsDefault;
  if (windowMax > 0 && window > windowMax) {
    if (pedantic) throw pedanticError("duplicate window limits are higher than current limits");
    window = windowMax;
  }
  if (maxAge === 0 || maxAge >= window) return window;
  if (pedantic) throw pedanticError("duplicate window cannot be bigger than max age");
  return maxAge;
}

function checkPolicies(config: RequestedStreamConfig, pedantic: boolean): void {
  if (config.deny_purge === true && config.allow_rollup_hdrs === true)
    throw invalidConfig("roll-ups require the purge permission");
  if (config.allow_msg_counter === true) checkCounter(config);
  checkDiscardPerSubject(config);
  checkMarkers(config, pedantic);
  if (config.allow_msg_schedules === true) {
    if (config.discard === "new") throw invalidConfig("message scheduling cannot use discard new");
    forceRollup(config, pedantic, "message scheduling cannot be set if roll-ups are disabled");
  }
  if (config.persist_mode !== "async") return;
  if (config.storage !== "file") throw invalidConfig("async persist mode is only supported on file storage");
  if ((config.num_replicas ?? 1) > 1)
    throw invalidConfig("async persist mode is not supported on replicated streams");
  if (config.allow_atomic === true)
    throw invalidConfig("async persist mode is not supported with atomic batch publish");
}

function checkCounter(config: RequestedStreamConfig): void {
  if (config.discard === "new") throw invalidConfig("counter stream cannot use discard new");
  if (config.allow_msg_ttl === true) throw invalidConfig("counter stream cannot use message TTLs");
  if (config.allow_msg_schedules === true) throw invalidConfig("counter stream cannot use message schedules");
  if (config.retention !== "limits") throw invalidConfig("counter stream can only use limits retention");
}

export function checkDiscardPerSubject(config: RequestedStreamConfig): void {
  if (config.discard_new_per_subject !== true) return;
  if (config.discard !== "new")
    throw invalidConfig("discard new per subject requires discard new policy to be set");
  if ((config.max_msgs_per_subject ?? 0) <= 0)
    throw invalidConfig("discard new per subject requires max msgs per subject > 0");
}

function checkMarkers(config: RequestedStreamConfig, pedantic: boolean): void {
  const markerTtl = config.subject_delete_marker_ttl ?? 0;
  if (markerTtl < 0) throw invalidConfig("subject delete marker TTL must not be negative");
  if (markerTtl === 0) return;
  if (markerTtl < 1_000 * nsPerMs) throw invalidConfig("subject delete marker TTL must be at least 1 second");
  if (config.allow_msg_ttl !== true) {
    if (pedantic) throw invalidConfig("subject delete marker cannot be set if message TTLs are disabled");
    config.allow_msg_ttl = true;
  }
  forceRollup(config, pedantic, "subject delete marker cannot be set if roll-ups are disabled");
}

function forceRollup(config: RequestedStreamConfig, pedantic: boolean, problem: string): void {
  if (config.allow_rollup_hdrs === true) return;
  if (pedantic) throw invalidConfig(problem);
  config.allow_rollup_hdrs = true;
  config.deny_purge = false;
}

const reserved = ["$JS.>", "$JSC.>", "$NRG.>"];

function checkSubjects(config: RequestedStreamConfig): void {
  if ((config.subjects?.length ?? 0) === 0) {
    if (config.mirror === undefined && (config.sources?.length ?? 0) === 0)
      config.subjects = [config.name as string];
    return;
  }
  if (config.mirror !== undefined) throw apiError("mirrorWithSubjects");
  const subjects = config.subjects ?? [];
  const excess = excessOf(subjects);
  if (excess !== null) throw invalidConfig(excess);
  const isLong = subjects.length > shortListMax;
  const pair = isLong ? collidingPair(subjects.filter(isValidText)) : null;
  const seen = new Set<string>();
  for (const [at, subject] of subjects.entries()) {
    if (!isValidText(subject)) throw invalidConfig("invalid subject");
    if (seen.has(subject)) throw invalidConfig("duplicate subjects detected");
    if (subject === ">") checkCapturesEverything(config);
    if (config.no_ack !== true) checkReserved(subject);
    const other = isLong
      ? pair?.find((_, index) => index === 1 && pair[0] === subject)
      : subjects.slice(at + 1).find((each) => isValidText(each) && collides(each, subject));
    if (other !== undefined)
      throw invalidConfig(`subject ${JSON.stringify(subject)} overlaps with ${JSON.stringify(other)}`);
    seen.add(subject);
  }
}

function checkCapturesEverything(config: RequestedStreamConfig): void {
  if (config.no_ack !== true) throw invalidConfig("capturing all subjects requires no-ack to be true");
  if (config.num_replicas !== 1) throw invalidConfig("capturing all subjects requires replicas of 1");
}

function checkReserved(subject: string): void {
  for (const space of reserved) {
    if (collides(subject, space) && !isCoveredBy(subject, "$JS.EVENT.>"))
      throw invalidConfig("subjects that overlap with jetstream api require no-ack to be true");
  }
  if (collides(subject, "$SYS.>") && !isCoveredBy(subject, "$SYS.ACCOUNT.>"))
    throw invalidConfig("subjects that overlap with system api require no-ack to be true");
}

function checkBytes(config: RequestedStreamConfig, surroundings: StreamSurroundings): void {
  const maxBytes = config.max_bytes ?? -1;
  if (surroundings.maxBytesRequired && maxBytes <= 0) throw apiError("streamMaxBytesRequired");
  const bytesMax = surroundings.streamBytesMax(config.storage ?? "file");
  if (bytesMax > 0 && maxBytes > bytesMax) throw apiError("streamMaxStreamBytesExceeded");
}

function checkTransform({ subject_transform: transform }: RequestedStreamConfig): void {
  if (transform === undefined) return;
  const src = transform.src ?? "";
  if (src !== "" && !isValidText(src))
    throw apiError("streamTransformInvalidSource", { err: `invalid subject ${src}` });
  const problem = transformProblem(src, transform.dest);
  if (problem !== null) throw apiError("streamTransformInvalidDestination", { err: problem });
}

function checkRepublish(config: RequestedStreamConfig, pedantic: boolean): void {
  const { republish, subject_transform: transform, subjects = [] } = config;
  if (republish === undefined) return;
  let src = republish.src ?? "";
  let dest = republish.dest ?? "";
  if (src === "") {
    if (pedantic) throw pedanticError("republish source can not be empty");
    src = ">";
  }
  // From everything to everything: what the transform makes of a subject is where it goes.
  const isImplicit = dest === ">" && src === ">" && transform !== undefined && subjects.length === 1;
  if (isImplicit && transform.src === subjects[0]) {
    if (pedantic) throw pedanticError("implicit republish based on subject transform");
    src = dest = transform.dest;
  }
  if (subjects.some((subject) => collides(dest, subject)))
    throw invalidConfig("stream configuration for republish destination forms a cycle");
  try {
    if (dest !== "") SubjectTransform.parse(wireFromText(src), wireFromText(dest));
  } catch (error) {
    if (!(error instanceof MappingError)) throw error;
    throw invalidConfig(
      `stream configuration for republish with transform from '${src}' to '${dest}' not valid`,
    );
  }
  config.republish = { ...republish, src, dest };
}
