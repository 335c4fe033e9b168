/** What a consumer tells those who watch: advisories and metrics, in nats-server's fields. Direct ones tell nothing. */
import { formatTimestamp, parseTimestamp, zeroTimeText } from "../../base/timestamp.ts";
import type { Stream } from "../stream/stream.ts";

/** Why a message counts as terminated that was removed before it was acknowledged. */
export const goneReason = "Unacknowledged message was deleted";

export class ConsumerAdvisories {
  readonly #stream: Stream;
  readonly #consumer: string;
  readonly #isSilent: boolean;

  constructor(stream: Stream, consumer: string, isSilent: boolean) {
    this.#stream = stream;
    this.#consumer = consumer;
    this.#isSilent = isSilent;
  }

  created(): void {
    this.#publish("CREATED", "consumer_action", () => ({ ...this.#names, action: "create" }));
  }

  deleted(): void {
    this.#publish("DELETED", "consumer_action", () => ({ ...this.#names, action: "delete" }));
  }

  paused(untilText: string | undefined, nowMs: number): void {
    const until = untilText === undefined ? null : parseTimestamp(untilText);
    this.#publish("PAUSE", "consumer_pause", () => ({
      ...this.#names,
      paused: until !== null && until.ms > nowMs,
      pause_until: until === null ? zeroTimeText : formatTimestamp(until.ms, until.ns),
    }));
  }

  exhausted(seq: number, deliveries: number): void {
    this.#publish("MAX_DELIVERIES", "max_deliver", () => ({ ...this.#names, stream_seq: seq, deliveries }));
  }

  rejected(consumerSeq: number, seq: number, deliveries: number): void {
    this.#publish("MSG_NAKED", "nak", () => ({
      ...this.#names,
      consumer_seq: consumerSeq,
      stream_seq: seq,
      deliveries,
    }));
  }

  terminated(consumerSeq: number, seq: number, deliveries: number, reason: string): void {
    this.#publish("MSG_TERMINATED", "terminated", () => ({
      ...this.#names,
      consumer_seq: consumerSeq,
      stream_seq: seq,
      deliveries,
      ...(reason !== "" && { reason }),
    }));
  }

  pinned(group: string, pinnedId: string): void {
    this.#publish("PINNED", "consumer_group_pinned", () => ({
      account: this.#stream.account.account.name,
      ...this.#names,
      group,
      pinned_id: pinnedId,
    }));
  }

  unpinned(group: string, reason: "timeout" | "admin"): void {
    this.#publish("UNPINNED", "consumer_group_unpinned", () => ({
      account: this.#stream.account.account.name,
      ...this.#names,
      group,
      reason,
    }));
  }

  acknowledged(consumerSeq: number, seq: number, ackMs: number, deliveries: number): void {
    if (this.#isSilent) return;
    this.#stream.account.advisories.publishEvent(
      `$JS.EVENT.METRIC.CONSUMER.ACK.${this.#stream.name}.${this.#consumer}`,
      "io.nats.jetstream.metric.v1.consumer_ack",
      () => ({
        ...this.#names,
        consumer_seq: consumerSeq,
        stream_seq: seq,
        ack_time: Math.round(ackMs * 1_000_000),
        deliveries,
      }),
    );
  }

  get #names(): object {
    return { stream: this.#stream.name, consumer: this.#consumer };
  }

  #publish(subject: string, type: string, fields: () => object): void {
    if (this.#isSilent) return;
    const whole = `CONSUMER.${subject}.${this.#stream.name}.${this.#consumer}`;
    this.#stream.account.advisories.publish(whole, type, fields);
  }
}

/** Whether the metric tells of an ack, when it is to tell of so many in a hundred. */
export function isSampled(percent: number): boolean {
  return percent > 0 && (percent >= 100 || Math.random() * 100 < percent);
}
