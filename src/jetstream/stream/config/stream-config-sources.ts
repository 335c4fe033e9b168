/** The checks of a stream's mirror and sources; part of `checkStreamCfg` in nats-server, in its order. */
import { isReservedDestination } from "../../../subjects/reserved.ts";
import { collides, hasWildcard, isCoveredBy, wireFromText } from "../../../subjects/subject.ts";
import { apiError, type ApiErrorName } from "../../api-errors.ts";
import type { StreamConfig, StreamSource } from "./stream-config.ts";
import {
  invalidConfig,
  isValidName,
  isValidText,
  pedanticError,
  type StreamSurroundings,
  transformProblem,
} from "./config-rules.ts";
import type { RequestedStreamConfig } from "./requested-config.ts";

/** What is gathered on the way, for the checks at the end. */
interface Prefixes {
  readonly subjects: string[];
  readonly deliver: string[];
  readonly api: string[];
}

const apiPrefix = "$JS.API";

/** Of a stream's mirror and sources together. */
const transformsMax = 1_000;

/** @throws ApiError */
export function checkOrigins(
  config: RequestedStreamConfig,
  surroundings: StreamSurroundings,
  pedantic: boolean,
): void {
  const prefixes: Prefixes = { subjects: [], deliver: [], api: [] };
  if (config.mirror !== undefined) checkMirror(config, config.mirror, surroundings, pedantic, prefixes);
  const sources = config.sources ?? [];
  let transforms = config.mirror?.subject_transforms?.length ?? 0;
  for (const { subject_transforms: each } of sources) transforms += each?.length ?? 0;
  // They are compared with one another.
  if (transforms > transformsMax) throw invalidConfig(`more than ${transformsMax} subject transforms`);
  if (sources.length > 0 && config.allow_msg_schedules === true) throw apiError("sourceWithMsgSchedules");
  const seen = new Set<string>();
  const consumers = new Set<string>();
  for (const source of sources) checkSource(config, source, surroundings, { seen, consumers }, prefixes);
  checkPrefixes(prefixes);
  checkCycles(config, surroundings);
}

function checkMirror(
  config: RequestedStreamConfig,
  mirror: StreamSource,
  surroundings: StreamSurroundings,
  pedantic: boolean,
  prefixes: Prefixes,
): void {
  refuseBesideMirror(config);
  checkConsumer(mirror, "mirrorDurableConsumerCfgInvalid");
  const transforms = mirror.subject_transforms ?? [];
  if ((mirror.filter_subject ?? "") !== "" && transforms.length > 0)
    throw apiError("mirrorMultipleFiltersNotAllowed");
  if ((config.subject_delete_marker_ttl ?? 0) > 0)
    throw invalidConfig("subject delete markers forbidden on mirrors");
  for (const [at, { src = "", dest }] of transforms.entries()) {
    if (src !== "" && !isValidText(src))
      throw apiError("mirrorInvalidSubjectFilter", { err: `invalid subject ${src}` });
    const problem = transformProblem(src, dest);
    if (problem !== null) throw apiError("mirrorInvalidTransformDestination", { err: problem });
    if (transforms.some((other, index) => index !== at && collides(src, other.src ?? "")))
      throw apiError("mirrorOverlappingSubjectFilters");
  }
  if (mirror.external !== undefined) {
    addPrefixes(mirror.external, prefixes);
    return;
  }
  if (!isValidName(mirror.name)) throw apiError("mirrorInvalidStreamName");
  const origin = surroundings.find(mirror.name);
  if (origin === undefined) return;
  prefixes.subjects.push(...(origin.subjects ?? []));
  if (isTooSmall(config, origin)) throw apiError("mirrorMaxMessageSizeTooBig");
  if (pedantic && (config.mirror_direct ?? false) !== origin.allow_direct)
    throw pedanticError("origin stream has direct get set, mirror has it disabled");
  config.mirror_direct = origin.allow_direct;
}

function refuseBesideMirror(config: RequestedStreamConfig): void {
  const refusals: readonly (readonly [boolean, ApiErrorName])[] = [
    [(config.first_seq ?? 0) > 0, "mirrorWithFirstSeq"],
    [(config.subjects?.length ?? 0) > 0, "mirrorWithSubjects"],
    [(config.sources?.length ?? 0) > 0, "mirrorWithSources"],
    [config.allow_msg_counter === true, "mirrorWithCounters"],
    [config.allow_atomic === true, "mirrorWithAtomicPublish"],
    [config.allow_batched === true, "mirrorWithBatchPublish"],
    [config.allow_msg_schedules === true, "mirrorWithMsgSchedules"],
  ];
  for (const [isRefused, name] of refusals) if (isRefused) throw apiError(name);
}

function checkConsumer(source: StreamSource, problem: ApiErrorName): void {
  const { consumer } = source;
  if (consumer === undefined) return;
  const deliver = consumer.deliver_subject ?? "";
  const isLiteral = isValidText(deliver) && !hasWildcard(deliver);
  const isWhole = isValidName(consumer.name) && isLiteral && !isReservedDestination(wireFromText(deliver));
  const hasStart = (source.opt_start_seq ?? 0) !== 0 || source.opt_start_time !== undefined;
  if (!isWhole || hasStart || (source.filter_subject ?? "") !== "") throw apiError(problem);
}

function checkSource(
  config: RequestedStreamConfig,
  source: StreamSource,
  surroundings: StreamSurroundings,
  { seen, consumers }: { readonly seen: Set<string>; readonly consumers: Set<string> },
  prefixes: Prefixes,
): void {
  if (!isValidName(source.name)) throw apiError("sourceInvalidStreamName");
  const index = sourceIndex(source);
  if (seen.has(index)) throw apiError("sourceDuplicateDetected");
  seen.add(index);
  checkSourceTransforms(source);
  checkConsumer(source, "sourceDurableConsumerCfgInvalid");
  if (source.consumer !== undefined) {
    const consumer = JSON.stringify([source.name, source.external?.api, source.consumer.name]);
    if (consumers.has(consumer)) throw apiError("sourceDurableConsumerDuplicateDetected");
    consumers.add(consumer);
  }
  if (source.external !== undefined) {
    addPrefixes(source.external, prefixes);
    return;
  }
  const origin = surroundings.find(source.name);
  if (origin === undefined) return;
  prefixes.subjects.push(...(origin.subjects ?? []));
  if (isTooSmall(config, origin)) throw apiError("sourceMaxMessageSizeTooBig");
}

function checkSourceTransforms(source: StreamSource): void {
  const transforms = source.subject_transforms ?? [];
  if ((source.filter_subject ?? "") !== "" && transforms.length > 0)
    throw apiError("sourceMultipleFiltersNotAllowed");
  for (const { src = "", dest } of transforms) {
    if (src !== "" && !isValidText(src))
      throw apiError("sourceInvalidSubjectFilter", { err: `invalid subject ${src}` });
    const problem = transformProblem(src, dest);
    if (problem !== null) throw apiError("sourceInvalidTransformDestination", { err: problem });
  }
  for (const [at, { src = "" }] of transforms.entries())
    if (transforms.some((other, index) => index !== at && isCoveredBy(src, other.src ?? "")))
      throw apiError("sourceOverlappingSubjectFilters");
}

/** What must not be twice among the sources of a stream. */
function sourceIndex({ name, external, consumer, filter_subject, subject_transforms }: StreamSource): string {
  const transforms = (subject_transforms ?? []).map(({ src, dest }) => [src || ">", dest || ">"]);
  const filters = transforms.length === 0 ? [[filter_subject || ">", ">"]] : transforms;
  return JSON.stringify([name, external?.api, consumer?.name, filters]);
}

function isTooSmall(config: RequestedStreamConfig, origin: StreamConfig): boolean {
  const own = config.max_msg_size ?? -1;
  const theirs = origin.max_msg_size ?? -1;
  return own > 0 && theirs > 0 && own < theirs;
}

function addPrefixes(external: NonNullable<StreamSource["external"]>, prefixes: Prefixes): void {
  if ((external.deliver ?? "") !== "") prefixes.deliver.push(external.deliver as string);
  if ((external.api ?? "") !== "") prefixes.api.push(external.api);
}

function checkPrefixes({ subjects, deliver, api }: Prefixes): void {
  for (const prefix of deliver) {
    if (!isValidText(prefix) || hasWildcard(prefix))
      throw apiError("streamInvalidExternalDeliverySubj", { prefix });
    const subject = subjects.find((each) => collides(each, `${prefix}.${each}`));
    if (subject !== undefined) throw apiError("streamExternalDelPrefixOverlaps", { prefix, subject });
  }
  for (const prefix of api) {
    if (!isValidText(prefix) || hasWildcard(prefix)) {
      throw invalidConfig(
        `stream external api prefix ${JSON.stringify(prefix)} must be a valid subject without wildcards`,
      );
    }
    if (collides(prefix, apiPrefix))
      throw apiError("streamExternalApiOverlap", { prefix, subject: apiPrefix });
    // That of another domain, and nothing below it.
    const isDomain = /^\$JS\.[^.]+\.API$/.test(prefix);
    if (!isDomain && isReservedDestination(`${wireFromText(prefix)}.`))
      throw invalidConfig(`stream external api prefix ${JSON.stringify(prefix)} is reserved`);
  }
}

function checkCycles(config: RequestedStreamConfig, surroundings: StreamSurroundings): void {
  const waiting: RequestedStreamConfig[] = [config];
  const visited = new Set<string>();
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    visited.add(next.name ?? "");
    for (const { name, external, filter_subject } of next.sources ?? []) {
      if (external !== undefined) continue;
      if (visited.has(name)) {
        if (overlaps(next.subjects ?? [], filter_subject ?? "")) throw invalidConfig("detected cycle");
        continue;
      }
      const origin = surroundings.find(name);
      if (origin !== undefined) waiting.push(origin);
    }
    const { mirror } = next;
    if (mirror === undefined || mirror.external !== undefined) continue;
    if (visited.has(mirror.name)) throw invalidConfig("detected cycle");
    const origin = surroundings.find(mirror.name);
    if (origin !== undefined) waiting.push(origin);
  }
}

function overlaps(subjects: readonly string[], filter: string): boolean {
  return filter === "" || subjects.some((subject) => collides(subject, filter));
}
