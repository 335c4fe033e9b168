/** Endpoints of clusters, which answer as nats-server does where there are none, since tools ask for all of them. */
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

type Context = EndpointQuestion["context"];

function head(context: Context): object {
  return { server_id: context.info().server_id, now: now(context) };
}

function now({ broker }: Context): string {
  return timestampText(broker.clock.wallMs());
}
