import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import {
  apiErrorOf,
  jetStreamLibraries,
  modernJetStream,
  peerOf,
} from "../../fixture/jetstream-libraries.ts";
import { becomes, fresh } from "../../fixture/jetstream-wire.ts";

// Consumers come, change, are described and go.

const broker = jetStreamBroker();
const second = 1_000_000_000;

describe.each(jetStreamLibraries)("consumers, $name", (library) => {
  const peer = peerOf(broker, library);

  async function filled(count = 3): Promise<string> {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name, { storage: "memory" });
    await wire.fill(...Array<string>(count).fill(`${name}.a`));
    return name;
  }

  test("a durable that is made is described with every default", async () => {
    const { jsm } = peer();
    const name = await filled();
    const info = await jsm.consumers.add(name, { durable_name: "c", ack_policy: "explicit" });
    const { metadata, ...config } = info.config;
    expect(metadata?.["_nats.req.level"]).toBe("0");
    expect(config).toEqual({
      durable_name: "c",
      name: "c",
      deliver_policy: "all",
      ack_policy: "explicit",
      ack_wait: 30 * second,
      max_deliver: -1,
      replay_policy: "instant",
      max_waiting: 512,
      max_ack_pending: 1000,
      num_replicas: 0,
    });
    const {
      created,
      ts,
      config: _config,
      cluster: _cluster,
      type: _type,
      ...rest
    } = info as typeof info & { type: string };
    expect(rest).toEqual({
      stream_name: name,
      name: "c",
      delivered: { consumer_seq: 0, stream_seq: 0 },
      ack_floor: { consumer_seq: 0, stream_seq: 0 },
      num_ack_pending: 0,
      num_redelivered: 0,
      num_waiting: 0,
      num_pending: 3,
    });
    expect(Date.parse(ts ?? "")).toBeGreaterThanOrEqual(Date.parse(created));
  });

  test("list, names and delete", async () => {
    const { jsm, wire } = peer();
    const name = await filled();
    for (const consumer of ["b", "a", "c"]) await wire.consumer(name, consumer);
    expect((await jsm.consumers.list(name).next()).map((info) => info.name).sort()).toEqual(["a", "b", "c"]);
    expect((await jsm.streams.info(name)).state.consumer_count).toBe(3);
    expect(await jsm.consumers.delete(name, "b")).toBe(true);
    expect(await apiErrorOf(jsm.consumers.delete(name, "b"))).toBe("10014 consumer not found");
    expect(await apiErrorOf(jsm.consumers.info(name, "b"))).toBe("10014 consumer not found");
    expect((await jsm.streams.info(name)).state.consumer_count).toBe(2);
  });

  test("making it again is no change, unless it is to be otherwise", async () => {
    const { jsm } = peer();
    const name = await filled();
    const config = { durable_name: "c", ack_policy: "explicit" as const };
    const first = await jsm.consumers.add(name, config);
    const again = await jsm.consumers.add(name, config);
    expect(again.created).toBe(first.created);
    expect(await apiErrorOf(jsm.consumers.add(name, { ...config, ack_wait: second }))).toBe(
      "10148 consumer already exists",
    );
  });

  test("an update changes what it names and keeps where it is", async () => {
    const { jsm, js } = peer();
    const name = await filled();
    await jsm.consumers.add(name, { durable_name: "c", ack_policy: "explicit" });
    await (await js.consumers.get(name, "c")).next({ expires: 1000 });
    const info = await jsm.consumers.update(name, "c", {
      description: "changed",
      ack_wait: 5 * second,
      max_deliver: 7,
      max_ack_pending: 9,
      metadata: { a: "b" },
    });
    expect(info.config).toMatchObject({
      description: "changed",
      ack_wait: 5 * second,
      max_deliver: 7,
      max_ack_pending: 9,
      metadata: { a: "b" },
    });
    expect(info).toMatchObject({ num_ack_pending: 1, delivered: { stream_seq: 1 }, num_pending: 2 });
  });

  test("one without a durable name goes when nobody uses it", async () => {
    const { jsm } = peer();
    const name = await filled();
    const info = await jsm.consumers.add(name, { ack_policy: "none", inactive_threshold: 200_000_000 });
    expect(info.config.durable_name).toBeUndefined();
    expect(info.name.length).toBeGreaterThan(0);
    await becomes(async () => (await jsm.consumers.list(name).next()).length, 0);
  });

  test("one that is used stays", async () => {
    const { jsm, js } = peer();
    const name = await filled();
    const info = await jsm.consumers.add(name, {
      ack_policy: "none",
      name: "e",
      inactive_threshold: 700_000_000,
    });
    expect(info.name).toBe("e");
    const consumer = await js.consumers.get(name, "e");
    for (let index = 0; index < 4; index++) {
      await new Promise((resolve) => setTimeout(resolve, 300));
      await consumer.next({ expires: 1000 }).catch(() => null);
      if (index === 2) expect(await jsm.consumers.info(name, "e")).toMatchObject({ name: "e" });
      if (index === 2) break;
    }
  });

  test("a durable with a threshold goes as well", async () => {
    const { jsm } = peer();
    const name = await filled();
    await jsm.consumers.add(name, {
      durable_name: "d",
      ack_policy: "explicit",
      inactive_threshold: 200_000_000,
    });
    await becomes(async () => (await jsm.consumers.list(name).next()).length, 0);
  });
});

describe("consumer requests", () => {
  const peer = peerOf(broker, modernJetStream);

  async function filled(): Promise<string> {
    const { wire } = peer();
    const name = fresh("STREAM");
    await wire.stream(name, { storage: "memory" });
    await wire.consumer(name, "old", { description: "old" });
    return name;
  }

  const named = { durable_name: "c", ack_policy: "explicit" };
  /** Subject after CONSUMER., body (stream_name is set unless it is there), outcome. */
  const requests: [string, string, object, string][] = [
    ["a name in the subject", "CREATE.<name>.c", { config: named }, "ok"],
    ["a name in the subject alone", "CREATE.<name>.c", { config: { ack_policy: "explicit" } }, "ok"],
    ["no name", "CREATE.<name>", { config: { ack_policy: "explicit" } }, "ok"],
    ["a name in the body alone", "CREATE.<name>", { config: { name: "c" } }, "ok"],
    [
      "a durable name in the body alone",
      "CREATE.<name>",
      { config: named },
      "400/10020 consumer expected to be ephemeral but a durable name was set in request",
    ],
    [
      "another name in the subject",
      "CREATE.<name>.d",
      { config: named },
      "400/10017 consumer name in subject does not match durable name in request",
    ],
    [
      "another stream",
      "CREATE.<name>.c",
      { config: named, stream_name: "OTHER" },
      "400/10056 stream name in subject does not match request",
    ],
    [
      "no stream",
      "CREATE.<name>.c",
      { config: named, stream_name: "" },
      "400/10056 stream name in subject does not match request",
    ],
    [
      "a stream that is not there",
      "CREATE.NONE.c",
      { config: named, stream_name: "NONE" },
      "404/10059 stream not found",
    ],
    ["no config", "CREATE.<name>.c", {}, "ok"],
    [
      "a filter in the subject",
      "CREATE.<name>.c.<name>.a",
      { config: { ...named, filter_subject: "<name>.a" } },
      "ok",
    ],
    [
      "another filter in the subject",
      "CREATE.<name>.c.<name>.b",
      { config: { ...named, filter_subject: "<name>.a" } },
      "400/10131 Consumer create request did not match filtered subject from create subject",
    ],
    [
      "a filter in the subject alone",
      "CREATE.<name>.c.<name>.b",
      { config: named },
      "400/10131 Consumer create request did not match filtered subject from create subject",
    ],
    [
      "filters and one in the subject",
      "CREATE.<name>.c.<name>.b",
      { config: { ...named, filter_subjects: ["<name>.b"] } },
      "400/10137 consumer with multiple subject filters cannot use subject based API",
    ],
    ["the old way", "DURABLE.CREATE.<name>.c", { config: named }, "ok"],
    [
      "the old way without a name",
      "DURABLE.CREATE.<name>.c",
      { config: { ack_policy: "explicit" } },
      "400/10018 consumer expected to be durable but a durable name was not set",
    ],
    [
      "the old way with another name",
      "DURABLE.CREATE.<name>.d",
      { config: named },
      "400/10017 consumer name in subject does not match durable name in request",
    ],
    [
      "a name with a slash",
      "CREATE.<name>.a/b",
      { config: { ack_policy: "explicit" } },
      "400/10127 Consumer name can not contain path separators",
    ],
    [
      "a name with a backslash",
      "CREATE.<name>.a\\b",
      { config: { ack_policy: "explicit" } },
      "400/10127 Consumer name can not contain path separators",
    ],
    [
      "a name with a dot in the body",
      "CREATE.<name>",
      { config: { name: "a.b" } },
      "500/10052 consumer name can not contain '.', '*', '>', '\\', '/'",
    ],
    [
      "a name with a blank in the body",
      "CREATE.<name>",
      { config: { name: "a b" } },
      "500/10052 consumer name can not contain '.', '*', '>', '\\', '/'",
    ],
    ["a long name", `CREATE.<name>.${"x".repeat(256)}`, { config: {} }, "ok"],
    [
      "a long durable name",
      `CREATE.<name>.${"x".repeat(256)}`,
      { config: { durable_name: "x".repeat(256) } },
      "400/10102 consumer name is too long, maximum allowed is 255",
    ],
    ["a create of what is new", "CREATE.<name>.c", { config: named, action: "create" }, "ok"],
    [
      "a create of what is there",
      "CREATE.<name>.old",
      { config: { durable_name: "old", ack_policy: "explicit" }, action: "create" },
      "400/10148 consumer already exists",
    ],
    [
      "a create of the same",
      "CREATE.<name>.old",
      { config: { durable_name: "old", ack_policy: "explicit", description: "old" }, action: "create" },
      "ok",
    ],
    [
      "an update of what is new",
      "CREATE.<name>.c",
      { config: named, action: "update" },
      "400/10149 consumer does not exist",
    ],
    [
      "an update of what is there",
      "CREATE.<name>.old",
      { config: { durable_name: "old", ack_policy: "explicit" }, action: "update" },
      "ok",
    ],
    [
      "either of what is there",
      "CREATE.<name>.old",
      { config: { durable_name: "old", ack_policy: "explicit" } },
      "ok",
    ],
    [
      "an unknown action",
      "CREATE.<name>.c",
      { config: named, action: "remove" },
      '400/10025 invalid JSON: unknown consumer action: "remove"',
    ],
    [
      "an unknown field",
      "CREATE.<name>.c",
      { config: named, more: 1 },
      '400/10025 invalid JSON: json: unknown field "more"',
    ],
    [
      "another deliver policy",
      "CREATE.<name>.old",
      { config: { durable_name: "old", ack_policy: "explicit", deliver_policy: "new" } },
      "500/10012 deliver policy can not be updated",
    ],
    [
      "another ack policy",
      "CREATE.<name>.old",
      { config: { durable_name: "old", ack_policy: "all" } },
      "500/10012 ack policy can not be updated",
    ],
    [
      "another replay policy",
      "CREATE.<name>.old",
      { config: { durable_name: "old", ack_policy: "explicit", replay_policy: "original" } },
      "500/10012 replay policy can not be updated",
    ],
    [
      "a push made of a pull",
      "CREATE.<name>.old",
      { config: { durable_name: "old", ack_policy: "explicit", deliver_subject: "x" } },
      "500/10012 can not update pull consumer to push based",
    ],
    [
      "other waiting requests",
      "CREATE.<name>.old",
      { config: { durable_name: "old", ack_policy: "explicit", max_waiting: 5 } },
      "500/10012 max waiting can not be updated",
    ],
    [
      "another start",
      "CREATE.<name>.old",
      {
        config: {
          durable_name: "old",
          ack_policy: "explicit",
          deliver_policy: "by_start_sequence",
          opt_start_seq: 5,
        },
      },
      "500/10012 deliver policy can not be updated",
    ],
    [
      "a durable made of none",
      "CREATE.<name>.old",
      { config: { name: "old", ack_policy: "explicit" } },
      "ok",
    ],
    [
      "memory for a file",
      "CREATE.<name>.old",
      { config: { durable_name: "old", ack_policy: "explicit", mem_storage: true } },
      "500/10012 storage type can not be updated",
    ],
    [
      "headers only",
      "CREATE.<name>.old",
      { config: { durable_name: "old", ack_policy: "explicit", headers_only: true } },
      "ok",
    ],
    [
      "other deliveries",
      "CREATE.<name>.old",
      { config: { durable_name: "old", ack_policy: "explicit", max_deliver: 3 } },
      "ok",
    ],
    [
      "a backoff",
      "CREATE.<name>.old",
      { config: { durable_name: "old", ack_policy: "explicit", backoff: [second], max_deliver: 3 } },
      "ok",
    ],
    ["info with a body", "INFO.<name>.old", { a: 1 }, "400/10038 expected an empty request payload"],
    ["info of none", "INFO.<name>.none", {}, "404/10014 consumer not found"],
    ["delete with a body", "DELETE.<name>.old", { a: 1 }, "400/10038 expected an empty request payload"],
    ["delete of none", "DELETE.<name>.none", {}, "404/10014 consumer not found"],
  ];

  test.each(requests)("%s", async (_title, subject, body, expected) => {
    const { wire } = peer();
    const name = await filled();
    const isCreate = subject.includes("CREATE");
    const text = JSON.stringify(isCreate ? { stream_name: name, ...body } : body).replaceAll("<name>", name);
    const outcome = await wire.outcome(
      `CONSUMER.${subject.replaceAll("<name>", name)}`,
      text === JSON.stringify({}) ? "" : text,
    );
    expect(outcome.replaceAll(name, "<name>")).toBe(expected);
  });

  test("pedantic: what would be corrected is refused", async () => {
    const { wire } = peer();
    const name = await filled();
    const outcomes: string[] = [];
    for (const config of [
      { max_deliver: -5 },
      { backoff: [second], ack_wait: 2 * second },
      { max_waiting: -2 },
      { max_batch: -1 },
    ]) {
      const body = { stream_name: name, config: { ...named, ...config }, pedantic: true };
      outcomes.push(await wire.outcome(`CONSUMER.CREATE.${name}.c`, body));
    }
    expect(outcomes).toMatchInlineSnapshot(`
      [
        "400/10157 pedantic mode: max_deliver must be set to -1",
        "400/10157 pedantic mode: first backoff value has to equal batch AckWait",
        "400/10157 pedantic mode: max_waiting must not be negative",
        "400/10157 pedantic mode: max_batch must not be negative",
      ]
    `);
  });

  test("a pull consumer that waits counts its requests", async () => {
    const { wire, jsm } = peer();
    const name = await filled();
    const inbox = await wire.pull(name, "old", { batch: 3, expires: 60 * second });
    expect((await jsm.consumers.info(name, "old")).num_waiting).toBe(1);
    await wire.fill(`${name}.a`, `${name}.a`);
    await inbox.take(2);
    const info = await jsm.consumers.info(name, "old");
    expect(info).toMatchObject({ num_waiting: 1, num_ack_pending: 2 });
    expect(Date.parse(String(info.delivered.last_active))).toBeGreaterThan(Date.now() - 60_000);
    inbox.close();
  });
});
