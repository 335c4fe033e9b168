/** A consumer as CONSUMER.INFO shows it, in nats-server's order of fields. */
import { formatMs, formatTimestamp, parseTimestamp } from "../../base/timestamp.ts";
import type { Clock } from "../../base/clock.ts";
import type { ConsumerInfo } from "../stream/log/managed-consumer.ts";
import type { Consumer } from "./consumer.ts";

export function consumerInfo(consumer: Consumer): ConsumerInfo {
  const { state, source, config, created, push, pull, delivery } = consumer;
  state.settleFloors();
  const wallMs = consumer.host.clock.wallMs();
  const groups = config.priority_groups ?? [];
  return {
    stream_name: consumer.stream.name,
    name: consumer.name,
    created: formatTimestamp(created.ms, created.ns),
    config: shownConfig(consumer),
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
    num_pending: Math.max(0, source.pendingCount),
    ...(push?.isBound === true && { push_bound: true }),
    ...pauseOf(config.pause_until, wallMs),
    ts: nowText(consumer.host.clock),
    ...(groups.length > 0 && {
      priority_groups: [
        {
          group: groups[0],
          ...((pull?.pin.id ?? "") !== "" && { pinned_client_id: pull?.pin.id }),
          pinned_ts: pull?.pin.sinceText,
        },
      ],
    }),
  };
}

function shownConfig({ config, deadLetters }: Consumer): Consumer["config"] {
  const note = deadLetters?.note ?? null;
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

export function nowText(clock: Clock): string {
  const stamp = { timeMs: 0, timeNs: 0 };
  clock.stamp(stamp);
  return formatTimestamp(stamp.timeMs, stamp.timeNs);
}
