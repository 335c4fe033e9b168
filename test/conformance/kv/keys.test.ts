import type { KV } from "@nats-io/kv";
import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { apiErrorOf, jetStreamLibraries, peerOf } from "../../fixture/jetstream-libraries.ts";
import { fresh } from "../../fixture/jetstream-wire.ts";
import { gather, lineOf, valueOf } from "./entries.ts";

// Keys: put, created, updated, deleted, purged, and what is left of them.

const broker = jetStreamBroker();

describe.each(jetStreamLibraries)("keys, $name", (library) => {
  const peer = peerOf(broker, library);
  const create = (options = {}): Promise<KV> => library.createBucket(peer().nc, fresh("B"), options);

  test("put and get", async () => {
    const kv = await create();
    expect(await kv.put("a", "1")).toBe(1);
    expect(await kv.put("b.c", Uint8Array.from([0, 255, 10]))).toBe(2);
    expect(await kv.put("a", "2")).toBe(3);
    const entry = await kv.get("a");
    expect(entry).toMatchObject({ key: "a", revision: 3, operation: "PUT", length: 1 });
    expect(entry?.string()).toBe("2");
    expect(Math.abs((entry?.created.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
    expect([...((await kv.get("b.c"))?.value ?? [])]).toEqual([0, 255, 10]);
    expect(await kv.get("none")).toBeNull();
    expect(await kv.get("b")).toBeNull();
    await kv.put("empty", "");
    expect(await kv.get("empty")).toMatchObject({ operation: "PUT", length: 0 });
  });

  test("revisions of a key", async () => {
    const kv = await create({ history: 5 });
    await kv.put("a", "1");
    await kv.put("b", "2");
    await kv.put("a", "3");
    expect(valueOf(await kv.get("a", { revision: 1 }))).toBe("1");
    expect(valueOf(await kv.get("a", { revision: 3 }))).toBe("3");
    expect(await kv.get("a", { revision: 2 })).toBeNull();
    expect(await kv.get("a", { revision: 9 })).toBeNull();
  });

  test("a create is for what is not there", async () => {
    const kv = await create({ history: 3 });
    expect(await kv.create("a", "1")).toBe(1);
    expect(await apiErrorOf(kv.create("a", "2"))).toBe("10071 wrong last sequence: 1");
    await kv.delete("a");
    expect(await kv.create("a", "3")).toBe(3);
    await kv.purge("a");
    expect(await kv.create("a", "4")).toBe(5);
    expect(valueOf(await kv.get("a"))).toBe("4");
  });

  test("an update is of what one has seen", async () => {
    const kv = await create();
    const revision = await kv.put("a", "1");
    expect(await kv.update("a", "2", revision)).toBe(2);
    expect(await apiErrorOf(kv.update("a", "3", revision))).toBe("10071 wrong last sequence: 2");
    expect(await apiErrorOf(kv.put("a", "3", { previousSeq: 1 }))).toBe("10071 wrong last sequence: 2");
    expect(valueOf(await kv.get("a"))).toBe("2");
  });

  test("of many updates of one revision one is right", async () => {
    const kv = await create();
    const revision = await kv.put("a", "0");
    const tries = await Promise.allSettled(
      Array.from({ length: 20 }, (_, index) => kv.update("a", String(index), revision)),
    );
    expect(tries.filter((result) => result.status === "fulfilled")).toHaveLength(1);
  });

  test("a delete leaves a marker and the history", async () => {
    const kv = await create({ history: 5 });
    await kv.put("a", "1");
    await kv.put("a", "2");
    await kv.delete("a");
    expect(await kv.get("a")).toMatchObject({ operation: "DEL", revision: 3, length: 0 });
    expect((await gather(await kv.history({ key: "a" }))).map(lineOf)).toEqual([
      "a PUT 1 1",
      "a PUT 2 2",
      "a DEL 3",
    ]);
    expect(await gather(await kv.keys())).toEqual([]);
    await expect(kv.delete("a", { previousSeq: 1 })).rejects.toThrow("wrong last sequence: 3");
    await kv.put("a", "4");
    await kv.delete("a", { previousSeq: 4 });
  });

  test("a purge leaves a marker alone", async () => {
    const kv = await create({ history: 5 });
    await kv.put("a", "1");
    await kv.put("b", "2");
    await kv.put("a", "3");
    await kv.purge("a");
    expect((await gather(await kv.history())).map(lineOf)).toEqual(["b PUT 2 2", "a PURGE 4"]);
    expect(await kv.get("a")).toMatchObject({ operation: "PURGE", revision: 4 });
    await expect(kv.purge("a", { previousSeq: 1 })).rejects.toThrow("wrong last sequence: 4");
  });

  test("markers are taken away", async () => {
    const kv = (await create({ history: 5 })) as KV & {
      purgeDeletes(olderMs?: number): Promise<{ purged: number }>;
    };
    for (const key of ["a", "b", "c"]) await kv.put(key, "1");
    await kv.delete("a");
    await kv.purge("b");
    expect(await kv.purgeDeletes(0)).toMatchObject({ purged: 3 });
    expect((await gather(await kv.history())).map(lineOf)).toEqual(["c PUT 3 1"]);
  });

  test("keys, all and some", async () => {
    const kv = await create({ history: 2 });
    expect(await gather(await kv.keys())).toEqual([]);
    for (const key of ["a", "b.1", "b.2", "b.2.x", "c"]) await kv.put(key, "1");
    await kv.put("a", "2");
    await kv.delete("c");
    expect((await gather(await kv.keys())).sort()).toEqual(["a", "b.1", "b.2", "b.2.x"]);
    expect((await gather(await kv.keys("b.*"))).sort()).toEqual(["b.1", "b.2"]);
    expect((await gather(await kv.keys("b.>"))).sort()).toEqual(["b.1", "b.2", "b.2.x"]);
    expect((await gather(await kv.keys(["a", "b.2"]))).sort()).toEqual(["a", "b.2"]);
    expect(await gather(await kv.keys("none"))).toEqual([]);
  });

  test("many keys", async () => {
    const kv = await create({ storage: "memory" });
    const names = Array.from({ length: 500 }, (_, index) => `key.${String(index).padStart(4, "0")}`);
    await Promise.all(names.map((key) => kv.put(key, key)));
    expect((await gather(await kv.keys())).sort()).toEqual(names);
    const values = await Promise.all(names.map(async (key) => valueOf(await kv.get(key))));
    expect(values).toEqual(names);
  });

  test("no more history than there may be", async () => {
    const kv = await create({ history: 3 });
    for (let index = 1; index <= 6; index++) await kv.put("a", String(index));
    expect((await gather(await kv.history({ key: "a" }))).map(lineOf)).toEqual(
      [4, 5, 6].map((at) => `a PUT ${at} ${at}`),
    );
    expect((await kv.status()).values).toBe(3);
    expect(await gather(await kv.history({ key: "none" }))).toEqual([]);
  });

  test("keys that are none", async () => {
    const kv = await create();
    for (const key of ["", ".a", "a.", "a b", "a*", "a>", "é"])
      await expect(kv.put(key, "")).rejects.toThrow();
    await kv.put("A-1_b/c=d.e", "fine");
    expect(valueOf(await kv.get("A-1_b/c=d.e"))).toBe("fine");
  });

  test("an opened bucket without direct reads", async () => {
    const kv = await create({ history: 2 });
    await kv.put("a", "1");
    await kv.put("a", "2");
    const { bucket } = await kv.status();
    for (const options of [{}, { allow_direct: true }]) {
      const opened = await library.openBucket(peer().nc, bucket, options);
      expect(valueOf(await opened.get("a"))).toBe("2");
      expect(valueOf(await opened.get("a", { revision: 1 }))).toBe("1");
      expect(await opened.get("none")).toBeNull();
    }
  });
});
