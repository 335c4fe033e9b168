import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { apiErrorOf, jetStreamLibraries, peerOf } from "../../fixture/jetstream-libraries.ts";
import { becomes, fresh } from "../../fixture/jetstream-wire.ts";
import { patienceMs } from "../../fixture/waiting.ts";

// What a purge takes and what it leaves, and streams that are made with special starts.

const broker = jetStreamBroker();

describe.each(jetStreamLibraries)("purge, $name", (library) => {
  const peer = peerOf(broker, library);

  /** A stream with a, b, a, b, c as sequences 1 to 5. */
  async function filled(config: object = {}): Promise<string> {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name, config);
    await wire.fill(...["a", "b", "a", "b", "c"].map((tail) => `${name}.${tail}`));
    return name;
  }

  async function left(name: string): Promise<unknown[]> {
    const { state } = await peer().jsm.streams.info(name, { deleted_details: true });
    return [state.messages, state.first_seq, state.last_seq, state.deleted ?? []];
  }

  test.each(["file", "memory"])("everything, in %s", async (storage) => {
    const { jsm, js } = peer();
    const name = await filled({ storage });
    expect(await jsm.streams.purge(name)).toMatchObject({ success: true, purged: 5 });
    expect(await left(name)).toEqual([0, 6, 5, []]);
    const { state } = await jsm.streams.info(name);
    expect(state).toMatchObject({ bytes: 0, first_ts: "0001-01-01T00:00:00Z" });
    expect((await js.publish(`${name}.a`)).seq).toBe(6);
    expect(await jsm.streams.purge(name)).toMatchObject({ purged: 1 });
    expect(await jsm.streams.purge(name)).toMatchObject({ purged: 0 });
  });

  test.each(["file", "memory"])("nothing, in %s", async (storage) => {
    const { jsm, wire } = peer();
    const name = fresh();
    await wire.stream(name, { storage });
    expect((await jsm.streams.info(name)).state).toMatchObject({ first_seq: 0, last_seq: 0 });
    expect(await jsm.streams.purge(name)).toMatchObject({ purged: 0 });
    expect((await jsm.streams.info(name)).state).toMatchObject({ first_seq: 1, last_seq: 0 });
  });

  test.each(["file", "memory"])("what waits for acks goes without a word, in %s", async (storage) => {
    const { jsm, wire } = peer();
    const name = await filled({ storage });
    await wire.consumer(name, "c");
    await (await wire.pull(name, "c", { batch: 5, no_wait: true })).take(5);
    const told = await wire.listen(`$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.${name}.c`);
    await jsm.streams.purge(name, { filter: `${name}.a` });
    await becomes(async () => (await jsm.consumers.info(name, "c")).num_ack_pending, 3);
    expect(told.rest()).toEqual([]);
    told.close();
  });

  test("up to a sequence", async () => {
    const { jsm } = peer();
    const name = await filled();
    expect(await jsm.streams.purge(name, { seq: 4 })).toMatchObject({ purged: 3 });
    expect(await left(name)).toEqual([2, 4, 5, []]);
    expect(await jsm.streams.purge(name, { seq: 2 })).toMatchObject({ purged: 0 });
    expect(await jsm.streams.purge(name, { seq: 100 })).toMatchObject({ purged: 2 });
    expect(await left(name)).toEqual([0, 100, 99, []]);
  });

  test("all but the newest", async () => {
    const { jsm } = peer();
    const name = await filled();
    expect(await jsm.streams.purge(name, { keep: 2 })).toMatchObject({ purged: 3 });
    expect(await left(name)).toEqual([2, 4, 5, []]);
    expect(await jsm.streams.purge(name, { keep: 2 })).toMatchObject({ purged: 0 });
    expect(await jsm.streams.purge(name, { keep: 50 })).toMatchObject({ purged: 0 });
    expect(await left(name)).toEqual([2, 4, 5, []]);
  });

  test("by subject", async () => {
    const { jsm } = peer();
    const name = await filled();
    expect(await jsm.streams.purge(name, { filter: `${name}.b` })).toMatchObject({ purged: 2 });
    expect(await left(name)).toEqual([3, 1, 5, [2, 4]]);
    expect(await jsm.streams.purge(name, { filter: "elsewhere" })).toMatchObject({ purged: 0 });
    expect(await jsm.streams.purge(name, { filter: `${name}.*` })).toMatchObject({ purged: 3 });
    expect(await left(name)).toEqual([0, 6, 5, []]);
  });

  test("by subject and sequence", async () => {
    const { jsm } = peer();
    const name = await filled();
    expect(await jsm.streams.purge(name, { filter: `${name}.a`, seq: 3 })).toMatchObject({ purged: 1 });
    expect(await left(name)).toEqual([4, 2, 5, []]);
    expect(await jsm.streams.purge(name, { filter: `${name}.>`, seq: 5 })).toMatchObject({ purged: 3 });
    expect(await left(name)).toEqual([1, 5, 5, []]);
  });

  test("by subject, all but the newest", async () => {
    const { jsm } = peer();
    const name = await filled();
    expect(await jsm.streams.purge(name, { filter: `${name}.b`, keep: 1 })).toMatchObject({ purged: 1 });
    expect(await left(name)).toEqual([4, 1, 5, [2]]);
    expect(await jsm.streams.purge(name, { filter: `${name}.*`, keep: 1 })).toMatchObject({ purged: 3 });
    expect(await left(name)).toEqual([1, 5, 5, []]);
  });

  test("a sequence and a number to keep exclude each other", async () => {
    const { wire } = peer();
    const name = await filled();
    expect(await wire.outcome(`STREAM.PURGE.${name}`, { seq: 2, keep: 2 })).toBe("400/10003 bad request");
    expect(await left(name)).toEqual([5, 1, 5, []]);
  });

  test("a stream that denies it", async () => {
    const { jsm } = peer();
    const name = await filled({ deny_purge: true, deny_delete: true });
    expect(await apiErrorOf(jsm.streams.purge(name))).toBe("10110 stream purge not permitted");
    expect(await apiErrorOf(jsm.streams.deleteMessage(name, 1))).toBe("10057 message delete not permitted");
    expect(await left(name)).toEqual([5, 1, 5, []]);
  });

  test("pending messages of a consumer are gone with it", async () => {
    const { jsm, js } = peer();
    const name = await filled();
    await jsm.consumers.add(name, { durable_name: "c", ack_policy: "explicit" });
    const consumer = await js.consumers.get(name, "c");
    const messages = await consumer.fetch({ max_messages: 2, expires: patienceMs });
    for await (const message of messages) expect(message.seq).toBeLessThan(3);
    expect(await jsm.consumers.info(name, "c")).toMatchObject({ num_ack_pending: 2, num_pending: 3 });
    await jsm.streams.purge(name, { seq: 5 });
    const info = await jsm.consumers.info(name, "c");
    expect(info).toMatchObject({
      num_ack_pending: 0,
      num_pending: 1,
      ack_floor: { stream_seq: 4 },
      delivered: { stream_seq: 4 },
    });
    const next = await consumer.next({ expires: patienceMs });
    expect(next?.seq).toBe(5);
  });

  test("a first sequence", async () => {
    const { jsm, js } = peer();
    const name = fresh();
    const info = await jsm.streams.add({ name, subjects: [`${name}.>`], first_seq: 1000 });
    expect(info.config.first_seq).toBe(1000);
    expect(info.state).toMatchObject({ messages: 0, first_seq: 1000, last_seq: 999 });
    expect((await js.publish(`${name}.a`)).seq).toBe(1000);
    const { config } = await jsm.streams.info(name);
    expect(config.first_seq).toBe(1000);
  });

  test("a first sequence that would be the first anyway", async () => {
    const { jsm } = peer();
    const name = fresh();
    const { state } = await jsm.streams.add({ name, subjects: [`${name}.>`], first_seq: 1 });
    expect(state).toMatchObject({ messages: 0, first_seq: 1, last_seq: 0 });
  });
});
