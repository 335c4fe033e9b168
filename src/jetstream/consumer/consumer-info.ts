/** A consumer as CONSUMER.INFO shows it, in nats-server's order of fields. */
import type { Clock } from "../../base/clock.ts";
import { formatMs, formatTimestamp, nowText, parseTimestamp, type Timestamp } from "../../base/timestamp.ts";
import type { ConsumerInfo } from "../stream/log/managed-consumer.ts";
import type { ConsumerConfig } from "./config/consumer-config.ts";
import type { MessageDelivery } from "./delivery/message-delivery.ts";
import type { Pin } from "./pull/pin.ts";
import type { DeliveryState } from "./state/delivery-state.ts";

/** What is shown of a consumer. */
interface ShownConsumer {
  readonly streamName: string;
  readonly name: string;
  readonly created: Timestamp;
  readonly config: ConsumerConfig;
  /** What is wrong with where its dead letters go; null when nothing is. */
  readonly deadLetterNote: string | null;
  readonly state: DeliveryState;
  readonly delivery: MessageDelivery;
  /** Null for push consumers. */
  readonly pin: Pin | null;
  readonly pendingCount: number;
  /** Wall milliseconds; 0: never. */
  readonly lastDeliveredMs: number;
  readonly lastAckedMs: number;
}

export function consumerInfo(consumer: ShownConsumer, clock: Clock): ConsumerInfo {
  const { state, config, created, pin, delivery } = consumer;
  state.settleFloors();
  const wallMs = clock.wallMs();
  const groups = config.priority_groups ?? [];
  return {
    stream_name: consumer.streamName,
    name: consumer.name,
    created: formatTimestamp(created.ms, created.ns),
    config: shownConfig(config, consumer.deadLetterNote),
    delivered: {
      consumer_seq: state.consumerSeq,
      stream_seq: state.deliveredSeq,
      ...lastActive(consumer.lastDeliveredMs),
    },
    ack_floor: {
      consumer_seq: state.floorConsumerSeq,
      stream_seq: state.floorSeq,
      ...lastActive(consumer.lastAckedMs),
    },
    num_ack_pending: state.pending.size,
    // With a single delivery there are none, whatever is remembered of those that ran out of it.
    num_redelivered: config.max_deliver === 1 ? 0 : state.redelivered.size,
    num_waiting: delivery.waitingCount,
    num_pending: Math.max(0, consumer.pendingCount),
    ...(pin === null && delivery.isBound && { push_bound: true }),
    ...pauseOf(config.pause_until, wallMs),
    ts: nowText(clock),
    ...(groups.length > 0 && {
      priority_groups: [
        {
          group: groups[0],
          ...((pin?.id ?? "") !== "" && { pinned_client_id: pin?.id }),
          pinned_ts: pin?.sinceText,
        },
      ],
    }),
  };
}

function shownConfig(config: ConsumerConfig, note: string | null): ConsumerConfig {
  if (note === null) return config;
  return { ...config, metadata: { ...config.metadata, "frond.dead_letter.note": note } };
}

function lastActive(ms: number): object {
  return ms === 0 ? {} : { last_active: formatMs(ms) };
}

function pauseOf(untilText: string | undefined, wallMs: number): object {
  const until = untilText === undefined ? null : parseTimestamp(untilText);
  const leftMs = until === null ? 0 : until.ms + until.ns / 1_000_000 - wallMs;
  return leftMs > 0 ? { paused: true, pause_remaining: Math.round(leftMs * 1_000_000) } : {};
}
