/**
 * A consumer's state as snapshots have it, in nats-server's JSON. What nats-server has no words for stands beside it,
 * under `frond`, and may be missing. Source: nats-server `SnapshotConsumerState`.
 */
import { nsPerMs } from "../../../base/duration.ts";
import { firstSeqMax } from "../../../store/contract.ts";
import type { ConsumerConfig } from "../config/consumer-config.ts";
import type { DeliveryState } from "./delivery-state.ts";

export interface SavedState {
  readonly state: object;
  readonly frond: object;
}

/** @param wallOffsetMs from monotonic to wall milliseconds */
export function savedConsumer(
  name: string,
  config: ConsumerConfig,
  state: DeliveryState,
  wallOffsetMs: number,
): object {
  return { config: { ...config, name }, ...saveState(state, wallOffsetMs) };
}

/** @param wallOffsetMs from monotonic to wall milliseconds */
function saveState(state: DeliveryState, wallOffsetMs: number): SavedState {
  state.settleFloors();
  const pending: [string, object][] = [];
  state.pending.forEach((seq, consumerSeq, stampMs) => {
    const Timestamp = Math.max(0, Math.floor(stampMs + wallOffsetMs)) * nsPerMs;
    pending.push([String(seq), { Sequence: consumerSeq, Timestamp }]);
  });
  return {
    state: {
      delivered: { consumer_seq: state.consumerSeq, stream_seq: state.deliveredSeq },
      ack_floor: { consumer_seq: state.floorConsumerSeq, stream_seq: state.floorSeq },
      ...(pending.length > 0 && { pending: Object.fromEntries(pending) }),
      ...(state.redelivered.size > 0 && { redelivered: Object.fromEntries(state.redelivered) }),
    },
    frond: {
      next_seq: state.nextSeq,
      queued: state.queued(),
      deferred: [...state.deferred],
      last_per_subject: state.snapshot.slice(state.snapshotStart),
    },
  };
}

/**
 * What {@link saveState} or nats-server has made.
 * @param into a state that nothing has happened to yet
 * @returns false when it is not as it should be
 */
export function restoreState(into: DeliveryState, saved: Partial<SavedState>, wallOffsetMs: number): boolean {
  const reader = new SavedReader();
  const state = reader.fields(saved.state);
  const delivered = reader.fields(state["delivered"]);
  const floor = reader.fields(state["ack_floor"]);
  into.consumerSeq = reader.count(delivered["consumer_seq"]);
  into.deliveredSeq = reader.count(delivered["stream_seq"]);
  into.floorConsumerSeq = Math.min(reader.count(floor["consumer_seq"]), into.consumerSeq);
  into.floorSeq = Math.min(reader.count(floor["stream_seq"]), into.deliveredSeq);
  const own = reader.fields(saved.frond ?? {});
  into.nextSeq = Math.max(1, reader.count(own["next_seq"] ?? into.deliveredSeq + 1));
  const pending = Object.entries(reader.fields(state["pending"] ?? {})).map(([key, value]) => {
    const { Sequence, Timestamp } = reader.fields(value);
    const stampMs = reader.count(Math.floor(Number(Timestamp) / nsPerMs)) - wallOffsetMs;
    return { seq: reader.count(Number(key)), consumerSeq: reader.count(Sequence), stampMs };
  });
  // They stand in the order in which they were first delivered.
  pending.sort((a, b) => a.consumerSeq - b.consumerSeq);
  if (into.policy !== "none")
    for (const { seq, consumerSeq, stampMs } of pending)
      if (seq < into.nextSeq && !into.pending.has(seq)) into.pending.add(seq, consumerSeq, stampMs);
  for (const [key, value] of Object.entries(reader.fields(state["redelivered"] ?? {})))
    into.redelivered.set(reader.count(Number(key)), reader.count(value));
  for (const seq of reader.seqs(own["queued"])) into.enqueue(seq);
  for (const seq of reader.seqs(own["deferred"])) if (seq < into.nextSeq) into.deferred.add(seq);
  into.snapshot = [...new Set(reader.seqs(own["last_per_subject"]))].sort((a, b) => a - b);
  return reader.isRight;
}

/** Reads what anybody may have written; notes what is not as it should be. */
class SavedReader {
  isRight = true;

  fields(value: unknown): Record<string, unknown> {
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
    this.isRight = false;
    return {};
  }

  count(value: unknown): number {
    if (Number.isInteger(value) && (value as number) >= 0 && (value as number) < firstSeqMax)
      return value as number;
    this.isRight = false;
    return 0;
  }

  seqs(value: unknown): number[] {
    if (value === undefined) return [];
    if (!Array.isArray(value)) this.isRight = false;
    return Array.isArray(value) ? value.map((each) => this.count(each)) : [];
  }
}
