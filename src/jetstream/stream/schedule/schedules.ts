/** Sends what schedules ask for when they are due. Source: nats-server `getScheduledMessages`, ADR-51. */
import type { Deadline } from "../../../base/clock.ts";
import { formatTimestamp } from "../../../base/timestamp.ts";
import { type MessageDeadline, type MessageLog, StoredMessage } from "../../../store/contract.ts";
import { addField, dropField, dropFields } from "../message/header-block.ts";
import { field, MessageHeaders } from "../message/message-headers.ts";
import type { PassScheduler } from "../../host.ts";
import type { CurrentConfig } from "../config/stream-config.ts";
import type { Due } from "./pattern.ts";
import { dueOf, isDue, nextIsPurge } from "./schedule-headers.ts";

const runCountMax = 1_000;
/** A timer may be early by a fraction of a millisecond. */
const earlyMsMax = 0.5;

/** Stores what a schedule sends. Subject and headers are wire strings and bytes as they are to be stored. */
export type SendScheduled = (subject: string, headers: Uint8Array, payload: Buffer) => void;

export class Schedules {
  readonly #log: MessageLog;
  readonly #current: CurrentConfig;
  readonly #scheduler: PassScheduler;
  readonly #send: SendScheduled;
  readonly #stored = new StoredMessage();
  #deadline: Deadline | null = null;
  #dueMs = Infinity;
  readonly #onDeadline = (): void => this.#run();

  constructor(log: MessageLog, current: CurrentConfig, scheduler: PassScheduler, send: SendScheduled) {
    this.#log = log;
    this.#current = current;
    this.#scheduler = scheduler;
    this.#send = send;
  }

  /** Begins, or goes on with another configuration. */
  start(): void {
    this.close();
    if (this.#current.config.allow_msg_schedules === true) this.#armAt(this.#log.nextDeadlineMs("wakes"));
  }

  close(): void {
    this.#deadline?.cancel();
    this.#deadline = null;
    this.#dueMs = Infinity;
  }

  onStored(wakesMs: number): void {
    if (wakesMs < this.#dueMs) this.#armAt(wakesMs);
  }

  #run(): void {
    this.close();
    const log = this.#log;
    const nowMs = this.#scheduler.clock.wallMs();
    const due: MessageDeadline[] = [];
    for (const deadline of log.deadlines("wakes", nowMs + earlyMsMax)) {
      due.push(deadline);
      if (due.length === runCountMax) break;
    }
    due.sort((a, b) => a.seq - b.seq);
    for (const deadline of due) {
      log.removeDeadline(deadline);
      this.#fire(deadline, nowMs);
    }
    this.#armAt(log.nextDeadlineMs("wakes"));
  }

  #fire({ seq, atMs }: MessageDeadline, nowMs: number): void {
    const log = this.#log;
    const stored = this.#stored;
    if (!log.read(seq, stored) || stored.headerBytes === 0) return;
    const { subject } = stored;
    if (!this.#isCurrent(subject, seq)) return;
    const headers = new MessageHeaders();
    headers.scan(stored.bytes, stored.bodyStart, stored.bodyStart + stored.headerBytes);
    // What is due by now counts from when it was due, so that it keeps to its pace.
    const next = headers.hasValue(field.schedule) ? dueOf(headers, atMs, nowMs) : null;
    const target = headers.text(field.scheduleTarget);
    if (!isDue(next) || target === "") return;
    const source = headers.text(field.scheduleSource);
    const added = addedFields(headers, subject, next);
    const last = source === "" ? null : log.subject(source);
    if (last !== null) log.read(last.lastSeq, stored);
    this.#send(target, headersOf(stored.headers, added), stored.payload);
    if (next.repeats && log.read(seq, stored)) log.addDeadline({ kind: "wakes", seq, atMs: next.atMs });
  }

  /** Whether no other message has taken its place; what a schedule has sent does not. */
  #isCurrent(subject: string, seq: number): boolean {
    const log = this.#log;
    const last = log.subject(subject);
    if (last === null || last.lastSeq === seq) return true;
    const stored = new StoredMessage();
    if (!log.read(last.lastSeq, stored) || stored.headerBytes === 0) return false;
    const headers = new MessageHeaders();
    headers.scan(stored.bytes, stored.bodyStart, stored.bodyStart + stored.headerBytes);
    return headers.hasValue(field.scheduler);
  }

  #armAt(dueMs: number): void {
    this.#deadline?.cancel();
    this.#deadline = null;
    this.#dueMs = dueMs;
    if (dueMs === Infinity) return;
    const { clock } = this.#scheduler;
    this.#deadline = this.#scheduler.after(Math.max(0, dueMs - clock.wallMs()), this.#onDeadline);
  }
}

type Fields = readonly (readonly [name: string, value: string])[];

function addedFields(headers: MessageHeaders, subject: string, next: Due): Fields {
  const nextText = next.repeats ? formatTimestamp(next.atMs, next.atNs) : nextIsPurge;
  const added: [string, string][] = [
    ["Nats-Scheduler", subject],
    ["Nats-Schedule-Next", nextText],
  ];
  if (headers.hasValue(field.scheduleTtl)) added.push(["Nats-TTL", headers.text(field.scheduleTtl)]);
  if (headers.hasValue(field.scheduleRollup)) added.push(["Nats-Rollup", headers.text(field.scheduleRollup)]);
  return added;
}

/** Without what is of the schedule or would keep the message from being stored again. */
function headersOf(block: Uint8Array | null, added: Fields): Uint8Array {
  let headers: Uint8Array | null = block;
  for (const prefix of ["Nats-Schedule", "Nats-Expected-"])
    if (headers !== null) headers = dropFields(headers, prefix);
  for (const name of ["Nats-Msg-Id", "Nats-TTL", "Nats-Rollup"])
    if (headers !== null) headers = dropField(headers, name);
  for (const [name, value] of added) headers = addField(headers, name, value);
  return headers as Uint8Array;
}
