/** What asks a pull consumer for messages. Source: nats-server `nextReqFromMsg`. */
import { nsPerMs } from "../../../base/duration.ts";
import { parseJsonValues, JsonError } from "../../json/json-parser.ts";
import { decode, duration, int, int64, bool, object, string } from "../../json/shape.ts";

/** As it was asked, whoever asks. */
export interface PullOptions {
  readonly batch: number;
  /** Infinity: as long as it takes. */
  readonly expiresMs: number;
  /** 0: any number. */
  readonly bytesMax: number;
  readonly noWait: boolean;
  /** 0: none. */
  readonly heartbeatMs: number;
  /** Null for requests that are no JSON: priority groups do not concern them. */
  readonly group: PullGroup | null;
}

export interface PullGroup {
  readonly name: string;
  readonly pendingMin: number;
  readonly ackPendingMin: number;
  readonly id: string;
  readonly priority: number;
}

const plainOptions: PullOptions = {
  batch: 1,
  expiresMs: Infinity,
  bytesMax: 0,
  noWait: false,
  heartbeatMs: 0,
  group: null,
};

const shape = object("JSApiConsumerGetNextRequest", {
  expires: duration,
  batch: int,
  max_bytes: int,
  no_wait: bool,
  idle_heartbeat: duration,
  group: string,
  min_pending: int64,
  min_ack_pending: int64,
  id: string,
  priority: int,
});

/** @returns text: what is wrong with it, for a status 400 */
export function parsePullRequest(body: string): PullOptions | string {
  const trimmed = body.trim();
  if (trimmed === "") return plainOptions;
  if (!trimmed.startsWith("{"))
    return /^[+-]?[0-9]{1,15}$/.test(trimmed) ? { ...plainOptions, batch: Number(trimmed) } : plainOptions;
  let asked: Record<string, unknown>;
  try {
    // Go reads one value and wants nothing behind it.
    parseJsonValues(trimmed);
    asked = decode(trimmed, shape, false);
  } catch (error) {
    if (error instanceof JsonError) return error.message;
    throw error;
  }
  const number = (field: string): number => Number(asked[field] ?? 0);
  const text = (field: string): string => {
    const value = asked[field];
    return typeof value === "string" ? value : "";
  };
  const heartbeatNs = number("idle_heartbeat");
  const expiresNs = number("expires");
  if (heartbeatNs > 0 && heartbeatNs * 2 > expiresNs) return "heartbeat value too large";
  return {
    batch: number("batch"),
    expiresMs: expiresNs === 0 ? Infinity : expiresNs / nsPerMs,
    bytesMax: number("max_bytes"),
    noWait: asked["no_wait"] === true,
    heartbeatMs: Math.max(0, heartbeatNs) / nsPerMs,
    group: {
      name: text("group"),
      pendingMin: number("min_pending"),
      ackPendingMin: number("min_ack_pending"),
      id: text("id"),
      priority: number("priority"),
    },
  };
}
