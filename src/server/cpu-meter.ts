/** How busy this process has been since it was last asked. */
import type { Clock } from "../base/clock.ts";

export class CpuMeter {
  readonly #clock: Clock;
  #busyMicros: number;
  #askedMs: number;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#busyMicros = busyMicros();
    this.#askedMs = clock.nowMs();
  }

  /** Percent of one core, so more than 100 when several are busy. */
  percent(): number {
    const busy = busyMicros();
    const nowMs = this.#clock.nowMs();
    const spanMicros = (nowMs - this.#askedMs) * 1_000;
    const percent = spanMicros > 0 ? ((busy - this.#busyMicros) / spanMicros) * 100 : 0;
    this.#busyMicros = busy;
    this.#askedMs = nowMs;
    return Math.round(percent * 10) / 10;
  }
}

function busyMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}
