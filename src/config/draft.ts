/**
 * What has been said so far, from whatever side, before defaults and checks: null where nothing was said. Later
 * sources write over earlier ones; `complete.ts` makes {@link import("./options.ts").Options} of it.
 */
import { type JetStreamDraft, newJetStream } from "./jetstream.ts";
import type { JetStreamAccountLimits } from "./jetstream-options.ts";
import type { LeafNodesDraft } from "./leafnodes.ts";
import type { MappingOptions, NkeyUserOptions, PermissionsOptions, UserOptions } from "./options.ts";
import type { TlsOptions } from "./tls-options.ts";
import type { SourcePosition } from "./grammar/diagnostics.ts";

export interface Draft {
  serverName: string | null;
  host: string | null;
  /** As written: -1 for any free port. */
  port: number | null;
  clientAdvertise: string | null;
  serverTags: string[];
  serverMetadata: Record<string, string>;
  maxConnections: number | null;
  maxSubscriptions: number | null;
  maxSubscriptionTokens: number | null;
  maxControlLineBytes: number | null;
  maxPayloadBytes: number | null;
  maxPendingBytes: number | null;
  maxClosedClients: number | null;
  pingIntervalMs: number | null;
  pingMax: number | null;
  writeDeadlineMs: number | null;
  lameDuckDurationMs: number | null;
  lameDuckGracePeriodMs: number | null;
  noHeaderSupport: boolean;
  noFastProducerStall: boolean;
  tls: TlsOptions | null;
  allowNonTls: boolean;
  websocket: WebSocketDraft | null;
  leafnodes: LeafNodesDraft | null;
  jetstream: JetStreamDraft;
  /** Beside the block, inside it or on the command line. */
  storeDir: string | null;
  authorization: AuthorizationDraft;
  accounts: AccountDraft[];
  /** Of the account `$G`. */
  mappings: MappingOptions[];
  systemAccount: string | null;
  noSystemAccount: boolean;
  noAuthUser: string | null;
  monitorHost: string | null;
  httpPort: number | null;
  httpsPort: number | null;
  httpBasePath: string | null;
  log: LogDraft;
  pidFile: string | null;
  portsFileDir: string | null;
}

export interface LogDraft {
  debug: boolean;
  trace: boolean;
  traceVerbose: boolean;
  traceHeaders: boolean;
  maxTracedBytes: number;
  time: boolean;
  timeUtc: boolean;
  file: string | null;
  fileSizeBytesMax: number;
  fileCountMax: number;
}

export interface WebSocketDraft {
  host: string | null;
  port: number | null;
  advertise: string | null;
  tls: TlsOptions | null;
  noTls: boolean;
  compression: boolean;
  sameOrigin: boolean;
  allowedOrigins: string[];
  trustedProxies: string[];
  handshakeTimeoutMs: number | null;
  pingIntervalMs: number | null;
  headers: Record<string, string>;
  jwtCookie: string | null;
  userCookie: string | null;
  passCookie: string | null;
  tokenCookie: string | null;
  noAuthUser: string | null;
  authorization: SingleAuthorization | null;
}

/** One user, or one token, for all. */
export interface SingleAuthorization {
  user: string | null;
  password: string | null;
  token: string | null;
  timeoutMs: number | null;
}

export interface AuthorizationDraft extends SingleAuthorization {
  /** Where the block stands; null without one. Flags that ask for a user or a token count as one. */
  position: SourcePosition | null;
  /** Null without a list, which is not the same as an empty one. */
  users: UserList | null;
}

export interface AccountDraft {
  readonly name: string;
  nkey: string | null;
  maxConnections: number;
  maxSubscriptions: number;
  maxPayloadBytes: number;
  mappings: MappingOptions[];
  users: UserList | null;
  /** Null: not asked for. */
  jetstream: JetStreamAccountLimits | null;
}

/** Users as they were listed; what they share is settled when all of the file has been read. */
export interface UserList {
  readonly position: SourcePosition;
  readonly users: UserDraft[];
}

export type UserDraft = { readonly position: SourcePosition } & (
  | { readonly kind: "password"; readonly entry: Omit<UserOptions, "account"> }
  | { readonly kind: "nkey"; readonly entry: Omit<NkeyUserOptions, "account"> }
);

/** For users without permissions of their own. */
export function withDefaultPermissions(list: UserList, permissions: PermissionsOptions | null): UserList {
  if (permissions === null) return list;
  const users = list.users.map((user): UserDraft => {
    if (user.entry.permissions !== null) return user;
    return user.kind === "nkey"
      ? { ...user, entry: { ...user.entry, permissions } }
      : { ...user, entry: { ...user.entry, permissions } };
  });
  return { ...list, users };
}

export function emptyDraft(): Draft {
  return {
    serverName: null,
    host: null,
    port: null,
    clientAdvertise: null,
    serverTags: [],
    serverMetadata: {},
    maxConnections: null,
    maxSubscriptions: null,
    maxSubscriptionTokens: null,
    maxControlLineBytes: null,
    maxPayloadBytes: null,
    maxPendingBytes: null,
    maxClosedClients: null,
    pingIntervalMs: null,
    pingMax: null,
    writeDeadlineMs: null,
    lameDuckDurationMs: null,
    lameDuckGracePeriodMs: null,
    noHeaderSupport: false,
    noFastProducerStall: false,
    tls: null,
    allowNonTls: false,
    websocket: null,
    leafnodes: null,
    jetstream: newJetStream(),
    storeDir: null,
    authorization: { position: null, user: null, password: null, token: null, timeoutMs: null, users: null },
    accounts: [],
    mappings: [],
    systemAccount: null,
    noSystemAccount: false,
    noAuthUser: null,
    monitorHost: null,
    httpPort: null,
    httpsPort: null,
    httpBasePath: null,
    log: {
      debug: false,
      trace: false,
      traceVerbose: false,
      traceHeaders: false,
      maxTracedBytes: 0,
      time: true,
      timeUtc: false,
      file: null,
      fileSizeBytesMax: 0,
      fileCountMax: 0,
    },
    pidFile: null,
    portsFileDir: null,
  };
}
