/** Which options may change while the broker runs, after nats-server's `diffOptions`. All of a change, or none of it. */
import { isDeepStrictEqual } from "node:util";
import { isInventedUser } from "./complete.ts";
import { showDuration } from "./grammar/fields.ts";
import type { JetStreamOptions } from "./jetstream-options.ts";
import type { MonitorOptions, Options } from "./options.ts";
import type { TlsOptions } from "./tls-options.ts";
import { ConfigError } from "./grammar/diagnostics.ts";

/** What has to be done about a change. */
type ChangeGroup = "log" | "tls" | "access" | "limits" | "identity" | "files" | "links" | "jetstream";

interface OptionChange {
  /** Path in {@link Options}, such as `limits.maxPayloadBytes`. */
  readonly option: string;
  readonly group: ChangeGroup;
}

export interface OptionsDifference {
  /** Empty when nothing is different. */
  readonly changes: readonly OptionChange[];
  readonly groups: ReadonlySet<ChangeGroup>;
}

interface FixedOption {
  /** As nats-server names it. */
  readonly name: string;
  readonly read: (options: Options) => unknown;
}

interface LiveOption {
  readonly group: ChangeGroup;
  readonly read: (options: Options) => unknown;
}

const live: Readonly<Record<string, LiveOption>> = {
  "log.debug": { group: "log", read: ({ log }) => log.debug },
  "log.trace": { group: "log", read: ({ log }) => log.trace },
  "log.traceVerbose": { group: "log", read: ({ log }) => log.traceVerbose },
  "log.traceHeaders": { group: "log", read: ({ log }) => log.traceHeaders },
  "log.maxTracedBytes": { group: "log", read: ({ log }) => log.maxTracedBytes },
  "log.time": { group: "log", read: ({ log }) => log.time },
  "log.timeUtc": { group: "log", read: ({ log }) => log.timeUtc },
  "log.file": { group: "log", read: ({ log }) => log.file },
  tls: { group: "tls", read: ({ tls }) => liveTls(tls) },
  "leafnodes.tls": { group: "tls", read: ({ leafnodes }) => leafnodes?.listener?.tls ?? null },
  "leafnodes.authTimeoutMs": {
    group: "limits",
    read: ({ leafnodes }) => leafnodes?.listener?.authTimeoutMs ?? null,
  },
  "leafnodes.writeDeadlineMs": {
    group: "limits",
    read: ({ leafnodes }) => leafnodes?.writeDeadlineMs ?? null,
  },
  "leafnodes.remotes": { group: "links", read: ({ leafnodes }) => leafnodes?.remotes ?? [] },
  "websocket.tls": { group: "tls", read: ({ websocket }) => certificatesOf(websocket?.tls ?? null) },
  authorization: { group: "access", read: ({ authorization }) => authorization },
  jetstream: { group: "jetstream", read: ({ jetstream }) => jetstream !== null },
  "jetstream.maxMemoryBytes": { group: "limits", read: ({ jetstream }) => jetstream?.maxMemoryBytes ?? 0 },
  "jetstream.maxStoreBytes": { group: "limits", read: ({ jetstream }) => jetstream?.maxStoreBytes ?? 0 },
  "jetstream.limits": { group: "limits", read: ({ jetstream }) => jetstream?.limits ?? null },
  accounts: { group: "access", read: ({ accounts }) => accounts },
  noAuthUser: { group: "access", read: ({ noAuthUser }) => noAuthUser },
  "limits.authTimeoutMs": { group: "limits", read: ({ limits }) => limits.authTimeoutMs },
  "limits.maxConnections": { group: "limits", read: ({ limits }) => limits.maxConnections },
  "limits.maxControlLineBytes": { group: "limits", read: ({ limits }) => limits.maxControlLineBytes },
  "limits.maxPayloadBytes": { group: "limits", read: ({ limits }) => limits.maxPayloadBytes },
  "limits.pingIntervalMs": { group: "limits", read: ({ limits }) => limits.pingIntervalMs },
  "limits.pingMax": { group: "limits", read: ({ limits }) => limits.pingMax },
  "limits.writeDeadlineMs": { group: "limits", read: ({ limits }) => limits.writeDeadlineMs },
  noFastProducerStall: { group: "limits", read: ({ noFastProducerStall }) => noFastProducerStall },
  clientAdvertise: { group: "identity", read: ({ clientAdvertise }) => clientAdvertise },
  serverTags: { group: "identity", read: ({ serverTags }) => serverTags },
  serverMetadata: { group: "identity", read: ({ serverMetadata }) => serverMetadata },
  pidFile: { group: "files", read: ({ pidFile }) => pidFile },
  portsFileDir: { group: "files", read: ({ portsFileDir }) => portsFileDir },
};

const fixed: readonly FixedOption[] = [
  { name: "Host", read: ({ host }) => host },
  { name: "ServerName", read: ({ serverName }) => serverName },
  { name: "MaxSubs", read: ({ limits }) => limits.maxSubscriptions },
  { name: "MaxSubTokens", read: ({ limits }) => limits.maxSubscriptionTokens },
  { name: "MaxPending", read: ({ limits }) => limits.maxPendingBytes },
  { name: "MaxClosedClients", read: ({ maxClosedClients }) => maxClosedClients },
  { name: "NoHeaderSupport", read: ({ noHeaderSupport }) => noHeaderSupport },
  { name: "LameDuckDuration", read: ({ lameDuckDurationMs }) => showDuration(lameDuckDurationMs) },
  { name: "LameDuckGracePeriod", read: ({ lameDuckGracePeriodMs }) => showDuration(lameDuckGracePeriodMs) },
  { name: "AllowNonTLS", read: ({ allowNonTls }) => allowNonTls },
  { name: "TLSMap", read: ({ tls }) => tls?.verifyAndMap ?? false },
  { name: "TLSRateLimit", read: ({ tls }) => tls?.connectionRateLimit ?? 0 },
  { name: "NoSystemAccount", read: ({ systemAccount }) => systemAccount === null },
  { name: "LogSizeLimit", read: ({ log }) => log.fileSizeBytesMax },
  { name: "LogMaxFiles", read: ({ log }) => log.fileCountMax },
];

/**
 * A port of 0 in `next` keeps whatever port is open.
 *
 * @throws ConfigError naming every change that takes a restart
 */
export function diffOptions(current: Options, next: Options): OptionsDifference {
  const diagnostics = [
    ...fixed.flatMap(({ name, read }) => fixedProblem(name, read(current), read(next))),
    ...(next.port === 0 ? [] : fixedProblem("Port", current.port, next.port)),
    ...monitorDiagnostics(current.monitor, next.monitor),
    ...jetStreamDiagnostics(current.jetstream, next.jetstream),
    ...systemAccountProblem(current, next),
    ...noAuthUserProblem(current, next),
    ...websocketDiagnostics(current, next),
    ...leafNodeDiagnostics(current, next),
  ];
  if (diagnostics.length > 0) throw new ConfigError(diagnostics);
  const changes = Object.entries(live)
    .filter(([, { read }]) => !isDeepStrictEqual(read(current), read(next)))
    .map(([option, { group }]) => ({ option, group }));
  return { changes, groups: new Set(changes.map(({ group }) => group)) };
}

function fixedProblem(name: string, old: unknown, next: unknown): string[] {
  if (isDeepStrictEqual(old, next)) return [];
  return [`config reload not supported for ${name}: old=${show(old)}, new=${show(next)}`];
}

function monitorDiagnostics(current: MonitorOptions | null, next: MonitorOptions | null): string[] {
  const diagnostics = [
    ...fixedProblem("HTTPPort", shownPort(current?.port), shownPort(next?.port)),
    ...fixedProblem("HTTPSPort", shownPort(current?.httpsPort), shownPort(next?.httpsPort)),
  ];
  if (current === null || next === null) return diagnostics;
  diagnostics.push(...fixedProblem("HTTPHost", current.host, next.host));
  diagnostics.push(...fixedProblem("HTTPBasePath", current.basePath, next.basePath));
  return diagnostics;
}

const jetStreamNames = {
  storeDir: "StoreDir",
  domain: "JetStreamDomain",
  uniqueTag: "JetStreamUniqueTag",
  strict: "NoJetStreamStrict",
  syncIntervalMs: "SyncInterval",
  requestQueueMax: "JetStreamRequestQueueLimit",
} as const;

/** What may be stored may become more. */
function jetStreamDiagnostics(current: JetStreamOptions | null, next: JetStreamOptions | null): string[] {
  if (current === null || next === null) return [];
  const names = Object.keys(jetStreamNames) as (keyof typeof jetStreamNames)[];
  return [
    ...names.flatMap((name) => fixedProblem(jetStreamNames[name], current[name], next[name])),
    ...decreaseProblem("JetStreamMaxMemory", current.maxMemoryBytes, next.maxMemoryBytes),
    ...decreaseProblem("JetStreamMaxStore", current.maxStoreBytes, next.maxStoreBytes),
  ];
}

function decreaseProblem(name: string, old: number, next: number): string[] {
  return next < old ? fixedProblem(name, old, next) : [];
}

function systemAccountProblem(current: Options, next: Options): string[] {
  // From one to none or back is said about NoSystemAccount.
  if (current.systemAccount === null || next.systemAccount === null) return [];
  return fixedProblem("SystemAccount", current.systemAccount, next.systemAccount);
}

/** It may only go, together with its user; one that was invented comes and goes with its reason. */
function noAuthUserProblem(current: Options, next: Options): string[] {
  const old = isInventedUser(current.noAuthUser) ? null : current.noAuthUser;
  const user = isInventedUser(next.noAuthUser) ? null : next.noAuthUser;
  const isUserLeft = next.authorization.users?.some((entry) => entry.user === old) === true;
  if (old !== null && user === null && !isUserLeft) return [];
  return fixedProblem("NoAuthUser", old, user);
}

/** Of the WebSocket listener only the certificates may change. Secrets are not shown. */
function websocketDiagnostics(current: Options, next: Options): string[] {
  const [old, now] = [current.websocket, next.websocket];
  if (old === null || now === null) {
    return old === now
      ? []
      : [`config reload not supported for Websocket: old=${old?.port ?? "off"}, new=${now?.port ?? "off"}`];
  }
  const names = Object.keys(old) as (keyof typeof old)[];
  return names.flatMap((name) => {
    if (name === "tls") return fixedProblem("Websocket.tls", pinsOf(old.tls), pinsOf(now.tls));
    if (name === "port" && now.port === 0) return [];
    const [before, after] =
      name === "allowedOrigins" || name === "trustedProxies"
        ? [sorted(old[name]), sorted(now[name])]
        : [old[name], now[name]];
    if (isDeepStrictEqual(before, after)) return [];
    return name === "authorization"
      ? ["config reload not supported for Websocket.authorization"]
      : fixedProblem(`Websocket.${name}`, before, after);
  });
}

/** Of leaf nodes, the hubs that are dialled may change, and TLS of the listener. Secrets are not shown. */
function leafNodeDiagnostics(current: Options, next: Options): string[] {
  const diagnostics: string[] = [];
  const [old, now] = [current.leafnodes, next.leafnodes];
  if (old !== null && now !== null) {
    diagnostics.push(
      ...fixedProblem(
        "LeafNode.ReconnectInterval",
        showDuration(old.reconnectMs),
        showDuration(now.reconnectMs),
      ),
      ...fixedProblem(
        "LeafNode.DialTimeout",
        showDuration(old.dialTimeoutMs),
        showDuration(now.dialTimeoutMs),
      ),
      ...fixedProblem("LeafNode.IsolateLeafnodeInterest", old.isolatesInterest, now.isolatesInterest),
      ...fixedProblem("LeafNode.PingInterval", old.pingIntervalMs, now.pingIntervalMs),
      ...fixedProblem("LeafNode.MaxPingsOut", old.pingMax, now.pingMax),
    );
  }
  const [before, after] = [old?.listener ?? null, now?.listener ?? null];
  if (before === null || after === null) {
    if (before === after) return diagnostics;
    return [
      ...diagnostics,
      ...fixedProblem("LeafNode.Port", shownPort(before?.port), shownPort(after?.port)),
    ];
  }
  for (const name of Object.keys(before) as (keyof typeof before)[]) {
    // They are among the live ones.
    if (name === "tls" || name === "authTimeoutMs") continue;
    if ((name === "port" && after.port === 0) || isDeepStrictEqual(before[name], after[name])) continue;
    diagnostics.push(
      name === "authorization"
        ? "config reload not supported for LeafNode.authorization"
        : `config reload not supported for LeafNode.${name}: old=${show(before[name])}, new=${show(after[name])}`,
    );
  }
  return diagnostics;
}

/** What of the main listener's TLS may change: all but what stands under {@link fixed}. */
function liveTls(tls: TlsOptions | null): unknown {
  return tls === null ? null : { ...tls, verifyAndMap: false, connectionRateLimit: 0 };
}

/** What of the WebSocket listener's TLS may change. */
function certificatesOf(tls: TlsOptions | null): unknown {
  return tls === null ? null : { ...tls, verifyAndMap: false, pinnedCerts: [] };
}

function pinsOf(tls: TlsOptions | null): unknown {
  return tls === null ? "off" : [tls.verifyAndMap, ...sorted(tls.pinnedCerts)];
}

function sorted(texts: readonly string[]): readonly string[] {
  return [...texts].sort();
}

/** As it is written: 0 is off, and -1 any free port. */
function shownPort(port: number | null | undefined): number {
  if (port === null || port === undefined) return 0;
  return port === 0 ? -1 : port;
}

/** As Go prints a value. */
function show(value: unknown): string {
  if (value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
