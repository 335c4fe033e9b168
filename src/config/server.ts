/** The keys of a configuration file's top level. */
import { readAccounts } from "./accounts.ts";
import { readAuthorization } from "./authorization.ts";
import { readCluster } from "./cluster.ts";
import type { Draft } from "./draft.ts";
import {
  asBoolean,
  asCount,
  asDuration,
  asDurationOrSeconds,
  asInteger,
  asMap,
  asPort,
  asString,
} from "./grammar/fields.ts";
import { asStrings, readBlock, showDuration } from "./grammar/fields.ts";
import type { Block, KeyReader } from "./grammar/fields.ts";
import { readLeafNodes } from "./leafnodes.ts";
import { readJetStream, readStoreDir } from "./jetstream.ts";
import { asListenAddress } from "./listen.ts";
import { logKeys } from "./log.ts";
import { readMappings } from "./mappings.ts";
import type { ConfigNode, MapNode } from "./grammar/node.ts";
import { diagnosticAt } from "./grammar/diagnostics.ts";
import type { Diagnostics } from "./grammar/diagnostics.ts";
import { readTls } from "./tls.ts";
import { readWebSocket } from "./websocket.ts";

const int32Most = 2 ** 31 - 1;
const lameDuckDurationMsLeast = 30_000;

const readHost: KeyReader<Draft> = (node, draft, { key }) => (draft.host = asString(node, key));
const readHttpPort: KeyReader<Draft> = (node, draft, { key }) => (draft.httpPort = asPort(node, key));
const readMaxConnections: KeyReader<Draft> = (node, draft, { key }) => {
  // 0 and below refuse everybody; there is no way to ask for no limit.
  draft.maxConnections = Math.max(asInteger(node, key), 0);
};
const readMaxSubscriptions: KeyReader<Draft> = (node, draft, { key }) => {
  draft.maxSubscriptions = Math.max(asInteger(node, key), 0);
};
const readMaxTokens: KeyReader<Draft> = (node, draft, { key }) => {
  const count = asCount(node, key, 255);
  if (count === 0) throw diagnosticAt(node, `${key} value must be at least 1; leave it out for no limit`);
  draft.maxSubscriptionTokens = count;
};
const readPidFile: KeyReader<Draft> = (node, draft, { key }) => (draft.pidFile = asString(node, key) || null);
const readTopMappings: KeyReader<Draft> = (node, draft, { diagnostics }) => {
  draft.mappings = readMappings(node, diagnostics);
};
const readSystemAccount: KeyReader<Draft> = (node, draft, { key }) => {
  draft.systemAccount = asString(node, key) || null;
};
const readNoSystemAccount: KeyReader<Draft> = (node, draft, { key }) => {
  draft.noSystemAccount = asBoolean(node, key);
};
const readLeafNodesBlock: KeyReader<Draft> = (node, draft, { diagnostics }) => {
  draft.leafnodes = readLeafNodes(node, diagnostics);
};
const readWebSocketBlock: KeyReader<Draft> = (node, draft, { diagnostics }) => {
  draft.websocket = readWebSocket(node, diagnostics);
};

const identityKeys: Readonly<Record<string, KeyReader<Draft>>> = {
  server_name: (node, draft, { key }) => {
    const name = asString(node, key);
    if (name.includes(" ")) throw diagnosticAt(node, "server name cannot contain spaces");
    draft.serverName = name || null;
  },
  server_tags: (node, draft, { key }) => {
    const tags = asStrings(node, key).map((tag) => tag.trim().toLowerCase());
    draft.serverTags = [...new Set([...draft.serverTags, ...tags])].filter((tag) => tag !== "");
  },
  server_metadata: (node, draft, { key, diagnostics }) => {
    for (const [name, value] of asMap(node, key).value) {
      diagnostics.attempt(() => (draft.serverMetadata[name] = asString(value, name)));
    }
  },
  client_advertise: (node, draft, { key }) => (draft.clientAdvertise = asString(node, key) || null),
  pid_file: readPidFile,
  pidfile: readPidFile,
  ports_file_dir: (node, draft, { key }) => (draft.portsFileDir = asString(node, key) || null),
};

const listenerKeys: Readonly<Record<string, KeyReader<Draft>>> = {
  listen: (node, draft, { key }) => {
    const { host, port } = asListenAddress(node, key);
    draft.host = host;
    draft.port = port;
  },
  host: readHost,
  net: readHost,
  port: (node, draft, { key }) => (draft.port = asPort(node, key)),
  cluster: (node, _draft, { diagnostics }) => readCluster(node, diagnostics),
  tls: (node, draft, { diagnostics }) => (draft.tls = readTls(node, diagnostics)),
  allow_non_tls: (node, draft, { key }) => (draft.allowNonTls = asBoolean(node, key)),
  websocket: readWebSocketBlock,
  ws: readWebSocketBlock,
  leafnodes: readLeafNodesBlock,
  leaf: readLeafNodesBlock,
  http: (node, draft, { key }) => {
    const { host, port } = asListenAddress(node, key);
    draft.monitorHost = host;
    draft.httpPort = port;
  },
  https: (node, draft, { key }) => {
    const { host, port } = asListenAddress(node, key);
    draft.monitorHost = host;
    draft.httpsPort = port;
  },
  http_port: readHttpPort,
  monitor_port: readHttpPort,
  https_port: (node, draft, { key }) => (draft.httpsPort = asPort(node, key)),
  http_base_path: (node, draft, { key }) => (draft.httpBasePath = asString(node, key)),
};

const limitKeys: Readonly<Record<string, KeyReader<Draft>>> = {
  max_connections: readMaxConnections,
  max_conn: readMaxConnections,
  max_subscriptions: readMaxSubscriptions,
  max_subs: readMaxSubscriptions,
  max_subscription_tokens: readMaxTokens,
  max_sub_tokens: readMaxTokens,
  max_control_line: (node, draft, { key }) => (draft.maxControlLineBytes = asCount(node, key, int32Most)),
  max_payload: (node, draft, { key }) => (draft.maxPayloadBytes = asCount(node, key, int32Most)),
  max_pending: (node, draft, { key }) => (draft.maxPendingBytes = asCount(node, key)),
  max_closed_clients: (node, draft, { key }) => (draft.maxClosedClients = asCount(node, key)),
  ping_interval: (node, draft, read) => (draft.pingIntervalMs = asDurationOrSeconds(node, read)),
  ping_max: (node, draft, { key }) => (draft.pingMax = asCount(node, key)),
  write_deadline: (node, draft, read) => (draft.writeDeadlineMs = asDurationOrSeconds(node, read)),
  no_header_support: (node, draft, { key }) => (draft.noHeaderSupport = asBoolean(node, key)),
  no_fast_producer_stall: (node, draft, { key }) => (draft.noFastProducerStall = asBoolean(node, key)),
  lame_duck_duration: (node, draft, { key }) => (draft.lameDuckDurationMs = lameDuckDurationOf(node, key)),
  lame_duck_grace_period: (node, draft, { key }) => {
    const graceMs = asDuration(node, key);
    if (graceMs < 0) throw diagnosticAt(node, "invalid lame_duck_grace_period, needs to be positive");
    draft.lameDuckGracePeriodMs = graceMs;
  },
};

const accessKeys: Readonly<Record<string, KeyReader<Draft>>> = {
  authorization: (node, draft, { diagnostics }) =>
    (draft.authorization = readAuthorization(node, diagnostics)),
  accounts: (node, draft, { diagnostics }) => (draft.accounts = readAccounts(node, diagnostics)),
  mappings: readTopMappings,
  maps: readTopMappings,
  no_auth_user: (node, draft, { key }) => (draft.noAuthUser = asString(node, key) || null),
  system_account: readSystemAccount,
  system: readSystemAccount,
  no_system_account: readNoSystemAccount,
  no_system: readNoSystemAccount,
  no_sys_acc: readNoSystemAccount,
};

const streamKeys: Readonly<Record<string, KeyReader<Draft>>> = {
  jetstream: (node, draft, { diagnostics }) => readJetStream(node, draft, diagnostics),
  store_dir: (node, draft, { key }) => readStoreDir(node, draft, key),
  storedir: (node, draft, { key }) => readStoreDir(node, draft, key),
};

const block: Block<Draft> = {
  name: "server",
  keys: {
    ...streamKeys,
    ...identityKeys,
    ...listenerKeys,
    ...limitKeys,
    ...accessKeys,
    ...Object.fromEntries(
      Object.entries(logKeys).map(([key, read]): [string, KeyReader<Draft>] => [
        key,
        (node, draft, reading) => read(node, draft.log, reading),
      ]),
    ),
  },
};

/** Writes what the file says into `draft`, and what is wrong with it into `problems`. */
export function readServer(map: MapNode, draft: Draft, diagnostics: Diagnostics): void {
  readBlock(block, map, draft, diagnostics);
  const { user, token } = draft.authorization;
  if (user === null && token === null) return;
  for (const { users } of draft.accounts) {
    if (users === null || users.users.length === 0) continue;
    const method = user === null ? "a token" : "a single user/pass";
    diagnostics.add(users.position, `Can not have ${method} and accounts`);
  }
}

function lameDuckDurationOf(node: ConfigNode, key: string): number {
  const durationMs = asDuration(node, key);
  if (durationMs >= lameDuckDurationMsLeast) return durationMs;
  throw diagnosticAt(
    node,
    `invalid lame_duck_duration of ${showDuration(durationMs)}, minimum is 30 seconds`,
  );
}
