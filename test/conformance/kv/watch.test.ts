import type { KV, KvWatchEntry, KvWatchOptions } from "@nats-io/kv";
import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { jetStreamLibraries, peerOf } from "../../fixture/jetstream-libraries.ts";
import { fresh } from "../../fixture/jetstream-wire.ts";
import { gather, lineOf } from "./entries.ts";
import { handled } from "../../fixture/waiting.ts";

// Watching keys change.

const broker = jetStreamBroker();

describe.each(jetStreamLibraries)("watch, $name", (library) => {
  const peer = peerOf(broker, library);

  /** a=1, b=2, a=3 with a history of two each. */
  async function filled(options = {}): Promise<KV> {
    const kv = await library.createBucket(peer().nc, fresh("B"), { history: 2, ...options });
    for (const [key, value] of [
      ["a", "1"],
      ["b", "2"],
      ["a", "3"],
    ] as const)
      await kv.put(key, value);
    return kv;
  }

  /** The first `count` entries of a watch; `after` runs once it has begun. */
  async function watched(
    kv: KV,
    options: KvWatchOptions,
    count: number,
    after: () => Promise<unknown> = async () => {},
  ): Promise<string[]> {
    const iterator = await kv.watch(options);
    const entries = gather<KvWatchEntry>(iterator, count);
    await after();
    const lines = (await entries).map(lineOf);
    iterator.stop();
    return lines;
  }

  test("the values that are there, and changes", async () => {
    const kv = await filled();
    const lines = await watched(kv, {}, 4, async () => {
      await kv.put("c", "4");
      await kv.delete("a");
    });
    expect(lines).toEqual(["b PUT 2 2", "a PUT 3 3", "c PUT 4 4", "a DEL 5"]);
  });

  test("the whole history", async () => {
    const kv = await filled();
    expect(await watched(kv, { include: "history" }, 4, () => kv.put("c", "4"))).toEqual([
      "a PUT 1 1",
      "b PUT 2 2",
      "a PUT 3 3",
      "c PUT 4 4",
    ]);
  });

  test("changes alone", async () => {
    const kv = await filled();
    const lines = await watched(kv, { include: "updates" }, 2, async () => {
      await kv.put("c", "4");
      await kv.purge("b");
    });
    expect(lines).toEqual(["c PUT 4 4", "b PURGE 5"]);
  });

  test("some keys", async () => {
    const kv = await filled();
    expect(
      await watched(kv, { key: "a" }, 2, async () => {
        await kv.put("b", "4");
        await kv.put("a", "5");
      }),
    ).toEqual(["a PUT 3 3", "a PUT 5 5"]);
    await kv.put("x.1", "6");
    await kv.put("x.2", "7");
    expect(await watched(kv, { key: "x.*" }, 2)).toEqual(["x.1 PUT 6 6", "x.2 PUT 7 7"]);
    expect(await watched(kv, { key: ["x.1", "b"] }, 2)).toEqual(["b PUT 4 4", "x.1 PUT 6 6"]);
  });

  test("without markers of deletion", async () => {
    const kv = await filled();
    await kv.delete("b");
    const lines = await watched(kv, { ignoreDeletes: true }, 2, async () => {
      await kv.delete("a");
      await kv.put("c", "6");
    });
    expect(lines).toEqual(["a PUT 3 3", "c PUT 6 6"]);
  });

  test("without values", async () => {
    const kv = await filled();
    const iterator = await kv.watch({ headers_only: true });
    const entries = await gather<KvWatchEntry>(iterator, 2);
    iterator.stop();
    expect(entries.map((entry) => [entry.key, entry.value.length, entry.length])).toEqual([
      ["b", 0, 1],
      ["a", 0, 1],
    ]);
  });

  test("from a revision on", async () => {
    const kv = await filled();
    expect(await watched(kv, { resumeFromRevision: 2 }, 3, () => kv.put("c", "4"))).toEqual([
      "b PUT 2 2",
      "a PUT 3 3",
      "c PUT 4 4",
    ]);
  });

  test("an empty bucket", async () => {
    const kv = await library.createBucket(peer().nc, fresh("B"));
    expect(await watched(kv, {}, 1, () => kv.put("a", "1"))).toEqual(["a PUT 1 1"]);
  });

  test("a watch that begins while values are being stored", async () => {
    for (let round = 0; round < 4; round++) {
      const kv = await library.createBucket(peer().nc, fresh("B"));
      const puts = handled(Promise.all(["a", "b", "c"].map((key) => kv.put(key, "1"))));
      const lines = await watched(kv, {}, 3);
      expect(lines.map((line) => line.slice(0, 5)).sort()).toEqual(["a PUT", "b PUT", "c PUT"]);
      await puts;
    }
  });

  test("how much is still to come", async () => {
    const kv = await filled();
    const iterator = await kv.watch({});
    const entries = await gather<KvWatchEntry>(iterator, 2);
    iterator.stop();
    expect(entries.map((entry) => entry.delta)).toEqual([1, 0]);
  });

  // The classic library never says so.
  if (library.isModern)
    test("what is new", async () => {
      const kv = await filled();
      await kv.put("c", "4");
      const iterator = await kv.watch({});
      const entries = gather<KvWatchEntry>(iterator, 5);
      await kv.put("d", "5");
      await kv.put("d", "6");
      const found = (await entries).map((entry) => entry.isUpdate);
      iterator.stop();
      // The last of those that were there counts as new.
      expect(found).toEqual([false, false, true, true, true]);
    });

  test("many watchers", async () => {
    const kv = await filled({ storage: "memory" });
    const watches = await Promise.all(Array.from({ length: 30 }, () => kv.watch({ include: "updates" })));
    const gathered = watches.map((iterator) => gather<KvWatchEntry>(iterator, 20));
    for (let index = 0; index < 20; index++) await kv.put("k", String(index));
    for (const entries of await Promise.all(gathered)) {
      expect(entries.map((entry) => entry.string())).toEqual(
        Array.from({ length: 20 }, (_, index) => String(index)),
      );
    }
    for (const iterator of watches) iterator.stop();
  });

  test("a watch that ends takes its consumer with it", async () => {
    const kv = await filled();
    const { jsm } = peer();
    const { bucket } = await kv.status();
    const iterator = await kv.watch();
    await gather<KvWatchEntry>(iterator, 2);
    const [info] = await jsm.consumers.list(`KV_${bucket}`).next();
    expect(info?.config).toMatchObject({
      ack_policy: "none",
      deliver_policy: "last_per_subject",
      flow_control: true,
      max_deliver: 1,
    });
    iterator.stop();
  });

  test("thousands of values", async () => {
    const kv = await library.createBucket(peer().nc, fresh("B"), { storage: "memory" });
    const { nc } = peer();
    const { bucket } = await kv.status();
    for (let index = 0; index < 2999; index++) nc.publish(`$KV.${bucket}.k${index}`, "x".repeat(200));
    await kv.put("last", "1");
    const lines = await watched(kv, {}, 3000);
    expect(new Set(lines).size).toBe(3000);
    expect(lines.at(-1)).toBe("last PUT 3000 1");
  });
});
