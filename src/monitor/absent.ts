/**
 * Endpoints of what this server does not have: clusters, and streams as long as there are none. They
 * answer as nats-server does where these are off, since tools ask for all of them.
 */
import type { Answer, EndpointQuestion } from "./endpoint.ts";
import { BadRequest, booleanOption, integerOption, subscriptionsOption } from "./query.ts";
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

export function jsz({ context, query }: EndpointQuestion): Answer {
  for (const name of ["accounts", "streams", "consumers", "direct-consumers", "config"])
    booleanOption(query, name);
  for (const name of ["offset", "limit"]) integerOption(query, name);
  const leaderOnly = booleanOption(query, "leader-only");
  for (const name of ["raft", "stream-leader-only"]) booleanOption(query, name);
  if (leaderOnly) throw new BadRequest("filtered response: not leader");
  return {
    value: {
      memory: 0,
      storage: 0,
      reserved_memory: 0,
      reserved_storage: 0,
      accounts: 0,
      ha_assets: 0,
      api: { level: 0, total: 0, errors: 0 },
      ...head(context),
      disabled: true,
      config: { max_memory: 0, max_storage: 0 },
      streams: 0,
      consumers: 0,
      messages: 0,
      bytes: 0,
      total: 0,
    },
  };
}

type Context = EndpointQuestion["context"];

function head(context: Context): object {
  return { server_id: context.info().server_id, now: now(context) };
}

function now({ broker }: Context): string {
  return timestampText(broker.clock.wallMs());
}
