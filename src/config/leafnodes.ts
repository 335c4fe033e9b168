/** The `leafnodes` block: its listener, who may come in there, and the defaults. */
import { isAdvertisable, asListenAddress } from "./listen.ts";
import {
  asArray,
  asBoolean,
  asDuration,
  asDurationOrSeconds,
  asInteger,
  asMap,
  asPort,
  asString,
  asTimeout,
  readBlock,
} from "./grammar/fields.ts";
import type { Block, KeyReader } from "./grammar/fields.ts";
import type { LeafAuthorization, LeafNodeOptions, LeafUser } from "./leafnode-options.ts";
import { readCompression } from "./leafnode-compression.ts";
import { readRemotes, type RemoteDraft } from "./leafnode-remotes.ts";
import { isPublicNkey } from "../base/nkey.ts";
import { kindName, type ConfigNode } from "./grammar/node.ts";
import type { TlsOptions } from "./tls-options.ts";
import { diagnosticAt } from "./grammar/diagnostics.ts";
import type { SourcePosition, Diagnostics } from "./grammar/diagnostics.ts";
import { readTls } from "./tls.ts";

export interface LeafNodesDraft {
  readonly position: SourcePosition;
  host: string | null;
  /** As written: -1 for any free one. */
  port: number | null;
  advertise: string | null;
  isAdvertised: boolean;
  tls: TlsOptions | null;
  minVersion: string | null;
  reconnectMs: number;
  dialTimeoutMs: number;
  writeDeadlineMs: number | null;
  pingIntervalMs: number | null;
  pingMax: number | null;
  isolatesInterest: boolean;
  authorization: AuthorizationDraft;
  remotes: RemoteDraft[];
}

interface AuthorizationDraft {
  user: string | null;
  password: string | null;
  nkey: string | null;
  account: string | null;
  timeoutMs: number | null;
  users: (LeafUser & { readonly position: SourcePosition })[] | null;
}

const hostDefault = "0.0.0.0";
const authTimeoutMsDefault = 2_000;
const reconnectMsDefault = 1_000;
const dialTimeoutMsDefault = 1_000;
const globalAccount = "$G";

const readHost: KeyReader<LeafNodesDraft> = (node, leaf, { key }) => (leaf.host = asString(node, key));
const readReconnect: KeyReader<LeafNodesDraft> = (node, leaf, { key }) => {
  leaf.reconnectMs = asTimeout(node, key) || reconnectMsDefault;
};
const readAdvertise: KeyReader<LeafNodesDraft> = (node, leaf, { key }) => {
  leaf.advertise = asString(node, key) || null;
};
const readMinVersion: KeyReader<LeafNodesDraft> = (node, leaf, { key }) => {
  leaf.minVersion = minVersionOf(node, asString(node, key));
};
const readIsolation: KeyReader<LeafNodesDraft> = (node, leaf, { key }) => {
  leaf.isolatesInterest = asBoolean(node, key);
};

const block: Block<LeafNodesDraft> = {
  name: "leafnodes",
  keys: {
    listen: (node, leaf, { key }) => {
      const { host, port } = asListenAddress(node, key);
      leaf.host = host;
      leaf.port = port;
    },
    port: (node, leaf, { key }) => (leaf.port = asPort(node, key)),
    host: readHost,
    net: readHost,
    authorization: (node, leaf, { diagnostics }) => readAuthorization(node, leaf.authorization, diagnostics),
    remotes: (node, leaf, { diagnostics }) => (leaf.remotes = readRemotes(node, diagnostics)),
    reconnect: readReconnect,
    reconnect_delay: readReconnect,
    reconnect_interval: readReconnect,
    dial_timeout: (node, leaf, { key }) => {
      leaf.dialTimeoutMs = asDuration(node, key) || dialTimeoutMsDefault;
    },
    tls: (node, leaf, { diagnostics }) => (leaf.tls = readTls(node, diagnostics)),
    leafnode_advertise: readAdvertise,
    advertise: readAdvertise,
    no_advertise: (node, leaf, { key }) => (leaf.isAdvertised = !asBoolean(node, key)),
    min_version: readMinVersion,
    minimum_version: readMinVersion,
    compression: (node, _leaf, { diagnostics }) => readCompression(node, diagnostics),
    isolate_leafnode_interest: readIsolation,
    isolate: readIsolation,
    write_deadline: (node, leaf, { key }) => (leaf.writeDeadlineMs = asDuration(node, key) || null),
    ping_interval: (node, leaf, read) => (leaf.pingIntervalMs = asDurationOrSeconds(node, read) || null),
    ping_max: (node, leaf, { key }) => {
      const count = asInteger(node, key);
      leaf.pingMax = count > 0 ? count : null;
    },
  },
};

export function readLeafNodes(node: ConfigNode, diagnostics: Diagnostics): LeafNodesDraft {
  if (node.kind !== "map")
    throw diagnosticAt(node, `Expected map to define a leafnode, got ${kindName(node)}`);
  const draft: LeafNodesDraft = {
    position: node,
    host: null,
    port: null,
    advertise: null,
    isAdvertised: true,
    tls: null,
    minVersion: null,
    reconnectMs: reconnectMsDefault,
    dialTimeoutMs: dialTimeoutMsDefault,
    writeDeadlineMs: null,
    pingIntervalMs: null,
    pingMax: null,
    isolatesInterest: false,
    authorization: { user: null, password: null, nkey: null, account: null, timeoutMs: null, users: null },
    remotes: [],
  };
  readBlock(block, node, draft, diagnostics);
  return draft;
}

const authorizationBlock: Block<AuthorizationDraft> = {
  name: "leafnode authorization",
  keys: {
    user: (node, target, { key }) => (target.user = asString(node, key) || null),
    username: (node, target, { key }) => (target.user = asString(node, key) || null),
    pass: (node, target, { key }) => (target.password = asString(node, key) || null),
    password: (node, target, { key }) => (target.password = asString(node, key) || null),
    nkey: (node, target, { key }) => {
      const nkey = asString(node, key);
      if (!isPublicNkey(nkey, "user"))
        throw diagnosticAt(node, "Not a valid public nkey for leafnode authorization");
      target.nkey = nkey;
    },
    account: (node, target, { key }) => (target.account = asString(node, key) || null),
    timeout: (node, target, { key }) => (target.timeoutMs = asTimeout(node, key) || null),
    users: (node, target, { key, diagnostics }) => {
      const users: (LeafUser & { position: SourcePosition })[] = [];
      for (const entry of asArray(node, key).value)
        diagnostics.attempt(() => users.push(readUser(entry, diagnostics)));
      target.users = users;
    },
  },
};

function readAuthorization(node: ConfigNode, target: AuthorizationDraft, diagnostics: Diagnostics): void {
  readBlock(authorizationBlock, asMap(node, "authorization"), target, diagnostics);
  const { users } = target;
  if (users === null || users.length === 0) return;
  if (target.user !== null) diagnostics.add(node, "can not have a single user/pass and a users array");
  if (target.nkey !== null) diagnostics.add(node, "can not have a single nkey and a users array");
  const seen = new Set<string>();
  for (const { user, position } of users) {
    if (seen.has(user))
      diagnostics.add(position, `duplicate user "${user}" detected in leafnode authorization`);
    seen.add(user);
  }
}

interface UserDraft {
  user: string;
  password: string;
  account: string;
}

const userBlock: Block<UserDraft> = {
  name: "leafnode user",
  keys: {
    user: (node, target, { key }) => (target.user = asString(node, key)),
    username: (node, target, { key }) => (target.user = asString(node, key)),
    pass: (node, target, { key }) => (target.password = asString(node, key)),
    password: (node, target, { key }) => (target.password = asString(node, key)),
    account: (node, target, { key }) => (target.account = asString(node, key)),
  },
};

function readUser(node: ConfigNode, diagnostics: Diagnostics): LeafUser & { position: SourcePosition } {
  const draft: UserDraft = { user: "", password: "", account: "" };
  readBlock(userBlock, asMap(node, "users"), draft, diagnostics);
  return { ...draft, position: node };
}

function minVersionOf(node: ConfigNode, text: string): string {
  const found = /^(\d+)\.(\d+)\.(\d+)/.exec(text);
  if (found === null) throw diagnosticAt(node, `invalid leafnode's minimum version: invalid semver`);
  const [major, minor] = [Number(found[1]), Number(found[2])];
  if (major < 2 || (major === 2 && minor < 8))
    throw diagnosticAt(node, "the minimum version should be at least 2.8.0");
  return text;
}

/** @param accounts names of all there are @returns null when there is neither a listener nor a remote */
export function leafNodesOf(
  draft: LeafNodesDraft | null,
  accounts: readonly string[],
  diagnostics: Diagnostics,
): LeafNodeOptions | null {
  if (draft === null) return null;
  const accountOf = (name: string | null, position: SourcePosition, what: string): string => {
    const account = name || globalAccount;
    if (!accounts.includes(account))
      diagnostics.add(position, `cannot find local account "${account}" specified in leafnode ${what}`);
    return account;
  };
  const remotes = draft.remotes
    .filter(({ isDisabled }) => !isDisabled)
    .map(({ isDisabled: _, position, ...remote }) => ({
      ...remote,
      account: accountOf(remote.account, position, "remote"),
    }));
  const { authorization } = draft;
  const account = accountOf(authorization.account, draft.position, "authorization");
  for (const user of authorization.users ?? []) accountOf(user.account, user.position, "authorization");
  if (draft.advertise !== null && !isAdvertisable(draft.advertise))
    diagnostics.add(
      draft.position,
      `leafnodes.advertise must be host or host:port, not "${draft.advertise}"`,
    );
  const isListening = draft.port !== null && draft.port !== 0;
  if (!isListening && remotes.length === 0) return null;
  const { tls } = draft;
  if (isListening && tls !== null && tls.certFile === null && tls.certificates.length === 0)
    diagnostics.add(draft.position, "leafnodes.tls needs a certificate: set cert_file and key_file");
  return {
    listener: isListening
      ? {
          host: draft.host || hostDefault,
          port: draft.port === -1 ? 0 : (draft.port as number),
          advertise: draft.advertise,
          isAdvertised: draft.isAdvertised,
          tls,
          authTimeoutMs:
            authorization.timeoutMs ?? (tls === null ? authTimeoutMsDefault : tls.timeoutMs + 1_000),
          authorization: authorizationOf(authorization, account),
          account,
          minVersion: draft.minVersion,
        }
      : null,
    remotes,
    reconnectMs: draft.reconnectMs,
    dialTimeoutMs: draft.dialTimeoutMs,
    isolatesInterest: draft.isolatesInterest,
    writeDeadlineMs: draft.writeDeadlineMs,
    pingIntervalMs: draft.pingIntervalMs,
    pingMax: draft.pingMax,
  };
}

/** Source: nats-server `isLeafNodeAuthorized`. */
function authorizationOf(
  { user, password, nkey, users }: AuthorizationDraft,
  account: string,
): LeafAuthorization | null {
  if (user !== null) return { users: [{ user, password: password ?? "", account }], nkeys: [] };
  if (nkey !== null) return { users: [], nkeys: [{ nkey, account }] };
  if (users === null || users.length === 0) return null;
  return {
    users: users.map((entry) => ({
      user: entry.user,
      password: entry.password,
      account: entry.account || globalAccount,
    })),
    nkeys: [],
  };
}
