/** `/accountz`: the accounts, or one of them closely. Source: nats-server `Accountz`. */
import type { Account } from "../broker/account.ts";
import type { AccountOptions } from "../config/options.ts";
import { textFromWire } from "../subjects/subject.ts";
import type { Answer, EndpointQuestion } from "./endpoint.ts";
import type { MonitorContext } from "./readings.ts";
import { BadRequest } from "./query.ts";
import { interestStats } from "./subsz.ts";
import { timestampText } from "./time-format.ts";

export function accountz({ context, query }: EndpointQuestion): Answer {
  const { broker } = context;
  const wanted = query.get("acc") ?? "";
  const { systemAccount } = context.options();
  const head = {
    server_id: context.info().server_id,
    now: timestampText(broker.clock.wallMs()),
    ...(systemAccount !== null && { system_account: systemAccount }),
  };
  if (wanted === "") {
    const accounts = [...broker.accounts.keys()];
    return { value: { ...head, ...(accounts.length > 0 && { accounts }) } };
  }
  return { value: { ...head, account_detail: detail(context, knownAccount(context, wanted)) } };
}

/** @throws BadRequest */
export function knownAccount({ broker }: MonitorContext, name: string): Account {
  const account = broker.accounts.get(name);
  if (account === undefined) throw new BadRequest(`Account ${name} does not exist`);
  return account;
}

function detail(context: MonitorContext, account: Account): object {
  const { name } = account;
  const options = context.options();
  const mappings = mappingFields(options.accounts.find((known) => known.name === name)?.mappings ?? []);
  return {
    account_name: name,
    update_time: timestampText(context.server().configLoadedMs),
    ...(name === options.systemAccount && { is_system: true }),
    expired: false,
    complete: true,
    jetstream_enabled: context.jetstream?.()?.accounts.has(name) === true,
    leafnode_connections: leafCount(context, account),
    client_connections: account.connectionCount - leafCount(context, account),
    subscriptions: account.interest.size,
    ...(mappings.length > 0 && { mappings: Object.fromEntries(mappings) }),
    name_tag: name,
    sublist_stats: interestStats([account]),
  };
}

/** Weights are as configured, and what is missing to 100 goes to the source itself unless that is listed. */
function mappingFields(mappings: AccountOptions["mappings"]): [string, object[]][] {
  return mappings.map(({ source, destinations }) => {
    const list = destinations.map(({ subject, weightPercent }) => ({
      subject: textFromWire(subject),
      weight: weightPercent,
    }));
    const rest = 100 - destinations.reduce((sum, { weightPercent }) => sum + weightPercent, 0);
    if (rest > 0 && !destinations.some(({ subject }) => subject === source))
      list.push({ subject: textFromWire(source), weight: rest });
    return [textFromWire(source), list];
  });
}

function leafCount({ broker }: MonitorContext, account: Account): number {
  let count = 0;
  for (const session of broker.sessions.values())
    if (session.kind === "Leafnode" && session.account === account) count++;
  return count;
}
