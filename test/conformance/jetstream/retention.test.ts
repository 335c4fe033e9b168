import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { apiErrorOf, jetStreamLibraries, peerOf } from "../../fixture/jetstream-libraries.ts";
import { becomes, fresh } from "../../fixture/jetstream-wire.ts";
import { patienceMs } from "../../fixture/waiting.ts";

// Streams that keep messages only for as long as somebody wants them.

const broker = jetStreamBroker();

describe.each(jetStreamLibraries)("retention, $name", (library) => {
  const peer = peerOf(broker, library);

  async function count(name: string): Promise<number> {
    return (await peer().jsm.streams.info(name)).state.messages;
  }

  async function take(
    name: string,
    consumer: string,
    how: "ack" | "term" | "nothing" = "ack",
  ): Promise<number> {
    const message = await (await peer().js.consumers.get(name, consumer)).next({ expires: patienceMs });
    if (message === null) throw new Error("no message");
    if (how === "ack") await message.ackAck();
    if (how === "term") message.term();
    return message.seq;
  }

  test("a work queue: a message is gone when it is done", async () => {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name, { retention: "workqueue" });
    await wire.fill(`${name}.a`, `${name}.a`, `${name}.a`);
    await wire.consumer(name, "c");
    expect(await take(name, "c")).toBe(1);
    await becomes(() => count(name), 2);
    expect(await take(name, "c", "term")).toBe(2);
    await becomes(() => count(name), 1);
    expect(await take(name, "c", "nothing")).toBe(3);
    expect(await count(name)).toBe(1);
    const { state } = await peer().jsm.streams.info(name);
    expect(state).toMatchObject({ first_seq: 3, last_seq: 3 });
  });

  test("a work queue: each message has one consumer", async () => {
    const { jsm, wire } = peer();
    const name = fresh();
    await wire.stream(name, { retention: "workqueue" });
    const add = (consumer: string, config: object) =>
      jsm.consumers.add(name, { durable_name: consumer, ack_policy: "explicit", ...config });
    await add("a", { filter_subject: `${name}.a` });
    await add("b", { filter_subject: `${name}.b` });
    const errors = [
      await apiErrorOf(add("x", {})),
      await apiErrorOf(add("x", { filter_subject: `${name}.*` })),
      await apiErrorOf(add("x", { filter_subject: `${name}.a` })),
      await apiErrorOf(add("x", { filter_subject: `${name}.c`, deliver_policy: "new" })),
      await apiErrorOf(add("x", { filter_subject: `${name}.c`, ack_policy: "none" })),
      await apiErrorOf(add("x", { filter_subject: `${name}.c`, ack_policy: "all" })),
    ];
    expect(errors.join(" | ")).toBe(
      "10099 multiple non-filtered consumers not allowed on workqueue stream | 10100 filtered consumer not unique on workqueue stream | 10100 filtered consumer not unique on workqueue stream | 10101 consumer must be deliver all on workqueue stream | 10084 consumer in pull mode requires explicit ack policy on workqueue stream | 10098 workqueue stream requires explicit ack",
    );
    await wire.fill(`${name}.a`, `${name}.b`, `${name}.c`);
    expect(await take(name, "b")).toBe(2);
    expect(await take(name, "a")).toBe(1);
    await becomes(() => count(name), 1);
  });

  test("a work queue: what was there before its consumer", async () => {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name, { retention: "workqueue" });
    await wire.fill(`${name}.a`, `${name}.b`);
    expect(await count(name)).toBe(2);
    await wire.consumer(name, "b", { filter_subject: `${name}.b` });
    expect(await take(name, "b")).toBe(2);
    await becomes(() => count(name), 1);
  });

  test("a work queue keeps what was delivered too often", async () => {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name, { retention: "workqueue" });
    await wire.fill(`${name}.a`);
    await wire.consumer(name, "c", { max_deliver: 1, ack_wait: 100_000_000 });
    const events = await wire.listen(`$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${name}.c`);
    await take(name, "c", "nothing");
    await events.next(6000);
    expect(await count(name)).toBe(1);
    events.close();
  });

  test("interest: a message is gone when all have it", async () => {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name, { retention: "interest" });
    await wire.consumer(name, "one");
    await wire.consumer(name, "two", { filter_subject: `${name}.a` });
    await wire.fill(`${name}.a`, `${name}.b`);
    await take(name, "one");
    await take(name, "one");
    await becomes(() => count(name), 1);
    await take(name, "two");
    await becomes(() => count(name), 0);
    expect((await peer().jsm.streams.info(name)).state).toMatchObject({ first_seq: 3, last_seq: 2 });
  });

  test("interest: what nobody wants is not kept", async () => {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name, { retention: "interest" });
    await wire.consumer(name, "c", { filter_subject: `${name}.a` });
    await wire.fill(`${name}.b`, `${name}.a`);
    const { state } = await peer().jsm.streams.info(name);
    expect(state).toMatchObject({ messages: 1, first_seq: 2, last_seq: 2 });
  });

  test("interest: what is not kept has its time", async () => {
    const { wire, jsm } = peer();
    const name = fresh();
    await wire.stream(name, { retention: "interest" });
    await wire.fill(`${name}.a`);
    const { state } = await jsm.streams.info(name);
    expect(state).toMatchObject({ messages: 0, first_seq: 2, last_seq: 1, first_ts: "0001-01-01T00:00:00Z" });
    expect(Date.parse(state.last_ts)).toBeGreaterThan(Date.now() - 60_000);
  });

  test("interest: a consumer that goes takes its interest with it", async () => {
    const { wire, jsm } = peer();
    const name = fresh();
    await wire.stream(name, { retention: "interest" });
    await wire.consumer(name, "one");
    await wire.consumer(name, "two");
    await wire.fill(`${name}.a`, `${name}.a`);
    await take(name, "one");
    await take(name, "one");
    expect(await count(name)).toBe(2);
    await jsm.consumers.delete(name, "two");
    await becomes(() => count(name), 0);
  });

  test("interest: acknowledging all up to one", async () => {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name, { retention: "interest" });
    await wire.consumer(name, "c", { ack_policy: "all" });
    await wire.fill(`${name}.a`, `${name}.a`, `${name}.a`);
    await take(name, "c", "nothing");
    await take(name, "c");
    await becomes(() => count(name), 1);
  });

  test("interest: delivered is done where nothing is acknowledged", async () => {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name, { retention: "interest" });
    const inbox = await wire.listen(`deliver.${name}`);
    await wire.consumer(name, "p", { deliver_subject: `deliver.${name}`, ack_policy: "none" });
    await wire.fill(`${name}.a`, `${name}.a`);
    await inbox.take(2);
    await becomes(() => count(name), 0);
    inbox.close();
  });

  test("interest: changed to limits and back", async () => {
    const { wire, jsm } = peer();
    const name = fresh();
    await wire.stream(name, { retention: "interest" });
    await wire.fill(`${name}.a`);
    expect(await count(name)).toBe(0);
    await wire.api(`STREAM.UPDATE.${name}`, { name, subjects: [`${name}.>`], retention: "limits" });
    await wire.fill(`${name}.a`);
    expect(await count(name)).toBe(1);
    expect((await jsm.streams.info(name)).config.retention).toBe("limits");
  });
});
