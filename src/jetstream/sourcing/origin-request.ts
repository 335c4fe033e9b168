/** What an origin is asked for: a consumer that delivers its messages here, in order. Source: nats-server `setupMirrorConsumer`. */
import { encodeJson } from "../../base/json.ts";
import { JsonFieldError, JsonFields } from "../../base/json-fields.ts";
import type { StreamSource } from "../stream/config/stream-config.ts";

/** Where the origin is to begin. */
export type OriginStart =
  | { readonly deliver_policy: "all" }
  | { readonly deliver_policy: "by_start_sequence"; readonly opt_start_seq: number }
  | { readonly deliver_policy: "by_start_time"; readonly opt_start_time: string };

export interface OriginRequest {
  /** Behind the prefix of the API. */
  readonly operation: string;
  readonly body: Buffer;
}

const nsPerSecond = 1_000_000_000;
/** How often an origin with nothing to deliver says that it is there. */
export const heartbeatSeconds = 1;
/** How long an origin keeps a consumer whose stream is not heard of any more. */
const inactiveSeconds = 10;
/** Never redelivered: it is as long as nats-server's. */
const ackWaitSeconds = 22 * 3600;

/** The consumer that a mirror or source asks for. */
export interface WantedConsumer {
  readonly name: string;
  /** Text. */
  readonly deliverTo: string;
  readonly start: OriginStart;
  /** Whether the origin is to know that it is asked by a stream; older ones do not know the field, and need a name that was never used. */
  readonly isSourcing: boolean;
  /** Tells the origin's owner who it is. */
  readonly metadata: Readonly<Record<string, string>>;
}

export function consumerRequest(
  source: StreamSource,
  { name, deliverTo, start, isSourcing, metadata }: WantedConsumer,
): OriginRequest {
  const filters = filtersOf(source);
  const config = {
    name,
    deliver_subject: deliverTo,
    ...start,
    ack_policy: "none",
    ack_wait: ackWaitSeconds * nsPerSecond,
    max_deliver: 1,
    ...(filters.length === 1 && { filter_subject: filters[0] }),
    ...(filters.length > 1 && { filter_subjects: filters }),
    replay_policy: "instant",
    idle_heartbeat: heartbeatSeconds * nsPerSecond,
    flow_control: true,
    inactive_threshold: inactiveSeconds * nsPerSecond,
    num_replicas: 0,
    direct: true,
    ...(isSourcing && { sourcing: true }),
    metadata,
  };
  const operation =
    filters.length === 1
      ? `CONSUMER.CREATE.${source.name}.${name}.${filters[0]}`
      : `CONSUMER.CREATE.${source.name}`;
  return {
    operation,
    body: Buffer.from(encodeJson({ stream_name: source.name, config, action: "" }, false)),
  };
}

/** For a consumer that the origin's owner has made: it is only set back to where it was acknowledged. */
export function resetRequest(source: StreamSource, consumer: string): OriginRequest {
  return { operation: `CONSUMER.RESET.${source.name}.${consumer}`, body: Buffer.alloc(0) };
}

function filtersOf({ filter_subject: filter, subject_transforms: transforms = [] }: StreamSource): string[] {
  if (filter !== undefined && filter !== "") return [filter];
  return transforms.map(({ src }) => src || ">");
}

export interface OriginAnswer {
  readonly error: { readonly code: number; readonly err_code: number; readonly description: string } | null;
  readonly name: string;
  readonly ackPolicy: string;
  /** The origin will deliver what comes behind this sequence; 0 when it has delivered already, or tells nothing. */
  readonly skippedSeq: number;
  /** How many messages there are to come. */
  readonly pending: number;
}

/** @returns null when it is no answer to any of these requests */
export function parseAnswer(body: Buffer): OriginAnswer | null {
  try {
    return readAnswer(JsonFields.parse(body.toString("utf8")));
  } catch (error) {
    if (error instanceof JsonFieldError) return null;
    throw error;
  }
}

function readAnswer(answer: JsonFields): OriginAnswer | null {
  const error = answer.object("error");
  const config = answer.object("config");
  if (error === null && (config === null || !answer.has("name"))) return null;
  const delivered = answer.object("delivered");
  const hasDelivered = (delivered?.integer("consumer_seq") ?? 0) > 0;
  return {
    error: error && {
      code: error.integer("code"),
      err_code: error.integer("err_code"),
      description: error.text("description"),
    },
    name: answer.text("name"),
    ackPolicy: config?.text("ack_policy") ?? "",
    skippedSeq: hasDelivered ? 0 : (delivered?.integer("stream_seq") ?? 0),
    pending: answer.integer("num_pending"),
  };
}
