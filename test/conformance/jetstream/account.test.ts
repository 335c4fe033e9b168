import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import {
  apiErrorOf,
  jetStreamLibraries,
  modernJetStream,
  peerOf,
} from "../../fixture/jetstream-libraries.ts";
import { type Answer, fresh } from "../../fixture/jetstream-wire.ts";

// What an account has of JetStream, and how much of it.

describe.each(jetStreamLibraries)("account info, $name", (library) => {
  const broker = jetStreamBroker();
  const peer = peerOf(broker, library);

  test("use and limits", async () => {
    const { jsm, wire } = peer();
    const before = await jsm.getAccountInfo();
    expect(before).toMatchObject({ memory: 0, storage: 0, streams: 0, consumers: 0 });
    expect(before.limits).toEqual({
      max_memory: -1,
      max_storage: -1,
      max_streams: -1,
      max_consumers: -1,
      max_ack_pending: -1,
      memory_max_stream_bytes: -1,
      storage_max_stream_bytes: -1,
      max_bytes_required: false,
    });
    const [file, memory] = [fresh(), fresh()];
    await wire.stream(file);
    await wire.stream(memory, { storage: "memory", max_bytes: 100_000 });
    await wire.fill(`${file}.a`, `${memory}.a`);
    await wire.consumer(file, "c");
    const info = await jsm.getAccountInfo();
    expect(info).toMatchObject({ streams: 2, consumers: 1, reserved_memory: 100_000, reserved_storage: 0 });
    const bytes = async (name: string) => (await jsm.streams.info(name)).state.bytes;
    expect([info.storage, info.memory]).toEqual([await bytes(file), await bytes(memory)]);
    expect(info.api.total).toBeGreaterThan(before.api.total);
    expect(info.api.errors).toBe(0);
    await jsm.streams.info("none").catch(() => {});
    expect((await jsm.getAccountInfo()).api.errors).toBe(1);
    await jsm.streams.delete(file);
    await jsm.streams.delete(memory);
    expect(await jsm.getAccountInfo()).toMatchObject({
      streams: 0,
      consumers: 0,
      memory: 0,
      storage: 0,
      reserved_memory: 0,
    });
  });

  test("the fields of the answer, in order", async () => {
    const { wire } = peer();
    const answer = await wire.api("INFO");
    expect(Object.keys(answer)).toEqual([
      "type",
      "memory",
      "storage",
      "reserved_memory",
      "reserved_storage",
      "streams",
      "consumers",
      "limits",
      "api",
    ]);
    expect(Object.keys(answer["api"] as object).slice(0, 3)).toEqual(["level", "total", "errors"]);
  });
});

describe("limits of accounts", () => {
  const broker = jetStreamBroker({
    jetstream: "max_mem: 1MB, max_file: 10MB",
    config: `accounts {
      A { jetstream { max_mem: 10K, max_file: 100K, max_streams: 2, max_consumers: 1, max_ack_pending: 50 }, users: [{ user: a, password: a }] }
      B { jetstream: enabled, users: [{ user: b, password: b }] }
      C { users: [{ user: c, password: c }] }
      D { jetstream { max_bytes_required: true, disk_max_stream_bytes: 50K }, users: [{ user: d, password: d }] }
      E { jetstream { mem: 1024, disk: 0 }, users: [{ user: e, password: e }] }
      F { jetstream { mem: 0, disk: 2000 }, users: [{ user: f, password: f }] }
    }`,
  });
  const a = peerOf(broker, modernJetStream, { user: "a", pass: "a" });
  const b = peerOf(broker, modernJetStream, { user: "b", pass: "b" });
  const d = peerOf(broker, modernJetStream, { user: "d", pass: "d" });
  const e = peerOf(broker, modernJetStream, { user: "e", pass: "e" });
  const f = peerOf(broker, modernJetStream, { user: "f", pass: "f" });

  test("they are told", async () => {
    expect((await a().jsm.getAccountInfo()).limits).toMatchObject({
      max_memory: 10_000,
      max_storage: 100_000,
      max_streams: 2,
      max_consumers: 1,
      max_ack_pending: 50,
    });
    expect((await d().jsm.getAccountInfo()).limits).toMatchObject({
      max_bytes_required: true,
      storage_max_stream_bytes: 50_000,
    });
  });

  test("streams and consumers", async () => {
    const { wire, jsm } = a();
    const names = [fresh(), fresh(), fresh()];
    await wire.stream(names[0] ?? "");
    await wire.stream(names[1] ?? "");
    const outcomes = [await wire.outcome(`STREAM.CREATE.${names[2]}`, { name: names[2] })];
    await wire.consumer(names[0] ?? "", "one", { max_ack_pending: 50 });
    const config = { durable_name: "two", ack_policy: "explicit" };
    outcomes.push(await wire.outcome(`CONSUMER.CREATE.${names[0]}.two`, { stream_name: names[0], config }));
    outcomes.push(
      await wire.outcome(`CONSUMER.CREATE.${names[1]}.two`, {
        stream_name: names[1],
        config: { ...config, max_ack_pending: 51 },
      }),
    );
    const defaulted = await wire.consumer(names[1] ?? "", "two");
    expect(outcomes.join(" | ")).toBe(
      "400/10027 maximum number of streams reached | 400/10026 maximum consumers limit reached | 400/10121 consumer max ack pending exceeds system limit of 50",
    );
    expect(defaulted["config"]).toMatchObject({ max_ack_pending: 50 });
    for (const name of names.slice(0, 2)) await jsm.streams.delete(name);
  });

  test("space", async () => {
    const { wire, js, jsm } = a();
    const name = fresh();
    const outcomes = [
      await wire.outcome(`STREAM.CREATE.${name}`, { name, max_bytes: 200_000 }),
      await wire.outcome(`STREAM.CREATE.${name}`, { name, storage: "memory", max_bytes: 20_000 }),
    ];
    await wire.stream(name, { storage: "memory" });
    await js.publish(`${name}.a`, "x".repeat(5000));
    outcomes.push(await apiErrorOf(js.publish(`${name}.a`, "x".repeat(6000))));
    expect(outcomes.join(" | ")).toBe(
      "500/10047 insufficient storage resources available | 500/10028 insufficient memory resources available | 10002 resource limits exceeded for account",
    );
    expect((await js.publish(`${name}.a`, "x".repeat(3000))).seq).toBe(2);
    await jsm.streams.delete(name);
  });

  test("a limit of 0, or one that is spent, refuses every new stream, and lets those there change", async () => {
    const [withoutDisk, withoutMemory] = [e(), f()];
    const [name, other] = [fresh(), fresh()];
    const create = (
      { wire }: ReturnType<typeof e>,
      stream: string,
      storage: string,
      more = {},
    ): Promise<string> => wire.outcome(`STREAM.CREATE.${stream}`, { name: stream, storage, ...more });
    const outcomes = [
      await create(withoutDisk, name, "file"),
      await create(withoutDisk, name, "memory"),
      await create(withoutMemory, name, "memory"),
      await create(withoutMemory, name, "memory", { max_bytes: 1 }),
      await create(withoutMemory, name, "file", { max_bytes: 2000 }),
      await create(withoutMemory, other, "file"),
      await withoutMemory.wire.outcome(`STREAM.UPDATE.${name}`, {
        name,
        storage: "file",
        max_bytes: 2000,
        max_msgs: 5,
      }),
    ];
    expect(outcomes).toEqual([
      "500/10047 insufficient storage resources available",
      "ok",
      "500/10028 insufficient memory resources available",
      "500/10028 insufficient memory resources available",
      "ok",
      "500/10047 insufficient storage resources available",
      "ok",
    ]);
    await withoutDisk.jsm.streams.delete(name);
    await withoutMemory.jsm.streams.delete(name);
  });

  test("streams that must say how large they are", async () => {
    const { wire, jsm } = d();
    const name = fresh();
    const outcomes = [
      await wire.outcome(`STREAM.CREATE.${name}`, { name }),
      await wire.outcome(`STREAM.CREATE.${name}`, { name, max_bytes: 60_000 }),
      await wire.outcome(`STREAM.CREATE.${name}`, { name, max_bytes: 50_000 }),
    ];
    expect(outcomes.join(" | ")).toBe(
      "400/10113 account requires a stream config to have max bytes set | 400/10122 stream max bytes exceeds account limit max stream bytes | ok",
    );
    await jsm.streams.delete(name);
  });

  test("the whole broker", async () => {
    const { wire } = b();
    const name = fresh();
    expect(
      [
        await wire.outcome(`STREAM.CREATE.${name}`, { name, max_bytes: 20_000_000 }),
        await wire.outcome(`STREAM.CREATE.${name}`, { name, max_bytes: 2_000_000, storage: "memory" }),
      ].join(" | "),
    ).toBe(
      "500/10047 insufficient storage resources available | 500/10028 insufficient memory resources available",
    );
  });

  test("streams of accounts are apart", async () => {
    const [one, two] = [a(), b()];
    const name = fresh();
    await one.wire.stream(name, { storage: "memory" });
    await two.wire.stream(name, { storage: "memory" });
    await one.wire.fill(`${name}.a`);
    expect((await two.jsm.streams.info(name)).state.messages).toBe(0);
    await one.jsm.streams.delete(name);
    expect((await two.jsm.streams.info(name)).config.name).toBe(name);
    await two.jsm.streams.delete(name);
  });

  test("an account without", async () => {
    const nc = await modernJetStream.connect({
      servers: broker.process.url,
      user: "c",
      pass: "c",
      reconnect: false,
    });
    try {
      const answer = await nc
        .request("$JS.API.INFO", "", { timeout: 2000 })
        .then((message) => message.json<Answer>().error?.err_code ?? "an answer")
        .catch((error: unknown) => String(error));
      expect(String(answer)).toMatch(/no responders|503|10039/);
      await expect(modernJetStream.manager(nc)).rejects.toThrow();
    } finally {
      await nc.close();
    }
  });
});
