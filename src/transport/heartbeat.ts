/**
 * Notices a peer that is gone without having said so: pings it when it is idle, and gives up after a few pings. Idle is
 * who publishes nothing, subscribes to nothing and sends no PING; that it answers ours does not put off the next one.
 * Source: nats-server `processPingTimer`.
 */
import type { Clock, Deadline } from "../base/clock.ts";

export interface HeartbeatOptions {
  readonly intervalMs: number;
  /** Unanswered pings after which the peer counts as gone. */
  readonly outstandingMax: number;
  /** The first ping comes after this at the latest, to learn the round-trip time. */
  readonly firstMsMax: number;
}

/** Added to the first wait at most, so that a thousand reconnects do not ping at once. */
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
  #lastActiveMs: number;
  /** Pings whether the peer is idle or not. */
  #isConstant = false;
  #pingSentMs = 0;
  #rttTakenMs = -Infinity;
  /** Told when the peer has answered, or is gone; null while nobody waits. */
  #answered: (() => void) | null = null;
  /** Milliseconds; null until the first answer. */
  rttMs: number | null = null;
  /** When the peer last published or changed its subscriptions, at first when it came; wall clock. */
  lastActivityMs: number;

  constructor(clock: Clock, options: HeartbeatOptions, ping: () => void, stale: () => void) {
    this.#clock = clock;
    this.#options = options;
    this.#ping = ping;
    this.#stale = stale;
    this.#lastActiveMs = clock.nowMs();
    this.lastActivityMs = clock.wallMs();
  }

  /**
   * @param random in [0, 1)
   * @param isConstant whether a busy peer is pinged too, as the hub of a leaf node is
   */
  start(random: number, isConstant = false): void {
    this.#isConstant = isConstant;
    const { intervalMs, firstMsMax } = this.#options;
    const delayMs = Math.min(firstMsMax, intervalMs) * (1 + firstPingSpread * random);
    this.#deadline?.cancel();
    this.#deadline = this.#clock.after(delayMs, () => this.#tick());
  }

  /** The peer has published, or changed its subscriptions. */
  active(): void {
    this.lastActivityMs = this.#clock.wallMs();
    this.#lastActiveMs = this.#clock.nowMs();
  }

  /** The peer has sent a PING of its own: it is there, but monitoring does not count that as activity. */
  onPing(): void {
    this.#lastActiveMs = this.#clock.nowMs();
  }

  onPong(): void {
    const nowMs = this.#clock.nowMs();
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
    const isIdle = nowMs - this.#lastActiveMs >= this.#options.intervalMs;
    const rttKnown = nowMs - this.#rttTakenMs < rttAgeMsMax;
    if (isIdle || this.#isConstant || !rttKnown) {
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
