import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { apiErrorOf, jetStreamLibraries, peerOf } from "../../fixture/jetstream-libraries.ts";
import { fresh } from "../../fixture/jetstream-wire.ts";
import { eventually } from "../../fixture/waiting.ts";

// Limits of a stream: what gives way to what is new, and what is refused.

const broker = jetStreamBroker();

describe.each(jetStreamLibraries)("limits, $name", (library) => {
  const peer = peerOf(broker, library);

  /** The sequences that a stream still has. */
  async function kept(name: string): Promise<number[]> {
    const { jsm } = peer();
    const { state } = await jsm.streams.info(name, { deleted_details: true });
    const gone = new Set(state.deleted);
    const all = Array.from({ length: state.last_seq - state.first_seq + 1 }, (_, at) => state.first_seq + at);
    const left = all.filter((sequence) => !gone.has(sequence));
    expect(state.messages).toBe(left.length);
    return left;
  }

  test.each(["file", "memory"])("messages, in %s", async (storage) => {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name, { storage, max_msgs: 3 });
    await wire.fill(...Array<string>(10).fill(`${name}.a`));
    expect(await kept(name)).toEqual([8, 9, 10]);
  });

  test("messages of a subject", async () => {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name, { max_msgs_per_subject: 2 });
    await wire.fill(...["a", "b", "a", "a", "c", "b", "b"].map((tail) => `${name}.${tail}`));
    expect(await kept(name)).toEqual([3, 4, 5, 6, 7]);
    await wire.api(`STREAM.UPDATE.${name}`, { name, subjects: [`${name}.>`], max_msgs_per_subject: 1 });
    expect(await kept(name)).toEqual([4, 5, 7]);
  });

  test("messages of a subject and in all", async () => {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name, { max_msgs_per_subject: 2, max_msgs: 3 });
    await wire.fill(...["a", "b", "c", "d", "d", "d"].map((tail) => `${name}.${tail}`));
    expect(await kept(name)).toEqual([3, 5, 6]);
  });

  test("bytes", async () => {
    const { js, wire } = peer();
    const name = fresh();
    // Memory counts subject, payload and 16 bytes.
    const size = `${name}.a`.length + 100 + 16;
    await wire.stream(name, { storage: "memory", max_bytes: 3 * size });
    for (let index = 0; index < 6; index++) await js.publish(`${name}.a`, "x".repeat(100));
    expect(await kept(name)).toEqual([4, 5, 6]);
    await js.publish(`${name}.a`, "x".repeat(101));
    expect(await kept(name)).toEqual([6, 7]);
    // Room was left by one that had to go for a single byte more.
    await js.publish(`${name}.a`, "");
    expect(await kept(name)).toEqual([6, 7, 8]);
  });

  test("age", async () => {
    const { js, jsm, wire } = peer();
    const name = fresh();
    await wire.stream(name, { max_age: 400_000_000 });
    await wire.fill(`${name}.a`, `${name}.b`);
    await new Promise((resolve) => setTimeout(resolve, 250));
    await js.publish(`${name}.c`);
    expect(await kept(name)).toEqual([1, 2, 3]);
    let messages = 3;
    const deadline = performance.now() + 8000;
    while (messages > 1 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      messages = (await jsm.streams.info(name)).state.messages;
    }
    expect((await jsm.streams.info(name)).state.first_seq).toBeGreaterThanOrEqual(3);
  });

  test("age of what is there already", async () => {
    const { jsm, wire } = peer();
    const name = fresh();
    await wire.stream(name);
    await wire.fill(`${name}.a`);
    await new Promise((resolve) => setTimeout(resolve, 150));
    await jsm.streams.update(name, { max_age: 100_000_000, duplicate_window: 100_000_000 });
    let messages = 1;
    await eventually(() => {
      void jsm.streams.info(name).then((info) => {
        messages = info.state.messages;
      });
      return messages === 0;
    }, "the message has expired");
    expect(await kept(name)).toEqual([]);
  });

  test("new messages are refused instead", async () => {
    const { js, jsm, wire } = peer();
    const name = fresh();
    await wire.stream(name, { max_msgs: 2, discard: "new" });
    await wire.fill(`${name}.a`, `${name}.b`);
    expect(await apiErrorOf(js.publish(`${name}.c`))).toBe("10077 maximum messages exceeded");
    await jsm.streams.deleteMessage(name, 1);
    expect((await js.publish(`${name}.c`)).seq).toBe(3);
    expect(await apiErrorOf(js.publish(`${name}.c`))).toBe("10077 maximum messages exceeded");
    expect(await kept(name)).toEqual([2, 3]);
  });

  test("new messages are refused by size", async () => {
    const { js, wire } = peer();
    const name = fresh();
    await wire.stream(name, { max_bytes: 1000, discard: "new" });
    await js.publish(`${name}.a`, "x".repeat(600));
    expect(await apiErrorOf(js.publish(`${name}.a`, "x".repeat(600)))).toBe("10077 maximum bytes exceeded");
    expect((await js.publish(`${name}.a`, "x".repeat(100))).seq).toBe(2);
  });

  test("new messages are refused by subject", async () => {
    const { js, wire } = peer();
    const name = fresh();
    const config = { max_msgs_per_subject: 1, discard: "new", discard_new_per_subject: true };
    await wire.stream(name, { ...config, allow_rollup_hdrs: true });
    await wire.fill(`${name}.a`, `${name}.b`);
    expect(await apiErrorOf(js.publish(`${name}.a`))).toBe("10077 maximum messages per subject exceeded");
    const headers = library.headers();
    headers.set("Nats-Rollup", "sub");
    expect((await js.publish(`${name}.a`, "", { headers })).seq).toBe(3);
    expect(await kept(name)).toEqual([2, 3]);
  });

  test("the size of a message", async () => {
    const { js, wire } = peer();
    const name = fresh();
    await wire.stream(name, { max_msg_size: 100 });
    expect((await js.publish(`${name}.a`, "x".repeat(70))).seq).toBe(1);
    expect(await apiErrorOf(js.publish(`${name}.a`, "x".repeat(101)))).toBe(
      "10054 message size exceeds maximum allowed",
    );
  });

  test("consumers", async () => {
    const { jsm, wire } = peer();
    const name = fresh();
    await wire.stream(name, { max_consumers: 1 });
    await wire.consumer(name, "one");
    expect(await apiErrorOf(jsm.consumers.add(name, { durable_name: "two", ack_policy: "explicit" }))).toBe(
      "10026 maximum consumers limit reached",
    );
    await jsm.consumers.delete(name, "one");
    await wire.consumer(name, "two");
  });

  test("limits that consumers inherit", async () => {
    const { jsm, wire } = peer();
    const name = fresh();
    await wire.stream(name, { consumer_limits: { max_ack_pending: 50, inactive_threshold: 60_000_000_000 } });
    const { config } = await jsm.consumers.add(name, { durable_name: "c", ack_policy: "explicit" });
    expect(config).toMatchObject({ max_ack_pending: 50, inactive_threshold: 60_000_000_000 });
    const more = { durable_name: "d", ack_policy: "explicit" } as const;
    expect(await apiErrorOf(jsm.consumers.add(name, { ...more, max_ack_pending: 51 }))).toBe(
      "10121 consumer max ack pending exceeds system limit of 50",
    );
    expect(await apiErrorOf(jsm.consumers.add(name, { ...more, inactive_threshold: 61_000_000_000 }))).toBe(
      "10153 consumer inactive threshold exceeds system limit of 1m0s",
    );
  });
});
