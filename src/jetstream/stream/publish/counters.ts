/** Counters: subjects whose last message holds a total, to which publishers add. Source: ADR-49. */
import { compareAsBytes } from "../../../base/bytes.ts";
import { encodeJson } from "../../../base/json.ts";
import type { ApiError } from "../../api-error.ts";
import { type MessageLog, StoredMessage } from "../../../store/contract.ts";
import { headerValue } from "../../../protocol/headers.ts";
import type { InboundMessage } from "../message/inbound-message.ts";
import { field } from "../message/message-headers.ts";
import { refusals } from "../message/refusals.ts";

/** By origin stream, then by subject: the last total that came from there, in decimal. */
type CounterSources = Record<string, Record<string, string>>;

export interface CounterTotal {
  readonly total: bigint;
  readonly sources: CounterSources | null;
}

/** Of `Nats-Incr`: null when it is missing, undefined when it is no whole number. */
export function incrementOf({ headers }: InboundMessage): bigint | null | undefined {
  if (!headers.hasValue(field.incr)) return null;
  const text = headers.text(field.incr);
  return /^[+-]?[0-9]+$/.test(text) ? BigInt(text) : undefined;
}

/** The checks of `Nats-Incr` itself; leaves its value in `inbound`. */
export function checkIncrement(inbound: InboundMessage, isCounterStream: boolean): ApiError | null {
  const increment = incrementOf(inbound);
  if (increment === undefined) return refusals.counterInvalid;
  inbound.increment = increment;
  if (increment === null || inbound.isSourced) return null;
  if (!isCounterStream) return refusals.counterDisabled;
  if (inbound.payloadBytes > 0) return refusals.counterPayload;
  for (const position of incompatible) if (inbound.headers.hasValue(position)) return refusals.counterInvalid;
  return null;
}

const incompatible = [
  field.rollup,
  field.expectedStream,
  field.expectedLastMsgId,
  field.expectedLastSubjectSeqSubject,
  field.expectedLastSeq,
  field.expectedLastSubjectSeq,
];

/** What the last message of `subject` says; an error when it cannot be read as a counter. */
export function lastTotal(log: MessageLog, subject: string): CounterTotal | ApiError {
  const last = log.subject(subject);
  const frame = new StoredMessage();
  if (last === null || !log.read(last.lastSeq, frame)) return { total: 0n, sources: null };
  const total = parseTotal(frame.payload);
  const { headers } = frame;
  const listed = headers === null ? null : headerValue(headers, "Nats-Counter-Sources");
  const sources = listed === null || listed === "" ? null : parseSources(listed);
  if (total === null || sources === undefined) return refusals.counterBroken;
  return { total, sources };
}

/**
 * Makes a message that holds the new total of one that holds an increment.
 *
 * @returns what the next increment is to be added to, or why there is none
 */
export function applyIncrement(inbound: InboundMessage, before: CounterTotal): CounterTotal | ApiError {
  let increment = inbound.increment ?? 0n;
  let { sources } = before;
  if (inbound.headers.hasValue(field.streamSource)) {
    const origin = inbound.headers.text(field.streamSource).split(" ");
    const [stream = "", , , , originSubject = inbound.subject] = origin;
    const total = parseTotal(inbound.payload);
    if (total === null) return refusals.counterBroken;
    const previous = parseInteger(sources?.[stream]?.[originSubject] ?? "0");
    sources = { ...sources, [stream]: { ...sources?.[stream], [originSubject]: String(total) } };
    // So that the sum of all increments stays right, whatever was lost on the way.
    increment = total - previous;
    inbound.setHeader("Nats-Incr", String(increment));
  }
  const total = before.total + increment;
  const digits = String(total);
  inbound.counterTotal = digits;
  inbound.replace(inbound.headerBlock, Buffer.from(`{"val":"${digits}"}`, "latin1"));
  if (sources !== null && Object.keys(sources).length > 0)
    inbound.setHeader("Nats-Counter-Sources", formatSources(sources));
  return { total, sources };
}

export function isCounterTotal(value: CounterTotal | ApiError): value is CounterTotal {
  return "total" in value;
}

function parseTotal(payload: Buffer): bigint | null {
  const value = parseObject(payload.toString("utf8"));
  if (value === null) return null;
  const { val = "" } = value as { val?: unknown };
  return typeof val === "string" ? parseInteger(val) : null;
}

function parseInteger(text: string): bigint {
  return /^[+-]?[0-9]+$/.test(text) ? BigInt(text) : 0n;
}

/** @param wire a header's value @returns undefined when it is not what a broker has written */
function parseSources(wire: string): CounterSources | undefined {
  const value = parseObject(Buffer.from(wire, "latin1").toString("utf8"));
  if (value === null) return undefined;
  for (const subjects of Object.values(value)) {
    if (typeof subjects !== "object" || subjects === null) return undefined;
    for (const total of Object.values(subjects)) if (typeof total !== "string") return undefined;
  }
  return value as CounterSources;
}

function formatSources(sources: CounterSources): string {
  const sorted = Object.entries(sources)
    .sort(byKey)
    .map(([stream, subjects]) => [stream, Object.fromEntries(Object.entries(subjects).sort(byKey))]);
  return Buffer.from(encodeJson(Object.fromEntries(sorted), false), "utf8").toString("latin1");
}

function byKey([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number {
  return compareAsBytes(a, b);
}

function parseObject(text: string): object | null {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
