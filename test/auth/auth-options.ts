/** The part of the options that access depends on, and requests, with only what a test is about written out. */
import type { AuthenticatorOptions } from "../../src/auth/authenticator.ts";
import type { Authenticator, AuthRequest, Credentials, Identity } from "../../src/auth/identity.ts";
import type { LeafNodeOptions } from "../../src/config/leafnode-options.ts";
import type { NkeyUserOptions, UserOptions, WebSocketOptions } from "../../src/config/options.ts";
import type { TlsOptions } from "../../src/config/tls-options.ts";

export interface Access {
  user?: string;
  password?: string;
  token?: string;
  users?: UserOptions[];
  nkeys?: NkeyUserOptions[];
  noAuthUser?: string;
  verifyAndMap?: boolean;
  /** Absent: no listener for leaf nodes. */
  leafnodes?: { verifyAndMap: boolean; hasOwnUsers?: boolean };
  /** Absent: no WebSocket listener. */
  websocket?: {
    user?: string;
    password?: string;
    token?: string;
    noAuthUser?: string;
    verifyAndMap?: boolean;
  };
}

export function optionsOf(access: Access): AuthenticatorOptions {
  return {
    authorization: {
      user: access.user ?? null,
      password: access.password ?? null,
      token: access.token ?? null,
      users: access.users ?? null,
      nkeys: access.nkeys ?? null,
    },
    noAuthUser: access.noAuthUser ?? null,
    tls: access.verifyAndMap === undefined ? null : tlsOf(access.verifyAndMap),
    websocket: access.websocket === undefined ? null : websocketOf(access.websocket),
    leafnodes: access.leafnodes === undefined ? null : leafNodesOf(access.leafnodes),
  };
}

export function userOf(user: string, password: string, parts: Partial<UserOptions> = {}): UserOptions {
  return { user, password, account: "$G", permissions: null, connectionTypes: [], ...parts };
}

export function nkeyOf(nkey: string, parts: Partial<NkeyUserOptions> = {}): NkeyUserOptions {
  return { nkey, account: "$G", permissions: null, connectionTypes: [], ...parts };
}

export function requestOf(
  credentials: Partial<Credentials>,
  parts: Partial<Omit<AuthRequest, "credentials">> = {},
): AuthRequest {
  return {
    credentials: { user: "", password: "", token: "", nkey: "", signature: "", jwt: "", ...credentials },
    connectionType: "STANDARD",
    nonce: "",
    certificate: null,
    ...parts,
  };
}

/** The answer, waited for where it takes a hash. */
export async function ask(
  authenticator: Authenticator,
  credentials: Partial<Credentials>,
  parts: Partial<Omit<AuthRequest, "credentials">> = {},
): Promise<Identity | null> {
  return await authenticator.authenticate(requestOf(credentials, parts));
}

function tlsOf(verifyAndMap: boolean): TlsOptions {
  return {
    certFile: null,
    keyFile: null,
    caFile: null,
    certificates: [],
    verify: verifyAndMap,
    verifyAndMap,
    timeoutMs: 2000,
    handshakeFirst: "after-info",
    minVersion: "TLSv1.2",
    ciphers: null,
    curves: null,
    pinnedCerts: [],
    connectionRateLimit: 0,
  };
}

function websocketOf(parts: NonNullable<Access["websocket"]>): WebSocketOptions {
  const { user = null, password = null, token = null, noAuthUser = null, verifyAndMap } = parts;
  return {
    host: "127.0.0.1",
    port: 0,
    advertise: null,
    tls: verifyAndMap === undefined ? null : tlsOf(verifyAndMap),
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
    noAuthUser,
    authorization: { user, password, token, timeoutMs: null },
  };
}

function leafNodesOf({ verifyAndMap, hasOwnUsers }: NonNullable<Access["leafnodes"]>): LeafNodeOptions {
  return {
    listener: {
      host: "127.0.0.1",
      port: 0,
      advertise: null,
      isAdvertised: true,
      tls: tlsOf(verifyAndMap),
      authTimeoutMs: 2000,
      authorization: hasOwnUsers === true ? { users: [], nkeys: [] } : null,
      account: "$G",
      minVersion: null,
    },
    remotes: [],
    reconnectMs: 1000,
    dialTimeoutMs: 1000,
    isolatesInterest: false,
    writeDeadlineMs: null,
    pingIntervalMs: null,
    pingMax: null,
  };
}
