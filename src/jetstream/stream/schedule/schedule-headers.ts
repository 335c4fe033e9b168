/** The `Nats-Schedule*` headers of a published message, and what may stand in them. Source: ADR-51. */
import { isReservedDestination } from "../../../subjects/reserved.ts";
import { collides, isValidLiteralSubject, isValidSubject, wireFromText } from "../../../subjects/subject.ts";
import { headerValue } from "../../../protocol/headers.ts";
import type { MessageLog, StoredMessage } from "../../../store/contract.ts";
import type { ApiError } from "../../api-error.ts";
import type { InboundMessage } from "../message/inbound-message.ts";
import { parseMessageTtl } from "../message/message-ttl.ts";
import { field, type MessageHeaders } from "../message/message-headers.ts";
import { refusals } from "../message/refusals.ts";
import type { StreamConfig } from "../config/stream-config.ts";
import { type Due, nextDue } from "./pattern.ts";
import { TimeZone } from "./zone.ts";

/** What `Nats-Schedule-Next` says in place of a time when the schedule is to go. */
export const nextIsPurge = "purge";

export function hasScheduleHeaders({ headers }: InboundMessage): boolean {
  return (
    headers.has(field.schedule) ||
    headers.has(field.scheduleTimeZone) ||
    headers.has(field.scheduleNext) ||
    headers.has(field.scheduler)
  );
}

/** @returns when it is due; null when it is no schedule; or what is wrong with it */
export function dueOf(headers: MessageHeaders, fromMs: number, nowMs: number): Due | null | ApiError {
  let zone: TimeZone | null = null;
  if (headers.has(field.scheduleTimeZone)) {
    zone = TimeZone.named(headers.text(field.scheduleTimeZone));
    if (zone === null) return refusals.scheduleTimeZone;
  }
  const pattern = headers.text(field.schedule);
  if (pattern === "") return null;
  return nextDue(pattern, zone, fromMs, nowMs) ?? refusals.schedulePattern;
}

export function isDue(value: Due | null | ApiError): value is Due {
  return value !== null && "atMs" in value;
}

/** Of the subject of a schedule: the headers of its message; undefined when there is none. */
export type ScheduleLookup = (subject: string) => boolean | undefined;

/**
 * Checks a message that may be a schedule, or may end one. Adds the rollup that makes it the only one of its subject.
 *
 * @param isSchedule whether the last message of a subject is one; undefined when there is none
 */
export function checkSchedule(
  inbound: InboundMessage,
  config: StreamConfig,
  nowMs: number,
  isSchedule: ScheduleLookup,
): ApiError | null {
  if (inbound.isSourced) return null;
  const due = dueOf(inbound.headers, nowMs, nowMs);
  if (due !== null) {
    if (config.allow_msg_schedules !== true) return refusals.schedulesDisabled;
    const refusal = isDue(due) ? checkTarget(inbound, config) : due;
    if (refusal !== null) return refusal;
    const rollup = inbound.headers.text(field.rollup);
    if (rollup === "") inbound.addHeader("Nats-Rollup", "sub");
    else if (rollup.toLowerCase() !== "sub") return refusals.scheduleRollup;
  }
  return checkScheduler(inbound, config, isSchedule);
}

/** Whether the last message of `subject` is a schedule. */
export function isScheduleIn(log: MessageLog, subject: string, into: StoredMessage): boolean | undefined {
  const last = log.subject(subject);
  if (last === null || !log.read(last.lastSeq, into)) return undefined;
  const { headers } = into;
  return headers !== null && (headerValue(headers, "Nats-Schedule") ?? "") !== "";
}

function checkTarget({ headers, subject }: InboundMessage, config: StreamConfig): ApiError | null {
  const ttl = headers.text(field.scheduleTtl);
  if (parseMessageTtl(ttl) === null) return refusals.scheduleTtl;
  const rollup = headers.text(field.scheduleRollup);
  if (rollup !== "" && rollup !== "sub") return refusals.scheduleRollup;
  if (ttl !== "" && !config.allow_msg_ttl) return refusals.ttlDisabled;
  const target = headers.text(field.scheduleTarget);
  if (!isPublishable(target) || target === subject) return refusals.scheduleTarget;
  const source = headers.text(field.scheduleSource);
  if (source !== "" && (source === target || source === subject || !isPublishable(source)))
    return refusals.scheduleSource;
  if (!isOfStream(target, config)) return refusals.scheduleTarget;
  return source === "" || isOfStream(source, config) ? null : refusals.scheduleSource;
}

function checkScheduler(
  { headers, subject }: InboundMessage,
  config: StreamConfig,
  isSchedule: ScheduleLookup,
): ApiError | null {
  if (!headers.hasValue(field.scheduleNext))
    return headers.hasValue(field.scheduler) ? refusals.scheduler : null;
  if (headers.text(field.scheduleNext) !== nextIsPurge) return refusals.scheduler;
  const scheduler = headers.text(field.scheduler);
  if (!isPublishable(scheduler) || scheduler === subject) return refusals.scheduler;
  if (config.allow_msg_schedules !== true) return refusals.schedulesDisabled;
  // One that is gone already may be ended once more.
  return isSchedule(scheduler) === false ? refusals.scheduler : null;
}

function isPublishable(subject: string): boolean {
  return isValidSubject(subject) && isValidLiteralSubject(subject) && !isReservedDestination(subject);
}

function isOfStream(subject: string, config: StreamConfig): boolean {
  return (config.subjects ?? []).some((pattern) => collides(wireFromText(pattern), subject));
}
