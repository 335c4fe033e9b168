/**
 * Who may connect to a listener, and as whom. The ways to prove oneself are steps, tried in the reference server's
 * order (`processClientOrLeafAuthentication` in its auth.go): the first that has an answer decides, and a peer that
 * none of them knows is refused.
 */
import { isInventedUser } from "../config/complete.ts";
import type { Options } from "../config/options.ts";
import type { TlsOptions } from "../config/tls-options.ts";
import type {
  Authenticator,
  AuthRequest,
  AuthResult,
  ClientCertificate,
  ConnectionType,
  Credentials,
  Identity,
} from "./identity.ts";
import { isBcrypt, PasswordChecker } from "./password.ts";
import { isTypeAllowed, Users, type UsersOptions } from "./users.ts";

export type Listener = "client" | "websocket" | "leafnode";

export type AuthenticatorOptions = UsersOptions & Pick<Options, "noAuthUser">;

/**
 * @param passwords one for all listeners of a broker, before and after a reload
 * @throws RangeError naming what in the users' permissions or keys is not valid
 */
export function createAuthenticator(
  options: AuthenticatorOptions,
  listener: Listener = "client",
  passwords: PasswordChecker = new PasswordChecker(),
): Authenticator {
  return new ListenerAuthenticator(options, listener, passwords);
}

/** What the steps decide by. */
interface Rules {
  readonly users: Users;
  readonly passwords: PasswordChecker;
  readonly mapsCertificates: boolean;
  readonly noAuthUser: string | null;
  /** The single token, or else the single user, that stands for everybody. */
  readonly token: string | null;
  readonly single: { readonly identity: Identity; readonly password: string } | null;
}

/** `"unknown"`: the peer offered nothing that this step judges, ask the next. */
type Step = (rules: Rules, request: AuthRequest) => AuthResult | "unknown";

const steps: readonly Step[] = [byNkey, byUser, byToken, bySingleUser];

const noCredentials: Credentials = { user: "", password: "", token: "", nkey: "", signature: "", jwt: "" };
const globalIdentity: Identity = Object.freeze({ account: "$G", user: null, permissions: null });

class ListenerAuthenticator implements Authenticator {
  readonly required: boolean;
  readonly requiredInInfo: boolean;
  readonly needsNonce: boolean;
  readonly #rules: Rules;
  /** For leaf nodes that come by WebSocket: the `no_auth_user` of its block goes before the server's. */
  readonly #webSocketLeafRules: Rules;
  /** Whom a peer that does not even say CONNECT is; a WebSocket listener without its own has the server's. */
  readonly #anonymousUser: string | null;

  constructor(options: AuthenticatorOptions, listener: Listener, passwords: PasswordChecker) {
    const { authorization, noAuthUser } = options;
    const own = listener === "websocket" ? ownRules(options) : null;
    const { user, password, token } = own ?? authorization;
    const isServerGuarded =
      authorization.users !== null ||
      authorization.nkeys !== null ||
      authorization.user !== null ||
      authorization.token !== null;
    this.required = isServerGuarded || own !== null;
    const letsAnybodyIn = listener === "client" && noAuthUser !== null && !isInventedUser(noAuthUser);
    this.requiredInInfo = this.required && !letsAnybodyIn;
    this.#anonymousUser = own?.noAuthUser ?? noAuthUser;
    const users = new Users(options);
    this.needsNonce = users.byNkey.size > 0;
    this.#rules = {
      users,
      passwords,
      mapsCertificates: tlsOf(options, listener)?.verifyAndMap ?? false,
      noAuthUser: own === null ? noAuthUser : own.noAuthUser,
      token,
      single:
        user === null
          ? null
          : { identity: { account: "$G", user, permissions: null }, password: password ?? "" },
    };
    this.#webSocketLeafRules = {
      ...this.#rules,
      noAuthUser: options.websocket?.noAuthUser ?? this.#rules.noAuthUser,
    };
  }

  async prepare(): Promise<void> {
    const { users, token, single, passwords } = this.#rules;
    const secrets = [...users.byName.values()].map((user) => user.password);
    if (token !== null) secrets.push(token);
    if (single !== null) secrets.push(single.password);
    if (secrets.some(isBcrypt)) await passwords.prepare();
  }

  authenticate(request: AuthRequest): AuthResult {
    if (!this.required) return globalIdentity;
    const rules = request.connectionType === "LEAFNODE_WS" ? this.#webSocketLeafRules : this.#rules;
    for (const step of steps) {
      const result = step(rules, request);
      if (result !== "unknown") return result;
    }
    return refuse(
      request,
      hasNoLogin(request.credentials) ? "no credentials" : "no such login is configured here",
    );
  }

  anonymous(connectionType: ConnectionType, certificate: ClientCertificate | null = null): Identity | null {
    if (!this.required) return globalIdentity;
    if (this.#anonymousUser === null) return null;
    const user = this.#rules.users.byName.get(this.#anonymousUser);
    if (user === undefined || !isTypeAllowed(user, connectionType)) return null;
    const result = this.authenticate({ credentials: noCredentials, connectionType, nonce: "", certificate });
    // A certificate's user with a hash for a password: nobody can have proven that without CONNECT.
    return result instanceof Promise ? null : result;
  }
}

function tlsOf({ tls, websocket, leafnodes }: AuthenticatorOptions, listener: Listener): TlsOptions | null {
  if (listener === "client") return tls;
  return (listener === "websocket" ? websocket?.tls : leafnodes?.listener?.tls) ?? null;
}

/** What a WebSocket listener has of its own; any of it replaces all of the server's. Null: nothing. */
function ownRules({ websocket }: AuthenticatorOptions): {
  readonly user: string | null;
  readonly password: string | null;
  readonly token: string | null;
  readonly noAuthUser: string | null;
} | null {
  if (websocket === null) return null;
  const { user = null, password = null, token = null } = websocket.authorization ?? {};
  const { noAuthUser } = websocket;
  return user === null && token === null && noAuthUser === null
    ? null
    : { user, password, token, noAuthUser };
}

function byNkey({ users, noAuthUser }: Rules, request: AuthRequest): AuthResult | "unknown" {
  const { credentials, connectionType, nonce } = request;
  if (users.byNkey.size === 0) return "unknown";
  const isAnonymous = credentials.nkey === "" && hasNoLogin(credentials);
  const nkey =
    isAnonymous && noAuthUser !== null && users.byNkey.has(noAuthUser) ? noAuthUser : credentials.nkey;
  if (nkey === "") return "unknown";
  const user = users.byNkey.get(nkey);
  if (user === undefined) return refuse(request, "no such nkey");
  if (!isTypeAllowed(user, connectionType)) return refuse(request, notByThisType);
  if (nkey === noAuthUser || user.key.verify(nonce, credentials.signature)) return user.identity;
  return refuse(request, "the signature does not fit the nonce");
}

function byUser(rules: Rules, request: AuthRequest): AuthResult | "unknown" {
  const { users, noAuthUser, mapsCertificates } = rules;
  const { credentials, connectionType, certificate } = request;
  if (users.byName.size === 0) return "unknown";
  if (mapsCertificates) {
    if (certificate === null)
      return refuse(request, "no client certificate, by which verify_and_map finds users");
    const user = users.byCertificate(certificate, connectionType);
    if (user === null) return refuse(request, "no user has the name of the certificate");
    return whenRight(rules, user.password, credentials.password, user.identity, request);
  }
  const isAnonymous = hasNoLogin(credentials) && noAuthUser !== null && users.byName.has(noAuthUser);
  const name = isAnonymous ? noAuthUser : credentials.user;
  if (name === "") return "unknown";
  const user = users.byName.get(name);
  if (user === undefined) return refuse(request, "no such user");
  if (!isTypeAllowed(user, connectionType)) return refuse(request, notByThisType);
  if (isAnonymous) return user.identity;
  if (user.needsCertificate && name !== noAuthUser)
    return refuse(request, "only a client certificate chooses a user without a password");
  return whenRight(rules, user.password, credentials.password, user.identity, request);
}

function byToken(rules: Rules, request: AuthRequest): AuthResult | "unknown" {
  if (rules.token === null) return "unknown";
  return whenRight(rules, rules.token, request.credentials.token, globalIdentity, request);
}

function bySingleUser(rules: Rules, request: AuthRequest): AuthResult | "unknown" {
  const { single } = rules;
  if (single === null) return "unknown";
  if (request.credentials.user !== single.identity.user) return refuse(request, "no such user");
  return whenRight(rules, single.password, request.credentials.password, single.identity, request);
}

function hasNoLogin({ user, password, token }: Credentials): boolean {
  return user === "" && password === "" && token === "";
}

function whenRight(
  { passwords }: Rules,
  configured: string,
  offered: string,
  identity: Identity,
  request: AuthRequest,
): AuthResult {
  const decide = (isRight: boolean): Identity | null =>
    isRight ? identity : refuse(request, "wrong password or token");
  const isRight = passwords.check(configured, offered, request.isWanted);
  return isRight instanceof Promise ? isRight.then(decide) : decide(isRight);
}

const notByThisType = "allowed_connection_types leaves this type out";

function refuse({ onRefused }: AuthRequest, rule: string): null {
  onRefused?.(rule);
  return null;
}
