/** The `authorization` block and lists of users, here and in accounts. */
import type { AuthorizationDraft, SingleAuthorization, UserDraft, UserList } from "./draft.ts";
import { withDefaultPermissions } from "./draft.ts";
import { asMap, asString, asStrings, asTimeout, readBlock } from "./grammar/fields.ts";
import type { Block, KeyReader } from "./grammar/fields.ts";
import { isPublicNkey } from "../base/nkey.ts";
import { kindName } from "./grammar/node.ts";
import type { ConfigNode } from "./grammar/node.ts";
import type { PermissionsOptions } from "./options.ts";
import { readPermissions } from "./permissions.ts";
import { diagnosticAt } from "./grammar/diagnostics.ts";
import type { SourcePosition, Diagnostics } from "./grammar/diagnostics.ts";

interface AuthorizationReading extends AuthorizationDraft {
  defaultPermissions: PermissionsOptions | null;
}

interface UserReading {
  position: SourcePosition;
  user: string;
  password: string;
  nkey: string;
  permissions: PermissionsOptions | null;
  connectionTypes: string[];
}

const timeoutMsHigh = 60_000;
const connectionTypes: ReadonlySet<string> = new Set([
  "STANDARD",
  "WEBSOCKET",
  "LEAFNODE",
  "LEAFNODE_WS",
  "MQTT",
  "MQTT_WS",
  "IN_PROCESS",
]);

const readUser: KeyReader<SingleAuthorization> = (node, target, { key }) => {
  target.user = asString(node, key) || null;
};
const readPassword: KeyReader<SingleAuthorization> = (node, target, { key }) => {
  target.password = asString(node, key) || null;
};

/** The keys of one user or one token for all, which listeners of their own have too. */
const singleKeys: Readonly<Record<string, KeyReader<SingleAuthorization>>> = {
  user: readUser,
  username: readUser,
  pass: readPassword,
  password: readPassword,
  token: (node, target, { key }) => (target.token = asString(node, key) || null),
  timeout: (node, target, { key, diagnostics }) => {
    const timeoutMs = asTimeout(node, key);
    if (timeoutMs > timeoutMsHigh) {
      diagnostics.warnOfMisuse(
        node,
        key,
        `timeout of ${timeoutMs / 1000} seconds is high: keep it under 60, and mind that a duration needs quotes, since 1m without them is a million`,
      );
    }
    target.timeoutMs = timeoutMs === 0 ? null : timeoutMs;
  },
};

const readDefaultPermissions: KeyReader<AuthorizationReading> = (node, target, { diagnostics }) => {
  target.defaultPermissions = readPermissions(node, diagnostics);
};

const block: Block<AuthorizationReading> = {
  name: "authorization",
  keys: {
    ...singleKeys,
    users: (node, target, { diagnostics }) => {
      target.users = readUsers(node, diagnostics);
      if (node.kind === "array" && node.value.length === 0)
        diagnostics.warn(node, '"users" is empty: no client can log in');
    },
    default_permission: readDefaultPermissions,
    default_permissions: readDefaultPermissions,
    permissions: readDefaultPermissions,
  },
};

export function readAuthorization(node: ConfigNode, diagnostics: Diagnostics): AuthorizationDraft {
  const reading: AuthorizationReading = {
    position: node,
    user: null,
    password: null,
    token: null,
    timeoutMs: null,
    users: null,
    defaultPermissions: null,
  };
  readBlock(block, asMap(node, "authorization"), reading, diagnostics);
  const { defaultPermissions, ...draft } = reading;
  if (draft.users !== null) draft.users = withDefaultPermissions(draft.users, defaultPermissions);
  checkMethods(node, draft, diagnostics);
  return draft;
}

/** One way to log in, not several at once. */
function checkMethods(position: SourcePosition, draft: AuthorizationDraft, diagnostics: Diagnostics): void {
  const { user, password, token, users } = draft;
  if ((user !== null || password !== null) && token !== null) {
    diagnostics.add(position, "Cannot have a user/pass and token");
  } else if (users !== null && user !== null) {
    diagnostics.add(position, "Can not have a single user/pass and a users array");
  } else if (users !== null && token !== null) {
    diagnostics.add(position, "Can not have a token and a users array");
  } else if (password !== null && user === null) {
    diagnostics.warn(position, "a password without a user protects nothing: anybody can connect");
  }
}

/** For a listener with one user or token of its own. */
export function readSimpleAuthorization(node: ConfigNode, diagnostics: Diagnostics): SingleAuthorization {
  const single: SingleAuthorization = { user: null, password: null, token: null, timeoutMs: null };
  readBlock(
    { name: "simple authorization", keys: singleKeys },
    asMap(node, "authorization"),
    single,
    diagnostics,
  );
  return single;
}

export function readUsers(node: ConfigNode, diagnostics: Diagnostics): UserList {
  if (node.kind !== "array")
    throw diagnosticAt(node, `Expected users field to be an array, got ${kindName(node)}`);
  const users: UserDraft[] = [];
  for (const element of node.value)
    diagnostics.attempt(() => users.push(readUserEntry(element, diagnostics)));
  return { position: node, users };
}

const readUserName: KeyReader<UserReading> = (node, user, { key }) => {
  user.user = asString(node, key);
  user.position = node;
};
const readUserPassword: KeyReader<UserReading> = (node, user, { key }) =>
  (user.password = asString(node, key));
const readUserPermissions: KeyReader<UserReading> = (node, user, { diagnostics }) => {
  user.permissions = readPermissions(node, diagnostics);
};
const readConnectionTypes: KeyReader<UserReading> = (node, user) => {
  const types = asStrings(node, "allowed connection types").map((type) => type.toUpperCase());
  const wrong = types.filter((type) => !connectionTypes.has(type)).map((type) => JSON.stringify(type));
  if (wrong.length > 0) throw diagnosticAt(node, `invalid connection types [${wrong.join(" ")}]`);
  user.connectionTypes = [...new Set(types)];
};

const userBlock: Block<UserReading> = {
  name: "user",
  keys: {
    user: readUserName,
    username: readUserName,
    pass: readUserPassword,
    password: readUserPassword,
    nkey: (node, user, { key }) => {
      user.nkey = asString(node, key);
      user.position = node;
    },
    permission: readUserPermissions,
    permissions: readUserPermissions,
    authorization: readUserPermissions,
    allowed_connection_types: readConnectionTypes,
    connection_types: readConnectionTypes,
    clients: readConnectionTypes,
  },
};

function readUserEntry(node: ConfigNode, diagnostics: Diagnostics): UserDraft {
  if (node.kind !== "map")
    throw diagnosticAt(node, `Expected user entry to be a map/struct, got ${kindName(node)}`);
  const entry: UserReading = {
    position: node,
    user: "",
    password: "",
    nkey: "",
    permissions: null,
    connectionTypes: [],
  };
  readBlock(userBlock, node, entry, diagnostics);
  const { position, user, password, nkey, permissions, connectionTypes: types } = entry;
  if (nkey === "" && user === "") throw diagnosticAt(position, "User entry requires a user");
  if (nkey === "") {
    return { position, kind: "password", entry: { user, password, permissions, connectionTypes: types } };
  }
  if (!isPublicNkey(nkey, "user")) throw diagnosticAt(position, "Not a valid public nkey for a user");
  if (user !== "" || password !== "")
    throw diagnosticAt(position, "Nkey users do not take usernames or passwords");
  return { position, kind: "nkey", entry: { nkey, permissions, connectionTypes: types } };
}
