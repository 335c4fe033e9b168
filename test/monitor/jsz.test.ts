import { describe, expect, test } from "vitest";
import { ApiBench } from "../jetstream/api/bench.ts";
import { MonitorBench } from "./fixture.ts";

interface Jsz {
  readonly account_details?: readonly {
    readonly name: string;
    readonly stream_detail?: readonly { readonly name: string; readonly [field: string]: unknown }[];
    readonly [field: string]: unknown;
  }[];
  readonly [field: string]: unknown;
}

/** Two streams in the account `A`, one of them with a consumer. */
function benches() {
  const api = new ApiBench({
    jetstream: { storeDir: "/d", domain: "hub" },
    limits: { maxMemoryBytes: 1_000 },
  });
  api.stream("S", { storage: "memory", max_bytes: 500 });
  api.stream("T");
  for (const subject of ["S.a", "S.b", "T.a"]) api.world.publish(subject, "x");
  api.api("CONSUMER.CREATE.T.c", {
    stream_name: "T",
    config: { name: "c", durable_name: "c", ack_policy: "explicit" },
  });
  const monitor = new MonitorBench({ jetstream: api.settings }, { jetstream: () => api.jetstream });
  return { api, jsz: (query = "") => monitor.json<Jsz>(`/jsz${query}`), monitor };
}

describe("/jsz", () => {
  test("all of it in numbers", () => {
    const { jsz } = benches();
    const { now, server_id, ...rest } = jsz();
    expect([typeof now, typeof server_id]).toEqual(["string", "string"]);
    expect(rest).toEqual({
      memory: 40,
      storage: 34,
      reserved_memory: 500,
      reserved_storage: 0,
      accounts: 1,
      ha_assets: 0,
      api: { level: 4, total: 3, errors: 0 },
      config: {
        max_memory: Number.MAX_SAFE_INTEGER,
        max_storage: Number.MAX_SAFE_INTEGER,
        store_dir: "/d/jetstream",
        sync_interval: 120_000_000_000,
        sync_always: true,
        domain: "hub",
        compress_ok: true,
        strict: true,
      },
      limits: {},
      streams: 2,
      consumers: 1,
      messages: 3,
      bytes: 74,
      total: 1,
    });
  });

  test("accounts, with limits as Go shows those that there are not", () => {
    const { jsz, monitor } = benches();
    const [account] = jsz("?accounts=1").account_details ?? [];
    expect(account).toMatchObject({ name: "A", id: "A", memory: 40, storage: 34, reserved_memory: 1_000 });
    expect(account?.stream_detail).toBeUndefined();
    expect(monitor.get("/jsz?accounts=1").body).toContain('"reserved_storage": 18446744073709551615');
  });

  test("streams and consumers, with their configuration when it is asked for", () => {
    const { jsz } = benches();
    const streams = (query: string) => jsz(query).account_details?.[0]?.stream_detail ?? [];
    expect(streams("?streams=1").map(({ name, config }) => [name, config])).toEqual([
      ["S", undefined],
      ["T", undefined],
    ]);
    const [first, second] = streams("?consumers=1&config=1");
    expect(first).toMatchObject({
      config: { name: "S" },
      state: { messages: 2 },
      cluster: { leader: "test" },
    });
    expect(first).not.toHaveProperty("consumer_detail");
    expect(second).toMatchObject({ consumer_detail: [{ name: "c", config: { durable_name: "c" } }] });
    const [plain] = (streams("?consumers=1")[1]?.["consumer_detail"] ?? []) as { config?: unknown }[];
    expect(plain).toBeDefined();
    expect(plain?.config).toBeUndefined();
  });

  test("one account, and pages", () => {
    const { jsz } = benches();
    expect(jsz("?acc=A").account_details).toHaveLength(1);
    expect(jsz("?acc=A&streams=1").account_details?.[0]?.stream_detail).toHaveLength(2);
    expect(jsz("?acc=none&streams=1").account_details).toBeUndefined();
    expect(jsz("?accounts=1&offset=1").account_details).toBeUndefined();
    expect(jsz("?leader-only=1")["streams"]).toBe(2);
  });

  test("limits that were set", () => {
    const { limits } = new ApiBench().settings;
    const batch = { maxInflightPerStream: 1, maxInflightTotal: 2, maxMessages: 3, timeoutMs: 4 };
    const set = { ...limits, maxAckPending: 5, maxRequestBatch: 6, duplicateWindowMs: 7, batch };
    const api = new ApiBench({ jetstream: { limits: set, syncIntervalMs: 1_000 } });
    const monitor = new MonitorBench({}, { jetstream: () => api.jetstream });
    expect(monitor.json<Jsz>("/jsz")).toMatchObject({
      config: { sync_interval: 1_000_000_000 },
      limits: {
        max_request_batch: 6,
        max_ack_pending: 5,
        max_duplicate_window: 7_000_000,
        max_batch_inflight_per_stream: 1,
        max_batch_inflight_total: 2,
        max_batch_size: 3,
        max_batch_timeout: 4_000_000,
      },
    });
  });

  test("without JetStream", () => {
    const monitor = new MonitorBench();
    expect(monitor.json<Jsz>("/jsz")).toMatchObject({
      disabled: true,
      streams: 0,
      config: { max_memory: 0 },
    });
    expect(monitor.get("/jsz?leader-only=1")).toMatchObject({
      status: 400,
      body: "filtered response: not leader",
    });
  });

  test("/varz and /accountz", () => {
    const { api, monitor } = benches();
    monitor.broker.accounts.set("A", api.world.account);
    expect(monitor.json<object>("/varz")).toMatchObject({
      jetstream: { config: { store_dir: "/d/jetstream" }, stats: { memory: 40, api: { level: 4 } } },
    });
    expect(new MonitorBench().json<object>("/varz")).toMatchObject({ jetstream: {} });
    expect(monitor.json<object>("/accountz?acc=A")).toMatchObject({
      account_detail: { jetstream_enabled: true },
    });
  });
});

describe("/healthz", () => {
  const cases: [string, number, object][] = [
    ["", 200, { status: "ok" }],
    ["?account=A&stream=T&consumer=c", 200, { status: "ok" }],
    ["?account=X", 404, { status: "unavailable", error: 'JetStream account "X" not found' }],
    [
      "?account=A&stream=X",
      404,
      { status: "unavailable", error: 'JetStream stream "X" not found on account "A"' },
    ],
    [
      "?account=A&stream=S&consumer=c",
      404,
      { status: "unavailable", error: 'JetStream consumer "c" not found for stream "S" on account "A"' },
    ],
    ["?account=X&js-server-only=1", 200, { status: "ok" }],
    ["?account=X&js-enabled-only=1", 200, { status: "ok" }],
    [
      "?account=A&stream=X&details=1",
      404,
      {
        status: "error",
        errors: [
          {
            type: "STREAM",
            account: "A",
            stream: "X",
            error: 'JetStream stream "X" not found on account "A"',
          },
        ],
      },
    ],
    ["?stream=S", 400, { status: "error", error: '"account" must not be empty when checking stream health' }],
  ];
  test.each(cases)("%j", (query, status, body) => {
    const answer = benches().monitor.get(`/healthz${query}`);
    expect([answer.status, JSON.parse(answer.body) as unknown]).toEqual([status, body]);
  });

  test("JetStream that is asked for and not there", () => {
    const { api } = benches();
    const monitor = new MonitorBench({ jetstream: api.settings });
    expect(monitor.get("/healthz")).toMatchObject({
      status: 503,
      body: '{"status":"unavailable","error":"JetStream not enabled (10076)"}',
    });
  });

  test("a stream that could not be brought back", () => {
    const { api, monitor } = benches();
    api.world.store.create("A", "LOST", "file");
    api.apply(null);
    api.apply({});
    expect(monitor.get("/healthz")).toMatchObject({
      status: 503,
      body: '{"status":"unavailable","error":"JetStream stream \'A \\u003e LOST\' could not be recovered"}',
    });
  });
});
