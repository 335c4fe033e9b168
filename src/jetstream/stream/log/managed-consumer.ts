/** A consumer as the API handles it, and as streams keep it. */
import type { Timestamp } from "../../../base/timestamp.ts";
import type { StreamConsumer } from "./stream-consumer.ts";
import type { ConsumerConfig } from "../../consumer/config/consumer-config.ts";

export interface ManagedConsumer extends StreamConsumer {
  /** As CONSUMER.INFO shows it, in nats-server's order of fields; `config.metadata` without the levels that answers get. */
  info(): ConsumerInfo;
  /** Its configuration and how far it has come, for a snapshot. */
  saved(): object;
  /** Null resumes. Told is only that it is done: the advisory is the consumer's. */
  pause(until: Timestamp | null): void;
  /** The group is one of its own. Publishes the advisory with reason `admin`. */
  unpin(group: string): void;
  /** @param seq 0 when none was given @returns the stream sequence that it goes on from @throws ApiError (10204) */
  reset(seq: number): number;
}

export interface ConsumerInfo {
  readonly stream_name: string;
  readonly name: string;
  readonly created: string;
  readonly config: ConsumerConfig;
  readonly [field: string]: unknown;
}
