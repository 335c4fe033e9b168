/**
 * Who a connection is, once it has proven it: what every listener (client, WebSocket, leaf, HTTP) gets back from
 * an {@link Authenticator}, and all that later code needs to know of credentials.
 */
import type { Permissions } from "./permissions.ts";

export interface Identity {
  /** The account whose subject space the connection lives in. */
  readonly account: string;
  /** Shown in monitoring and logs: user name, public nkey, or null for token and anonymous access. */
  readonly user: string | null;
  /** Null: everything is allowed. */
  readonly permissions: Permissions | null;
}

export type ConnectionType =
  | "STANDARD"
  | "WEBSOCKET"
  | "LEAFNODE"
  | "LEAFNODE_WS"
  | "MQTT"
  | "MQTT_WS"
  | "IN_PROCESS";

/** What a peer offered. Absent fields are empty strings, as the protocol has it. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
  readonly token: string;
  readonly nkey: string;
  /** Base64 (raw URL or standard) ed25519 signature of the nonce's text bytes. */
  readonly signature: string;
  readonly jwt: string;
}

export interface AuthRequest {
  readonly credentials: Credentials;
  readonly connectionType: ConnectionType;
  /** The nonce sent in INFO; empty when none was. */
  readonly nonce: string;
  /** The verified client certificate, for `verify_and_map`; null without one. */
  readonly certificate: ClientCertificate | null;
}

/** The identity-bearing parts of a verified TLS client certificate. */
export interface ClientCertificate {
  /** Subject distinguished name in RFC 2253 order and escaping, as Go prints it. */
  readonly subject: string;
  readonly emails: readonly string[];
  readonly dnsNames: readonly string[];
  readonly uris: readonly string[];
}

/** Null: refused. A promise only when the check must leave the thread (bcrypt), so that the common case never waits. */
export type AuthResult = Identity | null | Promise<Identity | null>;

export interface Authenticator {
  /** Shown in INFO as `auth_required`. */
  readonly required: boolean;
  /** Whether INFO carries a nonce to sign. */
  readonly needsNonce: boolean;
  authenticate(request: AuthRequest): AuthResult;
  /** The identity of a peer that speaks before CONNECT, from `no_auth_user`; null when it must not. */
  anonymous(connectionType: ConnectionType): Identity | null;
}
