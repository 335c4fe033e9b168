/** `/connz`: the connections there are, and those that were. Source: nats-server `Connz`. */
import { createHash, X509Certificate } from "node:crypto";
import { clientCertificateFromDer, spkiFingerprint } from "../auth/certificate.ts";
import type { ClosedSession, ClosedSubscription, Session, SessionFacts } from "../broker/session.ts";
import type { Subscription } from "../broker/subscriber.ts";
import { textFromWire } from "../subjects/subject.ts";
import { connzOptions, type ConnzOptions } from "./connz-options.ts";
import { sortConnections, type ListedConnection } from "./connz-sort.ts";
import type { Answer, EndpointQuestion } from "./endpoint.ts";
import { cut } from "./query.ts";
import { roundTripText, timestampText, uptimeText } from "./time-format.ts";

/** Not named in answers, since most servers have no other. */
const globalAccount = "$G";

export function connz({ context, query }: EndpointQuestion): Answer {
  const options = connzOptions(query);
  const { broker } = context;
  const nowMs = broker.clock.wallMs();
  const head = { now: timestampText(nowMs) };
  const { offset, limit } = options.page;
  if (options.account !== "" && !broker.accounts.has(options.account)) {
    return {
      value: { server_id: "", ...head, num_connections: 0, total: 0, offset, limit, connections: null },
    };
  }
  const open = options.state === "closed" ? [] : openConnections(broker.sessions);
  const closed = options.state === "open" ? [] : closedConnections(broker.closedSessions());
  const selected = sortConnections(select([...open, ...closed], options), options.sort, nowMs);
  const listed = cut(selected, options.page);
  return {
    value: {
      server_id: context.info().server_id,
      ...head,
      num_connections: listed.length,
      total: selected.length,
      offset,
      limit,
      connections: listed.map((connection) => describe(connection, options, nowMs)),
    },
  };
}

function openConnections(sessions: ReadonlyMap<number, Session>): ListedConnection[] {
  return [...sessions.values()].map((session) => ({ session, open: session, closed: null }));
}

function closedConnections(sessions: readonly ClosedSession[]): ListedConnection[] {
  return sessions.map((closed) => ({ session: closed.session, open: null, closed }));
}

function select(
  connections: readonly ListedConnection[],
  { id, user, account, mqttClient }: ConnzOptions,
): ListedConnection[] {
  // No connection has an MQTT client id.
  if (mqttClient !== "") return [];
  return connections.filter(
    ({ session }) =>
      (id === 0 || session.id === id) &&
      (account === "" || session.account?.name === account) &&
      (user === "" || session.authorizedUser === user),
  );
}

function describe(connection: ListedConnection, options: ConnzOptions, nowMs: number): object {
  const fields = connectionFields(connection, options, nowMs);
  const { open } = connection;
  // Only a client library answers, so a person on a terminal is spared the PING. It comes last, being pending itself.
  if (open !== null && open.rttMs === null && open.language !== "") open.measureRtt();
  return fields;
}

/** In nats-server's order; what has no value is left out. */
function connectionFields(
  { session, open, closed }: ListedConnection,
  options: ConnzOptions,
  nowMs: number,
): object {
  const endMs = closed === null ? nowMs : closed.stopMs;
  return {
    cid: session.id,
    kind: session.kind,
    ...(session.type !== null && { type: session.type }),
    ip: session.address,
    port: session.port,
    start: timestampText(session.startMs),
    last_activity: timestampText(session.lastActivityMs),
    ...(closed !== null && { stop: timestampText(closed.stopMs), reason: closed.reason }),
    rtt: roundTripText(session.rttMs),
    uptime: uptimeText(endMs - session.startMs),
    idle: uptimeText(endMs - session.lastActivityMs),
    pending_bytes: session.pendingBytes,
    in_msgs: session.inMessages,
    out_msgs: session.outMessages,
    in_bytes: session.inBytes,
    out_bytes: session.outBytes,
    ...(session.stallCount > 0 && { stalls: session.stallCount }),
    subscriptions: closed === null ? session.subscriptionCount : closed.subscriptionCount,
    ...(session.name !== "" && { name: session.name }),
    ...(session.language !== "" && { lang: session.language }),
    ...(session.version !== "" && { version: session.version }),
    ...tlsFields(session, options.auth),
    ...(options.auth && identityFields(session)),
    ...subscriptionFields(open, closed, options),
    ...(options.auth && session.account !== null && { name_tag: session.account.name }),
  };
}

function tlsFields({ tls }: SessionFacts, withCertificate: boolean): object {
  if (tls === null) return {};
  const { peerCertificate } = tls;
  return {
    tls_version: tls.version.replace(/^TLSv/, ""),
    tls_cipher_suite: tls.cipher,
    ...(withCertificate &&
      peerCertificate !== null && { tls_peer_certs: [certificateFields(peerCertificate)] }),
    ...(tls.handshakeFirst && { tls_first: true }),
  };
}

function certificateFields(der: Buffer): object {
  const subject = clientCertificateFromDer(der)?.subject ?? new X509Certificate(der).subject;
  return {
    ...(subject !== "" && { subject }),
    spki_sha256: spkiFingerprint(der) ?? "",
    cert_sha256: createHash("sha256").update(der).digest("hex"),
  };
}

function identityFields({ authorizedUser, account }: SessionFacts): object {
  return {
    ...(authorizedUser !== null && { authorized_user: authorizedUser }),
    ...(account !== null && account.name !== globalAccount && { account: account.name }),
  };
}

function subscriptionFields(
  open: Session | null,
  closed: ClosedSession | null,
  { subscriptions }: ConnzOptions,
): object {
  if (subscriptions === "none") return {};
  const held: Iterable<Subscription | ClosedSubscription> =
    open?.subscriptions() ?? closed?.subscriptions ?? [];
  const list = [...held];
  if (list.length === 0) return {};
  if (subscriptions === "list")
    return { subscriptions_list: list.map(({ subject }) => textFromWire(subject)) };
  const id = (open ?? closed?.session)?.id ?? 0;
  const account = closed?.account?.name ?? null;
  return {
    subscriptions_list_detail: list.map((subscription) => ({
      ...(account !== null && { account, account_tag: account }),
      ...subscriptionDetail(subscription, id),
    })),
  };
}

/** One entry of a detailed list, here and in `/subsz`. */
export function subscriptionDetail(subscription: Subscription | ClosedSubscription, cid: number): object {
  const { subject, queue, sid, deliveredCount } = subscription;
  const deliveredMax = "deliveredMax" in subscription ? subscription.deliveredMax : 0;
  return {
    subject: textFromWire(subject),
    ...(queue !== null && { qgroup: textFromWire(queue) }),
    sid: textFromWire(sid),
    msgs: deliveredCount,
    ...(deliveredMax > 0 && { max: deliveredMax }),
    cid,
  };
}
