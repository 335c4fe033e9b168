/** The body of a direct get, as clients send it. Unknown fields are passed over. */
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
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    return null;
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) return null;
  const fields = new Fields(value as Readonly<Record<string, unknown>>);
  const request: DirectRequest = {
    seq: fields.integer("seq", 0),
    lastFor: fields.subject("last_by_subj"),
    nextFor: fields.subject("next_by_subj"),
    multiLast: fields.subjects("multi_last"),
    batch: fields.integer("batch"),
    maxBytes: fields.integer("max_bytes"),
    startTime: fields.time("start_time"),
    upToSeq: fields.integer("up_to_seq", 0),
    upToTime: fields.time("up_to_time"),
    noHeaders: fields.flag("no_hdr"),
  };
  return fields.isWrong ? null : request;
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

class Fields {
  isWrong = false;
  readonly #values: Readonly<Record<string, unknown>>;

  constructor(values: Readonly<Record<string, unknown>>) {
    this.#values = values;
  }

  integer(name: string, min = Number.MIN_SAFE_INTEGER): number {
    const value = this.#value(name) ?? 0;
    if (typeof value === "number" && Number.isInteger(value) && value >= min) return value;
    this.isWrong = true;
    return 0;
  }

  subject(name: string): string {
    return wireFromText(this.#text(name));
  }

  subjects(name: string): string[] {
    const value = this.#value(name) ?? [];
    if (Array.isArray(value) && value.every((each) => typeof each === "string"))
      return value.map(wireFromText);
    this.isWrong = true;
    return [];
  }

  time(name: string): Timestamp | null {
    if ((this.#value(name) ?? null) === null) return null;
    const time = parseTimestamp(this.#text(name));
    if (time === null) this.isWrong = true;
    return time;
  }

  flag(name: string): boolean {
    const value = this.#value(name) ?? false;
    if (typeof value !== "boolean") this.isWrong = true;
    return value === true;
  }

  #text(name: string): string {
    const value = this.#value(name) ?? "";
    if (typeof value === "string") return value;
    this.isWrong = true;
    return "";
  }

  #value(name: string): unknown {
    return Object.hasOwn(this.#values, name) ? this.#values[name] : undefined;
  }
}
