/** Links in chains, stars and circles, with credentials and permissions, between Frond and nats-server. */
import { createUser } from "@nats-io/nkeys";
import { AckPolicy, jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { Msg, NatsConnection } from "@nats-io/transport-node";
import { setTimeout as sleep } from "node:timers/promises";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { client, synced } from "./leaf-fixture.ts";
import { peers, startPeer, type Peer, type PeerKind } from "./peer.ts";
import { eventually, patienceMs } from "../fixture/waiting.ts";
import { describeWith } from "../fixture/needs.ts";

const ended: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

async function peer(kind: PeerKind, config: string): Promise<Peer> {
  const started = await startPeer(kind, config);
  ended.push(() => started.stop());
  return started;
}

async function at(broker: Peer, options: object = {}): Promise<NatsConnection> {
  const nats = await client(broker.url, options);
  ended.push(() => nats.close());
  return nats;
}

const listening = 'listen: "127.0.0.1:-1"';
const remote = ({ leafPort }: Peer, more = ""): string =>
  `remotes: [{ url: "nats-leaf://127.0.0.1:${leafPort}", ${more} }]`;

function gather(nats: NatsConnection, subject: string, options: object = {}): string[] {
  const received: string[] = [];
  nats.subscribe(subject, {
    ...options,
    callback: (_error: Error | null, message: Msg) =>
      void received.push(`${message.subject} ${message.string()}`),
  });
  return received;
}

const pairs: readonly { readonly hub: PeerKind; readonly leaf: PeerKind }[] = [
  { hub: "frond", leaf: "frond" },
  { hub: "frond", leaf: "nats-server" },
  { hub: "nats-server", leaf: "frond" },
];

for (const { hub, leaf } of pairs)
  describeWith(peers(hub, leaf), `hub ${hub}, leafs ${leaf}`, () => testPair(hub, leaf));

function testPair(hubKind: PeerKind, leafKind: PeerKind): void {
  test("two leafs talk to each other through their hub", async () => {
    const hub = await peer(hubKind, `leafnodes { ${listening} }`);
    const one = await at(await peer(leafKind, `server_name: one\nleafnodes { ${remote(hub)} }`));
    const two = await at(await peer(leafKind, `server_name: two\nleafnodes { ${remote(hub)} }`));
    const [received, echo] = [gather(two, "a.>"), gather(one, "a.>")];
    await synced(one, two);
    one.publish("a.b", "1");
    await eventually(() => received.length === 1, "it has come");
    two.subscribe("ask", { queue: "q", callback: (_error, message) => void message.respond("two") });
    await synced(one, two);
    expect((await one.request("ask", "", { timeout: patienceMs })).string()).toBe("two");
    await sleep(30);
    expect([received, echo]).toEqual([["a.b 1"], ["a.b 1"]]);
  });

  test("a leaf of a leaf", async () => {
    const hub = await peer(hubKind, `leafnodes { ${listening} }`);
    const middle = await peer(leafKind, `server_name: mid\nleafnodes { ${listening}, ${remote(hub)} }`);
    const end = await peer(hubKind, `server_name: end\nleafnodes { ${remote(middle)} }`);
    const [atHub, atEnd] = [await at(hub), await at(end)];
    const [up, down] = [gather(atHub, "up"), gather(atEnd, "down")];
    await synced(atHub, atEnd);
    await synced(atEnd, atHub);
    atEnd.publish("up", "1");
    atHub.publish("down", "2");
    await eventually(() => up.length + down.length === 2, "both have come");
    await sleep(30);
    expect([up, down]).toEqual([["up 1"], ["down 2"]]);
  });

  test("a circle is found and cut", async () => {
    const first = await peer(hubKind, `server_name: first\nleafnodes { ${listening} }`);
    const second = await peer(leafKind, `server_name: second\nleafnodes { ${listening}, ${remote(first)} }`);
    // A chain closed by a link from its top to its end.
    const third = await peer(
      hubKind,
      `server_name: third\nleafnodes { remotes: [{ url: "nats-leaf://127.0.0.1:${second.leafPort}" }, { url: "nats-leaf://127.0.0.1:${first.leafPort}" }] }`,
    );
    await eventually(
      () => [first, second, third].some(({ output }) => /Loop detected/.test(output())),
      "the loop is found",
    );
  });

  test("accounts are bound at both ends, and the others hear nothing", async () => {
    const hub = await peer(
      hubKind,
      `accounts { A { users: [{ user: a, password: a }] }, B { users: [{ user: b, password: b }] } }
       leafnodes { ${listening}, authorization { users: [{ user: edge, password: secret, account: A }] } }`,
    );
    const leaf = await peer(
      leafKind,
      `accounts { L { users: [{ user: l, password: l }] }, M { users: [{ user: m, password: m }] } }
       leafnodes { remotes: [{ url: "nats-leaf://edge:secret@127.0.0.1:${hub.leafPort}", account: L }] }`,
    );
    const a = await at(hub, { user: "a", pass: "a" });
    const l = await at(leaf, { user: "l", pass: "l" });
    const others = [
      gather(await at(hub, { user: "b", pass: "b" }), ">"),
      gather(await at(leaf, { user: "m", pass: "m" }), ">"),
    ];
    const received = gather(l, "x");
    await synced(a, l);
    a.publish("x", "1");
    await eventually(() => received.length === 1, "it has come");
    expect(others).toEqual([[], []]);
  });

  test("nkeys and wrong credentials", async () => {
    const user = createUser();
    const hub = await peer(
      hubKind,
      `accounts { A { users: [{ nkey: ${user.getPublicKey()} }, { user: a, password: a }] } }\nleafnodes { ${listening} }`,
    );
    const seed = new TextDecoder().decode(user.getSeed());
    const leaf = await peer(leafKind, `leafnodes { ${remote(hub, `nkey: ${seed}`)} }`);
    await synced(await at(hub, { user: "a", pass: "a" }), await at(leaf));
    const wrong = await peer(
      leafKind,
      `leafnodes { remotes: [{ url: "nats-leaf://a:wrong@127.0.0.1:${hub.leafPort}" }] }`,
    );
    await eventually(() => /Authorization Violation/.test(wrong.output()), "it is told");
  });

  test("deny_exports and deny_imports", async () => {
    const hub = await peer(hubKind, `leafnodes { ${listening} }`);
    const leaf = await peer(
      leafKind,
      `leafnodes { ${remote(hub, 'deny_imports: ["in.>"], deny_exports: ["out.>"]')} }`,
    );
    const [atHub, atLeaf] = [await at(hub), await at(leaf)];
    // By literal subjects: nats-server does not send what it imports none of either, once its hub has asked for more.
    const up = ["in.a", "out.a", "free"].map((subject) => gather(atHub, subject));
    const down = ["in.b", "out.b", "free"].map((subject) => gather(atLeaf, subject));
    await synced(atHub, atLeaf);
    await synced(atLeaf, atHub);
    for (const subject of ["out.a", "in.a", "free"]) atLeaf.publish(subject, "up");
    await eventually(() => up[2]?.length === 1, "what may go has gone");
    for (const subject of ["in.b", "out.b", "free"]) atHub.publish(subject, "down");
    await eventually(() => down[2]?.length === 2, "what may come has come");
    await sleep(30);
    expect(up).toEqual([["in.a up"], [], ["free up", "free down"]]);
    expect(down).toEqual([[], ["out.b down"], ["free up", "free down"]]);
  });

  test("permissions that the hub gives", async () => {
    const hub = await peer(
      hubKind,
      `accounts { A { users: [
         { user: edge, password: e, permissions: { publish: "up.>", subscribe: ["down.>", "_INBOX.>", "sync.>"] } },
         { user: a, password: a }] } }
       leafnodes { ${listening} }`,
    );
    const leaf = await peer(
      leafKind,
      `leafnodes { remotes: [{ url: "nats-leaf://edge:e@127.0.0.1:${hub.leafPort}" }] }`,
    );
    const [atHub, atLeaf] = [await at(hub, { user: "a", pass: "a" }), await at(leaf)];
    const up = gather(atHub, ">");
    const down = [
      ...["down.x", "secret"].map((subject) => gather(atLeaf, subject)),
      gather(atLeaf, "down.*"),
    ];
    await eventually(
      () => /leafnode connection|Leafnode connection (to|accepted)|domains/i.test(leaf.output()),
      "linked",
    );
    await sleep(200);
    atHub.publish("down.x", "1");
    atHub.publish("secret", "2");
    await eventually(() => down[0]?.length === 1, "what may come has come");
    atLeaf.publish("up.1", "u");
    atLeaf.publish("down.2", "no");
    await eventually(() => up.includes("up.1 u"), "what may go has gone");
    await sleep(50);
    expect(down).toEqual([["down.x 1"], [], ["down.x 1", "down.2 no"]]);
    expect(up).not.toContain("down.2 no");
    expect(hub.output() + leaf.output()).not.toMatch(/Permissions Violation for/);
  });

  test("ports that are for others", async () => {
    const hub = await peer(hubKind, `leafnodes { ${listening} }`);
    const clientPort = new URL(hub.url).port;
    const leaf = await peer(
      leafKind,
      `leafnodes { reconnect: "100ms", remotes: [{ url: "nats-leaf://127.0.0.1:${clientPort}" }] }`,
    );
    await eventually(() => /wrong port/.test(leaf.output()), "the leaf says so");
    await expect(client(`nats://127.0.0.1:${hub.leafPort}`, { timeout: 2_000 })).rejects.toThrow();
    await eventually(() => /attempted to connect to leaf node port/.test(hub.output()), "the hub says so");
    await synced(await at(hub), await at(hub));
  });

  test("a hub that dies: the other one is found", async () => {
    const [first, second] = [
      await peer(hubKind, `leafnodes { ${listening}, no_advertise: true }`),
      await peer(hubKind, `leafnodes { ${listening}, no_advertise: true }`),
    ];
    const leaf = await peer(
      leafKind,
      `leafnodes { reconnect: "100ms", remotes: [{ no_randomize: true, urls: ["nats-leaf://127.0.0.1:${first.leafPort}", "nats-leaf://127.0.0.1:${second.leafPort}"] }] }`,
    );
    const [atLeaf, atSecond] = [await at(leaf), await at(second)];
    await synced(await at(first), atLeaf);
    await first.stop();
    await synced(atSecond, atLeaf);
  });
}

describeWith(peers("nats-server"), "JetStream behind a link", () => {
  const store = (): string => {
    const folder = mkdtempSync(join(tmpdir(), "frond-js-"));
    ended.push(() => rmSync(folder, { recursive: true, force: true }));
    return JSON.stringify(folder);
  };

  const ways = [
    { hubKind: "nats-server", leafKind: "frond", streamsAt: "hub" },
    { hubKind: "nats-server", leafKind: "frond", streamsAt: "leaf" },
    { hubKind: "frond", leafKind: "nats-server", streamsAt: "hub" },
    { hubKind: "frond", leafKind: "nats-server", streamsAt: "leaf" },
    { hubKind: "frond", leafKind: "frond", streamsAt: "hub" },
    { hubKind: "frond", leafKind: "frond", streamsAt: "leaf" },
  ] as const;

  test.each(ways)(
    "of $streamsAt; hub $hubKind, leaf $leafKind: publish, pull and acknowledge",
    async (way) => {
      const { hubKind, leafKind, streamsAt } = way;
      const streams = `jetstream { store_dir: ${store()}, domain: far }\nserver_name: js\n`;
      const hub = await peer(hubKind, `${streamsAt === "hub" ? streams : ""}leafnodes { ${listening} }`);
      const leaf = await peer(leafKind, `${streamsAt === "leaf" ? streams : ""}leafnodes { ${remote(hub)} }`);
      const nats = await at(streamsAt === "hub" ? leaf : hub);
      const near = await at(streamsAt === "hub" ? hub : leaf);
      await synced(near, nats);
      const manager = await until2(() => jetstreamManager(nats, { domain: "far" }));
      await manager.streams.add({ name: "S", subjects: ["orders.>"] });
      await manager.consumers.add("S", { durable_name: "C", ack_policy: AckPolicy.Explicit });
      const js = jetstream(nats, { domain: "far" });
      for (let each = 1; each <= 5; each++) {
        const acknowledged = await js.publish(`orders.${each}`, `n${each}`);
        expect([acknowledged.seq, acknowledged.domain]).toEqual([each, "far"]);
      }
      const consumer = await js.consumers.get("S", "C");
      const seen: string[] = [];
      for await (const message of await consumer.fetch({ max_messages: 5, expires: 3_000 })) {
        seen.push(`${message.subject} ${message.string()} ${message.seq}`);
        expect(await message.ackAck()).toBe(true);
      }
      expect(seen).toEqual([1, 2, 3, 4, 5].map((each) => `orders.${each} n${each} ${each}`));
      expect((await consumer.info()).num_ack_pending).toBe(0);
    },
  );
});

async function until2<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (attempt > 20) throw error;
      await sleep(100);
    }
  }
}

test("credentials files hold a JWT and a seed, and are sent", async () => {
  const { readCredentials, proofOf } = await import("../../src/leaf/credentials.ts");
  const user = createUser();
  const seed = new TextDecoder().decode(user.getSeed());
  const folder = mkdtempSync(join(tmpdir(), "frond-creds-"));
  ended.push(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "a.creds");
  writeFileSync(
    file,
    `-----BEGIN NATS USER JWT-----\neyJ0.eyJq.sig-_\n------END NATS USER JWT------\n\n*** IMPORTANT ***\n\n-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`,
  );
  expect(readCredentials(file)).toEqual({ jwt: "eyJ0.eyJq.sig-_", seed });
  const proof = proofOf({ credentialsFile: file, nkeySeed: null }, { user: null, password: null }, "nonce");
  expect(proof.jwt).toBe("eyJ0.eyJq.sig-_");
  const signature = Buffer.from(proof.sig ?? "", "base64url");
  expect(user.verify(new TextEncoder().encode("nonce"), signature)).toBe(true);
});
