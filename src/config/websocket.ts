/** The `websocket` block. Without a port there is no listener, and nothing of it is checked any further. */
import { AddressRanges } from "../base/address-ranges.ts";
import { readSimpleAuthorization } from "./authorization.ts";
import type { WebSocketDraft } from "./draft.ts";
import {
  asBoolean,
  asDurationOrSeconds,
  asMap,
  asPort,
  asString,
  asStrings,
  asTimeout,
  readBlock,
} from "./grammar/fields.ts";
import type { Block, KeyReader } from "./grammar/fields.ts";
import { asListenAddress } from "./listen.ts";
import type { ConfigNode } from "./grammar/node.ts";
import { diagnosticAt, type Diagnostics } from "./grammar/diagnostics.ts";
import { readTls } from "./tls.ts";

const readHost: KeyReader<WebSocketDraft> = (node, websocket, { key }) =>
  (websocket.host = asString(node, key));
const readOrigins: KeyReader<WebSocketDraft> = (node, websocket, { key }) => {
  websocket.allowedOrigins = asStrings(node, key);
};
const readCompression: KeyReader<WebSocketDraft> = (node, websocket, { key }) => {
  websocket.compression = asBoolean(node, key);
};
const readAuthorization: KeyReader<WebSocketDraft> = (node, websocket, { diagnostics }) => {
  websocket.authorization = readSimpleAuthorization(node, diagnostics);
};

const block: Block<WebSocketDraft> = {
  name: "websocket",
  keys: {
    listen: (node, websocket, { key }) => {
      const { host, port } = asListenAddress(node, key);
      websocket.host = host;
      websocket.port = port;
    },
    port: (node, websocket, { key }) => (websocket.port = asPort(node, key)),
    host: readHost,
    net: readHost,
    advertise: (node, websocket, { key }) => (websocket.advertise = asString(node, key) || null),
    tls: (node, websocket, { diagnostics }) => (websocket.tls = readTls(node, diagnostics)),
    no_tls: (node, websocket, { key }) => (websocket.noTls = asBoolean(node, key)),
    same_origin: (node, websocket, { key }) => (websocket.sameOrigin = asBoolean(node, key)),
    allowed_origins: readOrigins,
    allowed_origin: readOrigins,
    allow_origins: readOrigins,
    allow_origin: readOrigins,
    origins: readOrigins,
    origin: readOrigins,
    trusted_proxies: (node, websocket, { key }) => {
      websocket.trustedProxies = asStrings(node, key);
      try {
        new AddressRanges(websocket.trustedProxies);
      } catch (error) {
        throw diagnosticAt(node, `${key}: ${(error as Error).message}`);
      }
    },
    handshake_timeout: (node, websocket, { key }) =>
      (websocket.handshakeTimeoutMs = asTimeout(node, key) || null),
    compress: readCompression,
    compression: readCompression,
    authorization: readAuthorization,
    authentication: readAuthorization,
    jwt_cookie: (node, websocket, { key }) => (websocket.jwtCookie = asString(node, key) || null),
    user_cookie: (node, websocket, { key }) => (websocket.userCookie = asString(node, key) || null),
    pass_cookie: (node, websocket, { key }) => (websocket.passCookie = asString(node, key) || null),
    token_cookie: (node, websocket, { key }) => (websocket.tokenCookie = asString(node, key) || null),
    no_auth_user: (node, websocket, { key }) => (websocket.noAuthUser = asString(node, key) || null),
    headers: (node, websocket, { key, diagnostics }) => {
      for (const [name, value] of asMap(node, key).value) {
        diagnostics.attempt(() => (websocket.headers[name] = asString(value, name)));
      }
    },
    ping_interval: (node, websocket, read) =>
      (websocket.pingIntervalMs = asDurationOrSeconds(node, read) || null),
  },
};

export function readWebSocket(node: ConfigNode, diagnostics: Diagnostics): WebSocketDraft {
  const draft: WebSocketDraft = {
    host: null,
    port: null,
    advertise: null,
    tls: null,
    noTls: false,
    compression: false,
    sameOrigin: false,
    allowedOrigins: [],
    trustedProxies: [],
    handshakeTimeoutMs: null,
    pingIntervalMs: null,
    headers: {},
    jwtCookie: null,
    userCookie: null,
    passCookie: null,
    tokenCookie: null,
    noAuthUser: null,
    authorization: null,
  };
  readBlock(block, asMap(node, "websocket"), draft, diagnostics);
  return draft;
}
