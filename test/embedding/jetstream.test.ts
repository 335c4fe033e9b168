import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { wsconnect } from "@nats-io/nats-core";
import { afterEach, describe, expect, test } from "vitest";
import { createBroker, type BrokerOptions, type EmbeddedBroker } from "../../src/index.ts";

const ends: (() => Promise<void> | void)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function brokerWith(options: BrokerOptions): Promise<EmbeddedBroker> {
  const broker = await createBroker({ port: 0, ...options });
  ends.push(async () => broker.close());
  return broker;
}

async function clientOf(broker: EmbeddedBroker, domain?: string) {
  const nc = await wsconnect({ servers: "ws://in-process", wsFactory: broker.wsFactory });
  ends.push(async () => nc.close());
  const options = domain === undefined ? {} : { domain };
  return { nc, jsm: await jetstreamManager(nc, options), js: jetstream(nc, options) };
}

function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "frond-embedded-"));
  ends.push(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

describe("without a directory", () => {
  test("streams of every kind, until it closes", async () => {
    const { js, jsm, nc } = await clientOf(await brokerWith({ jetstream: true }));
    expect(nc.info).toMatchObject({ jetstream: true, api_lvl: 4 });
    for (const storage of ["file", "memory"] as const) {
      await jsm.streams.add({ name: storage, subjects: [`${storage}.>`], storage });
      expect(await js.publish(`${storage}.a`, "1")).toMatchObject({ stream: storage, seq: 1 });
    }
    expect((await jsm.streams.info("file")).config.storage).toBe("file");
  });

  test("time is the test's", async () => {
    const broker = await brokerWith({ jetstream: true });
    broker.clock.freeze();
    const { js, jsm } = await clientOf(broker);
    await jsm.streams.add({ name: "S", subjects: ["s"], max_age: 3_600_000_000_000 });
    await js.publish("s", "1");
    await broker.clock.advance("59m");
    expect((await jsm.streams.info("S")).state.messages).toBe(1);
    await broker.clock.advance("2m");
    expect((await jsm.streams.info("S")).state.messages).toBe(0);
  });
});

test("without JetStream nobody answers", async () => {
  const broker = await brokerWith({});
  const nc = await wsconnect({ servers: "ws://in-process", wsFactory: broker.wsFactory });
  ends.push(async () => nc.close());
  expect(nc.info?.jetstream).toBeUndefined();
  await expect(nc.request("$JS.API.INFO")).rejects.toThrow(/no responders/);
});

test("a domain is a second name of the API", async () => {
  const broker = await brokerWith({ jetstream: { domain: "hub" } });
  const { js, jsm, nc } = await clientOf(broker, "hub");
  expect(nc.info).toMatchObject({ domain: "hub" });
  await jsm.streams.add({ name: "S", subjects: ["s"] });
  expect(await js.publish("s")).toMatchObject({ domain: "hub", seq: 1 });
  await jsm.consumers.add("S", { durable_name: "c", ack_policy: "explicit" });
  const message = await (await js.consumers.get("S", "c")).next();
  expect(message?.seq).toBe(1);
  expect((await (await clientOf(broker)).jsm.streams.info("S")).state.messages).toBe(1);
});

test("accounts have each their own, as far as they were given any", async () => {
  const broker = await brokerWith({
    jetstream: true,
    accounts: {
      A: { users: [{ user: "a", password: "a" }], jetstream: { maxStreams: 1 } },
      B: { users: [{ user: "b", password: "b" }] },
    },
  });
  const connectAs = async (user: string) => {
    const nc = await wsconnect({
      servers: "ws://in-process",
      wsFactory: broker.wsFactory,
      user,
      pass: user,
    });
    ends.push(async () => nc.close());
    return nc;
  };
  const jsm = await jetstreamManager(await connectAs("a"));
  await jsm.streams.add({ name: "S", subjects: ["s"] });
  await expect(jsm.streams.add({ name: "T", subjects: ["t"] })).rejects.toThrow("maximum number of streams");
  await expect(jetstreamManager(await connectAs("b"))).rejects.toThrow("JetStream not enabled for account");
});

test("a reload changes what an account may have, and whether it has any", async () => {
  const users = [{ user: "a", password: "a" }];
  const options = (jetstream: boolean | { maxStreams: number }): BrokerOptions => ({
    jetstream: true,
    accounts: { A: { users, jetstream } },
  });
  const broker = await brokerWith(options({ maxStreams: 1 }));
  const nc = await wsconnect({
    servers: "ws://in-process",
    wsFactory: broker.wsFactory,
    user: "a",
    pass: "a",
  });
  ends.push(async () => nc.close());
  const jsm = await jetstreamManager(nc);
  await jsm.streams.add({ name: "S", subjects: ["s"] });
  await expect(jsm.streams.add({ name: "T", subjects: ["t"] })).rejects.toThrow("maximum number of streams");
  await broker.reload(options({ maxStreams: 2 }));
  await jsm.streams.add({ name: "T", subjects: ["t"] });
  await broker.reload(options(false));
  await expect(jsm.getAccountInfo()).rejects.toThrow("JetStream not enabled for account");
  await broker.reload(options(true));
  expect((await jsm.getAccountInfo()).streams).toBe(2);
  await broker.reload({ accounts: { A: { users } } });
  await expect(jsm.getAccountInfo()).rejects.toThrow();
});

describe("with a directory", () => {
  test("what was there is there again", async () => {
    const storeDir = join(temporaryDirectory(), "made", "for", "it");
    const first = await createBroker({ port: 0, jetstream: { storeDir } });
    const before = await clientOf(first);
    await before.jsm.streams.add({ name: "S", subjects: ["s.>"], description: "kept" });
    await before.jsm.streams.add({ name: "M", subjects: ["m"], storage: "memory" });
    await before.jsm.consumers.add("S", { durable_name: "c", ack_policy: "explicit" });
    for (const payload of ["1", "2"]) await before.js.publish("s.a", payload);
    const created = (await before.jsm.streams.info("S")).created;
    await first.close();
    expect(existsSync(join(storeDir, "jetstream"))).toBe(true);

    const { js, jsm } = await clientOf(await brokerWith({ jetstream: { storeDir } }));
    const info = await jsm.streams.info("S");
    expect(info).toMatchObject({
      created,
      config: { description: "kept" },
      state: { messages: 2, last_seq: 2 },
    });
    expect(await jsm.streams.names().next()).toEqual(["S"]);
    const message = await (await js.consumers.get("S", "c")).next();
    expect(message?.string()).toBe("1");
    expect(await js.publish("s.a", "3")).toMatchObject({ seq: 3 });
  });

  test("two brokers can not have the same", async () => {
    const storeDir = temporaryDirectory();
    await brokerWith({ jetstream: { storeDir } });
    await expect(createBroker({ port: 0, jetstream: { storeDir } })).rejects.toThrow(storeDir);
  });
});

test.each([true, false])(
  "who makes a push consumer hears of it before its messages, on disk: %s",
  async (onDisk) => {
    const jetstreamOptions = onDisk ? { storeDir: temporaryDirectory() } : true;
    const { js, jsm, nc } = await clientOf(await brokerWith({ jetstream: jetstreamOptions }));
    await jsm.streams.add({ name: "S", subjects: ["s"] });
    for (let count = 0; count < 3; count++) await js.publish("s", String(count));
    const heard: string[] = [];
    const ended = new Promise<void>((resolve) => {
      const callback = (name: string) => () => {
        heard.push(name);
        if (heard.length === 4) resolve();
      };
      nc.subscribe("deliver", { callback: callback("message") });
      nc.subscribe("answer", { callback: callback("answer") });
    });
    const config = {
      deliver_subject: "deliver",
      deliver_policy: "all",
      ack_policy: "none",
      replay_policy: "instant",
    };
    const body = JSON.stringify({ stream_name: "S", config: { ...config, num_replicas: 1 } });
    nc.publish("$JS.API.CONSUMER.CREATE.S", body, { reply: "answer" });
    await ended;
    expect(heard).toEqual(["answer", "message", "message", "message"]);
  },
);
