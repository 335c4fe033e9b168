import type { KV } from "@nats-io/kv";
import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import {
  type JetStreamLibrary,
  bucketsOf,
  jetStreamLibraries,
  peerOf,
} from "../../fixture/jetstream-libraries.ts";
import { becomes, fresh } from "../../fixture/jetstream-wire.ts";
import { valueOf } from "./entries.ts";

// Buckets: made, opened, described, listed, mirrored, gathered and destroyed.

const broker = jetStreamBroker();

describe.each(jetStreamLibraries)("buckets, $name", (library: JetStreamLibrary) => {
  const peer = peerOf(broker, library);
  const create = (name: string, options = {}): Promise<KV> => library.createBucket(peer().nc, name, options);

  test("a bucket is a stream", async () => {
    const { jsm } = peer();
    const bucket = fresh("B");
    await create(bucket, {
      description: "mine",
      history: 5,
      maxValueSize: 1000,
      max_bytes: 100_000,
      ttl: 60_000,
    });
    const { config } = await jsm.streams.info(`KV_${bucket}`);
    expect(config).toMatchObject({
      name: `KV_${bucket}`,
      description: "mine",
      subjects: [`$KV.${bucket}.>`],
      retention: "limits",
      max_msgs_per_subject: 5,
      max_msg_size: 1000,
      max_bytes: 100_000,
      max_age: 60_000_000_000,
      discard: "new",
      allow_rollup_hdrs: true,
      allow_direct: true,
      duplicate_window: 60_000_000_000,
      num_replicas: 1,
      storage: "file",
    });
  });

  test("what it says of itself", async () => {
    const bucket = fresh("B");
    const kv = await create(bucket, { history: 3, ttl: 60_000, storage: "memory", description: "mine" });
    await kv.put("a", "1");
    await kv.put("b", "22");
    const status = await kv.status();
    expect(status).toMatchObject({ bucket, values: 2, history: 3, description: "mine", storage: "memory" });
    expect(status.ttl).toBe(60_000);
    expect(status.size).toBeGreaterThan(0);
    expect(status.streamInfo.config.name).toBe(`KV_${bucket}`);
  });

  test("one that is there is taken as it is", async () => {
    const bucket = fresh("B");
    const first = await create(bucket, { history: 2 });
    await first.put("a", "1");
    const again = await create(bucket, { history: 2 });
    expect(valueOf(await again.get("a"))).toBe("1");
    const opened = await library.openBucket(peer().nc, bucket);
    expect(valueOf(await opened.get("a"))).toBe("1");
    expect((await opened.get("a"))?.revision).toBe(1);
  });

  test("one that is destroyed is gone", async () => {
    const bucket = fresh("B");
    const kv = await create(bucket);
    await kv.put("a", "1");
    expect(await kv.destroy()).toBe(true);
    await expect(kv.status()).rejects.toThrow("stream not found");
    const anew = await create(bucket);
    expect(await anew.get("a")).toBeNull();
  });

  test("a list of all", async () => {
    const names = [fresh("LIST"), fresh("LIST")];
    for (const name of names) await create(name, { storage: "memory" });
    const listed = (await bucketsOf(peer().nc)).map((status) => status.bucket);
    expect(listed).toEqual(expect.arrayContaining(names));
  });

  test("values that are too large, and a bucket that is full", async () => {
    const kv = await create(fresh("B"), { maxValueSize: 100, max_bytes: 1000 });
    await expect(kv.put("a", "x".repeat(101))).rejects.toThrow("message size exceeds maximum allowed");
    for (let index = 0; index < 5; index++) await kv.put(`k${index}`, "x".repeat(100));
    await expect(
      (async () => {
        for (let index = 0; index < 20; index++) await kv.put(`more${index}`, "x".repeat(100));
      })(),
    ).rejects.toThrow("maximum bytes exceeded");
    // What was there may be replaced.
    await kv.put("k0", "y".repeat(100));
    expect(valueOf(await kv.get("k0"))).toBe("y".repeat(100));
  });

  test("options that are a stream's: compression, metadata, republish", async () => {
    const { jsm, wire } = peer();
    const bucket = fresh("B");
    const inbox = await wire.listen(`kv.${bucket}.>`);
    const kv = await create(bucket, {
      compression: true,
      metadata: { owner: "me" },
      republish: { src: `$KV.${bucket}.>`, dest: `kv.${bucket}.>` },
    });
    const { config } = await jsm.streams.info(`KV_${bucket}`);
    expect([config.compression, config.metadata?.["owner"]]).toEqual(["s2", "me"]);
    await kv.put("a.b", "1");
    expect(await inbox.take(1)).toEqual([`kv.${bucket}.a.b 1`]);
    inbox.close();
  });

  test("a mirror has the keys of its origin", async () => {
    const { jsm } = peer();
    const [from, to] = [fresh("FROM"), fresh("TO")];
    const origin = await create(from);
    await origin.put("a", "1");
    await create(to, { mirror: { name: from } });
    const { config } = await jsm.streams.info(`KV_${to}`);
    expect(config).toMatchObject({ mirror: { name: `KV_${from}` }, mirror_direct: true });
    await origin.put("b", "2");
    await becomes(async () => (await jsm.streams.info(`KV_${to}`)).state.last_seq, 2);
    // These libraries look for keys of a mirror under its own name; others under that of the origin.
    const entry = await jsm.direct.getMessage(`KV_${to}`, { last_by_subj: `$KV.${from}.b` });
    expect([entry?.string(), entry?.seq]).toEqual(["2", 2]);
    await origin.delete("a");
    await becomes(async () => (await jsm.streams.info(`KV_${to}`)).state.last_seq, 3);
    expect((await jsm.streams.info(`KV_${to}`)).state.messages).toBe(2);
  });

  test("a bucket that gathers others", async () => {
    const [one, two, all] = [fresh("ONE"), fresh("TWO"), fresh("ALL")];
    const [first, second] = [await create(one), await create(two)];
    await first.put("a", "1");
    await second.put("b", "2");
    const gathered = await create(all, { sources: [{ name: one }, { name: two }] });
    await becomes(
      async () => [valueOf(await gathered.get("a")), valueOf(await gathered.get("b"))].join(),
      "1,2",
    );
  });

  test("names that are none", async () => {
    for (const name of ["", "a.b", "a b", "a>", "*"]) await expect(create(name)).rejects.toThrow();
  });
});
