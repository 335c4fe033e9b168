/** A consumer that is paused delivers nothing until its time has come. */
import type { Deadline } from "../../base/clock.ts";
import { formatTimestamp, parseTimestamp, type Timestamp } from "../../base/timestamp.ts";
import type { ConsumerConfig } from "./config/consumer-config.ts";
import { consumerMetadata } from "../metadata.ts";
import type { Consumer } from "./consumer.ts";

export class Pause {
  readonly #consumer: Consumer;
  #end: Deadline | null = null;

  constructor(consumer: Consumer) {
    this.#consumer = consumer;
  }

  get isOn(): boolean {
    return this.#end !== null;
  }

  /** Takes up what the configuration says. */
  apply(): void {
    this.stop();
    const { config, host, advisories } = this.#consumer;
    const until = parseTimestamp(config.pause_until ?? "");
    const leftMs = until === null ? 0 : until.ms + until.ns / 1_000_000 - host.clock.wallMs();
    if (leftMs <= 0) return;
    this.#end = host.after(leftMs, () => {
      this.#end = null;
      advisories.paused(config.pause_until, host.clock.wallMs());
      this.#consumer.wake();
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
