/** What the API's routes ask of consumers: made by `consumer/`, handed in where everything is put together. */
import type { Timestamp } from "../../base/timestamp.ts";
import type { ConsumerConfig } from "./config/consumer-config.ts";
import type { Stream } from "../stream/stream.ts";
import type { StreamConsumer } from "../stream/stream-consumer.ts";

export interface ConsumerApi {
  /**
   * Creates a consumer or updates the one of that name, and puts it into `stream.consumers`. The names in subject and
   * body agree already, and `metadata` holds the level that the configuration requires.
   *
   * @throws ApiError
   */
  create(stream: Stream, request: ConsumerRequest): ManagedConsumer;
  /**
   * Brings one back from a snapshot, whose messages `stream` has already. Called before the stream listens.
   * @throws ApiError where it could not be created so, or its state is not as it should be
   */
  restore(stream: Stream, saved: SavedConsumer): void;
  /** Brings back, at start, those that `stream.store` has records of. Called before the stream listens. */
  load(stream: Stream): void;
}

export interface ConsumerRequest {
  /** As decoded: enumerations are valid or missing, nothing is defaulted or checked yet; `name` is "" for one to be invented. */
  readonly config: RequestedConsumerConfig;
  readonly action: "" | "create" | "update";
  readonly pedantic: boolean;
}

/** As a snapshot has it. */
export interface SavedConsumer {
  readonly name: string;
  readonly config: RequestedConsumerConfig;
  /** What was JSON; the state is in it. */
  readonly saved: object;
}

export type RequestedConsumerConfig = Partial<ConsumerConfig>;

/** A consumer as the API handles it; {@link Stream.consumers} holds such ones. */
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
