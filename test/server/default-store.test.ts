/** Where streams are kept when nobody says where, with several brokers on the machine. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { silentLog } from "../../src/base/log.ts";
import { optionsFromObject } from "../../src/config/embedding.ts";
import { pickStoreDirectory } from "../../src/server/default-store.ts";
import { DirectoryLock } from "../../src/store/directory-lock.ts";
import { signals, testWith } from "../fixture/needs.ts";
import { freePort, startBroker, type BrokerProcess } from "../fixture/broker-process.ts";

let folder = "";
const started: BrokerProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "frond-default-"));
  vi.stubEnv("TMPDIR", folder);
  vi.stubEnv("TEMP", folder);
});

afterEach(async () => {
  await Promise.all(started.splice(0).map(async (broker) => broker.kill()));
  vi.unstubAllEnvs();
  rmSync(folder, { recursive: true, force: true });
});

async function start(args: readonly string[] = [], port?: number): Promise<BrokerProcess> {
  const broker = await startBroker({ args: ["-js", ...args], ...(port !== undefined && { port }) });
  started.push(broker);
  return broker;
}

async function addStream({ url }: BrokerProcess, name: string): Promise<string[]> {
  const connection = await connect({ servers: url });
  const manager = await jetstreamManager(connection);
  await manager.streams.add({ name, subjects: [name] });
  const names = await manager.streams.names().next();
  await connection.close();
  return names;
}

const fresh = (): string[] => readdirSync(folder).filter((name) => name.startsWith("frond-store-"));

test("a second broker takes a fresh directory, says which, and leaves it", { timeout: 60_000 }, async () => {
  const first = await start();
  expect(await addStream(first, "first")).toEqual(["first"]);
  expect(fresh()).toEqual([]);
  const second = await start();
  const [name] = fresh();
  expect(second.output).toContain(
    `${join(folder, "frond")} is in use by process ${first.pid}: streams are kept in ${join(folder, name ?? "")} instead`,
  );
  expect(await addStream(second, "second")).toEqual(["second"]);
  await second.stop();
  await first.stop();
  expect(fresh()).toEqual([name]);

  const third = await start();
  expect(await addStream(third, "third")).toEqual(["first", "third"]);
  expect(third.output).toContain(`${join(folder, name ?? "")} holds streams too (1)`);
});

test("brokers that start at the same moment each get one", { timeout: 60_000 }, async () => {
  await Promise.all([start(), start(), start()]);
  expect(fresh()).toHaveLength(2);
});

test("a directory whose broker has the same port is waited for", async () => {
  const shared = join(folder, "frond");
  mkdirSync(join(shared, "jetstream"), { recursive: true });
  const lock = new DirectoryLock(join(shared, "jetstream"), [4222, 8222]);
  const { options } = optionsFromObject({ port: 4222 });
  const warnings: string[] = [];
  const waiting = await new Promise<() => Promise<string>>((resolve) => {
    const picked: Promise<string> = pickStoreDirectory(shared, options, {
      ...silentLog,
      warn: (text) => {
        warnings.push(text);
        setImmediate(() => resolve(async () => picked));
      },
    });
  });
  lock.release();
  expect(await waiting()).toBe(shared);
  expect(warnings).toEqual([
    `Waiting for process ${process.pid} to end, which uses ${shared} on the same port`,
  ]);
});

testWith(
  signals(),
  "one on the same port is a restart, and has the streams of the one before it",
  async () => {
    const port = await freePort();
    const before = await start([], port);
    await addStream(before, "kept");
    const after = start([], port);
    before.signal("SIGTERM");
    const next = await after;
    expect(fresh()).toEqual([]);
    expect(await addStream(next, "new")).toEqual(["kept", "new"]);
  },
);

test("a directory that is named is for one broker", { timeout: 60_000 }, async () => {
  const named = join(folder, "named");
  mkdirSync(named);
  const first = await start(["-sd", named]);
  await expect(start(["-sd", named])).rejects.toThrow(
    `${join(named, "jetstream")} is in use by process ${first.pid}; stop that, or give this one another directory`,
  );
  expect(fresh()).toEqual([]);
});
