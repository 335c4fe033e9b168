/**
 * Ids of messages seen within the duplicate window, with the sequences that they got. Kept in memory, and filled from
 * the log when the first one is asked for: a broker may have many thousand streams, and most of them no ids. Purging and
 * deleting do not clear them.
 */
import { nsPerMs } from "../../../base/duration.ts";
import type { Deadline } from "../../../base/clock.ts";
import type { Stream } from "../stream.ts";

export class Duplicates {
  readonly #stream: Stream;
  readonly #seqs = new Map<string, number>();
  /** In the order of their coming, from `#first` on; an id that came twice, after it had left, stands here twice. */
  #ids: string[] = [];
  #times: number[] = [];
  #first = 0;
  #windowMs = 0;
  #isLoaded = false;
  #deadline: Deadline | null = null;
  readonly #onDeadline = (): void => this.#forgetOld();

  constructor(stream: Stream) {
    this.#stream = stream;
    this.#windowMs = windowMsOf(stream);
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

  note(id: string, seq: number, atMs: number): void {
    if (this.#windowMs <= 0) return;
    this.#load();
    this.#add(id, seq, atMs);
  }

  onUpdated(): void {
    const windowMs = windowMsOf(this.#stream);
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
    const sinceMs = this.#stream.host.clock.wallMs() - this.#windowMs;
    for (const { id, seq, atMs } of this.#stream.log.messageIds(sinceMs)) this.#add(id, seq, atMs);
  }

  #add(id: string, seq: number, atMs: number): void {
    this.#seqs.set(id, seq);
    this.#ids.push(id);
    this.#times.push(atMs);
    this.#deadline ??= this.#stream.host.after(this.#windowMs, this.#onDeadline);
  }

  #forgetOld(): void {
    this.#deadline = null;
    this.#expire();
    const { host } = this.#stream;
    const nowMs = host.clock.wallMs();
    this.#stream.log.forgetMessageIds(nowMs - this.#windowMs);
    if (this.#first >= this.#ids.length) return;
    const dueMs = (this.#times[this.#first] as number) + this.#windowMs;
    this.#deadline = host.after(Math.max(deadlineMsMin, dueMs - nowMs), this.#onDeadline);
  }

  #expire(): void {
    const beforeMs = this.#stream.host.clock.wallMs() - this.#windowMs;
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

function windowMsOf({ config }: Stream): number {
  return (config.duplicate_window ?? 0) / nsPerMs;
}
