/** Single messages of a stream: shown and deleted. */
import { formatTimestamp, parseTimestamp } from "../../base/timestamp.ts";
import { StoredMessage } from "../../store/contract.ts";
import { filterOf } from "../../subjects/filter.ts";
import { textFromWire, wireFromText } from "../../subjects/subject.ts";
import { apiError } from "../api-errors.ts";
import type { Stream } from "../stream/stream.ts";
import { type ApiRequest, decodeBody, hasEmptyBody, type Route, streamOf } from "./route.ts";
import { bool, int, object, string, strings, time, uint64 } from "../json/shape.ts";

const deleteRequest = object("JSApiMsgDeleteRequest", { seq: uint64, no_erase: bool });
const getRequest = object("JSApiMsgGetRequest", {
  seq: uint64,
  last_by_subj: string,
  next_by_subj: string,
  batch: int,
  max_bytes: int,
  start_time: time,
  multi_last: strings,
  up_to_seq: uint64,
  up_to_time: time,
  no_hdr: bool,
});

export const messageRoutes: readonly Route[] = [
  { pattern: "STREAM.MSG.GET.*", type: "stream_msg_get", answer: get, quiet: true },
  { pattern: "STREAM.MSG.DELETE.*", type: "stream_msg_delete", answer: remove },
];

interface Asked {
  readonly seq?: number;
  readonly last_by_subj?: string;
  readonly next_by_subj?: string;
  readonly start_time?: string;
  readonly batch?: number;
  readonly max_bytes?: number;
  readonly multi_last?: readonly string[];
  readonly no_hdr?: boolean;
}

function get(request: ApiRequest): object {
  if (hasEmptyBody(request)) throw apiError("badRequest");
  const asked = decodeBody(request, getRequest) as Asked;
  refuseCombinations(asked);
  const stream = streamOf(request, 3);
  const message = new StoredMessage();
  if (!find(stream, asked, message)) throw apiError("noMessageFound");
  const { headers, payload } = message;
  return {
    message: {
      subject: textFromWire(message.subject),
      seq: message.seq,
      ...(headers !== null && asked.no_hdr !== true && { hdrs: headers.toString("base64") }),
      ...(payload.length > 0 && { data: payload.toString("base64") }),
      time: formatTimestamp(message.timeMs, message.timeNs),
    },
  };
}

function refuseCombinations(asked: Asked): void {
  const { seq = 0, last_by_subj: last = "", next_by_subj: next = "", start_time: start } = asked;
  const isBatch = (asked.batch ?? 0) > 0 || (asked.max_bytes ?? 0) > 0;
  const hasNothing = seq === 0 && last === "" && next === "" && start === undefined;
  const isDouble =
    (seq > 0 && last !== "") ||
    (last !== "" && next !== "") ||
    (start !== undefined && (seq > 0 || last !== ""));
  if (isBatch || hasNothing || isDouble || (asked.multi_last?.length ?? 0) > 0) throw apiError("badRequest");
}

function find(stream: Stream, asked: Asked, into: StoredMessage): boolean {
  const { log } = stream;
  const { seq = 0, last_by_subj: last = "", next_by_subj: next = "", start_time: start } = asked;
  if (last !== "") return log.last(log.state.lastSeq, filterOf([wireFromText(last)]), into);
  if (start !== undefined) {
    const { ms, ns } = parseTimestamp(start) as { ms: number; ns: number };
    const filter = next === "" ? null : filterOf([wireFromText(next)]);
    return log.next(log.seqAtTime(ms, ns), log.state.lastSeq, filter, into);
  }
  if (next !== "") return log.next(seq, log.state.lastSeq, filterOf([wireFromText(next)]), into);
  return log.read(seq, into);
}

function remove(request: ApiRequest): object {
  if (hasEmptyBody(request)) throw apiError("badRequest");
  const { seq = 0 } = decodeBody(request, deleteRequest) as { seq?: number };
  const stream = streamOf(request, 3);
  if (stream.config.sealed) throw apiError("streamSealed");
  if (stream.config.deny_delete)
    throw apiError("streamMsgDeleteFailed", { err: "message delete not permitted" });
  const { firstSeq, lastSeq } = stream.log.state;
  // What nats-server keeps in memory knows neither of the two.
  const isFile = stream.log.kind === "file";
  if (isFile && seq > lastSeq) throw apiError("streamMsgDeleteFailed", { err: "stream store EOF" });
  if (isFile && (seq === 0 || seq < firstSeq))
    throw apiError("streamMsgDeleteFailed", { err: "no message found" });
  if (!stream.messages.remove(seq)) throw apiError("sequenceNotFound", { seq });
  return { success: true };
}
