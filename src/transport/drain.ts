/** Waiting for receivers that are behind: for publishers that are held back, and for what the broker sends by itself. */
import type { Clock } from "../base/clock.ts";
import type { FlushPass, PassOutput } from "./flush-pass.ts";

/** The longest wait in one go, however many wait before it for a receiver that does take. */
const waitMsMax = 1_000;
/** How often it is looked whether the receiver still takes anything. */
const checkMs = 50;

/** A receiver above its high-water mark that still takes data, so that waiting for it makes sense. */
export function slowReceiver({ outboundsAboveMark }: FlushPass): PassOutput | null {
  for (const outbound of outboundsAboveMark)
    if (outbound.isAboveHighWaterMark && !outbound.closed && outbound.makesProgress) return outbound;
  return null;
}

/**
 * Calls `onEnd` once: when it is one's turn with the receiver ({@link PassOutput.onDrain}), when that takes nothing any
 * more, or after a while.
 * @returns to call it off
 */
export function awaitDrain(receiver: PassOutput, clock: Clock, onEnd: () => void): () => void {
  const untilMs = clock.nowMs() + waitMsMax;
  const cancel = (): void => {
    deadline.cancel();
    receiver.forgetDrain(end);
  };
  const end = (): void => {
    cancel();
    onEnd();
  };
  const check = (): void => {
    if (!receiver.makesProgress || clock.nowMs() >= untilMs) end();
    else deadline = clock.after(checkMs, check);
  };
  let deadline = clock.after(checkMs, check);
  receiver.onDrain(end);
  return cancel;
}

/** For whoever sends much by itself: whether those who get it keep up. Used at the end of a pass, or in one of its own. */
export class Receivers {
  readonly #pass: FlushPass;
  readonly #clock: Clock;

  constructor(pass: FlushPass, clock: Clock) {
    this.#pass = pass;
    this.#clock = clock;
  }

  /** From now on {@link areAboveHighWaterMark} is about those who are sent something. */
  watch(): void {
    this.#pass.outboundsAboveMark.clear();
  }

  get areAboveHighWaterMark(): boolean {
    return this.#pass.outboundsAboveMark.size > 0;
  }

  /**
   * Runs `work` in a pass when one of the receivers above the mark has taken something, or when there is none that it makes
   * sense to wait for: who takes nothing is cut when he is full.
   * @returns to call it off
   */
  onDrain(work: () => void): () => void {
    const receiver = slowReceiver(this.#pass);
    // A receiver that is still above its mark is noted again with what it is sent next.
    this.watch();
    const end = (): void => this.#pass.defer(work);
    if (receiver !== null) return awaitDrain(receiver, this.#clock, end);
    const soon = this.#clock.soon(end);
    return () => soon.cancel();
  }
}
