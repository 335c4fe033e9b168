/**
 * Ids of messages seen within the duplicate window, with the sequences that they got. Kept in memory, and filled from
 * the log when the first one is asked for: a broker may have many thousand streams, and most of them no ids. Purging and
 * deleting do not clear them.
 */
import { nsPerMs } from "../../../base/duration.ts";
import type { Deadline } from "../../../base/clock.ts";
import { headerValue } from "../../../protocol/headers.ts";
import { type MessageLog, StoredMessage } from "../../../store/contract.ts";
import type { PassScheduler } from "../../host.ts";
import type { CurrentConfig, StreamConfig } from "../config/stream-config.ts";

export class Duplicates {
  readonly #log: MessageLog;
  readonly #current: CurrentConfig;
  readonly #scheduler: PassScheduler;
  readonly #seqs = new Map<string, number>();
  /** In the order of their coming, from `#first` on; an id that came twice, after it had left, stands here twice. */
  #ids: string[] = [];
  #times: number[] = [];
  #first = 0;
  #windowMs = 0;
  #isLoaded = false;
  /** Null until it is asked for. */
  #lastId: string | null = null;
  #deadline: Deadline | null = null;
  readonly #onDeadline = (): void => this.#forgetOld();

  constructor(log: MessageLog, current: CurrentConfig, scheduler: PassScheduler) {
    this.#log = log;
    this.#current = current;
    this.#scheduler = scheduler;
    this.#windowMs = windowMsOf(current.config);
  }

  get count(): number {
    this.#load();
    return this.#seqs.size;
  }

  /** @returns 0 when the id has not been seen within the window */
  seqOf(id: string): number {
    this.#load();
    if (this.#seqs.size === 0) return 0;
    this.#expire();
    return this.#seqs.get(id) ?? 0;
  }

  /** Of the message stored last; "" when it had none. Wire string. */
  get lastId(): string {
    if (this.#lastId === null) {
      const stored = new StoredMessage();
      const headers = this.#log.read(this.#log.state.lastSeq, stored) ? stored.headers : null;
      this.#lastId = headers === null ? "" : (headerValue(headers, "Nats-Msg-Id") ?? "");
    }
    return this.#lastId;
  }

  /** A message was stored. @param id null without */
  note(id: string | null, seq: number, atMs: number): void {
    this.#lastId = id ?? "";
    if (id === null || this.#windowMs <= 0) return;
    this.#load();
    this.#add(id, seq, atMs);
  }

  onUpdated(): void {
    const windowMs = windowMsOf(this.#current.config);
    if (windowMs === this.#windowMs) return;
    this.#load();
    this.#windowMs = windowMs;
    this.close();
    this.#forgetOld();
  }

  close(): void {
    this.#deadline?.cancel();
    this.#deadline = null;
  }

  /** Reads what the log has noted. */
  #load(): void {
    if (this.#isLoaded) return;
    this.#isLoaded = true;
    if (this.#windowMs <= 0) return;
    const sinceMs = this.#scheduler.clock.wallMs() - this.#windowMs;
    for (const { id, seq, atMs } of this.#log.messageIds(sinceMs)) this.#add(id, seq, atMs);
  }

  #add(id: string, seq: number, atMs: number): void {
    this.#seqs.set(id, seq);
    this.#ids.push(id);
    this.#times.push(atMs);
    this.#deadline ??= this.#scheduler.after(this.#windowMs, this.#onDeadline);
  }

  #forgetOld(): void {
    this.#deadline = null;
    this.#expire();
    const nowMs = this.#scheduler.clock.wallMs();
    this.#log.forgetMessageIds(nowMs - this.#windowMs);
    if (this.#first >= this.#ids.length) return;
    const dueMs = (this.#times[this.#first] as number) + this.#windowMs;
    this.#deadline = this.#scheduler.after(Math.max(deadlineMsMin, dueMs - nowMs), this.#onDeadline);
  }

  #expire(): void {
    const beforeMs = this.#scheduler.clock.wallMs() - this.#windowMs;
    const times = this.#times;
    let at = this.#first;
    for (; at < times.length && (times[at] as number) <= beforeMs; at++) {
      this.#seqs.delete(this.#ids[at] as string);
    }
    this.#first = at;
    if (at < keptMin || at * 2 < times.length) return;
    this.#ids = this.#ids.slice(at);
    this.#times = times.slice(at);
    this.#first = 0;
  }
}

/** Forgotten ones that are let stand before the rest is moved. */
const keptMin = 1_024;
const deadlineMsMin = 50;

function windowMsOf(config: StreamConfig): number {
  return (config.duplicate_window ?? 0) / nsPerMs;
}
