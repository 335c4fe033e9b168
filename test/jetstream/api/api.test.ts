import { describe, expect, test } from "vitest";
import { ApiBench } from "./bench.ts";

describe("requests", () => {
  test("a subject that nobody knows", () => {
    const bench = new ApiBench();
    for (const subject of ["FOO", "STREAM", "STREAM.CREATE", "STREAM.CREATE.a.b", "CONSUMER.INFO.a"]) {
      expect(bench.text(subject)).toBe(
        '{"type":"io.nats.jetstream.api.v1.system_response","error":{"code":400,"err_code":10003,"description":"bad request"}}',
      );
    }
  });

  test("what is for clusters: told so, or not answered", () => {
    const bench = new ApiBench();
    const clustered = ["STREAM.LEADER.STEPDOWN.S", "STREAM.PEER.REMOVE.S", "CONSUMER.LEADER.STEPDOWN.S.c"];
    for (const subject of clustered)
      expect(bench.outcome(subject)).toBe("503/10010 JetStream clustering support required");
    for (const subject of ["META.LEADER.STEPDOWN", "SERVER.REMOVE", "ACCOUNT.PURGE.A"])
      expect(bench.text(subject)).toBe("");
  });

  test("what a stream or consumer answers itself has no taker where there is none", () => {
    const bench = new ApiBench();
    const taken = (subject: string) =>
      bench.world.host.publisher.publish(
        bench.world.account,
        `$JS.API.${subject}`,
        "r",
        null,
        Buffer.alloc(0),
      );
    bench.stream("S");
    for (const subject of ["CONSUMER.MSG.NEXT.S.c", "DIRECT.GET.S", "DIRECT.GET.S.a", "CONSUMER.RESET.S.c"])
      expect([subject, taken(subject)]).toEqual([subject, 0]);
    expect(taken("INFO")).toBe(1);
  });

  test("the level that a request needs", () => {
    const bench = new ApiBench();
    const level = (text: string) => bench.outcome("STREAM.NAMES", "", [`Nats-Required-Api-Level: ${text}`]);
    for (const text of ["0", "1", "4", "-1", "+4"]) expect([text, level(text)]).toEqual([text, "ok"]);
    for (const text of ["5", "99", "x", "4.0"])
      expect([text, level(text)]).toEqual([text, "412/10185 JetStream minimum api level required"]);
  });

  test("nothing is answered within the delivery of the request", () => {
    const bench = new ApiBench();
    const { world } = bench;
    const heard = world.listen("r");
    world.host.publisher.publish(world.account, "$JS.API.INFO", "r", null, Buffer.alloc(0));
    expect(heard.messages).toHaveLength(0);
    world.endPass();
    expect(heard.messages).toHaveLength(1);
  });

  test("a request without a reply is carried out", () => {
    const bench = new ApiBench();
    bench.world.send("$JS.API.STREAM.CREATE.S", '{"name":"S"}');
    expect(bench.outcome("STREAM.INFO.S")).toBe("ok");
  });

  test("too many at once: none of those that wait is answered", () => {
    const bench = new ApiBench({ jetstream: { requestQueueMax: 3 } });
    const { world } = bench;
    const advisories = bench.advisories("$JS.EVENT.ADVISORY.API.LIMIT_REACHED");
    const heard = world.listen("r");
    for (let count = 0; count < 4; count++)
      world.host.publisher.publish(world.account, "$JS.API.STREAM.NAMES", "r", null, Buffer.alloc(0));
    world.endPass();
    expect(heard.messages).toHaveLength(1);
    expect(JSON.parse(advisories.messages[0]?.payload ?? "{}")).toMatchObject({
      type: "io.nats.jetstream.advisory.v1.api_limit_reached",
      server: "test",
      dropped: 3,
    });
  });

  test("characters that mean something in HTML, as Go writes them", () => {
    const bench = new ApiBench();
    bench.stream("S", { subjects: ["s.>"], description: "a < b & c" });
    const text = bench.text("STREAM.INFO.S");
    expect(text).toContain('"subjects":["s.\\u003e"]');
    expect(text).toContain('"description":"a \\u003c b \\u0026 c"');
  });
});

describe("an account", () => {
  test("what it uses and may use", () => {
    const bench = new ApiBench({ limits: { maxMemoryBytes: 1_000, maxStreams: 3 }, domain: "hub" });
    bench.stream("S", { storage: "memory", max_bytes: 200 });
    bench.world.publish("S.a", "12345");
    expect(bench.api("INFO")).toEqual({
      type: "io.nats.jetstream.api.v1.account_info_response",
      memory: 24,
      storage: 0,
      reserved_memory: 200,
      reserved_storage: 0,
      streams: 1,
      consumers: 0,
      limits: {
        max_memory: 1_000,
        max_storage: -1,
        max_streams: 3,
        max_consumers: -1,
        max_ack_pending: -1,
        memory_max_stream_bytes: -1,
        storage_max_stream_bytes: -1,
        max_bytes_required: false,
      },
      domain: "hub",
      api: { level: 4, total: 1, errors: 0 },
    });
  });

  test("requests are counted, but not messages that were found", () => {
    const bench = new ApiBench();
    bench.stream("S");
    bench.world.publish("S.a");
    bench.api("STREAM.INFO.none");
    bench.api("STREAM.MSG.GET.S", { seq: 1 });
    bench.api("STREAM.MSG.GET.S", { seq: 9 });
    expect(bench.api("INFO")["api"]).toEqual({ level: 4, total: 3, errors: 2 });
  });

  test("without JetStream it is told so when it asks, and nothing else is answered", () => {
    const { world } = new ApiBench();
    const other = world.broker.accounts.get("B");
    if (other === undefined) throw new Error("there is an account B");
    const heard: string[] = [];
    world.service.listen(other, "r", null, (message) => {
      heard.push(message.bytes.latin1Slice(message.bodyStart, message.bodyEnd));
    });
    const ask = (subject: string) =>
      world.host.publisher.publish(other, `$JS.API.${subject}`, "r", null, Buffer.alloc(0));
    expect([ask("INFO"), ask("STREAM.NAMES")]).toEqual([1, 0]);
    world.endPass();
    expect(heard).toEqual([
      '{"type":"io.nats.jetstream.api.v1.account_info_response","error":{"code":503,"err_code":10039,"description":"JetStream not enabled for account"}}',
    ]);
  });

  test("that loses JetStream keeps its streams for when it has it again", () => {
    const bench = new ApiBench();
    bench.stream("S");
    bench.world.publish("S.a", "1");
    bench.apply(null);
    expect(bench.outcome("INFO")).toBe("503/10039 JetStream not enabled for account");
    expect(bench.world.publish("S.a", "2")).toBe("");
    bench.apply({});
    expect(bench.world.publish("S.a", "3")).toBe('{"stream":"S","seq":2}');
    expect(bench.api("STREAM.INFO.S")["state"]).toMatchObject({ messages: 2 });
  });
});

describe("limits", () => {
  test("streams", () => {
    const bench = new ApiBench({ limits: { maxStreams: 1 } });
    bench.stream("S");
    expect(bench.outcome("STREAM.CREATE.T", { name: "T" })).toBe(
      "400/10027 maximum number of streams reached",
    );
    expect(bench.outcome("STREAM.CREATE.S", { name: "S", subjects: ["S.>"] })).toBe("ok");
  });

  test("what may be reserved in an account, and what is not reserved twice by an update", () => {
    const bench = new ApiBench({ limits: { maxMemoryBytes: 100, maxStoreBytes: 200 } });
    const memory = (name: string, bytes: number) => ({ name, storage: "memory", max_bytes: bytes });
    expect(bench.outcome("STREAM.CREATE.S", memory("S", 101))).toBe(
      "500/10028 insufficient memory resources available",
    );
    expect(bench.outcome("STREAM.CREATE.S", memory("S", 90))).toBe("ok");
    expect(bench.outcome("STREAM.CREATE.T", memory("T", 11))).toMatch(/10028/);
    expect(bench.outcome("STREAM.UPDATE.S", memory("S", 100))).toBe("ok");
    expect(bench.outcome("STREAM.UPDATE.S", memory("S", 101))).toMatch(/10028/);
    expect(bench.outcome("STREAM.CREATE.F", { name: "F", max_bytes: 201 })).toBe(
      "500/10047 insufficient storage resources available",
    );
  });

  test("what all accounts may reserve, and store", () => {
    const bench = new ApiBench({ jetstream: { maxMemoryBytes: 100 } });
    const stream = { name: "S", subjects: ["S.>"], storage: "memory" };
    expect(bench.outcome("STREAM.CREATE.T", { ...stream, name: "T", max_bytes: 101 })).toMatch(/10028/);
    bench.stream("S", stream);
    expect(bench.world.outcome("S.a", "x".repeat(70))).toBe("1");
    expect(bench.world.outcome("S.a", "x".repeat(70))).toBe("10023 insufficient resources");
    bench.api("STREAM.PURGE.S");
    expect(bench.world.outcome("S.a", "x".repeat(70))).toBe("2");
    bench.apply({}, { maxMemoryBytes: 1_000 });
    expect(bench.world.outcome("S.a", "x".repeat(70))).toBe("3");
  });

  test("what an account may store", () => {
    const bench = new ApiBench({ limits: { maxStoreBytes: 200 } });
    bench.stream("S");
    expect(bench.world.outcome("S.a", "x".repeat(100))).toBe("1");
    expect(bench.world.outcome("S.a", "x".repeat(100))).toBe("10002 resource limits exceeded for account");
    expect(bench.world.outcome("S.a", "x".repeat(10))).toBe("2");
    bench.apply({ maxStoreBytes: 400 });
    expect(bench.world.outcome("S.a", "x".repeat(100))).toBe("3");
  });

  test("of one stream", () => {
    const bench = new ApiBench({
      limits: { storeStreamBytesMax: 50, maxBytesRequired: true, maxConsumers: 2 },
    });
    const outcome = (config: object) => bench.outcome("STREAM.CREATE.S", { name: "S", ...config });
    expect(outcome({})).toBe("400/10113 account requires a stream config to have max bytes set");
    expect(outcome({ max_bytes: 51 })).toBe(
      "400/10122 stream max bytes exceeds account limit max stream bytes",
    );
    expect(outcome({ max_bytes: 50, max_consumers: 3 })).toBe("400/10026 maximum consumers limit reached");
    expect(outcome({ max_bytes: 50, max_consumers: 2 })).toBe("ok");
  });

  test("the window in which ids are known", () => {
    const bench = new ApiBench({
      jetstream: {
        limits: { ...new ApiBench().settings.limits, duplicateWindowMs: 60_000 },
      },
    });
    expect(bench.stream("S")["config"]).toMatchObject({ duplicate_window: 60_000_000_000 });
    expect(bench.outcome("STREAM.CREATE.T", { name: "T", duplicate_window: 120_000_000_000 })).toBe(
      "500/10052 duplicates window can not be larger then server limit of 1m0s",
    );
  });
});

describe("advisories", () => {
  test("each request, with what was asked and answered", () => {
    const bench = new ApiBench({ domain: "hub" });
    const { messages } = bench.advisories("$JS.EVENT.ADVISORY.API");
    const answer = bench.text("STREAM.DELETE.none");
    const { id, timestamp, ...rest } = JSON.parse(messages[0]?.payload ?? "{}") as Record<string, unknown>;
    expect(id).toMatch(/^\w{22}$/);
    expect(timestamp).toMatch(/Z$/);
    expect(rest).toEqual({
      type: "io.nats.jetstream.advisory.v1.api_audit",
      server: "test",
      client: { acc: "A", server: "test" },
      subject: "$JS.API.STREAM.DELETE.none",
      response: answer,
      domain: "hub",
    });
    bench.api("STREAM.NAMES", { offset: 1 });
    expect(JSON.parse(messages[1]?.payload ?? "{}")).toMatchObject({ request: '{"offset":1}' });
  });

  test("nothing is made of what nobody listens to", () => {
    const bench = new ApiBench();
    const heard = bench.advisories("$JS.EVENT.ADVISORY.STREAM.CREATED.>");
    bench.stream("S");
    heard.stop();
    bench.stream("T");
    expect(heard.messages.map(({ subject }) => subject)).toEqual(["$JS.EVENT.ADVISORY.STREAM.CREATED.S"]);
    expect(bench.jetstream.accounts.get("A")?.advisories.isWatched("$JS.EVENT.ADVISORY.API")).toBe(false);
  });
});
