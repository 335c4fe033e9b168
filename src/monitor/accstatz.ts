/** `/accstatz`: what the connections of each account have sent and received. Source: nats-server `AccountStatz`. */
import type { Account, Traffic } from "../broker/account.ts";
import type { Broker } from "../broker/broker.ts";
import type { SessionFacts } from "../broker/session.ts";
import type { Answer, EndpointQuestion } from "./endpoint.ts";
import { booleanOption } from "./query.ts";
import { timestampText } from "./time-format.ts";

export function accstatz({ context, query }: EndpointQuestion): Answer {
  const withUnused = booleanOption(query, "unused");
  const { broker } = context;
  const sessions = sessionsByAccount(broker);
  const shown = [...broker.accounts.values()].filter((account) => withUnused || account.connectionCount > 0);
  return {
    value: {
      server_id: context.info().server_id,
      now: timestampText(broker.clock.wallMs()),
      account_statz: shown.map((account) => statistics(account, sessions.get(account) ?? [])),
    },
  };
}

function sessionsByAccount(broker: Broker): Map<Account, SessionFacts[]> {
  const sessions = new Map<Account, SessionFacts[]>();
  for (const session of broker.sessions.values()) {
    if (session.account === null) continue;
    const list = sessions.get(session.account);
    if (list === undefined) sessions.set(session.account, [session]);
    else list.push(session);
  }
  return sessions;
}

function statistics(account: Account, sessions: readonly SessionFacts[]): object {
  const leafs = sessions.filter(({ kind }) => kind === "Leafnode");
  const traffic = [account.endedTraffic, ...sessions];
  return {
    acc: account.name,
    name: account.name,
    conns: account.connectionCount - leafs.length,
    leafnodes: leafs.length,
    total_conns: account.connectionCount,
    num_subscriptions: account.interest.size,
    sent: directionFields(traffic, leafs, "out"),
    received: directionFields(traffic, leafs, "in"),
    slow_consumers: account.slowConsumerCount,
  };
}

function directionFields(all: readonly Traffic[], leafs: readonly Traffic[], way: "in" | "out"): object {
  return {
    ...totals(all, way),
    gateways: totals([], way),
    routes: totals([], way),
    leafs: totals(leafs, way),
  };
}

function totals(traffic: readonly Traffic[], way: "in" | "out"): { msgs: number; bytes: number } {
  let msgs = 0;
  let bytes = 0;
  for (const { inMessages, inBytes, outMessages, outBytes } of traffic) {
    msgs += way === "in" ? inMessages : outMessages;
    bytes += way === "in" ? inBytes : outBytes;
  }
  return { msgs, bytes };
}
