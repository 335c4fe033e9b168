/** From what was said to the snapshot: defaults, and the checks that take more than one key. */
import { randomBytes } from "node:crypto";
import { totalmem } from "node:os";
import { posix } from "node:path";
import { defaultSystemAccount, globalAccount, newAccount } from "./accounts.ts";
import type { AccountDraft, Draft, WebSocketDraft } from "./draft.ts";
import { showDuration } from "./grammar/fields.ts";
import { deepFreeze } from "./freeze.ts";
import { forwardingDomain } from "./leafnode-forward.ts";
import { leafNodesOf } from "./leafnodes.ts";
import { defaultJetStreamLimits } from "./jetstream-defaults.ts";
import type { JetStreamOptions } from "./jetstream-options.ts";
import { isAdvertisable } from "./listen.ts";
import type {
  AccountOptions,
  LimitOptions,
  MonitorOptions,
  NkeyUserOptions,
  Options,
  UserOptions,
  WebSocketOptions,
} from "./options.ts";
import type { TlsOptions } from "./tls-options.ts";
import type { Diagnostics } from "./grammar/diagnostics.ts";

export interface ConfigSource {
  readonly file: string | null;
  readonly digest: string | null;
}

/** 1 TiB, as nats-server has it where it can not tell the room on the disk. */
const storeBytesDefault = 2 ** 40;
const hostDefault = "0.0.0.0";
const portDefault = 4222;
const authTimeoutMsDefault = 2_000;
const payloadBytesAdvised = 8 * 1024 * 1024;

/**
 * Stands for everybody when a system account is all that was configured. Made once, so that a reload keeps it; its
 * password is secret since it is not meant to be used by name.
 */
const inventedUser: UserOptions = deepFreeze({
  user: `nats-${randomBytes(6).toString("base64url")}`,
  password: randomBytes(12).toString("base64url"),
  account: globalAccount,
  permissions: null,
  connectionTypes: [],
});

export function isInventedUser(name: string | null): boolean {
  return name === inventedUser.user;
}

/** @throws ConfigError with everything that `problems` has collected, here and before */
export function completeOptions(draft: Draft, source: ConfigSource, diagnostics: Diagnostics): Options {
  const host = draft.host || hostDefault;
  const accounts = accountsOf(draft, diagnostics);
  const access = accessOf(draft, diagnostics);
  checkNoAuthUser(access, access.noAuthUser, "server", diagnostics);
  const enabled = withJetStream(accounts.map(accountOf), draft, diagnostics);
  const options: Options = {
    serverName: draft.serverName,
    host,
    port: boundPort(draft.port, portDefault),
    clientAdvertise: draft.clientAdvertise,
    serverTags: draft.serverTags,
    serverMetadata: draft.serverMetadata,
    limits: limitsOf(draft, diagnostics),
    noHeaderSupport: draft.noHeaderSupport,
    noFastProducerStall: draft.noFastProducerStall,
    ...lameDuckOf(draft, diagnostics),
    maxClosedClients: draft.maxClosedClients || 10_000,
    tls: tlsOf(draft.tls, "server", diagnostics),
    allowNonTls: draft.allowNonTls,
    websocket: websocketOf(draft.websocket, access, diagnostics),
    jetstream: jetStreamOf(draft, enabled, diagnostics),
    leafnodes: leafNodesOf(
      draft.leafnodes,
      accounts.map(({ name }) => name),
      diagnostics,
    ),
    authorization: {
      user: draft.authorization.user,
      password: draft.authorization.password,
      token: draft.authorization.token,
      users: access.users,
      nkeys: access.nkeys,
    },
    accounts: enabled,
    systemAccount: systemAccountOf(draft),
    noAuthUser: access.noAuthUser,
    monitor: monitorOf(draft, host, diagnostics),
    log: draft.log,
    pidFile: draft.pidFile,
    portsFileDir: draft.portsFileDir,
    configFile: source.file,
    configDigest: source.digest,
  };
  if (options.clientAdvertise !== null && !isAdvertisable(options.clientAdvertise)) {
    const position = diagnostics.positionOf("server", "client_advertise");
    diagnostics.add(position, `client_advertise must be host or host:port, not "${options.clientAdvertise}"`);
  }
  diagnostics.throwIfAny();
  return deepFreeze(options);
}

/** -1, which asks for any free port, becomes the 0 that the operating system takes for it. */
function boundPort(written: number | null, byDefault: number): number {
  if (written === null || written === 0) return byDefault;
  return written === -1 ? 0 : written;
}

function limitsOf(draft: Draft, diagnostics: Diagnostics): LimitOptions {
  const maxPayloadBytes = draft.maxPayloadBytes || 1024 * 1024;
  const maxPendingBytes = draft.maxPendingBytes || 64 * 1024 * 1024;
  if (maxPayloadBytes > maxPendingBytes) {
    diagnostics.add(
      diagnostics.positionOf("server", "max_payload", "max_pending"),
      `max_payload (${maxPayloadBytes}) cannot be higher than max_pending (${maxPendingBytes})`,
    );
  } else if (maxPayloadBytes > payloadBytesAdvised) {
    diagnostics.warn(
      diagnostics.positionOf("server", "max_payload"),
      `max_payload (${maxPayloadBytes}) above 8 MiB makes for long waits; send large data in chunks`,
    );
  }
  const authTimeoutMsOwn = draft.tls === null ? authTimeoutMsDefault : draft.tls.timeoutMs + 1_000;
  return {
    maxConnections: draft.maxConnections ?? 65_536,
    maxSubscriptions: draft.maxSubscriptions ?? 0,
    maxSubscriptionTokens: draft.maxSubscriptionTokens ?? 0,
    maxControlLineBytes: draft.maxControlLineBytes || 4096,
    maxPayloadBytes,
    maxPendingBytes,
    pingIntervalMs: draft.pingIntervalMs || 120_000,
    pingMax: draft.pingMax || 2,
    writeDeadlineMs: draft.writeDeadlineMs || 10_000,
    authTimeoutMs: draft.authorization.timeoutMs ?? authTimeoutMsOwn,
  };
}

function lameDuckOf(
  draft: Draft,
  diagnostics: Diagnostics,
): { lameDuckDurationMs: number; lameDuckGracePeriodMs: number } {
  const lameDuckDurationMs = draft.lameDuckDurationMs ?? 120_000;
  const lameDuckGracePeriodMs = draft.lameDuckGracePeriodMs || 10_000;
  if (lameDuckGracePeriodMs >= lameDuckDurationMs) {
    const [grace, duration] = [showDuration(lameDuckGracePeriodMs), showDuration(lameDuckDurationMs)];
    diagnostics.add(
      diagnostics.positionOf("server", "lame_duck_grace_period", "lame_duck_duration"),
      `lame duck grace period (${grace}) should be strictly lower than lame duck duration (${duration})`,
    );
  }
  return { lameDuckDurationMs, lameDuckGracePeriodMs };
}

/** Without a certificate every handshake would fail; where other things are wrong, that may be why there is none. */
function tlsOf(
  tls: TlsOptions | null,
  block: "server" | "websocket",
  diagnostics: Diagnostics,
): TlsOptions | null {
  if (tls !== null && tls.certFile === null && tls.certificates.length === 0 && diagnostics.isEmpty) {
    const name = block === "server" ? "tls" : "websocket.tls";
    diagnostics.add(
      diagnostics.positionOf(block, "tls"),
      `${name} needs a certificate: set cert_file and key_file`,
    );
  }
  return tls;
}

function systemAccountOf(draft: Draft): string | null {
  if (draft.systemAccount !== null) return draft.systemAccount;
  return draft.noSystemAccount && !definesDefaultSystemAccount(draft) ? null : defaultSystemAccount;
}

function definesDefaultSystemAccount(draft: Draft): boolean {
  return draft.accounts.some(({ name }) => name === defaultSystemAccount);
}

/** All accounts there are: the global one first, then those of the file, then the default system account. */
function accountsOf(draft: Draft, diagnostics: Diagnostics): AccountDraft[] {
  const accounts = [{ ...newAccount(globalAccount), mappings: draft.mappings }, ...draft.accounts];
  const system = systemAccountOf(draft);
  if (system === null || accounts.some(({ name }) => name === system)) return accounts;
  if (draft.systemAccount !== null) {
    diagnostics.add(
      diagnostics.positionOf("server", "system_account", "system"),
      `error resolving system account: account missing: "${system}" is not among the accounts`,
    );
  }
  return [...accounts, newAccount(system)];
}

function accountOf(account: AccountDraft): AccountOptions {
  const { name, nkey, maxConnections, maxSubscriptions, maxPayloadBytes, mappings, jetstream } = account;
  return { name, nkey, limits: { maxConnections, maxSubscriptions, maxPayloadBytes }, mappings, jetstream };
}

/** Where nobody was named it is for everybody, which is the global account. The system account has none. */
function withJetStream(accounts: AccountOptions[], draft: Draft, diagnostics: Diagnostics): AccountOptions[] {
  const system = systemAccountOf(draft);
  const isGlobalOnly = draft.accounts.every(({ name }) => name === system);
  return accounts.map((account) => {
    if (account.name === system && account.jetstream !== null) {
      const position = diagnostics.positionOf("server", "accounts");
      diagnostics.add(position, `jetstream can not be enabled on the system account "${account.name}"`);
    }
    if (!draft.jetstream.enabled) return { ...account, jetstream: null };
    const isGlobal = account.name === globalAccount && isGlobalOnly;
    return isGlobal ? { ...account, jetstream: defaultJetStreamLimits } : account;
  });
}

/** Three quarters of the memory, and as much on disk as there may be, where nothing or less than nothing was said. */
function jetStreamOf(
  draft: Draft,
  accounts: readonly AccountOptions[],
  diagnostics: Diagnostics,
): JetStreamOptions | null {
  const { enabled, maxMemoryBytes, maxStoreBytes, ...rest } = draft.jetstream;
  const { serverName } = draft;
  const remotes = (draft.leafnodes?.remotes ?? []).filter(({ isDisabled }) => !isDisabled);
  const broker = { domain: rest.domain, serverName, hasJetStream: enabled, accounts };
  const domain = forwardingDomain(
    remotes.map((remote) => ({ ...remote, account: remote.account || globalAccount })),
    broker,
    diagnostics,
  );
  if (!enabled) return null;
  return {
    storeDir: draft.storeDir,
    maxMemoryBytes: sizeOr(maxMemoryBytes, Math.floor((totalmem() / 4) * 3)),
    maxStoreBytes: sizeOr(maxStoreBytes, storeBytesDefault),
    ...rest,
    domain,
  };
}

function sizeOr(bytes: number | null, usual: number): number {
  return bytes === null || bytes < 0 ? usual : bytes;
}

interface Access {
  readonly users: readonly UserOptions[] | null;
  readonly nkeys: readonly NkeyUserOptions[] | null;
  readonly noAuthUser: string | null;
}

function accessOf(draft: Draft, diagnostics: Diagnostics): Access {
  const users: UserOptions[] = [];
  const nkeys: NkeyUserOptions[] = [];
  const seen = new Set<string>();
  const lists = [{ name: globalAccount, users: draft.authorization.users }, ...draft.accounts];
  for (const { name: account, users: list } of lists) {
    for (const user of list?.users ?? []) {
      const name = user.kind === "nkey" ? user.entry.nkey : user.entry.user;
      const kind = user.kind === "nkey" ? "nkey" : "user";
      if (seen.has(name)) diagnostics.add(user.position, `Duplicate ${kind} "${name}" detected`);
      seen.add(name);
      if (user.kind === "nkey") nkeys.push({ ...user.entry, account });
      else users.push({ ...user.entry, account });
    }
  }
  const isAnonymous = invitesEverybody(draft);
  if (isAnonymous) users.push(inventedUser);
  // An empty list in `authorization` asks for authentication all the same; in an account it says nothing.
  const isListed = draft.authorization.users !== null || users.length > 0 || nkeys.length > 0;
  return {
    users: isListed ? users : null,
    nkeys: nkeys.length > 0 ? nkeys : null,
    noAuthUser: isAnonymous ? inventedUser.user : draft.noAuthUser,
  };
}

/** Whether a system account is all that was configured, so that everybody else is still let in. */
function invitesEverybody(draft: Draft): boolean {
  const [first, ...others] = draft.accounts;
  const isOnlySystem = others.length === 0 && first !== undefined && first.name === systemAccountOf(draft);
  return isOnlySystem && draft.noAuthUser === null && draft.authorization.position === null;
}

function checkNoAuthUser(
  access: Access,
  name: string | null,
  block: "server" | "websocket",
  diagnostics: Diagnostics,
): void {
  if (name === null) return;
  const position = diagnostics.positionOf(block, "no_auth_user");
  const { users, nkeys } = access;
  if (users === null && nkeys === null) {
    diagnostics.add(position, `no_auth_user: "${name}" present, but users/nkeys are not defined`);
    return;
  }
  if (users?.some(({ user }) => user === name) === true || nkeys?.some(({ nkey }) => nkey === name) === true)
    return;
  diagnostics.add(
    position,
    `no_auth_user: "${name}" not present as user or nkey in authorization block or account configuration`,
  );
}

function websocketOf(
  draft: WebSocketDraft | null,
  access: Access,
  diagnostics: Diagnostics,
): WebSocketOptions | null {
  if (draft === null || draft.port === null || draft.port === 0) return null;
  const { noTls, ...websocket } = draft;
  const block = diagnostics.positionOf("server", "websocket", "ws");
  if (draft.tls === null && !noTls) {
    diagnostics.add(
      block,
      "websocket requires TLS configuration: give it a tls block, or set no_tls to true",
    );
  }
  for (const origin of draft.allowedOrigins) {
    const problem = originProblem(origin);
    const position = diagnostics.positionOf("websocket", ...originKeys) ?? block;
    if (problem !== null)
      diagnostics.add(position, `unable to parse allowed origin ${JSON.stringify(origin)}: ${problem}`);
  }
  checkNoAuthUser(access, draft.noAuthUser, "websocket", diagnostics);
  const hasUsers = (access.users?.length ?? 0) > 0 || access.nkeys !== null;
  for (const [method, name] of [["user", "username"] as const, ["token", "token"] as const]) {
    if (hasUsers && draft.authorization !== null && draft.authorization[method] !== null) {
      const position = diagnostics.positionOf("websocket", "authorization", "authentication") ?? block;
      diagnostics.add(
        position,
        `websocket authentication ${name} not compatible with presence of users/nkeys`,
      );
    }
  }
  if (draft.jwtCookie !== null) {
    diagnostics.add(
      diagnostics.positionOf("websocket", "jwt_cookie") ?? block,
      `websocket: jwt_cookie "${draft.jwtCookie}" is not supported by Frond yet: there is no JWT`,
    );
  }
  for (const name of Object.keys(draft.headers)) checkHeader(name, diagnostics);
  const tls = noTls && draft.tls === null ? null : tlsOf(draft.tls, "websocket", diagnostics);
  return { ...websocket, host: draft.host || hostDefault, port: boundPort(draft.port, 0), tls };
}

const originKeys = [
  "allowed_origins",
  "allowed_origin",
  "allow_origins",
  "allow_origin",
  "origins",
  "origin",
];

/** @returns why it can not be the origin of a page, or null */
function originProblem(origin: string): string | null {
  let url: URL;
  try {
    url = new URL(origin);
  } catch {
    return "it is no URL";
  }
  if (url.protocol !== "http:" && url.protocol !== "https:") {
    return "allowed origins must be absolute URLs with http or https scheme";
  }
  return url.hostname === "" ? "host is required" : null;
}

/** Headers of the upgrade response that belong to the protocol. */
function checkHeader(name: string, diagnostics: Diagnostics): void {
  const header = name.toLowerCase();
  const position = diagnostics.positionOf("websocket", "headers");
  if (["host", "content-length", "connection", "upgrade", "nats-no-masking"].includes(header)) {
    diagnostics.add(position, `websocket: invalid header "${name}" not allowed`);
  } else if (header.startsWith("sec-websocket-")) {
    diagnostics.add(position, `websocket: invalid header "${name}", "Sec-WebSocket-" prefix not allowed`);
  } else if (!/^[\w!#$%&'*+.^`|~-]+$/.test(name)) {
    diagnostics.add(position, `websocket: invalid header ${JSON.stringify(name)}`);
  }
}

const httpsKeys = ["https", "https_port"];

function monitorOf(draft: Draft, host: string, diagnostics: Diagnostics): MonitorOptions | null {
  const port = draft.httpPort || null;
  const httpsPort = draft.httpsPort || null;
  if (port === null && httpsPort === null) return null;
  if (port !== null && httpsPort !== null) {
    diagnostics.add(
      diagnostics.positionOf("server", ...httpsKeys),
      `can't specify both HTTP (${port}) and HTTPs (${httpsPort}) ports`,
    );
  }
  if (httpsPort !== null && draft.tls === null)
    diagnostics.add(diagnostics.positionOf("server", ...httpsKeys), "TLS cert and key required for HTTPS");
  return {
    host: draft.monitorHost || host,
    port: port === null ? null : boundPort(port, 0),
    httpsPort: httpsPort === null ? null : boundPort(httpsPort, 0),
    basePath: cleanPath(draft.httpBasePath ?? ""),
  };
}

/** With one slash in front, none behind, and no `.` or `..` in between. */
function cleanPath(path: string): string {
  const clean = posix.normalize(`/${path}`);
  return clean.length > 1 ? clean.replace(/\/$/, "") : clean;
}
