import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { modernJetStream, peerOf } from "../../fixture/jetstream-libraries.ts";
import { type Inbox, fresh } from "../../fixture/jetstream-wire.ts";
import { patienceMs } from "../../fixture/waiting.ts";

// When a message comes again, and when no more. These wait, so they run side by side.

const broker = jetStreamBroker();
const ms = 1_000_000;

describe.concurrent("redelivery", () => {
  const peer = peerOf(broker, modernJetStream);

  async function filled(count: number, config: object = {}, stream: object = {}): Promise<string> {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name, { storage: "memory", ...stream });
    await wire.fill(...Array<string>(count).fill(`${name}.a`));
    await wire.consumer(name, "c", config);
    return name;
  }

  /** The next delivery as `sequence:deliveries`, and when it came. */
  async function delivery(inbox: Inbox): Promise<[string, number]> {
    const [, , , , count, sequence] = ((await inbox.next()).reply ?? "").split(".");
    return [`${sequence}:${count}`, performance.now()];
  }

  test("after the ack wait, in order of sequences", async () => {
    const { wire } = peer();
    const name = await filled(3, { ack_wait: 300 * ms });
    const startMs = performance.now();
    const inbox = await wire.pull(name, "c", { batch: 6, expires: patienceMs * ms });
    const deliveries: [string, number][] = [];
    for (let index = 0; index < 6; index++) deliveries.push(await delivery(inbox));
    expect(deliveries.map(([which]) => which)).toEqual(["1:1", "2:1", "3:1", "1:2", "2:2", "3:2"]);
    expect((deliveries[3]?.[1] ?? 0) - startMs).toBeGreaterThan(280);
    inbox.close();
  });

  test("before what is new", async () => {
    const { wire, nc } = peer();
    const name = await filled(3);
    const first = await wire.pull(name, "c", "1");
    await nc.request((await first.next()).reply ?? "", "-NAK");
    const inbox = await wire.pull(name, "c", "3");
    expect([(await delivery(inbox))[0], (await delivery(inbox))[0], (await delivery(inbox))[0]]).toEqual([
      "1:2",
      "2:1",
      "3:1",
    ]);
    for (const opened of [first, inbox]) opened.close();
  });

  test("backing off", async () => {
    const { wire } = peer();
    const name = await filled(1, { backoff: [150 * ms, 400 * ms, 800 * ms], max_deliver: 5 });
    const { config } = await wire.api(`CONSUMER.INFO.${name}.c`);
    expect(config).toMatchObject({ ack_wait: 150 * ms, backoff: [150 * ms, 400 * ms, 800 * ms] });
    const startMs = performance.now();
    const inbox = await wire.pull(name, "c", { batch: 5, expires: patienceMs * ms });
    // From the start on: what is seen late makes the time between it and the next one short.
    for (const [index, atLeastMs] of [0, 150, 150 + 400, 150 + 400 + 800].entries()) {
      const [which, time] = await delivery(inbox);
      expect(which).toBe(`1:${index + 1}`);
      expect(time - startMs).toBeGreaterThan(atLeastMs - 30);
    }
    inbox.close();
  });

  test("so often and no more", async () => {
    const { wire, jsm } = peer();
    const name = await filled(2, { ack_wait: 150 * ms, max_deliver: 2 });
    const events = await wire.listen(`$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${name}.c`);
    const inbox = await wire.pull(name, "c", { batch: 10, expires: 2000 * ms });
    const seen: string[] = [];
    for (let index = 0; index < 4; index++) seen.push((await delivery(inbox))[0]);
    expect(seen).toEqual(["1:1", "2:1", "1:2", "2:2"]);
    const advisories = [await events.next(), await events.next()].map((message) =>
      message.json<Record<string, unknown>>(),
    );
    expect(advisories[0]).toMatchObject({
      type: "io.nats.jetstream.advisory.v1.max_deliver",
      stream: name,
      consumer: "c",
      stream_seq: 1,
      deliveries: 2,
    });
    expect(Object.keys(advisories[0] ?? {})).toEqual([
      "type",
      "id",
      "timestamp",
      "stream",
      "consumer",
      "stream_seq",
      "deliveries",
    ]);
    expect(await inbox.take(1)).toEqual(["408 Request Timeout Nats-Pending-Messages=6 Nats-Pending-Bytes=0"]);
    expect(await jsm.consumers.info(name, "c")).toMatchObject({ num_ack_pending: 0, num_pending: 0 });
    expect((await jsm.streams.info(name)).state.messages).toBe(2);
    for (const opened of [inbox, events]) opened.close();
  });

  test("once: what is not acknowledged does not come again", async () => {
    const { wire } = peer();
    const name = await filled(1, { ack_wait: 100 * ms, max_deliver: 1 });
    const inbox = await wire.pull(name, "c", { batch: 2, expires: 500 * ms });
    expect((await delivery(inbox))[0]).toBe("1:1");
    expect(await inbox.take(1)).toEqual(["408 Request Timeout Nats-Pending-Messages=1 Nats-Pending-Bytes=0"]);
    inbox.close();
  });

  test("a refusal at the last delivery", async () => {
    const { wire, nc } = peer();
    const name = await filled(1, { max_deliver: 1 });
    const events = await wire.listen(`$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.${name}.c`);
    const inbox = await wire.pull(name, "c", { batch: 2, expires: 500 * ms });
    await nc.request((await inbox.next()).reply ?? "", "-NAK");
    expect((await events.next()).json<{ stream_seq: number }>().stream_seq).toBe(1);
    expect(await inbox.take(1)).toEqual(["408 Request Timeout Nats-Pending-Messages=1 Nats-Pending-Bytes=0"]);
    for (const opened of [inbox, events]) opened.close();
  });

  test("no more than may be outstanding", async () => {
    const { wire, jsm, nc } = peer();
    const name = await filled(5, { max_ack_pending: 2, ack_wait: 60_000 * ms });
    const inbox = await wire.pull(name, "c", { batch: 5, expires: patienceMs * ms });
    const [one] = [await inbox.next(), await inbox.next()];
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(inbox.rest()).toEqual([]);
    expect(await jsm.consumers.info(name, "c")).toMatchObject({ num_ack_pending: 2, num_pending: 3 });
    await nc.request(one?.reply ?? "", "");
    expect(await inbox.take(1)).toEqual([`${name}.a 3`]);
    inbox.close();
  });

  test("a message that is deleted does not come again", async () => {
    const { wire, jsm } = peer();
    const name = await filled(2, { ack_wait: 200 * ms });
    const inbox = await wire.pull(name, "c", { batch: 4, expires: patienceMs * ms });
    expect([(await delivery(inbox))[0], (await delivery(inbox))[0]]).toEqual(["1:1", "2:1"]);
    await jsm.streams.deleteMessage(name, 1);
    expect((await delivery(inbox))[0]).toBe("2:2");
    inbox.close();
  });

  test("an ack wait that is changed", async () => {
    const { wire, jsm } = peer();
    const name = await filled(1, { ack_wait: 60_000 * ms });
    await jsm.consumers.update(name, "c", { ack_wait: 200 * ms });
    const inbox = await wire.pull(name, "c", { batch: 2, expires: patienceMs * ms });
    expect((await delivery(inbox))[0]).toBe("1:1");
    expect((await delivery(inbox))[0]).toBe("1:2");
    inbox.close();
  });

  test("acknowledging all up to one, some come again", async () => {
    const { wire, nc } = peer();
    const name = await filled(3, { ack_policy: "all", ack_wait: 250 * ms });
    const inbox = await wire.pull(name, "c", { batch: 5, expires: patienceMs * ms });
    const messages = [await inbox.next(), await inbox.next(), await inbox.next()];
    await nc.request(messages[1]?.reply ?? "", "");
    expect((await delivery(inbox))[0]).toBe("3:2");
    inbox.close();
  });

  test("how long an acknowledgement took is measured", async () => {
    const { wire, nc } = peer();
    const name = await filled(1, { sample_freq: "100%" });
    const events = await wire.listen(`$JS.EVENT.METRIC.CONSUMER.ACK.${name}.c`);
    const inbox = await wire.pull(name, "c", "1");
    const message = await inbox.next();
    await new Promise((resolve) => setTimeout(resolve, 50));
    await nc.request(message.reply ?? "", "");
    const metric = (await events.next()).json<Record<string, number>>();
    expect(metric).toMatchObject({
      type: "io.nats.jetstream.metric.v1.consumer_ack",
      stream: name,
      consumer: "c",
      consumer_seq: 1,
      stream_seq: 1,
      deliveries: 1,
    });
    expect(metric["ack_time"]).toBeGreaterThan(45 * ms);
    for (const opened of [inbox, events]) opened.close();
  });
});
