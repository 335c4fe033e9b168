/** What the API's routes ask of consumers: made by `consumer/`, handed in where everything is put together. */
import type { RequestedConsumerConfig } from "./config/consumer-config.ts";
import type { Stream } from "../stream/stream.ts";
import type { ManagedConsumer } from "../stream/log/managed-consumer.ts";

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
