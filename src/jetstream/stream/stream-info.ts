/** What the API and monitoring show of a stream, in nats-server's order of fields. */
import { formatTimestamp, zeroTimeText } from "../../base/timestamp.ts";
import { filterOf } from "../../subjects/filter.ts";
import { textFromWire, wireFromText } from "../../subjects/subject.ts";
import { withVersions } from "../metadata.ts";
import type { Stream } from "./stream.ts";

/** Subjects in one answer. */
export const subjectsMax = 100_000;

export interface StateDetails {
  readonly deleted: boolean;
  /** Null for no subjects at all. */
  readonly subjects: SubjectPage | null;
}

/** Some of the subjects that a filter takes, in the order of their bytes, with how many messages each has. */
export interface SubjectPage {
  readonly offset: number;
  /** How many the filter takes. */
  readonly total: number;
  readonly counts: readonly (readonly [string, number])[];
}

export const noDetails: StateDetails = { deleted: false, subjects: null };

export function streamState(stream: Stream, details: StateDetails): object {
  const { state } = stream.log;
  const counts = details.subjects?.counts ?? [];
  const deletedCount = countDeleted(stream);
  return {
    messages: state.messages,
    bytes: state.bytes,
    first_seq: state.firstSeq,
    first_ts: timeText(state.messages === 0 ? 0 : state.firstMs, state.firstNs),
    last_seq: state.lastSeq,
    last_ts: timeText(state.lastMs, state.lastNs),
    ...(state.subjectCount > 0 && { num_subjects: state.subjectCount }),
    ...(counts.length > 0 && { subjects: Object.fromEntries(counts) }),
    ...(deletedCount > 0 && { num_deleted: deletedCount }),
    ...(details.deleted && deletedCount > 0 && { deleted: deletedSeqs(stream) }),
    consumer_count: visibleConsumerCount(stream),
  };
}

/** One walk: a stream may have millions of subjects, and all else waits meanwhile. @param filter text */
export function subjectPage(
  log: Pick<Stream["log"], "subjects">,
  filter: string,
  offset: number,
): SubjectPage {
  const counts: [string, number][] = [];
  let total = 0;
  for (const { subject, count } of log.subjects(filterOf([wireFromText(filter)])))
    if (total++ >= offset && counts.length < subjectsMax) counts.push([textFromWire(subject), count]);
  return { offset, total, counts };
}

/** @param shown what is left out in some answers */
export function streamInfo(
  stream: Stream,
  details: StateDetails,
  shown: { readonly domain: boolean; readonly cluster: boolean; readonly versions: boolean },
): object {
  const { host, config, times } = stream;
  const now = { timeMs: 0, timeNs: 0 };
  host.clock.stamp(now);
  return {
    config: shown.versions ? withVersions(config) : config,
    created: formatTimestamp(times.createdMs, times.createdNs),
    state: streamState(stream, details),
    ...(shown.domain && host.domain !== null && { domain: host.domain }),
    ...(shown.cluster && { cluster: { leader: host.serverName } }),
    ...originInfo(stream),
    ts: formatTimestamp(now.timeMs, now.timeNs),
  };
}

/** What it copies from others, if anything. */
export function originInfo(stream: Stream): object {
  const mirror = stream.sourcing.mirrorInfo();
  const sources = stream.sourcing.sourcesInfo();
  return { ...(mirror !== null && { mirror }), ...(sources.length > 0 && { sources }) };
}

/** Those of mirrors and sources are nobody's business. */
export function visibleConsumerCount(stream: Stream): number {
  let count = 0;
  for (const { config } of stream.consumers.values()) if (config.direct !== true) count++;
  return count;
}

function countDeleted(stream: Stream): number {
  const { messages, firstSeq, lastSeq } = stream.log.state;
  return messages === 0 ? 0 : lastSeq - firstSeq + 1 - messages;
}

function deletedSeqs(stream: Stream): number[] {
  const seqs: number[] = [];
  for (const [from, through] of stream.log.deleted())
    for (let seq = from; seq <= through; seq++) seqs.push(seq);
  return seqs;
}

function timeText(ms: number, ns: number): string {
  return ms === 0 && ns === 0 ? zeroTimeText : formatTimestamp(ms, ns);
}
