import { Base64KeyCodec, NoopKvCodecs } from "@nats-io/kv";
import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { jetStreamLibraries, modernJetStream, peerOf } from "../../fixture/jetstream-libraries.ts";
import { becomes, fresh } from "../../fixture/jetstream-wire.ts";
import { gather, lineOf, valueOf } from "./entries.ts";

// Values that do not last, and keys that are written in another way.

const broker = jetStreamBroker();

describe.concurrent("expiry of values", () => {
  const peer = peerOf(broker, modernJetStream);

  test("of a whole bucket", async () => {
    const kv = await modernJetStream.createBucket(peer().nc, fresh("B"), { ttl: 300 });
    await kv.put("a", "1");
    expect(valueOf(await kv.get("a"))).toBe("1");
    await becomes(async () => (await kv.get("a")) === null, true);
    expect((await kv.status()).values).toBe(0);
    // As if it had never been there.
    expect(await kv.create("a", "2")).toBe(2);
  });

  test("of a key, with a marker", async () => {
    const kv = await modernJetStream.createBucket(peer().nc, fresh("B"), { markerTTL: 2000, history: 1 });
    expect((await kv.status()).markerTTL).toBe(2000);
    const watch = await kv.watch({ include: "updates" });
    const lines = gather(watch, 2);
    expect(await kv.create("a", "1", "1s")).toBe(1);
    await kv.create("b", "2").then(() => {});
    const found = (await lines).map(lineOf);
    watch.stop();
    expect(found).toEqual(["a PUT 1 1", "b PUT 2 2"]);
    await becomes(async () => (await kv.get("a"))?.operation, "PURGE");
    expect(await kv.get("a")).toMatchObject({ revision: 3, length: 0 });
    expect(valueOf(await kv.get("b"))).toBe("2");
    expect(await kv.create("a", "again")).toBe(4);
  });

  test("of a marker of a purge", async () => {
    const kv = await modernJetStream.createBucket(peer().nc, fresh("B"), { markerTTL: 1000 });
    await kv.put("a", "1");
    await kv.purge("a", { ttl: "1s" });
    expect(await kv.get("a")).toMatchObject({ operation: "PURGE" });
    await becomes(async () => (await kv.get("a")) === null, true);
    expect((await kv.status()).streamInfo.state.last_seq).toBe(2);
  });

  test("a watch sees values go by age", async () => {
    const kv = await modernJetStream.createBucket(peer().nc, fresh("B"), { ttl: 400, markerTTL: 1000 });
    const watch = await kv.watch();
    const entries = gather(watch, 2);
    await kv.put("a", "1");
    expect((await entries).map(lineOf)).toEqual(["a PUT 1 1", "a PURGE 2"]);
    watch.stop();
  });

  test("a TTL in a bucket that allows none", async () => {
    const kv = await modernJetStream.createBucket(peer().nc, fresh("B"));
    await expect(kv.create("a", "1", "1s")).rejects.toThrow("per-message TTL is disabled");
  });
});

describe("codecs", () => {
  const peer = peerOf(broker, modernJetStream);

  test("keys in base64", async () => {
    const bucket = fresh("B");
    const codec = { key: Base64KeyCodec(), value: NoopKvCodecs().value };
    const kv = await modernJetStream.createBucket(peer().nc, bucket, { codec, history: 2 });
    await kv.put("Grüße.and blanks", "1");
    await kv.put("plain", "2");
    expect(valueOf(await kv.get("Grüße.and blanks"))).toBe("1");
    expect((await gather(await kv.keys())).sort()).toEqual(["Grüße.and blanks", "plain"]);
    const { state } = await peer().jsm.streams.info(`KV_${bucket}`, { subjects_filter: ">" });
    expect(Object.keys(state.subjects ?? {})).toContain(`$KV.${bucket}.${btoa("plain")}`);
    const watch = await kv.watch({ key: "plain" });
    expect((await gather(watch, 1)).map(lineOf)).toEqual(["plain PUT 2 2"]);
    watch.stop();
    await kv.delete("plain");
    expect(await gather(await kv.keys())).toEqual(["Grüße.and blanks"]);
  });

  test("values in another form", async () => {
    const flip = (data: Uint8Array) => data.map((byte) => byte ^ 0xff);
    const value = {
      encode: (data: string | Uint8Array) =>
        flip(typeof data === "string" ? new TextEncoder().encode(data) : data),
      decode: flip,
    };
    const bucket = fresh("B");
    const kv = await modernJetStream.createBucket(peer().nc, bucket, {
      codec: { key: NoopKvCodecs().key, value },
    });
    await kv.put("a", "text");
    expect(valueOf(await kv.get("a"))).toBe("text");
    const stored = await peer().jsm.streams.getMessage(`KV_${bucket}`, { seq: 1 });
    expect(stored?.string()).not.toBe("text");
  });
});

describe("two libraries, one bucket", () => {
  const peers = jetStreamLibraries.map((library) => peerOf(broker, library));

  test("what one writes, the other reads and watches", async () => {
    const bucket = fresh("B");
    const [one, two] = await Promise.all(
      peers.map(async (peer) => peer().library.createBucket(peer().nc, bucket, { history: 3 })),
    );
    if (one === undefined || two === undefined) throw new Error("two libraries");
    const watch = await two.watch();
    const seen = gather(watch, 4);
    await one.put("a", "1");
    await two.put("a", "2");
    await one.delete("a");
    await one.create("a", "3");
    expect((await seen).map(lineOf)).toEqual(["a PUT 1 1", "a PUT 2 2", "a DEL 3", "a PUT 4 3"]);
    watch.stop();
    expect((await gather(await one.history())).map(lineOf)).toEqual(
      (await gather(await two.history())).map(lineOf),
    );
  });
});
