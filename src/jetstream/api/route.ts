/** One request of the API, and what it takes to answer a kind of them. */
import type { SessionFacts } from "../../broker/session.ts";
import { textFromWire, wireFromText } from "../../subjects/subject.ts";
import { apiError } from "../api-errors.ts";
import type { ManagedConsumer } from "../stream/log/managed-consumer.ts";
import type { Stream, StreamAccount } from "../stream/stream.ts";
import { JsonError } from "../json/json-parser.ts";
import { decode, type ObjectShape } from "../json/shape.ts";

export interface ApiRequest {
  readonly account: StreamAccount;
  /** Wire string, with `$JS.API.`. */
  readonly subject: string;
  /** Text, of the tokens after `$JS.API.`. */
  readonly tokens: readonly string[];
  readonly headers: Buffer | null;
  readonly body: string;
  /** Who asks; null for the broker itself. */
  readonly session: SessionFacts | null;
}

export interface Route {
  /** After `$JS.API.`. */
  readonly pattern: string;
  /** Of the answer: what stands between `io.nats.jetstream.api.v1.` and `_response`. */
  readonly type: string;
  /** Fields that an answer with an error has too. */
  readonly empty?: object;
  /** @returns the fields of the answer after its type @throws ApiError */
  readonly answer: (request: ApiRequest) => object;
  /** Of an answer without an error. */
  readonly headers?: (request: ApiRequest) => Buffer | null;
  /** Neither counted nor audited when it goes well. */
  readonly quiet?: boolean;
}

/** @throws ApiError (10025) */
export function decodeBody(request: ApiRequest, shape: ObjectShape): Record<string, unknown> {
  return decodeLeniently(request, shape, request.account.settings.strict);
}

/** @param strict refuses unknown fields @throws ApiError (10025) */
export function decodeLeniently(
  request: ApiRequest,
  shape: ObjectShape,
  strict: boolean,
): Record<string, unknown> {
  try {
    return decode(request.body, shape, strict);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    throw apiError("invalidJSON", { err: error.message });
  }
}

/** For bodies that are looked at only when they may be JSON: the rest is ignored. */
export function decodeOptionalBody(request: ApiRequest, shape: ObjectShape): Record<string, unknown> {
  return /^[ \t\r\n]*[{[]/.test(request.body) ? decodeBody(request, shape) : {};
}

/** Nothing at all, or an object without fields. Source: nats-server `isEmptyRequest`. */
export function hasEmptyBody({ body }: ApiRequest): boolean {
  return body === "" || /^[ \t\r\n]*\{[ \t\r\n]*\}[ \t\r\n]*$/.test(body);
}

/** @throws ApiError (10038) */
export function refuseBody(request: ApiRequest): void {
  if (!hasEmptyBody(request)) throw apiError("notEmptyRequest");
}

/** @param at which token of the subject names it @throws ApiError (10059) */
export function streamOf({ account, tokens }: ApiRequest, at: number): Stream {
  const stream = account.streams.get(tokens[at] ?? "");
  if (stream === undefined) throw apiError("streamNotFound");
  return stream;
}

/** @throws ApiError (10014) */
export function consumerOf(stream: Stream, name: string | undefined): ManagedConsumer {
  const consumer = stream.consumers.get(name ?? "");
  if (consumer === undefined) throw apiError("consumerNotFound");
  return consumer;
}

/** Bytes that are not UTF-8 make names that nothing has, instead of one that may stand for many. */
export function tokensAfterPrefix(subject: string, prefix: string): string[] {
  const wire = subject.slice(prefix.length);
  const text = textFromWire(wire);
  const isText = !text.includes("\ufffd") || wireFromText(text) === wire;
  return (isText ? text : text.replaceAll("\ufffd", "\udc80")).split(".");
}
