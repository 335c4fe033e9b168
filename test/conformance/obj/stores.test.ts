import { Objm, type ObjectStore, type ObjectWatchInfo } from "@nats-io/obj";
import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { jetStreamLibraries, peerOf } from "../../fixture/jetstream-libraries.ts";
import { becomes, fresh } from "../../fixture/jetstream-wire.ts";

// Stores of objects: made, described, watched, sealed, listed and destroyed.

const broker = jetStreamBroker();

describe.each(jetStreamLibraries)("object stores, $name", (library) => {
  const peer = peerOf(broker, library);
  const create = (options = {}): Promise<ObjectStore> => library.createStore(peer().nc, fresh("O"), options);
  const bytes = (of: string) => new TextEncoder().encode(of);

  test("a store is a stream", async () => {
    const { jsm } = peer();
    const bucket = fresh("O");
    await library.createStore(peer().nc, bucket, {
      description: "mine",
      storage: "memory",
      max_bytes: 1_000_000,
      ttl: 60_000_000_000,
      metadata: { owner: "me" },
    });
    const { config } = await jsm.streams.info(`OBJ_${bucket}`);
    expect(config).toMatchObject({
      name: `OBJ_${bucket}`,
      description: "mine",
      subjects: [`$O.${bucket}.C.>`, `$O.${bucket}.M.>`],
      storage: "memory",
      max_bytes: 1_000_000,
      max_age: 60_000_000_000,
      discard: "new",
      allow_rollup_hdrs: true,
      allow_direct: true,
      metadata: { owner: "me" },
    });
  });

  test("what it says of itself", async () => {
    const store = await create({ description: "mine", compression: true });
    await store.putBlob({ name: "a" }, bytes("hello"));
    const status = await store.status();
    expect(status).toMatchObject({
      description: "mine",
      storage: "file",
      replicas: 1,
      sealed: false,
      backingStore: "JetStream",
    });
    expect(status.size).toBeGreaterThan(5);
    expect(status.compression).toBe(true);
    expect(status.ttl).toBe(0);
  });

  test("one that is opened again", async () => {
    const store = await create();
    await store.putBlob({ name: "a" }, bytes("hello"));
    const { bucket } = await store.status();
    const again = await library.openStore(peer().nc, bucket);
    expect(new TextDecoder().decode((await again.getBlob("a")) ?? undefined)).toBe("hello");
  });

  test("a sealed store takes nothing more", async () => {
    const store = await create();
    await store.putBlob({ name: "a" }, bytes("hello"));
    expect((await store.seal()).sealed).toBe(true);
    expect((await store.status()).sealed).toBe(true);
    await expect(store.putBlob({ name: "b" }, bytes("x"))).rejects.toThrow(
      "invalid operation on sealed stream",
    );
    await expect(store.delete("a")).rejects.toThrow("invalid operation on sealed stream");
    expect(new TextDecoder().decode((await store.getBlob("a")) ?? undefined)).toBe("hello");
    expect(await store.destroy()).toBe(true);
  });

  test("one that is destroyed is gone", async () => {
    const store = await create();
    expect(await store.destroy()).toBe(true);
    await expect(store.status()).rejects.toThrow("object store not found");
  });

  test("a list of stores", async () => {
    const store = await create();
    const { bucket } = await store.status();
    const names: string[] = [];
    for await (const status of new Objm(peer().nc).list()) names.push(status.bucket);
    expect(names).toContain(bucket);
  });

  test("a watch, with what is there and without", async () => {
    const store = await create();
    await store.putBlob({ name: "a" }, bytes("1"));
    await store.putBlob({ name: "b" }, bytes("2"));
    const gather = (iterator: AsyncIterable<ObjectWatchInfo | null>) => {
      const found: string[] = [];
      void (async () => {
        for await (const info of iterator) {
          if (info !== null) found.push(`${info.name} ${info.size}${info.deleted ? " deleted" : ""}`);
        }
      })();
      return found;
    };
    const [all, fresh, kept] = [
      await store.watch({ includeHistory: true }),
      await store.watch({ includeHistory: false }),
      await store.watch({ includeHistory: false, ignoreDeletes: true }),
    ];
    const found = [gather(all), gather(fresh), gather(kept)];
    await store.putBlob({ name: "c" }, bytes("345"));
    await store.delete("a");
    await store.putBlob({ name: "d" }, bytes("6"));
    await becomes(() => found[0]?.length ?? 0, 5);
    expect(found[0]).toEqual(["a 1", "b 1", "c 3", "a 0 deleted", "d 1"]);
    await becomes(() => found[2]?.length ?? 0, 2);
    expect(found[1]).toEqual(["c 3", "a 0 deleted", "d 1"]);
    expect(found[2]).toEqual(["c 3", "d 1"]);
    for (const iterator of [all, fresh, kept]) iterator.stop();
  });

  // What the modern library does when it is asked to, and does not speak of.
  if (library.isModern)
    test("chunks that are sent in a fast batch", async () => {
      const { jsm } = peer();
      const store = await create({ allowBatched: true, storage: "memory" });
      const { bucket } = await store.status();
      expect((await jsm.streams.info(`OBJ_${bucket}`)).config.allow_batched).toBe(true);
      const data = new Uint8Array(3_000_000).map((_, index) => index % 253);
      for (let round = 0; round < 2; round++) {
        const info = await store.putBlob({ name: "large" }, data);
        expect(info).toMatchObject({ size: data.length, chunks: 23 });
      }
      expect(Buffer.compare((await store.getBlob("large")) ?? new Uint8Array(), data)).toBe(0);
      expect((await jsm.streams.info(`OBJ_${bucket}`)).state.messages).toBe(24);
    });

  test("names that are none", async () => {
    for (const name of ["", "a.b", "a b"])
      await expect(library.createStore(peer().nc, name)).rejects.toThrow();
  });
});

describe("two libraries, one store", () => {
  const peers = jetStreamLibraries.map((library) => peerOf(broker, library));

  test("what one puts, the other gets", async () => {
    const bucket = fresh("O");
    const [one, two] = await Promise.all(
      peers.map(async (peer) => peer().library.createStore(peer().nc, bucket)),
    );
    const data = new Uint8Array(300_000).fill(7);
    await one?.putBlob({ name: "from one" }, data);
    await two?.putBlob({ name: "from two" }, data);
    expect(Buffer.compare((await two?.getBlob("from one")) ?? new Uint8Array(), data)).toBe(0);
    expect(Buffer.compare((await one?.getBlob("from two")) ?? new Uint8Array(), data)).toBe(0);
  });
});
