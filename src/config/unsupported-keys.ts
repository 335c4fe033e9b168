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

interface SupportRule {
  readonly support: "warn" | "error";
  /** What to do about it; follows a colon. */
  readonly reason: string;
  /** Whether a value turns the feature off or says nothing, so that there is nothing to report. */
  readonly isOff?: (node: ConfigNode) => boolean;
  /** Of a block: the keys that nats-server knows in it, so that a misspelt one is still found. */
  readonly keys?: ReadonlySet<string>;
}

type SupportTable = Readonly<Record<string, SupportRule>>;

const encryption: SupportRule = {
  support: "error",
  reason: "streams are not encrypted; keep store_dir on an encrypted disk",
  isOff: isEmpty,
};
const operators: SupportRule = {
  support: "error",
  reason: "remove it, and define users in accounts",
  isOff: isEmpty,
};
const syslog: SupportRule = {
  support: "warn",
  reason: "the log goes to log_file, or else to standard error",
  isOff: isEmpty,
};
const noEffect: SupportRule = { support: "warn", reason: "it has no effect here", isOff: isEmpty };
const profiling: SupportRule = {
  support: "warn",
  reason: "it is about Go programs; there is `node --inspect`",
  isOff: isEmpty,
};
const certStore: SupportRule = { support: "error", reason: "use cert_file and key_file" };
const ocsp: SupportRule = {
  support: "error",
  reason: "remove it, or set it to false",
  isOff: (node) => isEmpty(node) || valueOf(node, "mode")?.toLowerCase() === "never",
};
const proxies: SupportRule = {
  support: "error",
  reason: "remove it; no proxy is trusted more than another client",
  isOff: isEmpty,
};
const messageTrace: SupportRule = { support: "warn", reason: "messages are not traced", isOff: isEmpty };
const crossAccount: SupportRule = {
  support: "error",
  reason: "subjects stay within their account; remove it",
  isOff: isEmpty,
};
const leafWriteTimeout: SupportRule = {
  support: "warn",
  reason: "a link that takes nothing for the length of write_deadline is closed",
  isOff: (node) => node.kind === "string" && (node.value === "default" || node.value === "close"),
};
const callout: SupportRule = { support: "error", reason: "define users here, or in accounts" };

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

export const unsupported: Readonly<Record<BlockName, SupportTable>> = {
  server: {
    default_js_domain: noEffect,
    gateway: {
      support: "error",
      reason: "Frond is one node; remove the block",
      isOff: (node) => isEmpty(node) || hasNone(node, ["port", "listen", "name", "gateways"]),
      keys: gatewayKeys,
    },
    mqtt: {
      support: "error",
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
      support: "error",
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
      support: "warn",
      reason: "a client that misses write_deadline is closed",
      isOff: (node) => node.kind === "string" && (node.value === "default" || node.value === "close"),
    },
    feature_flags: noEffect,
  },
  tls: {
    // For connections that a server opens itself; it never meant anything on a listener.
    insecure: noEffect,
    verify_cert_and_check_known_urls: {
      support: "error",
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
      support: "error",
      reason: "Frond is one node; remove the routes, or link it to a cluster as a leaf node",
      isOff: isEmpty,
    },
  },
  "leafnode remote": {
    proxy: { support: "error", reason: "dial the hub itself, or through a proxy for TCP", isOff: isEmpty },
    jetstream_cluster_migrate: noEffect,
    js_cluster_migrate: noEffect,
  },
};

/** @returns what is to be said of a key, in lower case; undefined when the key is not known at all */
export function supportOf(block: BlockName, key: string): SupportRule | undefined {
  const table = unsupported[block];
  return Object.hasOwn(table, key) ? table[key] : undefined;
}

/** Flags of the command line, without dashes. A flag given as off, empty or 0 is passed over. */
export const unsupportedFlags: SupportTable = {
  cluster: { support: "warn", reason: "Frond is one node, which no other server can join" },
  routes: { support: "error", reason: "Frond is one node; start without it" },
  cluster_name: { support: "warn", reason: "it has no effect here" },
  cluster_advertise: { support: "warn", reason: "it has no effect here" },
  no_advertise: { support: "warn", reason: "it has no effect here" },
  connect_retries: { support: "warn", reason: "it has no effect here" },
  profile: { support: "warn", reason: "it is about Go programs; there is `node --inspect`" },
  s: { support: "warn", reason: "the log goes to the file given with -l, or else to standard error" },
  syslog: { support: "warn", reason: "the log goes to the file given with -l, or else to standard error" },
  r: { support: "warn", reason: "the log goes to the file given with -l, or else to standard error" },
  remote_syslog: {
    support: "warn",
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
