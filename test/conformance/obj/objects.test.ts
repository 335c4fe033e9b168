import { createHash, randomBytes } from "node:crypto";
import type { ObjectResult, ObjectStore } from "@nats-io/obj";
import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { jetStreamLibraries, peerOf } from "../../fixture/jetstream-libraries.ts";
import { fresh } from "../../fixture/jetstream-wire.ts";

// Objects: put, read, described, changed, linked, deleted.

const broker = jetStreamBroker();

describe.each(jetStreamLibraries)("objects, $name", (library) => {
  const peer = peerOf(broker, library);
  const create = (options = {}): Promise<ObjectStore> => library.createStore(peer().nc, fresh("O"), options);

  const text = (data: Uint8Array | null) => (data === null ? null : new TextDecoder().decode(data));
  const bytes = (of: string) => new TextEncoder().encode(of);

  async function contentOf(result: ObjectResult | null): Promise<Uint8Array> {
    if (result === null) throw new Error("no object");
    const chunks: Uint8Array[] = [];
    for await (const chunk of result.data as unknown as AsyncIterable<Uint8Array>) chunks.push(chunk);
    const error = await result.error;
    if (error) throw error;
    return Buffer.concat(chunks);
  }

  function streamOf(data: Uint8Array): ReadableStream<Uint8Array> {
    return new ReadableStream({
      start(controller) {
        for (let at = 0; at < data.length; at += 50_000) controller.enqueue(data.subarray(at, at + 50_000));
        controller.close();
      },
    });
  }

  test("put and get", async () => {
    const store = await create();
    const info = await store.putBlob(
      { name: "a", description: "mine", metadata: { k: "v" } },
      bytes("hello"),
    );
    expect(info).toMatchObject({
      name: "a",
      description: "mine",
      size: 5,
      chunks: 1,
      deleted: false,
      metadata: { k: "v" },
    });
    expect(info.digest).toBe(`SHA-256=${createHash("sha256").update("hello").digest("base64url")}=`);
    expect(text(await store.getBlob("a"))).toBe("hello");
    const read = await store.info("a");
    expect(read).toMatchObject({
      name: "a",
      nuid: info.nuid,
      size: 5,
      digest: info.digest,
      revision: info.revision,
    });
    expect(await store.get("none")).toBeNull();
    expect(await store.getBlob("none")).toBeNull();
    expect(await store.info("none")).toBeNull();
  });

  test("what is on the wire", async () => {
    const { jsm } = peer();
    const bucket = fresh("O");
    const store = await library.createStore(peer().nc, bucket);
    const info = await store.putBlob({ name: "a b???a" }, bytes("hello"));
    const { state } = await jsm.streams.info(`OBJ_${bucket}`, { subjects_filter: ">" });
    expect(state.subjects).toEqual({
      [`$O.${bucket}.C.${info.nuid}`]: 1,
      // Base64 for URLs, padded.
      [`$O.${bucket}.M.YSBiPz8_YQ==`]: 1,
    });
    const stored = await jsm.streams.getMessage(`OBJ_${bucket}`, { last_by_subj: `$O.${bucket}.M.>` });
    expect(stored?.header.get("Nats-Rollup")).toBe("sub");
    expect(stored?.json()).toMatchObject({ name: "a b???a", bucket, size: 5, chunks: 1 });
  });

  test("several megabytes", async () => {
    const store = await create({ storage: "memory" });
    const data = randomBytes(5 * 1024 * 1024 + 17);
    const info = await store.put({ name: "large" }, streamOf(data));
    expect(info).toMatchObject({ size: data.length, chunks: 41 });
    expect(Buffer.compare(Buffer.from(await contentOf(await store.get("large"))), data)).toBe(0);
  });

  test("chunks of another size", async () => {
    const store = await create();
    const data = randomBytes(10_000);
    const info = await store.put({ name: "a", options: { max_chunk_size: 1000 } }, streamOf(data));
    expect(info).toMatchObject({ chunks: 10, size: 10_000, options: { max_chunk_size: 1000 } });
    expect(Buffer.compare(Buffer.from((await store.getBlob("a")) ?? []), data)).toBe(0);
  });

  test("an empty object", async () => {
    const store = await create();
    const info = await store.putBlob({ name: "empty" }, new Uint8Array(0));
    expect(info).toMatchObject({ size: 0, chunks: 0 });
    expect((await store.getBlob("empty"))?.length).toBe(0);
  });

  test("an object replaces the one before, and its chunks are gone", async () => {
    const { jsm } = peer();
    const store = await create();
    const first = await store.putBlob({ name: "a" }, bytes("first"));
    const second = await store.putBlob({ name: "a" }, bytes("second"));
    expect(second.nuid).not.toBe(first.nuid);
    expect(text(await store.getBlob("a"))).toBe("second");
    const { state } = await jsm.streams.info(`OBJ_${second.bucket}`);
    expect(state.messages).toBe(2);
  });

  test("a revision that is expected", async () => {
    const store = await create();
    const first = await store.putBlob({ name: "a" }, bytes("first"));
    await expect(
      store.putBlob({ name: "a" }, bytes("x"), { previousRevision: first.revision + 7 }),
    ).rejects.toThrow(/wrong last sequence/);
    const info = await store.putBlob({ name: "a" }, bytes("second"), { previousRevision: first.revision });
    expect(info.revision).toBeGreaterThan(first.revision);
    expect(text(await store.getBlob("a"))).toBe("second");
  });

  test("a deleted object", async () => {
    const { jsm } = peer();
    const store = await create();
    const info = await store.putBlob({ name: "a" }, bytes("x"));
    expect(await store.delete("a")).toMatchObject({ success: true, purged: 1 });
    expect(await store.get("a")).toBeNull();
    expect(await store.info("a")).toMatchObject({ deleted: true, size: 0, chunks: 0 });
    expect(await store.list()).toEqual([]);
    expect((await jsm.streams.info(`OBJ_${info.bucket}`)).state.messages).toBe(1);
    await store.putBlob({ name: "a" }, bytes("again"));
    expect(text(await store.getBlob("a"))).toBe("again");
  });

  test("a list of all", async () => {
    const store = await create();
    expect(await store.list()).toEqual([]);
    for (const name of ["a", "b", "c"]) await store.putBlob({ name }, bytes(name));
    await store.delete("b");
    expect((await store.list()).map((info) => info.name).sort()).toEqual(["a", "c"]);
  });

  test("a new description, and a new name", async () => {
    const store = await create();
    await store.putBlob({ name: "a", description: "old" }, bytes("x"));
    await store.putBlob({ name: "b" }, bytes("y"));
    await store.update("a", { description: "new", metadata: { k: "v" } });
    expect(await store.info("a")).toMatchObject({ description: "new", metadata: { k: "v" }, size: 1 });
    await store.update("a", { name: "c" });
    expect(await store.info("a")).toBeNull();
    expect(text(await store.getBlob("c"))).toBe("x");
    await expect(store.update("c", { name: "b" })).rejects.toThrow(/already exists/);
    await expect(store.update("none", { description: "x" })).rejects.toThrow();
    expect((await store.list()).map((info) => info.name).sort()).toEqual(["b", "c"]);
  });

  test("headers of an object", async () => {
    const store = await create();
    const headers = library.headers();
    headers.append("Content-Type", "text/plain");
    await store.putBlob({ name: "a", headers }, bytes("x"));
    expect((await store.info("a"))?.headers?.get("Content-Type")).toBe("text/plain");
  });

  test("a link to an object, in this store and another", async () => {
    const [store, other] = [await create(), await create()];
    const info = await store.putBlob({ name: "a" }, bytes("linked"));
    await store.link("here", info);
    await other.link("there", info);
    expect(text(await store.getBlob("here"))).toBe("linked");
    expect(text(await other.getBlob("there"))).toBe("linked");
    expect((await other.info("there"))?.options?.link).toEqual({ bucket: info.bucket, name: "a" });
    const link = await store.info("here");
    if (link === null) throw new Error("no link");
    await expect(store.link("again", link)).rejects.toThrow();
    await store.delete("a");
    expect(await store.getBlob("here")).toBeNull();
  });

  test("a link to a store", async () => {
    const [store, other] = [await create(), await create()];
    const info = await store.linkStore("all", other);
    expect(info.options?.link?.bucket).toBe((await other.status()).bucket);
    expect(info.options?.link?.name).toBeUndefined();
  });

  test("a chunk that is missing is noticed", async () => {
    const { jsm } = peer();
    const store = await create();
    const data = randomBytes(5000);
    const info = await store.put({ name: "a", options: { max_chunk_size: 1000 } }, streamOf(data));
    await jsm.streams.deleteMessage(`OBJ_${info.bucket}`, 3);
    await expect(contentOf(await store.get("a"))).rejects.toThrow();
  });

  test("an object that is too large for its store", async () => {
    const store = await create({ max_bytes: 1024 });
    await expect(store.putBlob({ name: "a" }, randomBytes(10_000))).rejects.toThrow(
      /maximum bytes exceeded|503/,
    );
    expect(await store.list()).toEqual([]);
  });
});
