/** How fast messages may go: at a rate that is set, or at the pace at which they were stored. */
import type { Deadline } from "../../../base/clock.ts";
import { nsPerMs } from "../../../base/duration.ts";
import type { StoredMessage } from "../../../store/contract.ts";
import type { PassScheduler } from "../../host.ts";

/** Gaps that are smaller are not kept. */
const gapMsMin = 1;
/** Deadlines are sums of fractions. */
const slackMs = 0.01;
const burstBytesDefault = 1024 * 1024;

export class RateLimiter {
  /** The rate that the configuration sets; 0: none. */
  bitsPerSecond = 0;
  readonly #scheduler: PassScheduler;
  readonly #burstBytes: () => number;
  readonly #onDue: () => void;
  #deadline: Deadline | null = null;
  /** When all that was sent has gone at the rate set. */
  #spentMs = -Infinity;
  /** Up to here messages go at the pace they came; 0: at once. */
  #replayThroughSeq: number;
  #lastStoredMs = 0;
  #lastSentMs = 0;

  /**
   * @param replayThroughSeq up to here messages go at the pace they came; 0: all at once
   * @param burstBytes how much may be saved up, of what was not sent; 0 or less: a megabyte
   * @param onDue called as a pass when a message that had to wait may go
   */
  constructor(
    scheduler: PassScheduler,
    replayThroughSeq: number,
    burstBytes: () => number,
    onDue: () => void,
  ) {
    this.#scheduler = scheduler;
    this.#replayThroughSeq = replayThroughSeq;
    this.#burstBytes = burstBytes;
    this.#onDue = onDue;
  }

  get isWaiting(): boolean {
    return this.#deadline !== null;
  }

  /** Whether messages may have to wait at all; else nothing here needs to know of them. */
  get isOn(): boolean {
    return this.#replayThroughSeq > 0 || this.bitsPerSecond > 0;
  }

  /** Whether `message` has to wait; it is asked for again when its time has come. */
  mustWait(sizeBytes: number, message: StoredMessage): boolean {
    const { bitsPerSecond } = this;
    const storedMs = storedMsOf(message);
    const nowMs = this.#scheduler.clock.nowMs();
    const gapMs = storedMs - this.#lastStoredMs;
    const isReplay = this.#replayThroughSeq > 0 && this.#lastStoredMs > 0 && gapMs > gapMsMin;
    const goneMs = bitsPerSecond === 0 ? -Infinity : this.#goneMs(sizeBytes, bitsPerSecond, nowMs);
    const dueMs = isReplay ? Math.max(goneMs, this.#lastSentMs + gapMs) : goneMs;
    if (dueMs - nowMs < slackMs) return false;
    this.#deadline = this.#scheduler.after(dueMs - nowMs, () => {
      this.#deadline = null;
      this.#onDue();
    });
    return true;
  }

  sent(sizeBytes: number, message: StoredMessage, nowMs: number): void {
    this.#lastSentMs = nowMs;
    this.#lastStoredMs = storedMsOf(message);
    const { bitsPerSecond } = this;
    if (bitsPerSecond > 0) this.#spentMs = this.#goneMs(sizeBytes, bitsPerSecond, nowMs);
  }

  /** @param nextSeq nothing before it is left to deliver */
  onEnd(nextSeq: number): void {
    if (nextSeq > this.#replayThroughSeq) this.#replayThroughSeq = 0;
  }

  stop(): void {
    this.#deadline?.cancel();
    this.#deadline = null;
  }

  /** When so much more will have gone. What was not sent is saved up, for one message of the largest size and no more. */
  #goneMs(sizeBytes: number, bitsPerSecond: number, nowMs: number): number {
    const msPerByte = 8_000 / bitsPerSecond;
    const burstBytes = this.#burstBytes();
    const savedMs = (burstBytes > 0 ? burstBytes : burstBytesDefault) * msPerByte;
    return Math.max(this.#spentMs, nowMs - savedMs) + Math.min(sizeBytes * msPerByte, savedMs);
  }
}

function storedMsOf({ timeMs, timeNs }: StoredMessage): number {
  return timeMs + timeNs / nsPerMs;
}
