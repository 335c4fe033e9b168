/** What a reload does to those who are connected: whose user, pin or permissions have changed. */
import { readFileSync } from "node:fs";
import { X509Certificate } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import { spkiFingerprint } from "../../src/auth/certificate.ts";
import { connectRaw, type RawClient } from "../fixture/raw-client.ts";
import {
  certificateFile,
  greeted,
  infoOf,
  startReloadable,
  tlsBlock,
  type Reloadable,
} from "./reloadable.ts";

const pinOf = (name: string): string =>
  spkiFingerprint(new X509Certificate(readFileSync(certificateFile(name))).raw) ?? "";
const pinned = (...names: string[]): string =>
  tlsBlock(`verify: true, pinned_certs: ${JSON.stringify(names.map((name) => pinOf(`${name}.pem`)))}`);

test("pinned certificates: the client whose pin is gone is closed, the other stays", async () => {
  const broker = await startReloadable(pinned("client-name", "client-email"));
  const [staying, leaving] = [
    await broker.client({}, "client-name"),
    await broker.client({}, "client-email"),
  ];
  await broker.reload(pinned("client-name"));
  expect(await leaving.rest()).toBe("");
  expect(await staying.untilPong()).toEqual([]);
  await expect(broker.client({}, "client-email")).rejects.toThrow();
  await broker.client({}, "client-name");
});

test("pins that a reload adds close those whose certificate is not pinned, and refuse who shows none", async () => {
  const broker = await startReloadable(tlsBlock());
  const leaving = await broker.client();
  await broker.reload(
    tlsBlock(`verify: optional, pinned_certs: ${JSON.stringify([pinOf("client-name.pem")])}`),
  );
  expect(await leaving.rest()).toBe("");
  await expect(broker.client()).rejects.toThrow();
  await broker.client({}, "client-name");
});

test("a reload that removes all users closes those who were one, and keeps who never said who it is", async () => {
  const broker = await startReloadable(
    "authorization { users: [{ user: a, password: a }, { user: b }] }, no_auth_user: b",
  );
  const [named, nobody] = [await broker.client({ user: "a", pass: "a" }), await broker.client()];
  await broker.reload("");
  expect(await named.rest()).toBe("-ERR 'Authorization Violation'\r\n");
  expect(await nobody.untilPong()).toEqual([]);
});

test.each([
  ["a single user", "user: a, password: a", { user: "a", pass: "a" }, true],
  ["a token, which names nobody", "token: t", { auth_token: "t" }, false],
])("a reload that removes %s", async (_what, authorization, credentials, isClosed) => {
  const broker = await startReloadable(`authorization { ${authorization} }`);
  const client = await broker.client(credentials);
  await broker.reload("");
  if (isClosed) expect(await client.rest()).toBe("-ERR 'Authorization Violation'\r\n");
  else expect(await client.untilPong()).toEqual([]);
});

const leafBlock = 'leafnodes { listen: "127.0.0.1:-1" }\n';
const users = (...entries: string[]): string =>
  `${leafBlock}authorization { users: [${entries.join(", ")}] }`;
const edge = "{ user: edge, password: e }";

async function leaf(broker: Reloadable, fields: object = { user: "edge", pass: "e" }): Promise<RawClient> {
  const link = await connectRaw(broker.leafPort);
  onTestFinished(() => link.close());
  await link.line();
  const connect = { version: "2.15.3", name: "leaf", server_id: "ID", headers: true, ...fields };
  link.send(`CONNECT ${JSON.stringify(connect)}\r\n`);
  return link;
}

/** Reads the second INFO and the interest that follows at once. */
async function linked(broker: Reloadable, fields?: object): Promise<RawClient> {
  const link = await leaf(broker, fields);
  expect(infoOf(await link.line())).toMatchObject({ connect_info: true });
  await link.untilPong();
  return link;
}

test.each([
  ["is gone", users("{ user: other }")],
  ["has another password", users("{ user: edge, password: f }")],
  ["is in another account", `${leafBlock}accounts { A { users: [${edge}] } }`],
  ["is gone with all others", leafBlock],
])("an accepted leaf link whose user %s is refused", async (_how, after) => {
  const broker = await startReloadable(users(edge));
  const link = await linked(broker);
  await broker.reload(after);
  expect(await link.rest()).toContain("-ERR 'Authorization Violation'");
});

test("an accepted leaf link stays where nothing of its own has changed, and is made anew with other permissions", async () => {
  const broker = await startReloadable(users(edge));
  const link = await linked(broker);
  await broker.reload(users(edge, "{ user: other }"));
  expect(await link.untilPong()).toEqual([]);
  await broker.reload(users("{ user: edge, password: e, permissions: { publish: a } }"));
  expect(await link.rest()).toBe("");
  const again = await leaf(broker);
  expect(infoOf(await again.line())).toMatchObject({ export: { allow: ["a"] } });
});

test("a leaf that was greeted before a reload comes in by what holds after it", async () => {
  const broker = await startReloadable(users(edge));
  const link = await connectRaw(broker.leafPort);
  onTestFinished(() => link.close());
  await link.line();
  await broker.reload(users("{ user: other }"));
  link.send('CONNECT {"version":"2.15.3","name":"leaf","server_id":"ID","user":"edge","pass":"e"}\r\n');
  expect(await link.rest()).toContain("-ERR 'Authorization Violation'");
});

test("an accepted leaf link whose pin is gone is closed", async () => {
  const block = (...names: string[]): string => `leafnodes { listen: "127.0.0.1:-1", ${pinned(...names)} }`;
  const broker = await startReloadable(block("client-name", "client-email"));
  const { client: link } = await greeted(broker.leafPort, "client-email");
  link.send('CONNECT {"version":"2.15.3","name":"leaf","server_id":"ID"}\r\n');
  await link.line();
  await link.untilPong();
  await broker.reload(block("client-name"));
  expect(await link.rest()).toBe("");
});
