import { execFileSync } from "node:child_process";
import { copyFileSync, readFileSync, renameSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { blockHeaderBytes } from "../../../src/store/lmdb/blocks.ts";
import { checkStore } from "../../../src/store/check/check.ts";
import { openEnvironment, type Environment } from "../../../src/store/lmdb/environment.ts";
import { endKey, keyKinds, prefixKey, type KeyKind } from "../../../src/store/lmdb/keys.ts";
import { Reads } from "../../../src/store/lmdb/reads.ts";
import { decodeState, encodeState } from "../../../src/store/lmdb/stream-state.ts";
import { draft, openStore, temporaryDirectory } from "../../fixture/disk-store.ts";

async function makeStore(): Promise<string> {
  const directory = temporaryDirectory();
  const { store } = openStore(directory);
  for (const name of ["ONE", "TWO"]) {
    const stream = store.create("A", name, "file");
    for (let index = 0; index < 600; index++)
      stream.log.append(draft(`check.${index % 3}`, `message ${index} ${"x".repeat(200)}`));
    for (let seq = 10; seq < 60; seq += 2) stream.log.remove(seq);
    stream.putRecord("config", Buffer.from("{}"));
    stream.appendToRecord("config", Buffer.from("more"));
  }
  await store.close();
  return directory;
}

/** Changes LMDB behind the back of the store. */
async function change(directory: string, work: (env: Environment) => void): Promise<void> {
  const env = openEnvironment(join(directory, "streams.mdb"));
  env.transactionSync(() => work(env));
  await env.close();
}

function firstOf(env: Environment, kind: KeyKind, owner: number): { key: Buffer; value: Buffer } {
  const start = prefixKey(kind, owner);
  const entry = new Reads(env).first({ start, end: endKey(start) });
  if (entry === null) throw new Error(`there is nothing of kind ${kind}`);
  return { key: Buffer.from(entry.key), value: Buffer.from(entry.value) };
}

describe("the check of a store", () => {
  it("finds nothing wrong with one that was closed", async () => {
    const directory = await makeStore();
    const { lines, diagnostics: problems } = await checkStore(directory);
    expect(problems).toEqual([]);
    expect(lines.join("\n")).toMatch(/pages in use/);
    expect(lines.join("\n")).toMatch(/stream "ONE" of account "A": 575 messages, \d+ bytes, 3 subjects/);
  });

  it("is given the folder of the configuration just as well", async () => {
    const above = temporaryDirectory();
    renameSync(await makeStore(), join(above, "jetstream"));
    expect((await checkStore(above)).diagnostics).toEqual([]);
  });

  it("does not look at one that is in use", async () => {
    const directory = temporaryDirectory();
    openStore(directory);
    await expect(checkStore(directory)).rejects.toThrow(`${directory} is in use by process ${process.pid}`);
  });

  it("says that there is no store", async () => {
    const directory = temporaryDirectory();
    await expect(checkStore(directory)).rejects.toThrow(`there is no store in ${directory}`);
  });

  it.each<[string, RegExp, (env: Environment, id: number, space: number) => void]>([
    [
      "a block that was changed",
      /stream "ONE".*the block at 1: the checksum is wrong/,
      (env, _, space) => {
        const { key, value } = firstOf(env, keyKinds.block, space);
        value[blockHeaderBytes + 40] = (value[blockHeaderBytes + 40] ?? 0) ^ 1;
        env.putSync(key, value);
      },
    ],
    [
      "a block that is missing",
      /stream "ONE".*the block at 1 is missing/,
      (env, _, space) => env.removeSync(firstOf(env, keyKinds.block, space).key),
    ],
    [
      "a summary that is missing",
      /stream "ONE".*the block at 1 has no summary/,
      (env, _, space) => env.removeSync(firstOf(env, keyKinds.summary, space).key),
    ],
    [
      "a subject that is missing in the index",
      /stream "ONE".*subjects: 3 by its state, 2 were found/,
      (env, _, space) => env.removeSync(firstOf(env, keyKinds.subject, space).key),
    ],
    [
      "counters that are wrong",
      /stream "ONE".*messages: 576 by its state, 575 were found/,
      (env, id) => {
        const { key, value } = firstOf(env, keyKinds.stream, id);
        const state = decodeState(value);
        state.messages++;
        env.putSync(key, encodeState(state));
      },
    ],
    [
      "entries that belong to nobody",
      /entries of kind 32 belong to nobody \(number 77\)/,
      (env) =>
        env.putSync(Buffer.concat([prefixKey(keyKinds.record, 77), Buffer.from("a")]), Buffer.from("b")),
    ],
  ])("finds %s", async (_, text, work) => {
    const directory = await makeStore();
    await change(directory, (env) => {
      const { key, value } = firstOf(env, keyKinds.stream, 1);
      work(env, key.readUInt32BE(1), decodeState(value).incarnation);
    });
    const { diagnostics: problems } = await checkStore(directory);
    expect(problems.join("\n")).toMatch(text);
    expect(problems.join("\n")).not.toContain('"TWO"');
  });

  it("finds pages that are missing, and one that is damaged", async () => {
    const directory = await makeStore();
    const path = join(directory, "streams.mdb");
    copyFileSync(path, `${path}.whole`);
    truncateSync(path, Math.floor(readFileSync(path).length / 2));
    const truncated = await checkStore(directory);
    expect(truncated.diagnostics.join()).toMatch(
      /streams\.mdb is truncated: page \d+, which is in use, is not in it/,
    );
    const bytes = readFileSync(`${path}.whole`);
    const root = Number(bytes.readBigUInt64LE(newestMeta(bytes) + 112));
    bytes.fill(0xee, root * 4_096, root * 4_096 + 64);
    writeFileSync(path, bytes);
    const damaged = await checkStore(directory);
    expect(damaged.diagnostics.join()).toContain(`${path} is damaged at offset ${root * 4_096}`);
  });

  it("is a command, whose exit code says what it found", async () => {
    const directory = await makeStore();
    const program = new URL("../../../bin/frond", import.meta.url).pathname;
    const run = (): string =>
      execFileSync(process.execPath, [program, "store", "check", directory], {
        encoding: "utf8",
        stdio: "pipe",
      });
    expect(run()).toContain('stream "TWO" of account "A"');
    await change(directory, (env) => env.removeSync(firstOf(env, keyKinds.block, 1).key));
    expect(run).toThrow(/the block at 1 is missing/);
  });
});

function newestMeta(bytes: Buffer): number {
  const [first, second] = [24, 4_096 + 24];
  return bytes.readBigUInt64LE(first + 128) > bytes.readBigUInt64LE(second + 128) ? first : second;
}
