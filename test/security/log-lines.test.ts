/** What the log says when somebody is refused: who, from where, what was tried, and which rule refused it. */
import { afterEach, expect, test } from "vitest";
import { connectRaw, type RawClient } from "../fixture/raw-client.ts";
import { eventually } from "../fixture/waiting.ts";
import { startFrond, type Peer } from "../interop/peer.ts";

const config = `leafnodes { listen: "127.0.0.1:-1" }
  accounts { A { users: [
    { user: ann, password: secret-of-ann, permissions: { publish: "a.>", subscribe: { allow: "a.>", deny: "a.no" } } },
    { user: web, password: secret-of-web, allowed_connection_types: ["WEBSOCKET"] } ] } }`;

let peer: Peer | null = null;
afterEach(async () => {
  await peer?.stop();
  peer = null;
});

async function dial(port: number): Promise<RawClient> {
  const raw = await connectRaw(port);
  await raw.line();
  return raw;
}

/** What the log says of it, once it is there. */
async function logged(running: Peer, text: string): Promise<string> {
  await eventually(() => expect(running.output()).toContain(text));
  return running
    .output()
    .split("\n")
    .find((line) => line.includes(text)) as string;
}

test.each([
  [{ user: "ann", pass: "guess" }, 'user "ann" over STANDARD: wrong password or token'],
  [{ user: "bob\nx", pass: "guess" }, 'user "bob\\nx" over STANDARD: no such user'],
  [
    { user: "web", pass: "secret-of-web" },
    'user "web" over STANDARD: allowed_connection_types leaves this type out',
  ],
  [{ auth_token: "guess" }, "a token over STANDARD: no such login is configured here"],
  [{}, "nobody named over STANDARD: no credentials"],
])("a refused login with %j is told with who tried and why", async (fields, expected) => {
  peer = await startFrond(config);
  const client = await dial(Number(new URL(peer.url).port));
  client.send(`CONNECT ${JSON.stringify(fields)}\r\n`);
  expect(await client.rest()).toBe("-ERR 'Authorization Violation'\r\n");
  const line = await logged(peer, "Authorization Violation");
  expect(line).toMatch(/^127\.0\.0\.1:\d+ - cid:\d+ - Authorization Violation: /);
  expect(line).toContain(expected);
  expect(peer.output()).not.toMatch(/guess|secret-of/);
});

test.each([
  ["PUB b 0\r\n\r\n", 'Publish to "b": user "ann", account "A", allowed is only "a.>"'],
  [
    "PUB _GR_.a.b 0\r\n\r\n",
    'Publish to "_GR_.a.b": user "ann", account "A", only the broker publishes there',
  ],
  ["SUB b 1\r\n", 'Subscription to "b": user "ann", account "A", allowed is only "a.>"'],
  ["SUB a.no 1\r\n", 'Subscription to "a.no": user "ann", account "A", denied by "a.no"'],
  [
    "PUB a.b $JS.API.INFO 0\r\n\r\n",
    'Publish with Reply of "$JS.API.INFO": user "ann", account "A", no client may be answered on a reserved subject',
  ],
])("%j that is refused is told with who tried and by which rule", async (text, expected) => {
  peer = await startFrond(config);
  const client = await dial(Number(new URL(peer.url).port));
  client.send(`CONNECT {"user":"ann","pass":"secret-of-ann","verbose":false}\r\n${text}`);
  expect(await client.line()).toMatch(/^-ERR 'Permissions Violation for /);
  expect(await logged(peer, "Permissions Violation")).toContain(`Permissions Violation for ${expected}`);
  client.close();
});

test("of a leaf the same is told, login and subjects", async () => {
  peer = await startFrond(config);
  const connect = (pass: string): string =>
    `CONNECT ${JSON.stringify({ user: "ann", pass, name: "leaf", headers: true })}\r\n`;
  const stranger = await dial(peer.leafPort);
  stranger.send(connect("guess"));
  await stranger.rest();
  expect(await logged(peer, "Authorization Violation")).toMatch(
    /lid:\d+ - Authorization Violation: user "ann" over LEAFNODE: wrong password or token$/,
  );
  const leaf = await dial(peer.leafPort);
  leaf.send(`${connect("secret-of-ann")}LMSG b 0\r\n\r\n`);
  await leaf.rest();
  expect(await logged(peer, 'Publish to "b"')).toMatch(/: user "ann", account "A", allowed is only "a\.>"$/);
});
