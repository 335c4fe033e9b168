/**
 * What nats-server knows and Frond does not, or not yet: the one place that says so. A key in here is an `error` when
 * a broker without it would do something else than its user relies on, and a `warn` when it can be left out in peace.
 */
import type { ConfigNode } from "./grammar/node.ts";

export type BlockName =
  | "server"
  | "tls"
  | "websocket"
  | "simple authorization"
  | "authorization"
  | "user"
  | "permissions"
  | "account"
  | "account limits"
  | "jetstream"
  | "jetstream limits"
  | "jetstream batch limits"
  | "account jetstream"
  | "mapping destination"
  | "leafnodes"
  | "leafnode authorization"
  | "leafnode user"
  | "leafnode remote"
  | "leafnode compression"
  | "cluster"
  | "leafnode forward"
  | "leafnode forward stream";

interface UnsupportedKey {
  readonly severity: "warn" | "error";
  /** What to do about it; follows a colon. */
  readonly reason: string;
  /** Whether a value turns the feature off or says nothing, so that there is nothing to report. */
  readonly isOff?: (node: ConfigNode) => boolean;
  /** Of a block: the keys that nats-server knows in it, so that a misspelt one is still found. */
  readonly keys?: ReadonlySet<string>;
}

type UnsupportedKeys = Readonly<Record<string, UnsupportedKey>>;

const encryption: UnsupportedKey = {
  severity: "error",
  reason: "streams are not encrypted; keep store_dir on an encrypted disk",
  isOff: isEmpty,
};
const operators: UnsupportedKey = {
  severity: "error",
  reason: "remove it, and define users in accounts",
  isOff: isEmpty,
};
const syslog: UnsupportedKey = {
  severity: "warn",
  reason: "the log goes to log_file, or else to standard error",
  isOff: isEmpty,
};
const noEffect: UnsupportedKey = { severity: "warn", reason: "it has no effect here", isOff: isEmpty };
const profiling: UnsupportedKey = {
  severity: "warn",
  reason: "it is about Go programs; there is `node --inspect`",
  isOff: isEmpty,
};
const certStore: UnsupportedKey = { severity: "error", reason: "use cert_file and key_file" };
const ocsp: UnsupportedKey = {
  severity: "error",
  reason: "remove it, or set it to false",
  isOff: (node) => isEmpty(node) || valueOf(node, "mode")?.toLowerCase() === "never",
};
const proxies: UnsupportedKey = {
  severity: "error",
  reason: "remove it; no proxy is trusted more than another client",
  isOff: isEmpty,
};
const messageTrace: UnsupportedKey = { severity: "warn", reason: "messages are not traced", isOff: isEmpty };
const crossAccount: UnsupportedKey = {
  severity: "error",
  reason: "subjects stay within their account; remove it",
  isOff: isEmpty,
};
const leafWriteTimeout: UnsupportedKey = {
  severity: "warn",
  reason: "a link that takes nothing for the length of write_deadline is closed",
  isOff: (node) => node.kind === "string" && (node.value === "default" || node.value === "close"),
};
const callout: UnsupportedKey = { severity: "error", reason: "define users here, or in accounts" };

const gatewayKeys: ReadonlySet<string> = new Set([
  "name",
  "listen",
  "port",
  "host",
  "net",
  "authorization",
  "tls",
  "advertise",
  "connect_retries",
  "connect_backoff",
  "gateways",
  "reject_unknown",
  "reject_unknown_cluster",
  "write_deadline",
  "write_timeout",
  "ping_interval",
  "ping_max",
]);
const mqttKeys: ReadonlySet<string> = new Set([
  "listen",
  "port",
  "host",
  "net",
  "tls",
  "authorization",
  "authentication",
  "no_auth_user",
  "ack_wait",
  "ackwait",
  "js_api_timeout",
  "api_timeout",
  "max_ack_pending",
  "max_pending",
  "max_inflight",
  "js_domain",
  "stream_replicas",
  "consumer_replicas",
  "consumer_memory_storage",
  "consumer_inactive_threshold",
  "consumer_auto_cleanup",
  "reject_qos2_publish",
  "downgrade_qos2_subscribe",
]);

export const unsupported: Readonly<Record<BlockName, UnsupportedKeys>> = {
  server: {
    default_js_domain: noEffect,
    gateway: {
      severity: "error",
      reason: "Frond is one node; remove the block",
      isOff: (node) => isEmpty(node) || hasNone(node, ["port", "listen", "name", "gateways"]),
      keys: gatewayKeys,
    },
    mqtt: {
      severity: "error",
      reason: "remove the block",
      isOff: (node) => isEmpty(node) || hasNone(node, ["port", "listen"]),
      keys: mqttKeys,
    },
    operator: operators,
    operators,
    root: operators,
    roots: operators,
    root_operator: operators,
    root_operators: operators,
    resolver: operators,
    account_resolver: operators,
    accounts_resolver: operators,
    resolver_tls: operators,
    resolver_preload: operators,
    resolver_pinned_accounts: operators,
    trusted: operators,
    trusted_keys: operators,
    default_sentinel: operators,
    proxies,
    proxy_protocol: {
      severity: "error",
      reason: "connections would begin with a header that is not understood; remove it here and in the proxy",
      isOff: isEmpty,
    },
    ocsp,
    ocsp_cache: { ...noEffect, isOff: isEmpty },
    syslog,
    remote_syslog: syslog,
    prof_port: profiling,
    prof_block_rate: profiling,
    connect_error_reports: noEffect,
    reconnect_error_reports: noEffect,
    disable_sublist_cache: noEffect,
    no_sublist_cache: noEffect,
    write_timeout: {
      severity: "warn",
      reason: "a client that misses write_deadline is closed",
      isOff: (node) => node.kind === "string" && (node.value === "default" || node.value === "close"),
    },
    feature_flags: noEffect,
  },
  tls: {
    // For connections that a server opens itself; it never meant anything on a listener.
    insecure: noEffect,
    verify_cert_and_check_known_urls: {
      severity: "error",
      reason: "it is for links between servers; use verify",
      isOff: isEmpty,
    },
    ocsp_peer: ocsp,
    cert_store: certStore,
    cert_match_by: certStore,
    cert_match: certStore,
    ca_certs_match: certStore,
    cert_match_skip_invalid: certStore,
  },
  websocket: {},
  "simple authorization": {},
  authorization: { auth_callout: callout, auth_hook: callout, proxy_required: proxies },
  user: { proxy_required: proxies },
  permissions: {},
  account: {
    imports: crossAccount,
    exports: crossAccount,
    msg_trace: messageTrace,
    trace_dest: messageTrace,
  },
  "account limits": { max_leafnodes: noEffect, max_leafs: noEffect },
  "mapping destination": {},
  jetstream: {
    key: encryption,
    ek: encryption,
    encryption_key: encryption,
    prev_key: encryption,
    prev_ek: encryption,
    prev_encryption_key: encryption,
    cipher: encryption,
    tpm: encryption,
    extension_hint: noEffect,
    max_outstanding_catchup: noEffect,
    max_buffered_size: noEffect,
    max_buffered_msgs: noEffect,
    info_queue_limit: noEffect,
    meta_compact: noEffect,
    meta_compact_size: noEffect,
    meta_compact_sync: noEffect,
    max_concurrent_io: noEffect,
  },
  "jetstream limits": {
    max_ha_assets: noEffect,
    default_max_consumers: noEffect,
  },
  "jetstream batch limits": {},
  "account jetstream": { cluster_traffic: noEffect },
  leafnodes: { write_timeout: leafWriteTimeout },
  "leafnode authorization": { proxy_required: proxies },
  "leafnode user": { proxy_required: proxies },
  "leafnode forward": {},
  "leafnode forward stream": {},
  "leafnode compression": {},
  cluster: {
    routes: {
      severity: "error",
      reason: "Frond is one node; remove the routes, or link it to a cluster as a leaf node",
      isOff: isEmpty,
    },
  },
  "leafnode remote": {
    proxy: { severity: "error", reason: "dial the hub itself, or through a proxy for TCP", isOff: isEmpty },
    jetstream_cluster_migrate: noEffect,
    js_cluster_migrate: noEffect,
  },
};

/** @returns what is to be said of a key, in lower case; undefined when the key is not known at all */
export function unsupportedKeyOf(block: BlockName, key: string): UnsupportedKey | undefined {
  const table = unsupported[block];
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

/** Flags of the command line, without dashes. A flag given as off, empty or 0 is passed over. */
export const unsupportedFlags: UnsupportedKeys = {
  cluster: { severity: "warn", reason: "Frond is one node, which no other server can join" },
  routes: { severity: "error", reason: "Frond is one node; start without it" },
  cluster_name: { severity: "warn", reason: "it has no effect here" },
  cluster_advertise: { severity: "warn", reason: "it has no effect here" },
  no_advertise: { severity: "warn", reason: "it has no effect here" },
  connect_retries: { severity: "warn", reason: "it has no effect here" },
  profile: { severity: "warn", reason: "it is about Go programs; there is `node --inspect`" },
  s: { severity: "warn", reason: "the log goes to the file given with -l, or else to standard error" },
  syslog: { severity: "warn", reason: "the log goes to the file given with -l, or else to standard error" },
  r: { severity: "warn", reason: "the log goes to the file given with -l, or else to standard error" },
  remote_syslog: {
    severity: "warn",
    reason: "the log goes to the file given with -l, or else to standard error",
  },
};

/** false, 0, "", [] and {}. */
function isEmpty(node: ConfigNode): boolean {
  switch (node.kind) {
    case "boolean":
      return !node.value;
    case "integer":
      return node.value === 0n;
    case "string":
      return node.value === "";
    case "array":
      return node.value.length === 0;
    case "map":
      return node.value.size === 0;
    default:
      return false;
  }
}

function hasNone(node: ConfigNode, keys: readonly string[]): boolean {
  if (node.kind !== "map") return false;
  return keys.every((key) => {
    const found = entryOf(node, key);
    return found === undefined || isEmpty(found);
  });
}

function valueOf(node: ConfigNode, key: string): string | undefined {
  const found = entryOf(node, key);
  return found?.kind === "string" ? found.value : undefined;
}

function entryOf(node: ConfigNode, key: string): ConfigNode | undefined {
  if (node.kind !== "map") return undefined;
  for (const [name, found] of node.value) if (name.toLowerCase() === key) return found;
  return undefined;
}
