/** `/healthz`: whether the server does what it is there for. Source: nats-server `healthz`. */
import type { Answer, EndpointQuestion } from "./endpoint.ts";
import { booleanOption } from "./query.ts";

interface Fault {
  readonly status: number;
  readonly type: "CONNECTION" | "BAD_REQUEST";
  readonly error: string;
}

export function healthz({ context, query }: EndpointQuestion): Answer {
  // There are no streams to look at, so what would be skipped makes no difference; but it must be well-formed.
  for (const name of ["js-enabled", "js-enabled-only", "js-server-only", "js-meta-only"])
    booleanOption(query, name);
  const details = booleanOption(query, "details");
  const fault = requestFault(query) ?? listenerFault(context.server().listenersNotReady);
  if (fault === null) return { value: { status: "ok" }, compact: true };
  const { status, type, error } = fault;
  context.log.warn(`Healthcheck failed: ${JSON.stringify(error)}`);
  return {
    value: details ? { status: "error", errors: [{ type, error }] } : { status: "error", error },
    status,
    compact: true,
  };
}

function requestFault(query: URLSearchParams): Fault | null {
  const has = (name: string): boolean => (query.get(name) ?? "") !== "";
  let error = "";
  if (has("stream") && !has("account")) error = '"account" must not be empty when checking stream health';
  else if (has("consumer") && !has("stream"))
    error = '"stream" must not be empty when checking consumer health';
  return error === "" ? null : { status: 400, type: "BAD_REQUEST", error };
}

function listenerFault(notReady: readonly string[]): Fault | null {
  if (notReady.length === 0) return null;
  return {
    status: 500,
    type: "CONNECTION",
    error: `failed to be ready for connections after 1ms: ${notReady.join(", ")}`,
  };
}
