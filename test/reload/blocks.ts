/** The rows of every block, and a file that the block stands in. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  accountLimitRows,
  accountRows,
  authorizationRows,
  mappingRows,
  permissionRows,
  simpleAuthorizationRows,
  userRows,
} from "./access-rows.ts";
import { accountJetStreamRows, batchRows, jetStreamRows, limitRows } from "./jetstream-rows.ts";
import {
  compressionRows,
  forwardRows,
  forwardStreamRows,
  hubPort,
  leafAuthorizationRows,
  leafRows,
  leafUserRows,
  remoteRows,
} from "./leaf-rows.ts";
import { nothing, type Row } from "./rows.ts";
import { serverRows, tlsRows, websocketRows } from "./server-rows.ts";

export type Rows = Readonly<Record<string, Row>>;

interface BlockRows {
  /** A whole file with the block's content in it. @param key that is changed */
  readonly text: (content: string, key: string) => string;
  readonly rows: Rows;
}

const folder = mkdtempSync(join(tmpdir(), "frond-blocks-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
const http = 'http: "127.0.0.1:-1"\n';
const inside =
  (before: string, after: string): BlockRows["text"] =>
  (content) =>
    `${http}${before} { ${content} } ${after}`;
const leaf = 'leafnodes { listen: "127.0.0.1:-1"\n';
const accounts = "accounts { A { users: [{ user: x1 }] }, B { users: [{ user: x2 }] } }\n";
const remote = `${leaf}reconnect: 600, remotes: [{ url: "nats-leaf://127.0.0.1:${hubPort}", first_info_timeout: "60s"`;
const streams = `jetstream { store_dir: ${JSON.stringify(folder)}, domain: edge }\n`;

/** Which list a key of a user's permissions stands in. */
function permissionText(content: string, key: string): string {
  const nested = { allow: "publish", deny: "publish", max: "allow_responses", expires: "allow_responses" }[
    key
  ];
  const own = nested === undefined ? content : `${nested} { ${content} }`;
  const more = nested === "allow_responses" ? ", publish { deny: r }" : "";
  return `${http}authorization { users: [{ user: u, permissions { ${own}${more} } }, { user: all }] }`;
}

/** By the name of the block. */
export const blocks: Readonly<Record<string, BlockRows>> = {
  server: { text: (content) => `${http}${content}`, rows: serverRows },
  tls: { text: inside("tls", ""), rows: tlsRows },
  websocket: {
    text: (content, key) =>
      `${http}${key === "no_auth_user" ? "authorization { users: [{ user: u }, { user: v }] }" : ""}
      websocket { listen: "127.0.0.1:-1"\n${content} }`,
    rows: websocketRows,
  },
  cluster: {
    text: inside("cluster", ""),
    rows: {
      name: nothing("a", "b"),
      listen: nothing("a:1", "b:1"),
      port: nothing("1", "2"),
      host: nothing("a", "b"),
    },
  },
  "simple authorization": {
    text: inside('websocket { listen: "127.0.0.1:-1", no_tls: true, authorization', "}"),
    rows: simpleAuthorizationRows,
  },
  authorization: { text: inside("authorization", ""), rows: authorizationRows },
  user: { text: inside("authorization { users: [", "] }"), rows: userRows },
  permissions: { text: permissionText, rows: permissionRows },
  account: { text: inside("accounts { A", "}"), rows: accountRows },
  "account limits": {
    text: inside("accounts { A { users: [{ user: u }], limits", "} }"),
    rows: accountLimitRows,
  },
  "mapping destination": { text: inside("mappings { a: [", "] }"), rows: mappingRows },
  jetstream: { text: inside("jetstream", ""), rows: jetStreamRows },
  "jetstream limits": {
    text: inside(`jetstream { store_dir: ${JSON.stringify(folder)}, limits`, "}"),
    rows: limitRows,
  },
  "jetstream batch limits": {
    text: inside(`jetstream { store_dir: ${JSON.stringify(folder)}, limits { batch`, "} }"),
    rows: batchRows,
  },
  "account jetstream": {
    text: inside(`${streams}accounts { A { users: [{ user: u }], jetstream`, "} }"),
    rows: accountJetStreamRows,
  },
  leafnodes: { text: (content) => `${http}${leaf}${content} }`, rows: leafRows },
  "leafnode authorization": {
    text: inside(`${accounts}${leaf}authorization`, "}"),
    rows: leafAuthorizationRows,
  },
  "leafnode user": {
    text: inside(`${accounts}${leaf}authorization { users: [`, "] } }"),
    rows: leafUserRows,
  },
  "leafnode remote": {
    text: (content, key) =>
      `${http}${streams}${key === "account" ? accounts : ""}${leaf}reconnect: 600, remotes: [{ first_info_timeout: "60s"\n${content} }] }`,
    rows: remoteRows,
  },
  "leafnode compression": {
    text: inside(`${leaf}compression`, "}"),
    rows: compressionRows,
  },
  "leafnode forward": {
    text: (content) => `${http}${streams}${remote}, forward { ${content} } }] }`,
    rows: forwardRows,
  },
  "leafnode forward stream": {
    text: (content) => `${http}${streams}${remote}, forward { up: [{ ${content} }] } }] }`,
    rows: forwardStreamRows,
  },
};
