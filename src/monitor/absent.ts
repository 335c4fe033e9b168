/** Endpoints for what Frond has none of, which answer as nats-server does then, since tools ask for all of them. */
import type { Answer, EndpointQuestion } from "./endpoint.ts";
import { booleanOption, subscriptionsOption } from "./query.ts";
import { timestampText } from "./time-format.ts";

export function routez({ context, query }: EndpointQuestion): Answer {
  subscriptionsOption(query);
  const { server_id, server_name } = context.info();
  return { value: { server_id, server_name, now: now(context), num_routes: 0, routes: [] } };
}

export function gatewayz({ context, query }: EndpointQuestion): Answer {
  subscriptionsOption(query);
  booleanOption(query, "accs");
  return { value: { ...head(context), outbound_gateways: {}, inbound_gateways: {} } };
}

/** nats-server hands work from one goroutine to another by these queues, and names those that are not empty. */
export function ipqueuesz({ query }: EndpointQuestion): Answer {
  booleanOption(query, "all");
  return { value: {} };
}

export function raftz(): Answer {
  return { value: "No Raft nodes registered", status: 404 };
}

type Context = EndpointQuestion["context"];

function head(context: Context): object {
  return { server_id: context.info().server_id, now: now(context) };
}

function now({ broker }: Context): string {
  return timestampText(broker.clock.wallMs());
}
