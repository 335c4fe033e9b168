/** INFO and CONNECT between the ends of a link. Source: nats-server `Info`, `leafConnectInfo`. */
import type { Credentials } from "../auth/identity.ts";
import type { PermissionsOptions, SubscribePermission } from "../config/options.ts";
import { isValidSubject, textFromWire, wireFromText } from "../subjects/subject.ts";
import { malformed } from "../protocol/errors.ts";
import { decodeFields, flagField, numberField, textField, textsField, type Fields } from "./json.ts";

/** What a hub says of itself, without what differs for each link. */
export interface LeafServerInfo {
  readonly server_id: string;
  readonly server_name: string;
  readonly version: string;
  readonly proto: 1;
  readonly go: string;
  readonly host: string;
  readonly port: number;
  readonly headers: boolean;
  readonly auth_required: true;
  readonly tls_required?: true;
  readonly tls_verify?: true;
  readonly max_payload: number;
  readonly jetstream?: true;
  readonly domain?: string;
  readonly info_on_connect: true;
  readonly leafnode_urls: readonly string[];
  readonly frond: string;
}

/** What may be sent and asked for, from the leaf's side; lists as in INFO. Null: no restriction. */
export interface LeafPermissions {
  readonly publish: PermissionsOptions["publish"];
  readonly subscribe: PermissionsOptions["subscribe"];
}

/** The INFO of a hub, as a leaf reads it. */
export interface ReceivedInfo {
  readonly serverId: string;
  readonly serverName: string;
  readonly version: string;
  readonly clientId: number;
  readonly headers: boolean;
  readonly tlsRequired: boolean;
  readonly nonce: string;
  readonly domain: string;
  readonly cluster: string;
  readonly maxPayloadBytes: number;
  readonly infoOnConnect: boolean;
  /** Null when it says nothing of leaf nodes: then this is no port for them. */
  readonly leafNodeUrls: readonly string[] | null;
  readonly websocketUrls: readonly string[];
  /** The second INFO, in answer to CONNECT. */
  readonly connectInfo: boolean;
  readonly remoteAccount: string;
  readonly permissions: LeafPermissions | null;
}

export function decodeInfo(json: Buffer): ReceivedInfo {
  const fields = decodeFields("INFO", json);
  const publish = listsOf(fields.get("export"));
  const subscribe = listsOf(fields.get("import"));
  return {
    serverId: textField(fields, "server_id"),
    serverName: textField(fields, "server_name"),
    version: textField(fields, "version"),
    clientId: numberField(fields, "client_id"),
    headers: flagField(fields, "headers"),
    tlsRequired: flagField(fields, "tls_required"),
    nonce: textField(fields, "nonce"),
    domain: textField(fields, "domain"),
    cluster: textField(fields, "cluster"),
    maxPayloadBytes: numberField(fields, "max_payload"),
    infoOnConnect: flagField(fields, "info_on_connect"),
    leafNodeUrls: textsField(fields, "leafnode_urls"),
    websocketUrls: textsField(fields, "ws_connect_urls") ?? [],
    connectInfo: flagField(fields, "connect_info"),
    remoteAccount: textField(fields, "remote_account"),
    permissions:
      publish === null && subscribe === null
        ? null
        : {
            publish: { allow: publish?.allow ?? null, deny: publish?.deny ?? null },
            subscribe: {
              allow: subscribe?.allow?.map(withQueue) ?? null,
              deny: subscribe?.deny?.map(withQueue) ?? null,
            },
          },
  };
}

/** `import` and `export` as a hub tells them; empty lists are left out, as nats-server has it. */
export function encodePermissions(permissions: PermissionsOptions | null): object {
  if (permissions === null) return {};
  const { publish, subscribe } = permissions;
  const subscribed = {
    allow: subscribe.allow?.map(withoutQueue) ?? null,
    deny: subscribe.deny?.map(withoutQueue) ?? null,
  };
  return {
    ...(hasLists(subscribe) && { import: encodeLists(subscribed) }),
    ...(hasLists(publish) && { export: encodeLists(publish) }),
  };
}

export interface ReceivedConnect {
  readonly version: string;
  readonly serverId: string;
  readonly name: string;
  readonly domain: string;
  readonly cluster: string;
  readonly isHub: boolean;
  readonly headers: boolean;
  readonly isolate: boolean;
  /** Wire strings. */
  readonly denyPublish: readonly string[];
  readonly remoteAccount: string;
  /** Only clients have one. */
  readonly language: string;
  readonly gateway: string;
  readonly credentials: Credentials;
}

export function decodeConnect(json: Buffer): ReceivedConnect {
  const fields = decodeFields("CONNECT", json);
  return {
    version: textField(fields, "version"),
    serverId: textField(fields, "server_id"),
    name: textField(fields, "name"),
    domain: textField(fields, "domain"),
    cluster: textField(fields, "cluster"),
    isHub: flagField(fields, "is_hub"),
    headers: flagField(fields, "headers"),
    isolate: flagField(fields, "isolate"),
    denyPublish: subjectsIn(textsField(fields, "deny_pub")) ?? [],
    remoteAccount: textField(fields, "remote_account"),
    language: textField(fields, "lang"),
    gateway: textField(fields, "gateway"),
    credentials: {
      user: textField(fields, "user"),
      password: textField(fields, "pass"),
      token: textField(fields, "auth_token"),
      nkey: textField(fields, "nkey"),
      signature: textField(fields, "sig"),
      jwt: textField(fields, "jwt"),
    },
  };
}

/** CONNECT as a leaf says it; what is empty or false is left out. */
export function encodeConnect(connect: Readonly<Record<string, unknown>>): string {
  const said = Object.entries(connect).filter(
    ([, value]) =>
      value !== "" && value !== false && value !== null && !(Array.isArray(value) && value.length === 0),
  );
  const json = JSON.stringify(Object.fromEntries(said));
  return `CONNECT ${Buffer.from(json, "utf8").toString("latin1")}\r\n`;
}

function listsOf(value: unknown): { allow: string[] | null; deny: string[] | null } | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== "object" || Array.isArray(value)) throw malformed("permissions must be an object");
  const fields: Fields = new Map(Object.entries(value));
  return { allow: subjectsIn(textsField(fields, "allow")), deny: subjectsIn(textsField(fields, "deny")) };
}

/**
 * Wire strings; what is no subject (which may also be followed by a queue) is left out. A list without entries restricts
 * nothing, as nats-server has it; one without any that is a subject allows nothing.
 */
function subjectsIn(texts: readonly string[] | null): string[] | null {
  if (texts === null || texts.length === 0) return null;
  return texts.map(wireFromText).filter((wire) => {
    const words = wire.split(" ");
    return words.length <= 2 && words.every(isValidSubject);
  });
}

function withQueue(text: string): SubscribePermission {
  const [subject = "", queue = null] = text.split(" ");
  return { subject, queue };
}

function withoutQueue({ subject, queue }: SubscribePermission): string {
  return queue === null ? subject : `${subject} ${queue}`;
}

function hasLists({ allow, deny }: { readonly allow: unknown; readonly deny: unknown }): boolean {
  return allow !== null || deny !== null;
}

function encodeLists(lists: {
  readonly allow: readonly string[] | null;
  readonly deny: readonly string[] | null;
}): object {
  const texts = (wires: readonly string[] | null): string[] => (wires ?? []).map(textFromWire);
  const [allow, deny] = [texts(lists.allow), texts(lists.deny)];
  return { ...(allow.length > 0 && { allow }), ...(deny.length > 0 && { deny }) };
}
