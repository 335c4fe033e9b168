/**
 * What an origin makes of the consumer that a mirror or source asks for under a name that is always the same.
 * Source: nats-server `jsConsumerCreateRequest`.
 */
import { randomDigits } from "../../base/nuid.ts";
import { formatTimestamp } from "../../base/timestamp.ts";
import { encodeHeaders, headerValue } from "../../protocol/headers.ts";
import { apiError } from "../api-errors.ts";
import type { ConsumerConfig, RequestedConsumerConfig } from "../consumer/config/consumer-config.ts";
import type { StreamConfig, StreamTimes } from "../stream/config/stream-config.ts";
import { shortHash } from "./origin-names.ts";

const suffixLength = 8;
const identityHeader = "Nats-Stream-Identity";

/** What a stream is known by as long as it is the same. Source: nats-server `stream.identity`. */
export function streamIdentity(times: StreamTimes): string {
  return shortHash(formatTimestamp(times.createdMs, times.createdNs));
}

/**
 * @param headers of the request
 * @throws ApiError (10225) when it was meant for the stream that was here before under that name
 */
export function checkIdentity(
  headers: Buffer | null,
  config: RequestedConsumerConfig,
  times: StreamTimes,
): void {
  if (headers === null || (config.direct !== true && config.sourcing !== true)) return;
  const expected = headerValue(headers, identityHeader) ?? "";
  const identity = streamIdentity(times);
  if (expected !== "" && expected !== identity)
    throw apiError("consumerStreamIdentityMismatch", { msg: identity });
}

/** Of the answer to whoever speaks of identities. */
export function identityHeaders(headers: Buffer | null, times: StreamTimes | undefined): Buffer | null {
  if (headers === null || times === undefined || headerValue(headers, identityHeader) === null) return null;
  return encodeHeaders([[identityHeader, streamIdentity(times)]]);
}

/**
 * Where messages go when they are acknowledged, it lasts and acknowledges by flow control, so that none is lost when the
 * link is; elsewhere each is a new one, and the one before goes by itself.
 *
 * @param config whose `name` is the one in the request
 */
export function asSourcing(
  config: RequestedConsumerConfig,
  { retention }: StreamConfig,
): RequestedConsumerConfig {
  const { name = "" } = config;
  if (config.direct !== true || config.sourcing !== true || name === "") return config;
  if (retention === "limits") return { ...config, name: `${name}-${randomDigits(suffixLength)}` };
  const { direct: _, ack_wait: _wait, max_deliver: _most, inactive_threshold: _inactive, ...rest } = config;
  return { ...rest, durable_name: name, ack_policy: "flow_control" };
}

/** One that is there already goes on where it is, wherever it is asked to begin. */
export function goesOn(
  config: RequestedConsumerConfig,
  before: ConsumerConfig | undefined,
): RequestedConsumerConfig {
  if (before === undefined || config.sourcing !== true || (config.durable_name ?? "") === "") return config;
  const { opt_start_seq: _seq, opt_start_time: _time, ...rest } = config;
  const { deliver_policy, opt_start_seq, opt_start_time } = before;
  return {
    ...rest,
    deliver_policy,
    ...(opt_start_seq !== undefined && { opt_start_seq }),
    ...(opt_start_time !== undefined && { opt_start_time }),
  };
}
