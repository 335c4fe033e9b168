import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { Kvm } from "@nats-io/kv";
import type { NatsConnection } from "@nats-io/nats-core";
import { Objm } from "@nats-io/obj";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { websocketBlock } from "../../fixture/broker-process.ts";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { fresh } from "../../fixture/jetstream-wire.ts";
import { nodeLibraries } from "../../fixture/node-libraries.ts";
import { gather, lineOf } from "../kv/entries.ts";

// The same streams over TCP and over WebSocket. The modern packages work over the connections of the modern
// libraries, whatever those come over.

const broker = jetStreamBroker({ config: websocketBlock() });

describe.each(nodeLibraries.filter((library) => library.name.startsWith("@nats-io")))("$name", (library) => {
  let connection: NatsConnection | undefined;
  beforeAll(async () => {
    const servers = library.transport === "tcp" ? broker.process.url : broker.process.wsUrl;
    connection = await library.connect({ servers: servers ?? "", reconnect: false });
  });
  afterAll(() => connection?.close());
  const nc = () => {
    if (connection === undefined) throw new Error("not connected");
    return connection;
  };

  test("publish, pull, push", async () => {
    const jsm = await jetstreamManager(nc());
    const js = jetstream(nc());
    const name = fresh(library.transport);
    await jsm.streams.add({ name, subjects: [`${name}.>`] });
    const payload = "x".repeat(10_000);
    await Promise.all(Array.from({ length: 100 }, () => js.publish(`${name}.a`, payload)));
    await jsm.consumers.add(name, { durable_name: "c", ack_policy: "explicit" });
    let count = 0;
    for await (const message of await (await js.consumers.get(name, "c")).consume({ max_messages: 20 })) {
      expect(message.data.length).toBe(10_000);
      message.ack();
      count += 1;
      if (count === 100) break;
    }
    const ordered = await (await js.consumers.getPushConsumer(name)).consume();
    count = 0;
    for await (const message of ordered) {
      count += 1;
      expect(message.seq).toBe(count);
      if (count === 100) break;
    }
  });

  test("a bucket and a store", async () => {
    const kv = await new Kvm(nc()).create(fresh("B"), { history: 3 });
    const watch = await kv.watch();
    const seen = gather(watch, 3);
    await kv.put("a", "1");
    await kv.delete("a");
    await kv.create("a", "2");
    expect((await seen).map(lineOf)).toEqual(["a PUT 1 1", "a DEL 2", "a PUT 3 2"]);
    watch.stop();
    const store = await new Objm(nc()).create(fresh("O"));
    const data = new Uint8Array(1_000_000).fill(3);
    await store.putBlob({ name: "large" }, data);
    expect(Buffer.compare((await store.getBlob("large")) ?? new Uint8Array(), data)).toBe(0);
  });
});
