/** Mirrors and sources across a link, between Frond and nats-server both ways: an edge that keeps its streams, a hub that gathers them. */
import { jetstream, jetstreamManager, type StreamInfo } from "@nats-io/jetstream";
import { headers, type NatsConnection } from "@nats-io/transport-node";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { client } from "./leaf-fixture.ts";
import { peers, type Peer, type PeerKind, startPeer } from "./peer.ts";
import { describeWith } from "../fixture/needs.ts";

const cleanups: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function peer(kind: PeerKind, domain: string, rest: string): Promise<Peer> {
  const folder = mkdtempSync(join(tmpdir(), "frond-copy-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  const started = await startPeer(
    kind,
    `server_name: ${domain}-${kind}\njetstream { store_dir: ${JSON.stringify(folder)}, domain: ${domain} }\n${rest}`,
  );
  cleanups.push(async () => started.stop());
  return started;
}

async function at({ url }: Peer): Promise<NatsConnection> {
  const connection = await client(url);
  cleanups.push(async () => connection.close());
  return connection;
}

type Manager = Awaited<ReturnType<typeof jetstreamManager>>;

/** Both ends of a link: where the origin is and where it is copied to. */
async function pair(origin: PeerKind, copy: PeerKind, copyAt: "hub" | "leaf") {
  const hubKind = copyAt === "hub" ? copy : origin;
  const leafKind = copyAt === "hub" ? origin : copy;
  const hub = await peer(hubKind, "hub", 'leafnodes { listen: "127.0.0.1:-1" }');
  const remotes = `leafnodes { remotes: [{ url: "nats-leaf://127.0.0.1:${hub.leafPort}" }] }`;
  const leaf = await peer(leafKind, "edge", remotes);
  const [there, here] = copyAt === "hub" ? [leaf, hub] : [hub, leaf];
  const originConnection = await at(there);
  const copyConnection = await at(here);
  return {
    api: copyAt === "hub" ? "$JS.edge.API" : "$JS.hub.API",
    origin: await jetstreamManager(originConnection),
    publisher: jetstream(originConnection),
    copy: await jetstreamManager(copyConnection),
  };
}

async function reached(manager: Manager, name: string, last: number): Promise<StreamInfo> {
  let info = await manager.streams.info(name);
  for (let attempt = 0; attempt < 300 && info.state.last_seq < last; attempt++) {
    await sleep(50);
    info = await manager.streams.info(name);
  }
  expect(info.state.last_seq, JSON.stringify(info)).toBe(last);
  return info;
}

const kinds: readonly PeerKind[] = ["frond", "nats-server"];
const ways = kinds.flatMap((origin) =>
  kinds.flatMap((copy) => (["hub", "leaf"] as const).map((copyAt) => ({ origin, copy, copyAt }))),
);

for (const { origin, copy, copyAt } of ways)
  describeWith(peers(origin, copy), `origin ${origin}, copied by ${copy} at the ${copyAt}`, () =>
    testWay(origin, copy, copyAt),
  );

function testWay(origin: PeerKind, copy: PeerKind, copyAt: "hub" | "leaf"): void {
  test("a mirror and a source", async () => {
    const ends = await pair(origin, copy, copyAt);
    await ends.origin.streams.add({ name: "ORDERS", subjects: ["orders.>"] });
    const own = headers();
    own.set("Own", "1");
    for (let count = 1; count <= 20; count++)
      await ends.publisher.publish(`orders.${count % 3}`, `n${count}`, { headers: own });
    await ends.origin.streams.deleteMessage("ORDERS", 5);
    const external = { api: ends.api, deliver: "" };
    await ends.copy.streams.add({ name: "MIRROR", mirror: { name: "ORDERS", external } });
    await ends.copy.streams.add({
      name: "ALL",
      sources: [{ name: "ORDERS", external, filter_subject: "orders.1" }],
    });
    expect((await reached(ends.copy, "MIRROR", 20)).state.messages).toBe(19);
    await reached(ends.copy, "ALL", 7);
    for (let count = 21; count <= 40; count++)
      await ends.publisher.publish(`orders.${count % 3}`, `n${count}`);
    const info = await reached(ends.copy, "MIRROR", 40);
    expect(info.mirror).toMatchObject({ name: "ORDERS", lag: 0 });
    expect(info.mirror?.error).toBeUndefined();
    await reached(ends.copy, "ALL", 14);
    const there = await ends.origin.streams.getMessage("ORDERS", { seq: 7 });
    const here = await ends.copy.streams.getMessage("MIRROR", { seq: 7 });
    expect([here?.subject, here?.string(), here?.timestamp, here?.header.get("Own")]).toEqual([
      there?.subject,
      "n7",
      there?.timestamp,
      "1",
    ]);
    const sourced = await ends.copy.streams.getMessage("ALL", { seq: 3 });
    expect([sourced?.subject, sourced?.string()]).toEqual(["orders.1", "n7"]);
    expect(sourced?.header.get("Nats-Stream-Source")).toMatch(/^ORDERS:\w{8} 7 orders\.1 > orders\.1\b/);
  });

  test("more than fits a window, out of a work queue as well", async () => {
    const ends = await pair(origin, copy, copyAt);
    await ends.origin.streams.add({ name: "MANY", subjects: ["many"] });
    await ends.origin.streams.add({ name: "QUEUE", subjects: ["queue"], retention: "workqueue" });
    const body = "x".repeat(1000);
    const acks: Promise<unknown>[] = [];
    for (let count = 0; count < 3000; count++) {
      acks.push(ends.publisher.publish("many", body), ends.publisher.publish("queue", body));
      if (acks.length >= 500) await Promise.all(acks.splice(0));
    }
    await Promise.all(acks);
    const external = { api: ends.api, deliver: "" };
    await ends.copy.streams.add({ name: "MIRROR", mirror: { name: "MANY", external } });
    await ends.copy.streams.add({ name: "ALL", sources: [{ name: "QUEUE", external }] });
    expect((await reached(ends.copy, "MIRROR", 3000)).state.messages).toBe(3000);
    expect((await reached(ends.copy, "ALL", 3000)).state.messages).toBe(3000);
    let left = -1;
    for (let attempt = 0; attempt < 200 && left !== 0; attempt++) {
      left = (await ends.origin.streams.info("QUEUE")).state.messages;
      if (left !== 0) await sleep(50);
    }
    expect(left).toBe(0);
  });
}
