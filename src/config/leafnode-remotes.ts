/** The `remotes` of a `leafnodes` block: the hubs that this broker links itself to. */
import { homedir } from "node:os";
import { isValidSubject, wireFromText } from "../subjects/subject.ts";
import { asArray, asBoolean, asDuration, asMap, asString, asStrings, readBlock } from "./grammar/fields.ts";
import type { Block, KeyReader } from "./grammar/fields.ts";
import { readForward } from "./leafnode-forward.ts";
import type { LeafRemoteOptions, LeafTlsOptions, LeafUrl } from "./leafnode-options.ts";
import { readCompression } from "./leafnode-compression.ts";
import { decodeNkeySeed } from "../base/nkey.ts";
import type { ConfigNode, MapNode } from "./grammar/node.ts";
import { diagnosticAt } from "./grammar/diagnostics.ts";
import type { SourcePosition, Diagnostics } from "./grammar/diagnostics.ts";
import { readTls } from "./tls.ts";

type Mutable<T> = { -readonly [K in keyof T]: T[K] };

export interface RemoteDraft extends Mutable<LeafRemoteOptions> {
  readonly position: SourcePosition;
  isDisabled: boolean;
}

const portDefault = 7422;
const firstInfoTimeoutMsDefault = 1_000;
const path = "/leafnode";

const schemes: ReadonlyMap<string, LeafUrl["scheme"]> = new Map([
  ["nats-leaf:", "tcp"],
  ["nats:", "tcp"],
  ["leaf:", "tcp"],
  ["tcp:", "tcp"],
  ["tls:", "tls"],
  ["ws:", "ws"],
  ["wss:", "wss"],
]);

const readUrls: KeyReader<RemoteDraft> = (node, remote, { key }) => {
  const elements = node.kind === "array" ? node.value : [node];
  const texts = asStrings(node, key);
  const urls = texts.map((text, at) => urlOf(elements[at] as ConfigNode, text));
  const isUnique = (url: LeafUrl, at: number): boolean =>
    urls.findIndex((other) => JSON.stringify(other) === JSON.stringify(url)) === at;
  remote.urls = urls.filter(isUnique);
};
const readCredentials: KeyReader<RemoteDraft> = (node, remote, { key }) => {
  if (remote.nkeySeed !== null)
    throw diagnosticAt(node, "Remote leafnode can not have both creds and nkey defined");
  remote.credentialsFile = asString(node, key).replace(/^~(?=\/)/, homedir());
};
const readSeed: KeyReader<RemoteDraft> = (node, remote, { key }) => {
  const seed = asString(node, key);
  if (decodeNkeySeed(seed)?.kind !== "user")
    throw diagnosticAt(node, "Remote leafnode nkey is not a valid seed");
  if (remote.credentialsFile !== null)
    throw diagnosticAt(node, "Remote leafnode can not have both creds and nkey defined");
  remote.nkeySeed = seed;
};
const readAccount: KeyReader<RemoteDraft> = (node, remote, { key }) => (remote.account = asString(node, key));
const readDenyImports: KeyReader<RemoteDraft> = (node, remote, { key }) => {
  remote.denyImports = subjectsOf(node, key);
};
const readDenyExports: KeyReader<RemoteDraft> = (node, remote, { key }) => {
  remote.denyExports = subjectsOf(node, key);
};
const readNoRandomize: KeyReader<RemoteDraft> = (node, remote, { key }) => {
  remote.isRandomized = !asBoolean(node, key);
};
const readWsCompression: KeyReader<RemoteDraft> = (node, remote, { key }) => {
  remote.websocketCompression = asBoolean(node, key);
};
const readNoMasking: KeyReader<RemoteDraft> = (node, remote, { key }) => {
  remote.websocketMasking = !asBoolean(node, key);
};
const readIsolation: KeyReader<RemoteDraft> = (node, remote, { key }) => {
  remote.isolatesInterest = asBoolean(node, key);
};

const block: Block<RemoteDraft> = {
  name: "leafnode remote",
  keys: {
    url: readUrls,
    urls: readUrls,
    account: readAccount,
    local: readAccount,
    creds: readCredentials,
    credentials: readCredentials,
    nkey: readSeed,
    seed: readSeed,
    tls: (node, remote, { diagnostics }) => (remote.tls = readRemoteTls(node, diagnostics)),
    hub: (node, remote, { key }) => (remote.isHub = asBoolean(node, key)),
    deny_imports: readDenyImports,
    deny_import: readDenyImports,
    deny_exports: readDenyExports,
    deny_export: readDenyExports,
    no_randomize: readNoRandomize,
    dont_randomize: readNoRandomize,
    ignore_discovered_servers: (node, remote, { key }) => (remote.ignoresDiscovered = asBoolean(node, key)),
    ws_compress: readWsCompression,
    ws_compression: readWsCompression,
    websocket_compress: readWsCompression,
    websocket_compression: readWsCompression,
    ws_no_masking: readNoMasking,
    websocket_no_masking: readNoMasking,
    isolate_leafnode_interest: readIsolation,
    isolate: readIsolation,
    request_isolation: (node, remote, { key }) => (remote.requestsIsolation = asBoolean(node, key)),
    compression: (node, _remote, { diagnostics }) => readCompression(node, diagnostics),
    first_info_timeout: (node, remote, { key }) => {
      remote.firstInfoTimeoutMs = asDuration(node, key) || firstInfoTimeoutMsDefault;
    },
    dial_timeout: (node, remote, { key }) => (remote.dialTimeoutMs = asDuration(node, key) || null),
    forward: (node, remote, { diagnostics }) => (remote.forward = readForward(node, diagnostics)),
    disabled: (node, remote, { key }) => (remote.isDisabled = asBoolean(node, key)),
  },
};

export function readRemotes(node: ConfigNode, diagnostics: Diagnostics): RemoteDraft[] {
  const remotes: RemoteDraft[] = [];
  for (const entry of asArray(node, "remotes").value)
    diagnostics.attempt(() => remotes.push(readRemote(entry, diagnostics)));
  const names = new Set<string>();
  for (const remote of remotes) {
    const name = JSON.stringify([remote.account, remote.urls, remote.credentialsFile, remote.nkeySeed]);
    if (names.has(name)) diagnostics.add(remote.position, "duplicate remote");
    names.add(name);
  }
  return remotes;
}

function readRemote(node: ConfigNode, diagnostics: Diagnostics): RemoteDraft {
  const remote: RemoteDraft = {
    position: node,
    isDisabled: false,
    urls: [],
    account: "",
    credentialsFile: null,
    nkeySeed: null,
    tls: null,
    isHub: false,
    denyImports: [],
    denyExports: [],
    isRandomized: true,
    ignoresDiscovered: false,
    isolatesInterest: false,
    requestsIsolation: false,
    firstInfoTimeoutMs: firstInfoTimeoutMsDefault,
    dialTimeoutMs: null,
    websocketCompression: false,
    websocketMasking: true,
    forward: null,
  };
  const map: MapNode = asMap(node, "remotes");
  readBlock(block, map, remote, diagnostics);
  if (remote.urls.length === 0 && !map.value.has("url") && !map.value.has("urls"))
    diagnostics.add(node, "a remote leafnode needs a url");
  const overWebSocket = remote.urls.filter(({ scheme }) => scheme === "ws" || scheme === "wss").length;
  if (overWebSocket > 0 && overWebSocket < remote.urls.length) {
    diagnostics.add(
      node,
      "remote leaf node configuration cannot have a mix of websocket and non-websocket urls",
    );
  }
  return remote;
}

function urlOf(node: ConfigNode, text: string): LeafUrl {
  const written = withScheme(text.trim());
  let url: URL;
  try {
    url = new URL(written);
  } catch {
    throw diagnosticAt(node, "error parsing leafnode url: it must be like nats-leaf://host:7422");
  }
  const scheme = schemes.get(url.protocol);
  if (scheme === undefined || url.hostname === "")
    throw diagnosticAt(node, `error parsing leafnode url: ${url.protocol}// is not a way to a leafnode port`);
  const isWebSocket = scheme === "ws" || scheme === "wss";
  // URL drops a port that is its scheme's default; nats-server has no such defaults.
  const shown = /:(\d+)(?:[/?#]|$)/.exec(written.replace(/^[a-z-]+:\/\/(?:[^@/]*@)?(?:\[[^\]]*\])?/i, ""));
  const port = url.port !== "" ? Number(url.port) : shown === null ? portDefault : Number(shown[1]);
  return {
    scheme,
    host: url.hostname.replace(/^\[|\]$/g, ""),
    port,
    path: isWebSocket ? `${url.pathname.replace(/\/$/, "")}${path}` : "",
    user: url.username === "" ? null : decodeURIComponent(url.username),
    password: url.password === "" ? null : decodeURIComponent(url.password),
  };
}

/** `host` and `host:port` are a leaf node port over TCP. */
function withScheme(text: string): string {
  return text.includes("://") ? text : `nats-leaf://${text.replace(/^\/\//, "")}`;
}

function subjectsOf(node: ConfigNode, key: string): string[] {
  return asStrings(node, key).map((text) => {
    const subject = wireFromText(text);
    if (isValidSubject(subject)) return subject;
    throw diagnosticAt(
      node,
      `invalid ${key} for remote: subject ${JSON.stringify(text)} is not a valid subject`,
    );
  });
}

/** The same block as a listener's; `insecure` means something here. */
function readRemoteTls(node: ConfigNode, diagnostics: Diagnostics): LeafTlsOptions {
  const map = asMap(node, "tls");
  const isInsecure = (key: string): boolean => key.toLowerCase() === "insecure";
  const insecure = [...map.value].find(([key]) => isInsecure(key))?.[1];
  const rest = new Map([...map.value].filter(([key]) => !isInsecure(key)));
  const tls = readTls({ ...map, value: rest }, diagnostics);
  return {
    certFile: tls.certFile,
    keyFile: tls.keyFile,
    caFile: tls.caFile,
    insecure: insecure !== undefined && asBoolean(insecure, "insecure"),
    isHandshakeFirst: tls.handshakeFirst === "first",
    timeoutMs: tls.timeoutMs,
    minVersion: tls.minVersion,
    ciphers: tls.ciphers,
    curves: tls.curves,
    pinnedCerts: tls.pinnedCerts,
  };
}
