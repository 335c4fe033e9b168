/** `/healthz`: whether the server does what it is there for. Source: nats-server `healthz`. */
import type { JetStream } from "../jetstream/jetstream.ts";
import type { Answer, EndpointQuestion } from "./endpoint.ts";
import type { MonitorContext } from "./readings.ts";
import { booleanOption } from "./query.ts";

interface Fault {
  readonly status: number;
  /** Of the answer; `error` or `unavailable`. */
  readonly state: "error" | "unavailable";
  readonly type: "CONNECTION" | "BAD_REQUEST" | "JETSTREAM" | "ACCOUNT" | "STREAM" | "CONSUMER";
  readonly error: string;
  readonly account?: string;
  readonly stream?: string;
  readonly consumer?: string;
}

export function healthz({ context, query }: EndpointQuestion): Answer {
  const flags = ["js-enabled", "js-enabled-only", "js-server-only"].map((name) => booleanOption(query, name));
  booleanOption(query, "js-meta-only");
  const details = booleanOption(query, "details");
  const withLeafRemotes = booleanOption(query, "leaf-remotes-connected");
  const fault = requestFault(query) ?? listenerFault(context.server().listenersNotReady);
  const faults = fault === null && withLeafRemotes ? leafRemoteFaults(context) : [];
  const first =
    fault ??
    faults[0] ??
    (flags.includes(true) || context.options().jetstream === null
      ? null
      : jetStreamFault(context.jetstream?.() ?? null, query));
  if (first === null) return { value: { status: "ok" }, compact: true };
  const { status, state, error } = first;
  context.log.warn(`Healthcheck failed: ${JSON.stringify(error)}`);
  const errors = (faults.length > 0 ? faults : [first]).map(detailFields);
  return {
    value: details ? { status: "error", errors } : { status: state, error },
    status,
    compact: true,
  };
}

function detailFields({ type, account, stream, consumer, error }: Fault): object {
  return {
    type,
    ...(account !== undefined && { account }),
    ...(stream !== undefined && { stream }),
    ...(consumer !== undefined && { consumer }),
    error,
  };
}

/** One for each remote without a link. Source: nats-server `disconnectedLeafRemotes`. */
function leafRemoteFaults(context: MonitorContext): Fault[] {
  return (context.leafRemotes?.() ?? [])
    .filter(({ link }) => link === null || link.account === null)
    .map(({ account, urls }) => {
      const shown = urls.map((url) => JSON.stringify(url)).join(" ");
      return `leafnode remote for account ${JSON.stringify(account)} (urls=[${shown}]) is not connected`;
    })
    .sort()
    .map((error) => ({ status: 503, state: "unavailable", type: "CONNECTION", error }));
}

function requestFault(query: URLSearchParams): Fault | null {
  const has = (name: string): boolean => (query.get(name) ?? "") !== "";
  let error = "";
  if (has("stream") && !has("account")) error = '"account" must not be empty when checking stream health';
  else if (has("consumer") && !has("stream"))
    error = '"stream" must not be empty when checking consumer health';
  return error === "" ? null : { status: 400, state: "error", type: "BAD_REQUEST", error };
}

function listenerFault(notReady: readonly string[]): Fault | null {
  if (notReady.length === 0) return null;
  return {
    status: 500,
    state: "error",
    type: "CONNECTION",
    error: `failed to be ready for connections after 1ms: ${notReady.join(", ")}`,
  };
}

/** Whether it runs, and whether what was asked for by name is there. */
function jetStreamFault(jetstream: JetStream | null, query: URLSearchParams): Fault | null {
  if (jetstream === null) {
    const error = "JetStream not enabled (10076)";
    return { status: 503, state: "unavailable", type: "JETSTREAM", error };
  }
  const lost = jetstream.lostStreams[0];
  if (lost !== undefined) {
    const error = `JetStream stream '${lost.account} > ${lost.stream}' could not be recovered`;
    return { status: 503, state: "unavailable", type: "STREAM", ...lost, error };
  }
  const account = query.get("account") ?? "";
  if (account === "") return null;
  const missing = { status: 404, state: "unavailable" } as const;
  const there = jetstream.accounts.get(account);
  if (there === undefined) {
    const error = `JetStream account ${JSON.stringify(account)} not found`;
    return { ...missing, type: "ACCOUNT", account, error };
  }
  const name = query.get("stream") ?? "";
  if (name === "") return null;
  const stream = there.streams.get(name);
  const where = `on account ${JSON.stringify(account)}`;
  if (stream === undefined) {
    const error = `JetStream stream ${JSON.stringify(name)} not found ${where}`;
    return { ...missing, type: "STREAM", account, stream: name, error };
  }
  const consumer = query.get("consumer") ?? "";
  if (consumer === "" || stream.consumers.has(consumer)) return null;
  const error = `JetStream consumer ${JSON.stringify(consumer)} not found for stream ${JSON.stringify(name)} ${where}`;
  return { ...missing, type: "CONSUMER", account, stream: name, consumer, error };
}
