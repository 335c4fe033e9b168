/** `/varz`: what the server is, how it is set up, and what it has done. Source: nats-server `createVarz`. */
import { showLeafUrl, type LeafNodeOptions, type LeafRemoteOptions } from "../config/leafnode-options.ts";
import type { Options, WebSocketOptions } from "../config/options.ts";
import type { Answer, EndpointQuestion } from "./endpoint.ts";
import { jetStreamVarz } from "./jsz.ts";
import type { MonitorContext, ServerReadings } from "./readings.ts";
import { textFromWire } from "../subjects/subject.ts";
import { timestampText, uptimeText } from "./time-format.ts";

/** TLS handshakes take at most this long where no TLS block says otherwise. */
const tlsTimeoutMsDefault = 2_000;

export function varz({ context }: EndpointQuestion): Answer {
  const options = context.options();
  const server = context.server();
  return {
    value: {
      ...identityFields(context),
      ...limitFields(options, server),
      ...blockFields(context, options, server),
      ...runtimeFields(context),
      ...trafficFields(context),
      ...configFields(options, server),
      ...detailFields(context),
      ...timeField("tls_cert_not_after", server.certificateEndMs(context.options().tls?.certFile ?? null)),
      frond: context.info().frond,
    },
  };
}

function identityFields(context: MonitorContext): object {
  const info = context.info();
  return {
    server_id: info.server_id,
    server_name: info.server_name,
    version: info.version,
    proto: info.proto,
    go: info.go,
    host: info.host,
    port: info.port,
    ...(info.auth_required === true && { auth_required: true }),
    ...(info.tls_required === true && { tls_required: true }),
    ...(info.tls_verify === true && { tls_verify: true }),
  };
}

function limitFields({ limits, monitor }: Options, server: ServerReadings): object {
  return {
    max_connections: limits.maxConnections,
    ...(limits.maxSubscriptions > 0 && { max_subscriptions: limits.maxSubscriptions }),
    ping_interval: nanoseconds(limits.pingIntervalMs),
    ping_max: limits.pingMax,
    http_host: monitor?.host ?? "",
    http_port: server.httpPort ?? 0,
    http_base_path: monitor === null || monitor.basePath === "/" ? "" : monitor.basePath,
    https_port: server.httpsPort ?? 0,
    auth_timeout: limits.authTimeoutMs / 1_000,
    max_control_line: limits.maxControlLineBytes,
    max_payload: limits.maxPayloadBytes,
    max_pending: limits.maxPendingBytes,
  };
}

/** What is not in use is an empty block, not an absent one. */
function blockFields(
  context: MonitorContext,
  { limits, tls, websocket, leafnodes }: Options,
  server: ServerReadings,
): object {
  return {
    cluster: {},
    gateway: {},
    leaf: leafnodes === null ? {} : leafFields(leafnodes, server),
    mqtt: {},
    websocket: websocket === null ? {} : websocketFields(websocket, server),
    jetstream: jetStreamVarz(context),
    tls_timeout: (tls?.timeoutMs ?? tlsTimeoutMsDefault) / 1_000,
    write_deadline: nanoseconds(limits.writeDeadlineMs),
  };
}

function leafFields({ listener, remotes, writeDeadlineMs }: LeafNodeOptions, server: ServerReadings): object {
  return {
    ...(listener !== null && {
      host: listener.host,
      port: server.leafPort ?? listener.port,
      auth_timeout: listener.authTimeoutMs / 1_000,
      tls_timeout: (listener.tls?.timeoutMs ?? tlsTimeoutMsDefault) / 1_000,
      ...(listener.tls !== null && { tls_required: true }),
      ...(listener.tls?.verify === true && { tls_verify: true }),
    }),
    ...(remotes.length > 0 && { remotes: remotes.map((remote) => remoteFields(remote, server)) }),
    ...(writeDeadlineMs !== null && { write_deadline: nanoseconds(writeDeadlineMs) }),
    ...timeField("tls_cert_not_after", server.certificateEndMs(listener?.tls?.certFile ?? null)),
  };
}

function remoteFields(
  { account, urls, tls, denyExports, denyImports }: LeafRemoteOptions,
  server: ServerReadings,
): object {
  const deny = {
    ...(denyExports.length > 0 && { exports: denyExports.map(textFromWire) }),
    ...(denyImports.length > 0 && { imports: denyImports.map(textFromWire) }),
  };
  return {
    local_account: account,
    ...(tls !== null && { tls_timeout: tls.timeoutMs / 1_000 }),
    urls: urls.map(showLeafUrl),
    ...(Object.keys(deny).length > 0 && { deny }),
    ...timeField("tls_cert_not_after", server.certificateEndMs(tls?.certFile ?? null)),
  };
}

function websocketFields(websocket: WebSocketOptions, server: ServerReadings): object {
  const { advertise, noAuthUser, jwtCookie, handshakeTimeoutMs, authorization, tls } = websocket;
  const authTimeoutMs = authorization?.timeoutMs ?? 0;
  return {
    ...(websocket.host !== "" && { host: websocket.host }),
    port: server.websocketPort ?? websocket.port,
    ...(advertise !== null && { advertise }),
    ...(noAuthUser !== null && { no_auth_user: noAuthUser }),
    ...(jwtCookie !== null && { jwt_cookie: jwtCookie }),
    ...(handshakeTimeoutMs !== null && { handshake_timeout: nanoseconds(handshakeTimeoutMs) }),
    ...(authTimeoutMs > 0 && { auth_timeout: authTimeoutMs / 1_000 }),
    ...(tls === null && { no_tls: true }),
    ...(tls !== null && tls.verifyAndMap && { tls_map: true }),
    ...(tls !== null && tls.pinnedCerts.length > 0 && { tls_pinned_certs: tls.pinnedCerts }),
    ...(websocket.sameOrigin && { same_origin: true }),
    ...(websocket.allowedOrigins.length > 0 && { allowed_origins: websocket.allowedOrigins }),
    ...(websocket.compression && { compression: true }),
    ...timeField("tls_cert_not_after", server.certificateEndMs(tls?.certFile ?? null)),
  };
}

function runtimeFields(context: MonitorContext): object {
  const { broker } = context;
  const { rssBytes, cpuPercent, cores } = context.process();
  const nowMs = broker.clock.wallMs();
  let leafs = 0;
  for (const session of broker.sessions.values()) if (session.kind === "Leafnode") leafs++;
  return {
    start: timestampText(broker.startMs),
    now: timestampText(nowMs),
    uptime: uptimeText(nowMs - broker.startMs),
    mem: rssBytes,
    cores,
    gomaxprocs: cores,
    cpu: Math.round(cpuPercent * 10) / 10,
    connections: broker.sessions.size - leafs,
    total_connections: broker.stats.totalConnections,
    routes: 0,
    remotes: 0,
    leafnodes: leafs,
  };
}

/** While all traffic is that of clients, theirs is all there is. */
function trafficFields({ broker }: MonitorContext): object {
  const { stats } = broker;
  let stalls = stats.stalledClients;
  for (const session of broker.sessions.values()) stalls += session.stallCount;
  return {
    in_msgs: stats.inMessages,
    in_bytes: stats.inBytes,
    in_client_msgs: stats.inMessages,
    in_client_bytes: stats.inBytes,
    out_msgs: stats.outMessages,
    out_bytes: stats.outBytes,
    out_client_msgs: stats.outMessages,
    out_client_bytes: stats.outBytes,
    slow_consumers: stats.slowConsumers,
    stale_connections: stats.staleConnections,
    stalled_clients: stalls,
    subscriptions: broker.subscriptionCount,
    http_req_stats: Object.fromEntries([...stats.httpRequests].sort(byName)),
  };
}

function byName([left]: readonly [string, number], [right]: readonly [string, number]): number {
  return left < right ? -1 : 1;
}

function configFields(options: Options, { configLoadedMs }: ServerReadings): object {
  return {
    config_load_time: timestampText(configLoadedMs),
    config_digest: options.configDigest ?? "",
    ...(options.serverTags.length > 0 && { tags: options.serverTags }),
    ...(Object.keys(options.serverMetadata).length > 0 && { metadata: options.serverMetadata }),
    ...(options.systemAccount !== null && { system_account: options.systemAccount }),
  };
}

function detailFields({ broker }: MonitorContext): object {
  const { slowConsumers, staleConnections } = broker.stats;
  return {
    slow_consumer_stats: { clients: slowConsumers, routes: 0, gateways: 0, leafs: 0 },
    stale_connection_stats: { clients: staleConnections, routes: 0, gateways: 0, leafs: 0 },
    disk_io_wait_stats: { waiters: 0, waits: 0, wait_time: 0, max_wait_time: 0 },
  };
}

function timeField(name: string, wallMs: number | null): object {
  return wallMs === null ? {} : { [name]: timestampText(wallMs) };
}

function nanoseconds(ms: number): number {
  return Math.round(ms * 1_000_000);
}
