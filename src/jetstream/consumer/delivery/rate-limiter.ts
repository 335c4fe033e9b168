/** How fast messages may go: at a rate that is set, or at the pace at which they were stored. */
import type { Deadline } from "../../../base/clock.ts";
import { nsPerMs } from "../../../base/duration.ts";
import type { StoredMessage } from "../../../store/contract.ts";
import type { Consumer } from "../consumer.ts";

/** Gaps that are smaller are not kept. */
const gapMsMin = 1;
/** Deadlines are sums of fractions. */
const slackMs = 0.01;
const burstBytesDefault = 1024 * 1024;

export class RateLimiter {
  readonly #consumer: Consumer;
  #deadline: Deadline | null = null;
  /** When all that was sent has gone at the rate set. */
  #spentMs = -Infinity;
  /** Up to here messages go at the pace they came; 0: at once. */
  #replayThroughSeq: number;
  #lastStoredMs = 0;
  #lastSentMs = 0;

  constructor(consumer: Consumer) {
    this.#consumer = consumer;
    const { config, stream } = consumer;
    this.#replayThroughSeq = config.replay_policy === "original" ? stream.log.state.lastSeq : 0;
  }

  get isWaiting(): boolean {
    return this.#deadline !== null;
  }

  /** Whether messages may have to wait at all; else nothing here needs to know of them. */
  get isOn(): boolean {
    return this.#replayThroughSeq > 0 || this.#bitsPerSecond > 0;
  }

  /** Whether `message` has to wait; it is asked for again when its time has come. */
  mustWait(sizeBytes: number, message: StoredMessage): boolean {
    const bitsPerSecond = this.#bitsPerSecond;
    const storedMs = storedMsOf(message);
    const nowMs = this.#consumer.nowMs();
    const gapMs = storedMs - this.#lastStoredMs;
    const isReplay = this.#replayThroughSeq > 0 && this.#lastStoredMs > 0 && gapMs > gapMsMin;
    const goneMs = bitsPerSecond === 0 ? -Infinity : this.#goneMs(sizeBytes, bitsPerSecond, nowMs);
    const dueMs = isReplay ? Math.max(goneMs, this.#lastSentMs + gapMs) : goneMs;
    if (dueMs - nowMs < slackMs) return false;
    this.#deadline = this.#consumer.host.after(dueMs - nowMs, () => {
      this.#deadline = null;
      this.#consumer.wake();
    });
    return true;
  }

  sent(sizeBytes: number, message: StoredMessage, nowMs: number): void {
    this.#lastSentMs = nowMs;
    this.#lastStoredMs = storedMsOf(message);
    const bitsPerSecond = this.#bitsPerSecond;
    if (bitsPerSecond > 0) this.#spentMs = this.#goneMs(sizeBytes, bitsPerSecond, nowMs);
  }

  onEnd(): void {
    if (this.#consumer.state.nextSeq > this.#replayThroughSeq) this.#replayThroughSeq = 0;
  }

  stop(): void {
    this.#deadline?.cancel();
    this.#deadline = null;
  }

  get #bitsPerSecond(): number {
    return this.#consumer.config.rate_limit_bps ?? 0;
  }

  /** When so much more will have gone. What was not sent is saved up, for one message of the largest size and no more. */
  #goneMs(sizeBytes: number, bitsPerSecond: number, nowMs: number): number {
    const msPerByte = 8_000 / bitsPerSecond;
    const savedMs = this.#burstBytes() * msPerByte;
    return Math.max(this.#spentMs, nowMs - savedMs) + Math.min(sizeBytes * msPerByte, savedMs);
  }

  #burstBytes(): number {
    const { stream, account } = this.#consumer;
    const most = stream.config.max_msg_size ?? -1;
    if (most > 0) return most;
    return account.limits.maxPayloadBytes > 0 ? account.limits.maxPayloadBytes : burstBytesDefault;
  }
}

function storedMsOf({ timeMs, timeNs }: StoredMessage): number {
  return timeMs + timeNs / nsPerMs;
}
