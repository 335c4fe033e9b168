import { copyFileSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openEnvironment } from "../../src/store/lmdb/environment.ts";
import { metaNames, writeMeta } from "../../src/store/lmdb/stream-writer.ts";
import { draft, openStore, temporaryDirectory } from "../fixture/disk-store.ts";

async function makeStore(): Promise<{ directory: string; path: string }> {
  const directory = temporaryDirectory();
  const { store } = openStore(directory);
  const stream = store.create("A", "S", "file");
  for (let index = 0; index < 300; index++) stream.log.append(draft(`a.${index}`, "x".repeat(500)));
  await store.close();
  return { directory, path: join(directory, "streams.mdb") };
}

describe("a store that cannot be opened says why", () => {
  it("when the file of LMDB is cut", async () => {
    const { directory, path } = await makeStore();
    for (const size of [100, 5_000, 20_000, Math.floor(statSync(path).size / 2)]) {
      copyFileSync(path, `${path}.whole`);
      truncateSync(path, size);
      expect(() => openStore(directory)).toThrow(path);
      copyFileSync(`${path}.whole`, path);
    }
    expect([...openStore(directory).store.streams()]).toHaveLength(1);
  });

  it("when a page that leads to others is damaged, or a header", async () => {
    const { directory, path } = await makeStore();
    const whole = readFileSync(path);
    const header = [24, 4_096 + 24].reduce((a, b) =>
      whole.readBigUInt64LE(a + 128) > whole.readBigUInt64LE(b + 128) ? a : b,
    );
    const root = Number(whole.readBigUInt64LE(header + 112)) * 4_096;
    for (const [offset, text] of [
      [root, `${path} is damaged at offset ${root}`],
      [0, `${path} has no header that can be read`],
      [4_096, `${path} has no header that can be read`],
    ] as const) {
      const damaged = Buffer.from(whole);
      damaged.fill(0xee, offset, offset + 200);
      writeFileSync(path, damaged);
      expect(() => openStore(directory)).toThrow(text);
    }
  });

  it("when it is something else", async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, "streams.mdb"), "this is a text".repeat(1_000));
    expect(() => openStore(directory)).toThrow(
      `${join(directory, "streams.mdb")} has no header that can be read`,
    );
  });

  it("when it is of another version", async () => {
    const { directory, path } = await makeStore();
    const env = openEnvironment(path);
    env.transactionSync(() => writeMeta(env, metaNames.format, 99));
    await env.close();
    expect(() => openStore(directory)).toThrow(`${path} has format version 99; this program knows version 1`);
  });

  it("when a process has the directory, and not when that process is no more", async () => {
    const { directory } = await makeStore();
    const { store } = openStore(directory);
    expect(() => openStore(directory)).toThrow(`${directory} is in use by process ${process.pid}`);
    const lock = join(directory, "lock");
    const holder = JSON.parse(readFileSync(lock, "utf8")) as { pid: number; started: string };
    await store.close();
    // The same number, of a process that began at another time.
    writeFileSync(lock, JSON.stringify({ ...holder, started: "1" }));
    const again = openStore(directory).store;
    await again.close();
    writeFileSync(lock, '{"pid": 1');
    expect([...openStore(directory).store.streams()]).toHaveLength(1);
  });

  it("when a process in another container has the directory, which answers for it", async () => {
    const { directory } = await makeStore();
    const { store } = openStore(directory);
    const lock = join(directory, "lock");
    const holder = JSON.parse(readFileSync(lock, "utf8")) as { space: string };
    writeFileSync(lock, JSON.stringify({ ...holder, space: "another" }));
    expect(() => openStore(directory)).toThrow(`${directory} is in use by process ${process.pid}`);
    await store.close();
    // Now there is nobody to answer.
    writeFileSync(lock, JSON.stringify({ ...holder, space: "another" }));
    expect([...openStore(directory).store.streams()]).toHaveLength(1);
  });
});
