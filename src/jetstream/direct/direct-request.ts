/** The body of a direct get, as clients send it. Unknown fields are passed over. */
import { JsonFieldError, JsonFields } from "../../base/json-fields.ts";
import { parseTimestamp, type Timestamp } from "../../base/timestamp.ts";
import { wireFromText } from "../../subjects/subject.ts";

/** What was not asked for is 0, "", empty or null. Subjects are wire strings. */
export interface DirectRequest {
  readonly seq: number;
  readonly lastFor: string;
  readonly nextFor: string;
  readonly multiLast: readonly string[];
  readonly batch: number;
  readonly maxBytes: number;
  readonly startTime: Timestamp | null;
  readonly upToSeq: number;
  readonly upToTime: Timestamp | null;
  readonly noHeaders: boolean;
}

/** Asks for nothing. */
export const emptyRequest: DirectRequest = {
  seq: 0,
  lastFor: "",
  nextFor: "",
  multiLast: [],
  batch: 0,
  maxBytes: 0,
  startTime: null,
  upToSeq: 0,
  upToTime: null,
  noHeaders: false,
};

/** @returns null when it is not JSON, or a field is of another kind */
export function parseDirectRequest(body: string): DirectRequest | null {
  try {
    return readRequest(JsonFields.parse(body));
  } catch (error) {
    if (error instanceof JsonFieldError) return null;
    throw error;
  }
}

function readRequest(fields: JsonFields): DirectRequest {
  return {
    seq: unsigned(fields, "seq"),
    lastFor: wireFromText(fields.text("last_by_subj")),
    nextFor: wireFromText(fields.text("next_by_subj")),
    multiLast: (fields.texts("multi_last") ?? []).map(wireFromText),
    batch: fields.integer("batch"),
    maxBytes: fields.integer("max_bytes"),
    startTime: time(fields, "start_time"),
    upToSeq: unsigned(fields, "up_to_seq"),
    upToTime: time(fields, "up_to_time"),
    noHeaders: fields.flag("no_hdr"),
  };
}

function unsigned(fields: JsonFields, name: string): number {
  const value = fields.integer(name);
  if (value < 0) throw new JsonFieldError(`${name} must not be negative`);
  return value;
}

function time(fields: JsonFields, name: string): Timestamp | null {
  if (!fields.has(name)) return null;
  const value = parseTimestamp(fields.text(name));
  if (value === null) throw new JsonFieldError(`${name} must be a time`);
  return value;
}

/** Whether it says which message it wants. */
export function hasSelector({ seq, lastFor, nextFor, multiLast, startTime }: DirectRequest): boolean {
  return seq > 0 || lastFor !== "" || nextFor !== "" || multiLast.length > 0 || startTime !== null;
}

export function isContradictory(request: DirectRequest): boolean {
  const { seq, lastFor, nextFor, multiLast, startTime } = request;
  if (startTime !== null && (seq > 0 || lastFor !== "")) return true;
  if (nextFor !== "" && multiLast.length > 0) return true;
  if (request.upToSeq > 0 && request.upToTime !== null) return true;
  return lastFor !== "" && (seq > 0 || nextFor !== "" || request.batch > 0 || multiLast.length > 0);
}
