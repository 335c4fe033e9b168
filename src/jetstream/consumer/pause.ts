/** A consumer that is paused delivers nothing until its time has come. */
import type { Deadline } from "../../base/clock.ts";
import { formatTimestamp, parseTimestamp, type Timestamp } from "../../base/timestamp.ts";
import type { ConsumerConfig } from "./config/consumer-config.ts";
import { consumerMetadata } from "../metadata.ts";
import type { PassScheduler } from "../host.ts";

export class Pause {
  readonly #scheduler: PassScheduler;
  readonly #onOver: () => void;
  #end: Deadline | null = null;

  /** @param onOver called as a pass when its time has come */
  constructor(scheduler: PassScheduler, onOver: () => void) {
    this.#scheduler = scheduler;
    this.#onOver = onOver;
  }

  get isOn(): boolean {
    return this.#end !== null;
  }

  /** Takes up what the configuration says. */
  apply({ pause_until: untilText }: ConsumerConfig): void {
    this.stop();
    const until = parseTimestamp(untilText ?? "");
    const leftMs = until === null ? 0 : until.ms + until.ns / 1_000_000 - this.#scheduler.clock.wallMs();
    if (leftMs <= 0) return;
    this.#end = this.#scheduler.after(leftMs, () => {
      this.#end = null;
      this.#onOver();
    });
  }

  stop(): void {
    this.#end?.cancel();
    this.#end = null;
  }
}

/** The configuration with another pause, or with none. */
export function pausedUntil(config: ConsumerConfig, until: Timestamp | null): ConsumerConfig {
  const { pause_until: _, ...rest } = config;
  const changed = until === null ? rest : { ...rest, pause_until: formatTimestamp(until.ms, until.ns) };
  return { ...changed, metadata: consumerMetadata(changed) };
}
