/** Brings a running server from one set of options to another, as far as that is possible without a restart. */
import type { Broker } from "./broker/broker.ts";
import { Client } from "./client/client.ts";
import type { Options } from "./config/options.ts";
import { connectionsExceeded } from "./protocol/errors.ts";
import { SubjectMappings } from "./subjects/mapping.ts";
import type { ConnectionLimits } from "./transport/connection.ts";

/** Opens the accounts that the options name, and gives each its limits and mappings. */
export function applyAccounts(broker: Broker, options: Options): void {
  for (const account of options.accounts) {
    const opened = broker.openAccount(account.name, account.limits);
    opened.mappings = account.mappings.length === 0 ? null : new SubjectMappings(account.mappings);
  }
  const named = new Set(options.accounts.map((account) => account.name));
  for (const name of broker.accounts.keys()) if (!named.has(name)) broker.accounts.delete(name);
}

/** Tells every client; those that may not stay are gone when it resolves. */
export async function applyToSessions(
  broker: Broker,
  options: Options,
  limits: ConnectionLimits,
  accessChanged: boolean,
): Promise<void> {
  const clients = [...broker.sessions.values()].filter((session) => session instanceof Client);
  for (const { connection } of clients) connection.setLimits(limits);
  await Promise.all(clients.map(async (client) => client.onReload(accessChanged)));
  const excess = broker.sessions.size - options.limits.maxConnections;
  // The youngest go first, as those that would not have been let in.
  const youngest = excess > 0 ? [...broker.sessions.values()].slice(-excess) : [];
  for (const session of youngest) if (session instanceof Client) session.fail(connectionsExceeded());
}
