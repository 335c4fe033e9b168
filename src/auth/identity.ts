/**
 * Who a connection is, once it has proven it: what every listener (client, WebSocket, leaf, HTTP) gets back from
 * an {@link Authenticator}, and all that later code needs to know of credentials.
 */
import type { SubjectName } from "./distinguished-name.ts";
import type { Permissions } from "./permissions.ts";

/** One object for each user in the configuration, shared by all its connections. */
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
  /** Asked before costly work begins: false once the peer has gone and nobody waits for the answer. */
  readonly isWanted?: () => boolean;
  /** Told which rule refused the peer, for the log; called before the answer is null. */
  readonly onRefused?: (rule: string) => void;
}

/** The identity-bearing parts of a verified TLS client certificate. */
export interface ClientCertificate {
  /** Subject distinguished name in RFC 2253 order and escaping, as Go prints it. */
  readonly subject: string;
  readonly subjectName: SubjectName;
  readonly emails: readonly string[];
  readonly dnsNames: readonly string[];
  readonly uris: readonly string[];
}

/** Null: refused. A promise only when the check must leave the thread (bcrypt), so that the common case never waits. */
export type AuthResult = Identity | null | Promise<Identity | null>;

export interface Authenticator {
  /** Peers must say who they are: other operations wait for that, and the authentication timeout runs. */
  readonly required: boolean;
  /** Shown in INFO as `auth_required`. A client listener with a `no_auth_user` says false, though `required` is true. */
  readonly requiredInInfo: boolean;
  /** Whether INFO carries a nonce to sign. */
  readonly needsNonce: boolean;
  /**
   * Loads what the configured secrets need, so that a lack shows at start and not at the first client.
   * @throws Error saying what is missing and what to do
   */
  prepare(): Promise<void>;
  /**
   * Never throws and never rejects. After a reload, ask the new authenticator with the request kept from CONNECT:
   * proofs of passwords are remembered by the `PasswordChecker` that both share, so that costs no hashing.
   */
  authenticate(request: AuthRequest): AuthResult;
  /**
   * The identity of a peer that speaks before CONNECT, from `no_auth_user`; null when it must not.
   * @param certificate as in {@link AuthRequest}: where certificates are mapped to users, they go before `no_auth_user`
   */
  anonymous(connectionType: ConnectionType, certificate?: ClientCertificate | null): Identity | null;
}

/**
 * Whether a connection that asks again after a reload may go on: whose user is gone may not because everybody is let in
 * now. Who has never proven anything was nobody in particular before, either.
 * @param hasProven whether it has shown credentials or a certificate
 */
export function maySurvive(before: Identity, after: Identity | null, hasProven: boolean): after is Identity {
  if (after === null || after.account !== before.account) return false;
  return !hasProven || before.user === null || after.user !== null;
}

/** Whether they say who the peer is. */
export function areGiven({ user, password, token, nkey, jwt }: Credentials): boolean {
  return user !== "" || password !== "" || token !== "" || nkey !== "" || jwt !== "";
}
