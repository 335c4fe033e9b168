/** What a stream tells its consumers, and what they ask of it. */
import type { ConsumerConfig } from "../../consumer/config/consumer-config.ts";

export interface StreamConsumer {
  readonly name: string;
  readonly config: ConsumerConfig;
  /** A message was decided: counts it as pending where the filters take it. It is delivered after {@link wake}. */
  onStored(seq: number, subject: string): void;
  /** One message is gone, by whoever's doing; `subject` is a wire string. */
  onRemoved(seq: number, subject: string, isTold: boolean): void;
  /** Many are gone, all before `firstSeq` among them: it counts anew and steps over the gap. */
  onPurged(firstSeq: number): void;
  /** More is durable, or something else allows a delivery: delivers what it can. Called where routing is allowed. */
  wake(): void;
  /** Interest and work-queue retention: whether it has still to deliver the message or to see it acknowledged. */
  needs(seq: number, subject: string): boolean;
  /** The stream's configuration has changed. */
  onStreamUpdated(): void;
  /** The stream is deleted or the consumer is: tells waiting pulls, stops listening and every deadline, forgets its records. */
  delete(): void;
  /** The broker stops: tells waiting pulls, writes its state, keeps its records. */
  close(): void;
}
