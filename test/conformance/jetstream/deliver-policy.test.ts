import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { jetStreamLibraries, peerOf } from "../../fixture/jetstream-libraries.ts";
import { fieldsOf, fresh } from "../../fixture/jetstream-wire.ts";
import { patienceMs } from "../../fixture/waiting.ts";

// Where a consumer begins, and which messages are for it.

const broker = jetStreamBroker();

describe.each(jetStreamLibraries)("deliver policy, $name", (library) => {
  const peer = peerOf(broker, library);

  /** a, b, a, c, b as sequences 1 to 5. */
  async function filled(): Promise<string> {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name, { storage: "memory" });
    await wire.fill(...["a", "b", "a", "c", "b"].map((tail) => `${name}.${tail}`));
    return name;
  }

  /** What a consumer says of itself and then delivers, before and after further messages on a and d. */
  async function story(name: string, config: object): Promise<string> {
    const { jsm, js, wire } = peer();
    const consumer = fresh("c");
    const full = { durable_name: consumer, ack_policy: "explicit" as const, ...config };
    const info = await jsm.consumers.add(name, full);
    await wire.fill(`${name}.a`, `${name}.d`);
    const seen: number[] = [];
    const messages = await (await js.consumers.get(name, consumer)).fetch({
      max_messages: 20,
      expires: patienceMs,
    });
    for await (const message of messages) {
      seen.push(message.seq);
      if (message.info.pending === 0) break;
    }
    return `pending ${info.num_pending}, after ${info.delivered.stream_seq}: ${seen.join()}`;
  }

  test.each([
    ["all", {}, "pending 5, after 0: 1,2,3,4,5,6,7"],
    ["new", { deliver_policy: "new" }, "pending 0, after 5: 6,7"],
    ["last", { deliver_policy: "last" }, "pending 1, after 4: 5,6,7"],
    [
      "a sequence",
      { deliver_policy: "by_start_sequence", opt_start_seq: 3 },
      "pending 3, after 2: 3,4,5,6,7",
    ],
    [
      "a sequence to come",
      { deliver_policy: "by_start_sequence", opt_start_seq: 7 },
      "pending 0, after 6: 7",
    ],
    [
      "a time long ago",
      { deliver_policy: "by_start_time", opt_start_time: "2020-01-01T00:00:00Z" },
      "pending 5, after 0: 1,2,3,4,5,6,7",
    ],
    [
      "the last of each",
      { deliver_policy: "last_per_subject", filter_subject: "<name>.>" },
      "pending 3, after 2: 3,4,5,6,7",
    ],
    [
      "the last of each without a filter",
      { deliver_policy: "last_per_subject", filter_subject: ">" },
      "pending 3, after 2: 3,4,5,6,7",
    ],
    ["one subject", { filter_subject: "<name>.b" }, "pending 2, after 0: 2,5"],
    [
      "the last of one subject",
      { deliver_policy: "last", filter_subject: "<name>.a" },
      "pending 1, after 2: 3,6",
    ],
    ["some subjects", { filter_subjects: ["<name>.b", "<name>.c"] }, "pending 3, after 0: 2,4,5"],
    [
      "the last of a subject without messages",
      { deliver_policy: "last", filter_subject: "<name>.none" },
      "pending 0, after 0: ",
    ],
    [
      "the last of some subjects",
      { deliver_policy: "last", filter_subjects: ["<name>.a", "<name>.c"] },
      "pending 1, after 3: 4,6",
    ],
    [
      "the last of each of some",
      { deliver_policy: "last_per_subject", filter_subjects: ["<name>.a", "<name>.b"] },
      "pending 2, after 2: 3,5,6",
    ],
    [
      "the new of one subject",
      { deliver_policy: "new", filter_subject: "<name>.d" },
      "pending 0, after 5: 7",
    ],
    [
      "a sequence of one subject",
      { deliver_policy: "by_start_sequence", opt_start_seq: 2, filter_subject: "<name>.a" },
      "pending 1, after 1: 3,6",
    ],
    ["a wildcard", { filter_subject: "*.a" }, "pending 2, after 0: 1,3,6"],
  ] as [string, object, string][])("%s", async (_title, config, expected) => {
    const name = await filled();
    const named = JSON.parse(JSON.stringify(config).replaceAll("<name>", name)) as object;
    expect(await story(name, named)).toBe(expected);
  });

  test("a time in between", async () => {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name);
    await wire.fill(`${name}.a`, `${name}.a`);
    await new Promise((resolve) => setTimeout(resolve, 30));
    const opt_start_time = new Date().toISOString();
    await wire.fill(`${name}.b`);
    expect(await story(name, { deliver_policy: "by_start_time", opt_start_time })).toBe(
      "pending 1, after 2: 3,4,5",
    );
  });

  test("an empty stream", async () => {
    const { wire } = peer();
    for (const policy of ["all", "last", "new"]) {
      const name = fresh();
      await wire.stream(name);
      expect(await story(name, { deliver_policy: policy })).toBe("pending 0, after 0: 1,2");
    }
  });

  test("a stream that has lost its beginning", async () => {
    const { jsm } = peer();
    const name = await filled();
    await jsm.streams.purge(name, { seq: 4 });
    expect(await story(name, {})).toBe("pending 2, after 3: 4,5,6,7");
    const other = await filled();
    await jsm.streams.purge(other);
    expect(await story(other, { deliver_policy: "by_start_sequence", opt_start_seq: 2 })).toBe(
      "pending 0, after 5: 6,7",
    );
  });

  test("headers only", async () => {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name);
    await wire.publish(`${name}.a`, "12345", { Own: "1" });
    await wire.publish(`${name}.a`, "");
    await wire.consumer(name, "c", { headers_only: true });
    const inbox = await wire.pull(name, "c", "2");
    const messages = [await inbox.next(), await inbox.next()];
    expect(messages.map((message) => [message.string(), fieldsOf(message)])).toEqual([
      ["", { Own: "1", "Nats-Msg-Size": "5" }],
      ["", { "Nats-Msg-Size": "0" }],
    ]);
    inbox.close();
  });

  test("filters that are changed", async () => {
    const { jsm, js } = peer();
    const name = await filled();
    await jsm.consumers.add(name, { durable_name: "c", ack_policy: "explicit", filter_subject: `${name}.a` });
    const consumer = await js.consumers.get(name, "c");
    expect((await consumer.next({ expires: patienceMs }))?.seq).toBe(1);
    const info = await jsm.consumers.update(name, "c", {
      filter_subjects: [`${name}.b`, `${name}.c`],
      filter_subject: "",
    });
    expect(info.num_pending).toBe(3);
    expect((await consumer.next({ expires: patienceMs }))?.seq).toBe(2);
    expect((await consumer.next({ expires: patienceMs }))?.seq).toBe(4);
  });

  test("at the pace of the original", async () => {
    const { jsm, js, wire } = peer();
    const name = fresh();
    await wire.stream(name);
    for (let index = 0; index < 3; index++) {
      await js.publish(`${name}.a`);
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
    await jsm.consumers.add(name, { durable_name: "c", ack_policy: "explicit", replay_policy: "original" });
    const startMs = performance.now();
    const times: number[] = [];
    const messages = await (await js.consumers.get(name, "c")).fetch({
      max_messages: 3,
      expires: patienceMs,
    });
    for await (const _ of messages) times.push(performance.now());
    expect((times[1] ?? 0) - startMs).toBeGreaterThan(100);
    expect((times[2] ?? 0) - startMs).toBeGreaterThan(250);
  });
});
