/**
 * The typed, frozen snapshot of everything a broker is told at start. It is made once, from a configuration
 * file, command-line flags or the embedding program, and checked once; the rest of the code never sees text.
 *
 * Units stand last in a name. `null` means "not configured". Subjects and queue names in here are wire
 * strings (one character a byte); user names, passwords and paths are ordinary text.
 */

import type { JetStreamAccountLimits, JetStreamOptions } from "./jetstream-options.ts";
import type { LeafNodeOptions } from "./leafnode-options.ts";
import type { TlsOptions } from "./tls-options.ts";

export interface Options {
  readonly serverName: string | null;
  readonly host: string;
  /** 0 asks for any free port (the file and the flag write -1). */
  readonly port: number;
  /** `host[:port]` shown in INFO instead of the listen address. */
  readonly clientAdvertise: string | null;
  readonly serverTags: readonly string[];
  readonly serverMetadata: Readonly<Record<string, string>>;
  readonly limits: LimitOptions;
  readonly noHeaderSupport: boolean;
  /** Drop instead of stalling a publisher whose receivers are behind. */
  readonly noFastProducerStall: boolean;
  readonly lameDuckDurationMs: number;
  readonly lameDuckGracePeriodMs: number;
  readonly maxClosedClients: number;
  readonly tls: TlsOptions | null;
  readonly allowNonTls: boolean;
  readonly websocket: WebSocketOptions | null;
  /** Null: this broker neither is nor has a leaf node. */
  readonly leafnodes: LeafNodeOptions | null;
  readonly authorization: AuthorizationOptions;
  /** Every account in file order, `$G` and the system account included. */
  readonly accounts: readonly AccountOptions[];
  /** Name of the system account, which is always among `accounts`; null when `no_system_account` is set. */
  readonly systemAccount: string | null;
  readonly noAuthUser: string | null;
  readonly monitor: MonitorOptions | null;
  readonly jetstream: JetStreamOptions | null;
  readonly log: LogOptions;
  readonly pidFile: string | null;
  readonly portsFileDir: string | null;
  /** The file it came from, for reload and `/varz`; null when there was none. */
  readonly configFile: string | null;
  /** `sha256:…` over the parsed file; null when there was none. */
  readonly configDigest: string | null;
}

/** What one connection, and all of them together, may use. `0` for a count means unlimited. */
export interface LimitOptions {
  /** The exception: `0` refuses everybody, and there is no "unlimited". */
  readonly maxConnections: number;
  readonly maxSubscriptions: number;
  readonly maxSubscriptionTokens: number;
  readonly maxControlLineBytes: number;
  readonly maxPayloadBytes: number;
  readonly maxPendingBytes: number;
  readonly pingIntervalMs: number;
  readonly pingMax: number;
  readonly writeDeadlineMs: number;
  /** When nothing is configured: 2 s, or the TLS timeout plus 1 s. */
  readonly authTimeoutMs: number;
}

export interface WebSocketOptions {
  readonly host: string;
  readonly port: number;
  readonly advertise: string | null;
  readonly tls: TlsOptions | null;
  readonly compression: boolean;
  readonly sameOrigin: boolean;
  readonly allowedOrigins: readonly string[];
  /** Addresses and CIDR ranges whose `X-Forwarded-For` is believed. */
  readonly trustedProxies: readonly string[];
  readonly handshakeTimeoutMs: number | null;
  readonly pingIntervalMs: number | null;
  /** Extra headers of the upgrade response. */
  readonly headers: Readonly<Record<string, string>>;
  readonly jwtCookie: string | null;
  readonly userCookie: string | null;
  readonly passCookie: string | null;
  readonly tokenCookie: string | null;
  readonly noAuthUser: string | null;
  /** The listener's own single user or token, which replaces the server's. */
  readonly authorization: {
    readonly user: string | null;
    readonly password: string | null;
    readonly token: string | null;
    readonly timeoutMs: number | null;
  } | null;
}

/** Authentication is required when `user`, `token`, `users` or `nkeys` is not null. */
export interface AuthorizationOptions {
  readonly user: string | null;
  readonly password: string | null;
  readonly token: string | null;
  /** All users of `authorization` and of the accounts. Null when none was ever listed; empty when the list was. */
  readonly users: readonly UserOptions[] | null;
  readonly nkeys: readonly NkeyUserOptions[] | null;
}

export interface UserOptions {
  readonly user: string;
  readonly password: string;
  readonly account: string;
  readonly permissions: PermissionsOptions | null;
  /** Upper case, e.g. `STANDARD`, `WEBSOCKET`; empty: all. */
  readonly connectionTypes: readonly string[];
}

export interface NkeyUserOptions {
  /** Public key, `U…`. */
  readonly nkey: string;
  readonly account: string;
  readonly permissions: PermissionsOptions | null;
  readonly connectionTypes: readonly string[];
}

/** Null lists mean "no list": no restriction for allow, nothing denied for deny. */
export interface PermissionsOptions {
  readonly publish: { readonly allow: readonly string[] | null; readonly deny: readonly string[] | null };
  readonly subscribe: {
    readonly allow: readonly SubscribePermission[] | null;
    readonly deny: readonly SubscribePermission[] | null;
  };
  /** How often and how long a reply subject may be published to; null: not granted. Negative: unlimited. */
  readonly responses: { readonly maxMessages: number; readonly expiresMs: number } | null;
}

export interface SubscribePermission {
  readonly subject: string;
  /** The queue part of `"subject queue"`; may hold wildcards. */
  readonly queue: string | null;
}

export interface AccountOptions {
  readonly name: string;
  readonly nkey: string | null;
  readonly limits: {
    /** -1: unlimited. */
    readonly maxConnections: number;
    readonly maxSubscriptions: number;
    readonly maxPayloadBytes: number;
  };
  readonly mappings: readonly MappingOptions[];
  /** Null: it has no JetStream. */
  readonly jetstream: JetStreamAccountLimits | null;
}

/** One source subject and where its messages go instead. */
export interface MappingOptions {
  readonly source: string;
  readonly destinations: readonly { readonly subject: string; readonly weightPercent: number }[];
}

/** HTTP or HTTPS, not both; the latter uses the certificate of `Options.tls`. 0 asks for any free port. */
export interface MonitorOptions {
  readonly host: string;
  readonly port: number | null;
  readonly httpsPort: number | null;
  /** Begins with `/`, does not end in one, except for the bare `/`. */
  readonly basePath: string;
}

export interface LogOptions {
  readonly debug: boolean;
  readonly trace: boolean;
  /** Trace also what the system account and internal clients do. */
  readonly traceVerbose: boolean;
  /** Trace only the headers of a message, not its payload. */
  readonly traceHeaders: boolean;
  readonly maxTracedBytes: number;
  readonly time: boolean;
  readonly timeUtc: boolean;
  readonly file: string | null;
  /** Rotate at this size; 0: never. */
  readonly fileSizeBytesMax: number;
  /** Rotated files kept; 0: all. */
  readonly fileCountMax: number;
}
