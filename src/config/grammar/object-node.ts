/**
 * From a program's options to the nodes that a configuration file would have given. Each table names the key of every
 * property and how its value is written there; the type of the tables sees to it that no property is forgotten.
 */
import type {
  BrokerAccount,
  BrokerAccountJetStream,
  BrokerForward,
  BrokerJetStream,
  BrokerLog,
  BrokerLeafNodes,
  BrokerLeafRemote,
  BrokerMappingDestination,
  BrokerMonitor,
  BrokerOptions,
  BrokerPermissions,
  BrokerTls,
  BrokerUser,
  BrokerWebSocket,
} from "../broker-options.ts";
import { parseSize } from "../../base/size.ts";
import type { ConfigNode, MapNode } from "./node.ts";
import { diagnosticAt } from "./diagnostics.ts";
import type { SourcePosition, Diagnostics } from "./diagnostics.ts";

type Settings = Omit<BrokerOptions, "config" | "configFile">;
type Entries = Map<string, ConfigNode>;

/** Writes one property, at `path`, into the entries of the map it belongs to. */
type Writer = (value: unknown, path: string, entries: Entries, diagnostics: Diagnostics) => void;
type WriterTable<T> = { readonly [K in keyof Required<T>]: Writer };

const userTable: WriterTable<BrokerUser> = {
  user: plain("user"),
  password: plain("password"),
  nkey: plain("nkey"),
  permissions: block("permissions", () => permissionsTable),
  connectionTypes: plain("allowed_connection_types"),
};

const permissionsTable: WriterTable<BrokerPermissions> = {
  publish: plain("publish"),
  subscribe: plain("subscribe"),
  allowResponses: (value, path, entries, diagnostics) => {
    const write = isObject(value) ? block("allow_responses", () => responsesTable) : plain("allow_responses");
    write(value, path, entries, diagnostics);
  },
};

const responsesTable: WriterTable<{ max: unknown; expires: unknown }> = {
  max: plain("max"),
  expires: duration("expires"),
};

const destinationTable: WriterTable<BrokerMappingDestination> = {
  destination: plain("destination"),
  weight: plain("weight"),
};

const accountTable: WriterTable<BrokerAccount> = {
  users: list("users", () => userTable),
  defaultPermissions: block("default_permissions", () => permissionsTable),
  mappings: mappings("mappings"),
  limits: block("limits", () => accountLimitsTable),
  nkey: plain("nkey"),
  jetstream: switchOrBlock("jetstream", () => accountJetStreamTable),
};

const jetStreamTable: WriterTable<BrokerJetStream> = {
  storeDir: plain("store_dir"),
  maxMemory: size("max_mem"),
  maxFile: size("max_file"),
  syncInterval: duration("sync_interval"),
  domain: plain("domain"),
  strict: plain("strict"),
  limits: block("limits", () => jetStreamLimitsTable),
};

const jetStreamLimitsTable: WriterTable<NonNullable<BrokerJetStream["limits"]>> = {
  maxAckPending: plain("max_ack_pending"),
  maxRequestBatch: plain("max_request_batch"),
  duplicateWindow: duration("duplicate_window"),
};

const accountJetStreamTable: WriterTable<BrokerAccountJetStream> = {
  maxMemory: size("max_memory"),
  maxFile: size("max_store"),
  maxStreams: plain("max_streams"),
  maxConsumers: plain("max_consumers"),
  maxAckPending: plain("max_ack_pending"),
  memoryMaxStreamBytes: size("memory_max_stream_bytes"),
  fileMaxStreamBytes: size("store_max_stream_bytes"),
  maxBytesRequired: plain("max_bytes_required"),
};

const accountLimitsTable: WriterTable<NonNullable<BrokerAccount["limits"]>> = {
  maxConnections: plain("max_connections"),
  maxSubscriptions: plain("max_subscriptions"),
  maxPayload: size("max_payload"),
};

const tlsTable: WriterTable<BrokerTls> = {
  certFile: plain("cert_file"),
  keyFile: plain("key_file"),
  caFile: plain("ca_file"),
  certificates: list("certificates", () => ({ certFile: plain("cert_file"), keyFile: plain("key_file") })),
  verify: plain("verify"),
  verifyAndMap: plain("verify_and_map"),
  timeout: duration("timeout"),
  handshakeFirst: duration("handshake_first"),
  minVersion: plain("min_version"),
  cipherSuites: plain("cipher_suites"),
  allowInsecureCipherSuites: plain("allow_insecure_cipher_suites"),
  curvePreferences: plain("curve_preferences"),
  pinnedCerts: plain("pinned_certs"),
  connectionRateLimit: plain("connection_rate_limit"),
};

const websocketTable: WriterTable<BrokerWebSocket> = {
  host: plain("host"),
  port: port("port"),
  advertise: plain("advertise"),
  tls: block("tls", () => tlsTable),
  compression: plain("compression"),
  sameOrigin: plain("same_origin"),
  allowedOrigins: plain("allowed_origins"),
  trustedProxies: plain("trusted_proxies"),
  handshakeTimeout: duration("handshake_timeout"),
  pingInterval: duration("ping_interval"),
  headers: plain("headers"),
  userCookie: plain("user_cookie"),
  passCookie: plain("pass_cookie"),
  tokenCookie: plain("token_cookie"),
  noAuthUser: plain("no_auth_user"),
  authorization: block("authorization", () => singleAuthorizationTable),
};

const singleAuthorizationTable: WriterTable<NonNullable<BrokerWebSocket["authorization"]>> = {
  user: plain("user"),
  password: plain("password"),
  token: plain("token"),
  timeout: duration("timeout"),
};

const leafAuthorizationTable: WriterTable<NonNullable<BrokerLeafNodes["authorization"]>> = {
  user: plain("user"),
  password: plain("password"),
  nkey: plain("nkey"),
  account: plain("account"),
  timeout: duration("timeout"),
  users: list("users", () => ({
    user: plain("user"),
    password: plain("password"),
    account: plain("account"),
  })),
};

const forwardTable: WriterTable<BrokerForward> = {
  up: plain("up"),
  down: plain("down"),
  replicas: plain("replicas"),
  hubDomain: plain("hub_domain"),
  backOff: duration("back_off"),
  lagWarning: plain("lag_warning"),
};

const leafRemoteTable: WriterTable<BrokerLeafRemote> = {
  urls: plain("urls"),
  account: plain("account"),
  credentials: plain("credentials"),
  nkey: plain("nkey"),
  tls: block("tls", () => ({ ...tlsTable, insecure: plain("insecure") })),
  hub: plain("hub"),
  denyImports: plain("deny_imports"),
  denyExports: plain("deny_exports"),
  noRandomize: plain("no_randomize"),
  ignoreDiscoveredServers: plain("ignore_discovered_servers"),
  isolate: plain("isolate"),
  requestIsolation: plain("request_isolation"),
  firstInfoTimeout: duration("first_info_timeout"),
  dialTimeout: duration("dial_timeout"),
  websocketCompression: plain("ws_compression"),
  websocketNoMasking: plain("ws_no_masking"),
  forward: block("forward", () => forwardTable),
  disabled: plain("disabled"),
};

const leafNodesTable: WriterTable<BrokerLeafNodes> = {
  host: plain("host"),
  port: port("port"),
  advertise: plain("advertise"),
  noAdvertise: plain("no_advertise"),
  tls: block("tls", () => tlsTable),
  authorization: block("authorization", () => leafAuthorizationTable),
  minVersion: plain("min_version"),
  reconnect: duration("reconnect"),
  dialTimeout: duration("dial_timeout"),
  writeDeadline: duration("write_deadline"),
  pingInterval: duration("ping_interval"),
  pingMax: plain("ping_max"),
  isolate: plain("isolate"),
  remotes: list("remotes", () => leafRemoteTable),
};

const logTable: WriterTable<BrokerLog> = {
  debug: plain("debug"),
  trace: plain("trace"),
  traceVerbose: plain("trace_verbose"),
  traceHeaders: plain("trace_headers"),
  maxTracedMsgLen: size("max_traced_msg_len"),
  logtime: plain("logtime"),
  logtimeUtc: plain("logtime_utc"),
  file: plain("log_file"),
  fileSizeLimit: size("logfile_size_limit"),
  fileMaxNum: plain("logfile_max_num"),
};

/** For checking the names only; {@link writeMonitor} writes it. */
const monitorTable: WriterTable<BrokerMonitor> = {
  host: plain("host"),
  port: port("port"),
  https: plain("https"),
  basePath: plain("http_base_path"),
};

const settingsTable: WriterTable<Settings> = {
  host: plain("host"),
  port: port("port"),
  serverName: plain("server_name"),
  clientAdvertise: plain("client_advertise"),
  serverTags: plain("server_tags"),
  serverMetadata: plain("server_metadata"),
  token: inAuthorization(plain("token")),
  user: inAuthorization(plain("user")),
  password: inAuthorization(plain("password")),
  users: inAuthorization(list("users", () => userTable)),
  authTimeout: inAuthorization(duration("timeout")),
  noAuthUser: plain("no_auth_user"),
  accounts: record("accounts", (account, path, diagnostics) =>
    mapOf(account, path, accountTable, diagnostics),
  ),
  systemAccount: (value, path, entries) => {
    if (value === false) entries.set("no_system_account", nodeOf(true, path));
    else entries.set("system_account", nodeOf(value, path));
  },
  mappings: mappings("mappings"),
  jetstream: switchOrBlock("jetstream", () => jetStreamTable),
  tls: block("tls", () => tlsTable),
  allowNonTls: plain("allow_non_tls"),
  websocket: (value, path, entries, diagnostics) => {
    const map = mapOf(value, path, websocketTable, diagnostics);
    // Without a certificate it can only be meant without TLS; a file has to say so.
    const withTls = map.value.has("tls") ? [] : [["no_tls", nodeOf(true, path)] as const];
    entries.set("websocket", { ...map, value: new Map([...map.value, ...withTls]) });
  },
  leafNodes: block("leafnodes", () => leafNodesTable),
  monitor: writeMonitor,
  maxConnections: plain("max_connections"),
  maxSubscriptions: plain("max_subscriptions"),
  maxSubscriptionTokens: plain("max_subscription_tokens"),
  maxControlLine: size("max_control_line"),
  maxPayload: size("max_payload"),
  maxPending: size("max_pending"),
  maxClosedClients: plain("max_closed_clients"),
  pingInterval: duration("ping_interval"),
  pingMax: plain("ping_max"),
  writeDeadline: duration("write_deadline"),
  noFastProducerStall: plain("no_fast_producer_stall"),
  noHeaderSupport: plain("no_header_support"),
  lameDuckDuration: duration("lame_duck_duration"),
  lameDuckGracePeriod: duration("lame_duck_grace_period"),
  log: (value, path, entries, diagnostics) => {
    for (const [key, node] of mapOf(value, path, logTable, diagnostics).value) entries.set(key, node);
  },
  pidFile: plain("pid_file"),
  portsFileDir: plain("ports_file_dir"),
};

/** @param written what a configuration text said, which the settings are written over */
export function mapFromObject(
  settings: Settings,
  written: MapNode | null,
  diagnostics: Diagnostics,
): MapNode {
  const entries: Entries = new Map(written?.value ?? []);
  writeProperties(settings, "options", settingsTable, entries, diagnostics);
  return { ...positionOf("options"), kind: "map", value: entries };
}

function writeProperties<T>(
  given: unknown,
  path: string,
  table: WriterTable<T>,
  entries: Entries,
  diagnostics: Diagnostics,
): void {
  if (!isObject(given)) throw diagnosticAt(positionOf(path), "must be an object");
  for (const [name, value] of Object.entries(given)) {
    if (value === undefined) continue;
    const here = `${path}.${name}`;
    diagnostics.attempt(() => {
      if (!Object.hasOwn(table, name)) throw diagnosticAt(positionOf(here), "there is no such option");
      (table as Readonly<Record<string, Writer>>)[name]?.(value, here, entries, diagnostics);
    });
  }
}

function mapOf<T>(given: unknown, path: string, table: WriterTable<T>, diagnostics: Diagnostics): MapNode {
  const entries: Entries = new Map();
  writeProperties(given, path, table, entries, diagnostics);
  return { ...positionOf(path), kind: "map", value: entries };
}

/** A value that is written as it is, names of properties included. */
function plain(key: string): Writer {
  return (value, path, entries) => entries.set(key, nodeOf(value, path));
}

function duration(key: string): Writer {
  return (value, path, entries) => {
    entries.set(key, nodeOf(typeof value === "number" ? `${value}ms` : value, path));
  };
}

/** Text with a unit is written as bytes: in a file, `1M` stands for another number from block to block. */
function size(key: string): Writer {
  return (value, path, entries) => {
    const bytes = typeof value === "string" ? parseSize(value) : value;
    if (bytes === null)
      throw diagnosticAt(
        positionOf(path),
        `must be bytes, or text such as "10MB", not ${JSON.stringify(value)}`,
      );
    entries.set(key, nodeOf(bytes, path));
  };
}

/** 0, which is how Node asks for any free port, is written -1. */
function port(key: string): Writer {
  return (value, path, entries) => entries.set(key, nodeOf(value === 0 ? -1 : value, path));
}

function block<T>(key: string, table: () => WriterTable<T>): Writer {
  return (value, path, entries, diagnostics) => entries.set(key, mapOf(value, path, table(), diagnostics));
}

/** A map, or a plain value that turns it on or off. */
function switchOrBlock<T>(key: string, table: () => WriterTable<T>): Writer {
  return (value, path, entries, diagnostics) => {
    const write = isObject(value) ? block(key, table) : plain(key);
    write(value, path, entries, diagnostics);
  };
}

function list<T>(key: string, table: () => WriterTable<T>): Writer {
  return (value, path, entries, diagnostics) => {
    if (!Array.isArray(value)) throw diagnosticAt(positionOf(path), "must be an array");
    const elements = value.map((element, at) => mapOf(element, `${path}[${at}]`, table(), diagnostics));
    entries.set(key, { ...positionOf(path), kind: "array", value: elements });
  };
}

/** A map whose keys are the caller's own words. */
function record(
  key: string,
  write: (value: unknown, path: string, diagnostics: Diagnostics) => ConfigNode,
): Writer {
  return (value, path, entries, diagnostics) => {
    if (!isObject(value)) throw diagnosticAt(positionOf(path), "must be an object");
    const inner: Entries = new Map();
    for (const [name, part] of Object.entries(value)) {
      if (part !== undefined) inner.set(name, write(part, `${path}[${JSON.stringify(name)}]`, diagnostics));
    }
    entries.set(key, { ...positionOf(path), kind: "map", value: inner });
  };
}

function mappings(key: string): Writer {
  return record(key, (value, path, diagnostics) => {
    if (!Array.isArray(value))
      return isObject(value) ? mapOf(value, path, destinationTable, diagnostics) : nodeOf(value, path);
    const elements = value.map((element, at) =>
      mapOf(element, `${path}[${at}]`, destinationTable, diagnostics),
    );
    return { ...positionOf(path), kind: "array", value: elements };
  });
}

/** Adds to the authorization block, be it the written one or one begun by another property. */
function inAuthorization(write: Writer): Writer {
  return (value, path, entries, diagnostics) => {
    const block = entries.get("authorization");
    const inner: Entries = new Map(block?.kind === "map" ? block.value : []);
    write(value, path, inner, diagnostics);
    entries.set("authorization", { ...positionOf("options"), kind: "map", value: inner });
  };
}

function writeMonitor(value: unknown, path: string, entries: Entries, diagnostics: Diagnostics): void {
  if (!isObject(value)) return port("http_port")(value, path, entries, diagnostics);
  const { value: parts } = mapOf(value, path, monitorTable, diagnostics);
  const [host, number, https] = [parts.get("host"), parts.get("port"), parts.get("https")];
  if (number === undefined) throw diagnosticAt(positionOf(path), "port is missing");
  const basePath = parts.get("http_base_path");
  if (basePath !== undefined) entries.set("http_base_path", basePath);
  const key = https?.kind === "boolean" && https.value ? "https" : "http";
  if (host?.kind !== "string") {
    entries.set(key, number);
    return;
  }
  const name = host.value.includes(":") ? `[${host.value}]` : host.value;
  entries.set(key, number.kind === "integer" ? nodeOf(`${name}:${number.value}`, path) : number);
}

function nodeOf(value: unknown, path: string): ConfigNode {
  const position = positionOf(path);
  switch (typeof value) {
    case "string":
      return { ...position, kind: "string", value };
    case "boolean":
      return { ...position, kind: "boolean", value };
    case "number":
      if (Number.isSafeInteger(value)) return { ...position, kind: "integer", value: BigInt(value) };
      if (Number.isFinite(value)) return { ...position, kind: "float", value };
      break;
    case "object":
      if (value === null) break;
      if (Array.isArray(value)) {
        return { ...position, kind: "array", value: value.map((part, at) => nodeOf(part, `${path}[${at}]`)) };
      }
      return { ...position, kind: "map", value: entriesOf(value, path) };
    default:
  }
  throw diagnosticAt(
    position,
    `${typeof value === "number" ? value : value === null ? "null" : `a ${typeof value}`} is not a value`,
  );
}

function entriesOf(value: object, path: string): Entries {
  const given = Object.entries(value).filter(([, part]) => part !== undefined);
  return new Map(given.map(([name, part]) => [name, nodeOf(part, `${path}.${name}`)]));
}

function positionOf(path: string): SourcePosition & { isReferenced: boolean } {
  return { file: path, line: 0, column: 0, isReferenced: false };
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
