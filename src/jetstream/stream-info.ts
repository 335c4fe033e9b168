/** What the API and monitoring show of a stream, in nats-server's order of fields. */
import { formatTimestamp, zeroTimeText } from "../base/timestamp.ts";
import { filterOf } from "../subjects/filter.ts";
import { textFromWire, wireFromText } from "../subjects/subject.ts";
import { withVersions } from "./metadata.ts";
import type { Stream } from "./stream.ts";

/** Subjects in one answer. */
export const subjectsMax = 100_000;

export interface StateDetails {
  readonly deleted: boolean;
  /** Text; null for no subjects at all. */
  readonly subjects: { readonly filter: string; readonly offset: number } | null;
}

export const noDetails: StateDetails = { deleted: false, subjects: null };

export function streamState(stream: Stream, details: StateDetails): object {
  const { state } = stream.log;
  const { subjects } = details;
  const counts = subjects === null ? null : subjectCounts(stream, subjects.filter);
  const isShown = counts !== null && counts.length > 0;
  const offset = subjects?.offset ?? 0;
  const deletedCount = countDeleted(stream);
  return {
    messages: state.messages,
    bytes: state.bytes,
    first_seq: state.firstSeq,
    first_ts: timeText(state.messages === 0 ? 0 : state.firstMs, state.firstNs),
    last_seq: state.lastSeq,
    last_ts: timeText(state.lastMs, state.lastNs),
    ...(state.subjectCount > 0 && { num_subjects: state.subjectCount }),
    ...(isShown &&
      counts.length > offset && {
        subjects: Object.fromEntries(counts.slice(offset, offset + subjectsMax)),
      }),
    ...(deletedCount > 0 && { num_deleted: deletedCount }),
    ...(details.deleted && deletedCount > 0 && { deleted: deletedSeqs(stream) }),
    consumer_count: visibleConsumerCount(stream),
  };
}

/** How many subjects a filter has found, for paging. */
export function countSubjects(stream: Stream, filter: string): number {
  let count = 0;
  for (const _ of stream.log.subjects(filterOf([wireFromText(filter)]))) count++;
  return count;
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
  const mirror = stream.copies.mirrorInfo();
  const sources = stream.copies.sourcesInfo();
  return { ...(mirror !== null && { mirror }), ...(sources.length > 0 && { sources }) };
}

/** Those of mirrors and sources are nobody's business. */
export function visibleConsumerCount(stream: Stream): number {
  let count = 0;
  for (const { config } of stream.consumers.values()) if (config.direct !== true) count++;
  return count;
}

function subjectCounts(stream: Stream, filter: string): [string, number][] {
  const counts: [string, number][] = [];
  for (const { subject, count } of stream.log.subjects(filterOf([wireFromText(filter)])))
    counts.push([textFromWire(subject), count]);
  return counts;
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
