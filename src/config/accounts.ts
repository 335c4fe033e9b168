/** The `accounts` block: subject spaces of their own, and who lives in them. */
import type { AccountDraft } from "./draft.ts";
import { withDefaultPermissions } from "./draft.ts";
import { readUsers } from "./authorization.ts";
import { asInteger, asMap, asString, readBlock } from "./grammar/fields.ts";
import type { Block, KeyReader } from "./grammar/fields.ts";
import { readAccountJetStream } from "./jetstream.ts";
import { readMappings } from "./mappings.ts";
import { isPublicNkey } from "../base/nkey.ts";
import { kindName } from "./grammar/node.ts";
import type { ConfigNode } from "./grammar/node.ts";
import type { PermissionsOptions } from "./options.ts";
import { readPermissions } from "./permissions.ts";
import { diagnosticAt } from "./grammar/diagnostics.ts";
import type { Diagnostics } from "./grammar/diagnostics.ts";

/** Where everybody lives who is bound to no other account. */
export const globalAccount = "$G";
export const defaultSystemAccount = "$SYS";

interface AccountReading extends AccountDraft {
  defaultPermissions: PermissionsOptions | null;
}

/** Limits are 32-bit in nats-server; negative means unlimited. */
const limitMost = 2 ** 31 - 1;

export function newAccount(name: string): AccountDraft {
  return {
    name,
    nkey: null,
    maxConnections: -1,
    maxSubscriptions: -1,
    maxPayloadBytes: -1,
    mappings: [],
    users: null,
    jetstream: null,
  };
}

/** A map of accounts, or an array of their names. */
export function readAccounts(node: ConfigNode, diagnostics: Diagnostics): AccountDraft[] {
  const accounts: AccountDraft[] = [];
  if (node.kind === "array") {
    for (const element of node.value) {
      diagnostics.attempt(() => {
        const name = asString(element, "accounts");
        checkName(element, name);
        if (accounts.some((account) => account.name === name)) {
          throw diagnosticAt(element, `Duplicate Account Entry: ${name}`);
        }
        accounts.push(newAccount(name));
      });
    }
    return accounts;
  }
  for (const [name, entry] of asMap(node, "accounts").value) {
    if (entry.isReferenced) continue;
    diagnostics.attempt(() => accounts.push(readAccount(name, entry, diagnostics)));
  }
  return accounts;
}

function checkName(node: ConfigNode, name: string): void {
  if (name === globalAccount) throw diagnosticAt(node, `"${name}" is a Reserved Account`);
}

const readAccountMappings: KeyReader<AccountReading> = (node, account, { diagnostics }) => {
  account.mappings = readMappings(node, diagnostics);
};

const block: Block<AccountReading> = {
  name: "account",
  keys: {
    nkey: (node, account, { key }) => {
      const nkey = asString(node, key);
      if (!isPublicNkey(nkey, "account")) {
        throw diagnosticAt(node, `Not a valid public nkey for an account: ${JSON.stringify(nkey)}`);
      }
      account.nkey = nkey;
    },
    users: (node, account, { diagnostics }) => (account.users = readUsers(node, diagnostics)),
    default_permissions: (node, account, { diagnostics }) => {
      account.defaultPermissions = readPermissions(node, diagnostics);
    },
    jetstream: (node, account, { diagnostics }) => {
      account.jetstream = readAccountJetStream(node, diagnostics);
    },
    mappings: readAccountMappings,
    maps: readAccountMappings,
    limits: (node, account, { diagnostics }) => {
      if (node.kind !== "map") {
        throw diagnosticAt(node, `Expected account limits to be a map/struct, got ${kindName(node)}`);
      }
      readBlock(limitsBlock, node, account, diagnostics);
    },
  },
};

const readMaxConnections: KeyReader<AccountDraft> = (node, account, { key }) => {
  account.maxConnections = asLimit(node, key);
};
const readMaxSubscriptions: KeyReader<AccountDraft> = (node, account, { key }) => {
  account.maxSubscriptions = asLimit(node, key);
};
const readMaxPayload: KeyReader<AccountDraft> = (node, account, { key }) => {
  account.maxPayloadBytes = asLimit(node, key);
};

const limitsBlock: Block<AccountDraft> = {
  name: "account limits",
  unknown: (key) => `Unknown field "${key}" parsing account limits`,
  keys: {
    max_connections: readMaxConnections,
    max_conn: readMaxConnections,
    max_subscriptions: readMaxSubscriptions,
    max_subs: readMaxSubscriptions,
    max_payload: readMaxPayload,
    max_pay: readMaxPayload,
  },
};

function readAccount(name: string, node: ConfigNode, diagnostics: Diagnostics): AccountDraft {
  if (node.kind !== "map") throw diagnosticAt(node, "Expected map entries for accounts");
  checkName(node, name);
  const reading: AccountReading = { ...newAccount(name), defaultPermissions: null };
  readBlock(block, node, reading, diagnostics);
  const { defaultPermissions, ...account } = reading;
  if (account.users !== null) account.users = withDefaultPermissions(account.users, defaultPermissions);
  return account;
}

function asLimit(node: ConfigNode, key: string): number {
  const limit = asInteger(node, key);
  if (limit > limitMost) throw diagnosticAt(node, `${key} value is too big`);
  return Math.max(limit, -1);
}
