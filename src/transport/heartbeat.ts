/** Notices a peer that is gone without having said so: pings it when it is silent, and gives up after a few pings. */
import type { Clock, Deadline } from "../base/clock.ts";

export interface HeartbeatOptions {
  readonly intervalMs: number;
  /** Unanswered pings after which the peer counts as gone. */
  readonly outstandingMax: number;
}

/** The first ping comes soon, to learn the round-trip time; spread, so that a thousand reconnects do not ping at once. */
const firstPingMs = 2_000;
const firstPingSpread = 0.2;
/** A round-trip time older than this is measured anew even if the peer is busy. */
const rttAgeMsMax = 3_600_000;

export class Heartbeat {
  readonly #clock: Clock;
  readonly #ping: () => void;
  readonly #stale: () => void;
  #options: HeartbeatOptions;
  #deadline: Deadline | null = null;
  #outstanding = 0;
  #lastHeardMs: number;
  #pingSentMs = 0;
  #rttTakenMs = -Infinity;
  /** Told when the peer has answered, or is gone; null while nobody waits. */
  #answered: (() => void) | null = null;
  /** Milliseconds; null until the first answer. */
  rttMs: number | null = null;

  constructor(clock: Clock, options: HeartbeatOptions, ping: () => void, stale: () => void) {
    this.#clock = clock;
    this.#options = options;
    this.#ping = ping;
    this.#stale = stale;
    this.#lastHeardMs = clock.nowMs();
  }

  start(random: number): void {
    const delayMs = Math.min(firstPingMs * (1 + firstPingSpread * random), this.#options.intervalMs);
    this.#deadline?.cancel();
    this.#deadline = this.#clock.after(delayMs, () => this.#tick());
  }

  /** The peer has sent data or a ping of its own. */
  heard(nowMs: number): void {
    this.#lastHeardMs = nowMs;
  }

  onPong(): void {
    const nowMs = this.#clock.nowMs();
    this.#lastHeardMs = nowMs;
    if (this.#outstanding > 0) {
      this.rttMs = nowMs - this.#pingSentMs;
      this.#rttTakenMs = nowMs;
    }
    this.#outstanding = 0;
    this.#answered?.();
    this.#answered = null;
  }

  /** Pings now, whatever the interval, to measure the round trip. */
  measure(): void {
    if (this.#outstanding === 0) this.#sendPing();
  }

  setOptions(options: HeartbeatOptions): void {
    this.#options = options;
    if (this.#deadline === null) return;
    this.#deadline.cancel();
    this.#deadline = this.#clock.after(options.intervalMs, () => this.#tick());
  }

  stop(): void {
    this.#deadline?.cancel();
    this.#deadline = null;
    this.#answered?.();
    this.#answered = null;
  }

  #tick(): void {
    this.#deadline = null;
    const nowMs = this.#clock.nowMs();
    const busy = nowMs - this.#lastHeardMs < this.#options.intervalMs;
    const rttKnown = nowMs - this.#rttTakenMs < rttAgeMsMax;
    if (!busy || !rttKnown) {
      if (this.#outstanding + 1 > this.#options.outstandingMax) return this.#stale();
      this.#sendPing();
    }
    this.#deadline = this.#clock.after(this.#options.intervalMs, () => this.#tick());
  }

  #sendPing(): void {
    this.#outstanding++;
    this.#pingSentMs = this.#clock.nowMs();
    this.#ping();
    if (this.#clock.moving && this.#outstanding === 1)
      this.#clock.expect(new Promise((resolve) => (this.#answered = resolve)));
  }
}
