/** Where a new consumer begins. Source: nats-server `selectStartingSeqNo`. */
import { parseTimestamp } from "../../../base/timestamp.ts";
import { type MessageLog, StoredMessage } from "../../../store/contract.ts";
import { filterOf, type SubjectFilter } from "../../../subjects/filter.ts";
import { apiError } from "../../api-errors.ts";
import type { ConsumerConfig } from "./consumer-config.ts";
import type { StreamConfig } from "../../stream/config/stream-config.ts";

export interface StartPosition {
  readonly seq: number;
  /** The last message of each subject, ascending; what comes after {@link seq} follows them. */
  readonly snapshot: readonly number[];
  /** Where the first delivery is at the earliest. */
  readonly firstSeq: number;
}

export function startPosition(
  config: ConsumerConfig,
  stream: StreamConfig,
  log: MessageLog,
  filter: SubjectFilter | null,
): StartPosition {
  const { state } = log;
  const isPerSubject = config.deliver_policy === "last_per_subject";
  if (isPerSubject && stream.max_msgs_per_subject !== 1 && state.messages > 0) {
    const snapshot: number[] = [];
    for (const { lastSeq } of log.subjects(filter)) snapshot.push(lastSeq);
    snapshot.sort((a, b) => a - b);
    return { seq: state.lastSeq + 1, snapshot, firstSeq: snapshot[0] ?? state.lastSeq };
  }
  const wanted = wantedSeq(config, log, filter);
  const seq = clamp(wanted, config, log);
  return { seq, snapshot: [], firstSeq: seq };
}

function wantedSeq(config: ConsumerConfig, log: MessageLog, filter: SubjectFilter | null): number {
  const { state } = log;
  switch (config.deliver_policy) {
    case "by_start_sequence":
      return config.opt_start_seq as number;
    case "by_start_time": {
      const time = parseTimestamp(config.opt_start_time as string);
      if (time === null) return state.firstSeq;
      return firstMatch(log.seqAtTime(time.ms, time.ns), log, filter);
    }
    case "last": {
      if (filter === null) return state.lastSeq;
      const message = new StoredMessage();
      return log.last(state.lastSeq, filter, message) ? message.seq : state.firstSeq;
    }
    case "new":
      return state.lastSeq + 1;
    default:
      return state.firstSeq;
  }
}

/** Where the first message is that any of the filters takes, as long as that is before the last one of the stream. */
function firstMatch(seq: number, log: MessageLog, filter: SubjectFilter | null): number {
  const { firstSeq, lastSeq } = log.state;
  let first = lastSeq;
  const message = new StoredMessage();
  // The first of each filter in all of the stream: what has one before `seq` is not looked for behind it.
  for (const pattern of filter?.patterns ?? [])
    if (log.next(firstSeq, lastSeq, filterOf([pattern]), message) && message.seq >= seq)
      first = Math.min(first, message.seq);
  return first > seq && first < lastSeq ? first : seq;
}

/** Nobody begins before the first message; only a sequence that was asked for may be beyond the last. */
function clamp(seq: number, config: ConsumerConfig, { state }: MessageLog): number {
  const hasSeq = config.deliver_policy === "by_start_sequence";
  if (state.firstSeq === 0 && !hasSeq) return 1;
  if (seq > state.lastSeq && !hasSeq) return state.lastSeq + 1;
  return Math.max(seq, state.firstSeq, 1);
}

/**
 * Whether a consumer may begin anew at `seq`; 0: at its ack floor, which is always allowed.
 * @throws ApiError (10204)
 */
export function checkReset(seq: number, config: ConsumerConfig, log: MessageLog): void {
  const { deliver_policy: policy, opt_start_seq: startSeq = 0, opt_start_time: startText = "" } = config;
  if (seq === 0 || policy === "all") return;
  const refuse = (err: string): never => {
    throw apiError("consumerInvalidReset", { err });
  };
  if (policy === "by_start_sequence") {
    if (seq < startSeq) refuse("below start seq");
    return;
  }
  if (policy !== "by_start_time") refuse("not allowed");
  const start = parseTimestamp(startText);
  if (start !== null && seq < log.seqAtTime(start.ms, start.ns)) refuse("below start time");
}
