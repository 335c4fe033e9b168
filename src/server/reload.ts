/** Brings a running server from one set of options to another, as far as that is possible without a restart. */
import { isDeepStrictEqual } from "node:util";
import type { Broker } from "../broker/broker.ts";
import type { Session } from "../broker/session.ts";
import { Client } from "../client/client.ts";
import type { AccountOptions, MappingOptions, Options } from "../config/options.ts";
import type { TlsOptions } from "../config/tls-options.ts";
import { LeafLink } from "../leaf/link.ts";
import { isPinned } from "./listeners.ts";
import { connectionsExceeded } from "../protocol/errors.ts";
import { bucketSubjects } from "../subjects/buckets.ts";
import { SubjectMappings } from "../subjects/mapping.ts";
import { wireFromText } from "../subjects/subject.ts";
import type { ConnectionLimits } from "../transport/connection.ts";

/** Opens the accounts that the options name, and gives each its limits and mappings. */
export function applyAccounts(broker: Broker, options: Options): void {
  for (const account of options.accounts) {
    const opened = broker.openAccount(account.name, account.limits);
    const mappings = [...account.mappings, ...domainMappings(account, options)];
    opened.mappings = mappings.length === 0 ? null : new SubjectMappings(mappings);
  }
  const named = new Set(options.accounts.map((account) => account.name));
  for (const name of broker.accounts.keys()) if (!named.has(name)) broker.accounts.delete(name);
}

/** What of JetStream is asked under its domain's name. Source: nats-server `generateJSMappingTable`. */
const domainSuffixes: Readonly<Record<string, string>> = {
  INFO: "$JS.API.INFO",
  "STREAM.>": "$JS.API.STREAM.>",
  "CONSUMER.>": "$JS.API.CONSUMER.>",
  "DIRECT.>": "$JS.API.DIRECT.>",
  "META.>": "$JS.API.META.>",
  "SERVER.>": "$JS.API.SERVER.>",
  "ACCOUNT.>": "$JS.API.ACCOUNT.>",
  ...Object.fromEntries(bucketSubjects.map((subject) => [subject, subject])),
};

function domainMappings({ jetstream }: AccountOptions, options: Options): MappingOptions[] {
  const domain = options.jetstream?.domain ?? null;
  if (jetstream === null || domain === null) return [];
  return Object.entries(domainSuffixes).map(([suffix, subject]) => ({
    source: `$JS.${wireFromText(domain)}.API.${suffix}`,
    destinations: [{ subject, weightPercent: 100 }],
  }));
}

/** Ends those whose certificate was pinned for their listener and is not any more, or who never had one to show. */
export function closeUnpinned(broker: Broker, before: Options, options: Options): void {
  for (const session of [...broker.sessions.values()]) {
    const [old, now] = [tlsFor(session, before), tlsFor(session, options)];
    if (isDeepStrictEqual(old?.pinnedCerts, now?.pinnedCerts)) continue;
    if (session.tls === null && options.allowNonTls) continue;
    if (!isPinned(session.tls?.peerCertificate ?? null, now)) session.close("TLS Handshake Failure");
  }
}

/** Of the listener that the session came in by; null for one that did not come in. */
function tlsFor(session: Session, { tls, websocket, leafnodes }: Options): TlsOptions | null {
  if (session instanceof Client) {
    const { connectionType } = session.context;
    if (connectionType === "STANDARD") return tls;
    return connectionType === "WEBSOCKET" ? (websocket?.tls ?? null) : null;
  }
  if (!(session instanceof LeafLink) || session.isDialed) return null;
  return session.isWebSocket ? (websocket?.tls ?? null) : (leafnodes?.listener?.tls ?? null);
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
