/** INFO and CONNECT between the ends of a link. Source: nats-server `Info`, `leafConnectInfo`. */
import { credentialsIn } from "../auth/credentials.ts";
import type { Credentials } from "../auth/identity.ts";
import type { JsonFields } from "../base/json-fields.ts";
import type { PermissionsOptions, SubscribePermission } from "../config/options.ts";
import { isValidSubject, textFromWire, wireFromText } from "../subjects/subject.ts";
import { readPeerJson } from "../protocol/peer-json.ts";

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
  return readPeerJson("INFO", json, (fields) => ({
    serverId: fields.text("server_id"),
    serverName: fields.text("server_name"),
    version: fields.text("version"),
    clientId: fields.integer("client_id"),
    headers: fields.flag("headers"),
    tlsRequired: fields.flag("tls_required"),
    nonce: fields.text("nonce"),
    domain: fields.text("domain"),
    cluster: fields.text("cluster"),
    maxPayloadBytes: fields.integer("max_payload"),
    infoOnConnect: fields.flag("info_on_connect"),
    leafNodeUrls: fields.texts("leafnode_urls"),
    websocketUrls: fields.texts("ws_connect_urls") ?? [],
    connectInfo: fields.flag("connect_info"),
    remoteAccount: fields.text("remote_account"),
    permissions: permissionsIn(fields.object("export"), fields.object("import")),
  }));
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
  return readPeerJson("CONNECT", json, (fields) => ({
    version: fields.text("version"),
    serverId: fields.text("server_id"),
    name: fields.text("name"),
    domain: fields.text("domain"),
    cluster: fields.text("cluster"),
    isHub: fields.flag("is_hub"),
    headers: fields.flag("headers"),
    isolate: fields.flag("isolate"),
    denyPublish: subjectsIn(fields, "deny_pub") ?? [],
    remoteAccount: fields.text("remote_account"),
    language: fields.text("lang"),
    gateway: fields.text("gateway"),
    credentials: credentialsIn(fields),
  }));
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

function permissionsIn(publish: JsonFields | null, subscribe: JsonFields | null): LeafPermissions | null {
  if (publish === null && subscribe === null) return null;
  const list = (fields: JsonFields | null, name: string): string[] | null =>
    fields === null ? null : subjectsIn(fields, name);
  return {
    publish: { allow: list(publish, "allow"), deny: list(publish, "deny") },
    subscribe: {
      allow: list(subscribe, "allow")?.map(withQueue) ?? null,
      deny: list(subscribe, "deny")?.map(withQueue) ?? null,
    },
  };
}

/**
 * Wire strings; what is no subject (which may also be followed by a queue) is left out. A list without entries restricts
 * nothing, as nats-server has it; one without any that is a subject allows nothing.
 */
function subjectsIn(fields: JsonFields, name: string): string[] | null {
  const texts = fields.texts(name);
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
