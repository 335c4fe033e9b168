/** What a link does not carry, and what nobody answers who is asked over one: the same of a hub of either kind. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { connectRaw, type RawClient } from "../fixture/raw-client.ts";
import { describeWith, natsServer, nothing } from "../fixture/needs.ts";
import { type Peer, type PeerKind, startPeer } from "../interop/peer.ts";

const ended: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

const kinds = [
  ["frond", nothing],
  ["nats-server", natsServer("2.15.3")],
] as const;

const users = `accounts { A {
  jetstream: enabled
  mappings { "alias.*": "$JS.API.STREAM.DELETE.$1" }
  users: [
    { user: all, password: p }
    { user: some, password: p, permissions: { publish: ["ok", "alias.*"], subscribe: ">" } }
    { user: answers, password: p, permissions: { publish: { deny: ">" }, subscribe: "svc", allow_responses: true } }
  ] } }`;

async function startHub(kind: PeerKind): Promise<Peer> {
  const folder = mkdtempSync(join(tmpdir(), "frond-reserved-"));
  ended.push(() => rmSync(folder, { recursive: true, force: true }));
  const store = `jetstream { store_dir: ${JSON.stringify(folder)}, domain: hub }`;
  const peer = await startPeer(kind, `${store}\nleafnodes { listen: "127.0.0.1:-1" }\n${users}`);
  ended.push(() => peer.stop());
  return peer;
}

async function client(peer: Peer, user = "all"): Promise<RawClient> {
  const connect = { user, pass: "p", verbose: false, headers: true };
  const raw = await connectRaw(Number(new URL(peer.url).port), { connect });
  ended.push(() => raw.close());
  return raw;
}

/** A link of `user`, which the hub has told all its interest. */
async function link(peer: Peer, user: string, fields: object = {}): Promise<RawClient> {
  const raw = await connectRaw(peer.leafPort);
  ended.push(() => raw.close());
  await raw.line();
  const connect = { version: "2.15.3", name: "leaf", server_id: "L", headers: true, protocol: 1, ...fields };
  raw.send(`CONNECT ${JSON.stringify({ user, pass: "p", remote_account: "L", ...connect })}\r\n`);
  await raw.untilPong();
  return raw;
}

/** Says it, and waits until the hub has done what it asks for; a link that is cut for it is no fault. */
async function say(leaf: RawClient, text: string, hub: RawClient): Promise<string[]> {
  leaf.send(text);
  await leaf.untilPong().catch(() => []);
  const heard = await hub.untilPong();
  return [...heard, ...(await hub.untilPong())].filter((line) => line.startsWith("MSG"));
}

async function withStream(peer: Peer): Promise<{ hub: RawClient; exists: () => Promise<boolean> }> {
  const hub = await client(peer);
  const ask = async (subject: string, body: string): Promise<string> => {
    const asking = await client(peer);
    asking.send(`SUB in 1\r\nPUB ${subject} in ${body.length}\r\n${body}\r\n`);
    await asking.line();
    const answer = await asking.line();
    asking.close();
    return answer;
  };
  await ask("$JS.API.STREAM.CREATE.V", JSON.stringify({ name: "V", subjects: ["ok"], storage: "memory" }));
  return { hub, exists: async () => !(await ask("$JS.API.STREAM.INFO.V", "")).includes('"error"') };
}

for (const [kind, need] of kinds) describeWith(need, `a hub (${kind})`, () => testHub(kind));

function testHub(kind: PeerKind): void {
  test("keeps a leaf that takes the part of the hub, and takes nothing from it for JetStream", async () => {
    const peer = await startHub(kind);
    const { hub, exists } = await withStream(peer);
    hub.send("SUB $KV.> 1\r\nSUB $OBJ.> 2\r\nSUB plain 3\r\n");
    await hub.untilPong();
    const leaf = await link(peer, "all", { is_hub: true });
    const heard = await say(
      leaf,
      ["$JS.API.STREAM.DELETE.V", "$KV.b.k", "$OBJ.b.C.x", "alias.V", "plain"]
        .map((subject) => `LMSG ${subject} 0\r\n\r\n`)
        .join(""),
      hub,
    );
    expect(heard).toEqual(["MSG plain 3 0"]);
    expect(await exists()).toBe(true);
    // The link is there still.
    expect((await leaf.untilPong()).filter((line) => line.startsWith("-ERR"))).toEqual([]);
  });

  test("lets a leaf without permissions ask for everything that a client of the account may", async () => {
    const peer = await startHub(kind);
    const { hub, exists } = await withStream(peer);
    await say(await link(peer, "all"), "LMSG $JS.hub.API.STREAM.DELETE.V 0\r\n\r\n", hub);
    expect(await exists()).toBe(false);
  });

  test("does not take acks from a leaf that may not publish them", async () => {
    const peer = await startHub(kind);
    const hub = await client(peer);
    hub.send("SUB $JS.ACK.> 1\r\n");
    await hub.untilPong();
    expect(await say(await link(peer, "some"), "LMSG $JS.ACK.V.c.1.1.1.1.0 0\r\n\r\n", hub)).toEqual([]);
  });

  test.each([
    ["the API", "LMSG $JS.API.INFO $JS.API.STREAM.DELETE.V 0\r\n\r\n"],
    ["a stream", "LMSG ok $JS.API.STREAM.DELETE.V 0\r\n\r\n"],
    ["a stream, by a wrapped reply,", "LMSG ok _GR_.abcdef.ghijkl.$JS.API.STREAM.DELETE.V 0\r\n\r\n"],
    ["a service with allow_responses", "LMSG svc $JS.API.STREAM.DELETE.V 0\r\n\r\n"],
  ])("%s does not answer a leaf to a reserved reply", async (_what, text) => {
    const peer = await startHub(kind);
    const { hub, exists } = await withStream(peer);
    const service = await client(peer, "answers");
    service.send("SUB svc 1\r\n");
    await service.untilPong();
    hub.send("SUB $JS.API.STREAM.DELETE.> 1\r\nSUB _GR_.> 2\r\n");
    await hub.untilPong();
    const leaf = await link(peer, "all");
    await say(leaf, text, hub);
    service.send("PUB $JS.API.STREAM.DELETE.V 0\r\n\r\n");
    const told = await service.untilPong();
    expect(told.filter((line) => line.startsWith("-ERR"))).toHaveLength(1);
    const heard = (await hub.untilPong()).filter((line) => line.startsWith("MSG"));
    // On a busy machine nats-server 2.15.3 sends its account's information to who subscribes to the subject all the
    // same (seen once in 14 runs beside two busy loops); the API does not take it for a request there either.
    if (kind === "frond") expect(heard).toEqual([]);
    expect(await exists()).toBe(true);
  });
}

test("a mapping that leads to a reserved subject takes its permission of a leaf, too", async () => {
  const peer = await startHub("frond");
  const { hub, exists } = await withStream(peer);
  const leaf = await link(peer, "some");
  await say(leaf, "LMSG alias.V 0\r\n\r\n", hub);
  expect(await exists()).toBe(true);
  await say(await link(peer, "all"), "LMSG alias.V 0\r\n\r\n", hub);
  expect(await exists()).toBe(false);
});
