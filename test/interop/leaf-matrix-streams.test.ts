/** Every kind of hub with every kind of leaf over every carrier: streams of either end, from the other. */
import {
  jetstream,
  jetstreamManager,
  type JetStreamClient,
  type JetStreamManager,
  type StreamInfo,
} from "@nats-io/jetstream";
import { type KvEntry, Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/transport-node";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cells, hubConfigs, leafConfig } from "./leaf-cells.ts";
import { client, synced } from "./leaf-fixture.ts";
import { peers, startPeer, type Peer, type PeerKind } from "./peer.ts";
import { eventually } from "../fixture/waiting.ts";
import { describeWith } from "../fixture/needs.ts";

/** An end of the link: its own streams, and those of the other end from here. */
interface End {
  readonly domain: string;
  readonly connection: NatsConnection;
  readonly own: JetStreamManager;
  readonly js: JetStreamClient;
  readonly far: JetStreamManager;
  readonly farJs: JetStreamClient;
}

async function reached(manager: JetStreamManager, name: string, last: number): Promise<StreamInfo> {
  let info = await manager.streams.info(name);
  for (let attempt = 0; attempt < 300 && info.state.last_seq < last; attempt++) {
    await sleep(50);
    info = await manager.streams.info(name);
  }
  expect(info.state.last_seq, JSON.stringify(info)).toBe(last);
  return info;
}

for (const { hub, leaf, carrier } of cells)
  describeWith(peers(hub, leaf), `hub ${hub}, leaf ${leaf}, over ${carrier}`, () =>
    testCell(hub, leaf, carrier),
  );

function testCell(hub: PeerKind, leaf: PeerKind, carrier: (typeof cells)[number]["carrier"]): void {
  const cleanups: (() => Promise<unknown> | void)[] = [];
  let ends: { up: End; down: End };

  const streamsOf = (domain: string): string => {
    const folder = mkdtempSync(join(tmpdir(), "frond-matrix-"));
    cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
    return `server_name: ${domain}\njetstream { store_dir: ${JSON.stringify(folder)}, domain: ${domain} }\n`;
  };

  const endOf = async ({ url }: Peer, domain: string, farDomain: string): Promise<End> => {
    const connection = await client(url);
    cleanups.push(async () => connection.close());
    return {
      domain,
      connection,
      own: await jetstreamManager(connection),
      js: jetstream(connection),
      far: await jetstreamManager(connection, { domain: farDomain, checkAPI: false }),
      farJs: jetstream(connection, { domain: farDomain }),
    };
  };

  beforeAll(async () => {
    const above = await startPeer(hub, `${streamsOf("hub")}${hubConfigs[carrier]}`);
    cleanups.push(async () => above.stop());
    const forward = leaf === "frond" ? "forward { up: [{ stream: UP, subjects: up }], down: DOWN }" : "";
    const below = await startPeer(leaf, `${streamsOf("edge")}${leafConfig(carrier, above, forward)}`);
    cleanups.push(async () => below.stop());
    ends = { up: await endOf(above, "hub", "edge"), down: await endOf(below, "edge", "hub") };
    await synced(ends.up.connection, ends.down.connection);
    await synced(ends.down.connection, ends.up.connection);
  });

  afterAll(async () => {
    for (const cleanup of cleanups.reverse()) await cleanup();
  });

  /** In which direction messages go: the origin is at the other end. */
  const directions = ["up", "down"] as const;
  const pairOf = (direction: "up" | "down"): { origin: End; copy: End } =>
    direction === "up" ? { origin: ends.down, copy: ends.up } : { origin: ends.up, copy: ends.down };

  test.each(directions)("publish and pull across domains, %s", async (direction) => {
    const { origin, copy } = pairOf(direction);
    const name = `PULL_${direction}`;
    await copy.far.streams.add({ name, subjects: [`pull.${direction}.*`] });
    await copy.far.consumers.add(name, { durable_name: "all", ack_policy: "explicit" });
    for (let count = 1; count <= 20; count++) {
      const ack = await copy.farJs.publish(`pull.${direction}.${count % 3}`, `n${count}`);
      expect(ack).toMatchObject({ stream: name, domain: origin.domain, seq: count, duplicate: false });
    }
    const consumer = await copy.farJs.consumers.get(name, "all");
    const received: string[] = [];
    const messages = await consumer.fetch({ max_messages: 20, expires: 5_000 });
    for await (const message of messages) {
      received.push(`${message.seq} ${message.subject} ${message.string()}`);
      expect(await message.ackAck()).toBe(true);
    }
    expect(received).toEqual(
      Array.from({ length: 20 }, (_, at) => `${at + 1} pull.${direction}.${(at + 1) % 3} n${at + 1}`),
    );
    expect(await consumer.info()).toMatchObject({
      num_pending: 0,
      num_ack_pending: 0,
      ack_floor: { stream_seq: 20 },
    });
    // That there is nothing more takes its time to find out.
    if (carrier === "TCP") expect((await consumer.next({ expires: 1_000 }))?.string()).toBeUndefined();
    await expect(origin.own.streams.info(name)).resolves.toMatchObject({ state: { messages: 20 } });
    await expect(copy.own.streams.info(name)).rejects.toThrow(/stream not found/);
  });

  test.each(directions)("mirror and source, %s", async (direction) => {
    const { origin, copy } = pairOf(direction);
    const name = `LOG_${direction}`;
    await origin.own.streams.add({ name, subjects: [`log.${direction}.>`] });
    const publish = async (from: number, through: number): Promise<void> => {
      for (let count = from; count <= through; count++)
        await origin.js.publish(`log.${direction}.${count % 2}`, `n${count}`);
    };
    await publish(1, 10);
    await origin.own.streams.deleteMessage(name, 4);
    const external = { api: `$JS.${origin.domain}.API`, deliver: "" };
    await copy.own.streams.add({ name: `MIRROR_${direction}`, mirror: { name, external } });
    await copy.own.streams.add({
      name: `ALL_${direction}`,
      sources: [{ name, external, filter_subject: `log.${direction}.1` }],
    });
    expect((await reached(copy.own, `MIRROR_${direction}`, 10)).state.messages).toBe(9);
    await publish(11, 20);
    expect((await reached(copy.own, `MIRROR_${direction}`, 20)).state.messages).toBe(19);
    expect((await reached(copy.own, `ALL_${direction}`, 10)).state.messages).toBe(10);
    const mirrored = await copy.own.streams.getMessage(`MIRROR_${direction}`, { seq: 15 });
    expect([mirrored?.subject, mirrored?.string()]).toEqual([`log.${direction}.1`, "n15"]);
    const sourced = await copy.own.streams.getMessage(`ALL_${direction}`, { seq: 8 });
    expect([sourced?.subject, sourced?.string()]).toEqual([`log.${direction}.1`, "n15"]);
  });

  test.each(directions)("one bucket watched at both ends, %s", async (direction) => {
    const { origin, copy } = pairOf(direction);
    const name = `bucket_${direction}`;
    const near = await new Kvm(origin.js).create(name, { history: 5 });
    const far = await new Kvm(copy.farJs).open(name);
    await near.put("colour", "red");
    const seen: Record<"near" | "far", string[]> = { near: [], far: [] };
    const watch = async (kv: typeof near, into: string[]): Promise<() => void> => {
      const entries = await kv.watch();
      const reading = (async () => {
        for await (const entry of entries as AsyncIterable<KvEntry>)
          into.push(`${entry.key} ${entry.operation} ${entry.string()} ${entry.revision}`);
      })();
      return () => {
        entries.stop();
        reading.catch(() => {});
      };
    };
    const stops = [await watch(near, seen.near), await watch(far, seen.far)];
    await eventually(() => seen.near.length === 1 && seen.far.length === 1, "both have the first value");
    await far.put("colour", "blue");
    await near.create("shape", "round");
    await far.update("shape", "square", 3);
    await near.delete("colour");
    await eventually(() => seen.near.length === 5 && seen.far.length === 5, "both have heard of all");
    const wanted = [
      "colour PUT red 1",
      "colour PUT blue 2",
      "shape PUT round 3",
      "shape PUT square 4",
      "colour DEL  5",
    ];
    expect(seen).toEqual({ near: wanted, far: wanted });
    expect((await far.get("shape"))?.string()).toBe("square");
    for (const stop of stops) stop();
  });

  // nats-server has no such block.
  if (leaf === "nats-server") return;
  test("streams of a forward block, both ways", async () => {
    const { up, down } = ends;
    await up.own.streams.add({ name: "DOWN", subjects: ["down"] });
    for (let count = 1; count <= 10; count++) {
      await down.js.publish("up", `${count}`);
      await up.js.publish("down", `${count}`);
    }
    for (let attempt = 0; attempt < 300; attempt++) {
      if ((await up.own.streams.names().next()).includes("UP")) break;
      await sleep(50);
    }
    expect((await reached(up.own, "UP", 10)).state.messages).toBe(10);
    for (let attempt = 0; attempt < 300; attempt++) {
      if ((await down.own.streams.names().next()).includes("DOWN")) break;
      await sleep(50);
    }
    expect((await reached(down.own, "DOWN", 10)).state.messages).toBe(10);
  });
}
