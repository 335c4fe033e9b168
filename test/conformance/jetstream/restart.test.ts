import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { connectPeer, modernJetStream } from "../../fixture/jetstream-libraries.ts";
import { becomes } from "../../fixture/jetstream-wire.ts";
import { patienceMs } from "../../fixture/waiting.ts";

// What is there again after a broker was ended and started.

describe("a broker that was restarted", () => {
  const broker = jetStreamBroker();

  test("streams, messages, ids, consumers", async () => {
    const first = await connectPeer(broker, modernJetStream);
    const { wire, js, jsm } = first;
    await wire.stream("KEPT", { allow_direct: true, max_msgs_per_subject: 10, allow_atomic: true });
    await wire.stream("MEMORY", { storage: "memory" });
    await wire.stream("QUEUE", { retention: "workqueue" });
    await wire.fill(...Array<string>(10).fill("KEPT.a"), "KEPT.b", "QUEUE.a", "QUEUE.b", "MEMORY.a");
    await js.publish("KEPT.b", "", { msgID: "known" });
    await jsm.streams.deleteMessage("KEPT", 3);
    await wire.consumer("KEPT", "c");
    await wire.consumer("QUEUE", "q");
    const consumer = await js.consumers.get("KEPT", "c");
    for (let index = 0; index < 3; index++) await (await consumer.next({ expires: patienceMs }))?.ackAck();
    await consumer.next({ expires: patienceMs });
    await (await (await js.consumers.get("QUEUE", "q")).next({ expires: patienceMs }))?.ackAck();
    const before = await jsm.streams.info("KEPT", { deleted_details: true, subjects_filter: ">" });
    await first.nc.close();
    await broker.restart();

    const again = await connectPeer(broker, modernJetStream);
    try {
      const after = await again.jsm.streams.info("KEPT", { deleted_details: true, subjects_filter: ">" });
      expect(after.state).toEqual(before.state);
      expect(after.config).toEqual(before.config);
      expect(after.created).toBe(before.created);
      expect((await again.jsm.streams.getMessage("KEPT", { seq: 4 }))?.string()).toBe("4");
      expect(await again.js.publish("KEPT.b", "", { msgID: "known" })).toMatchObject({
        duplicate: true,
        seq: 12,
      });
      expect((await again.js.publish("KEPT.c")).seq).toBe(13);
      const info = await again.jsm.consumers.info("KEPT", "c");
      expect(info).toMatchObject({ ack_floor: { stream_seq: 4 }, config: { durable_name: "c" } });
      const messages = [];
      for await (const message of await (await again.js.consumers.get("KEPT", "c")).fetch({
        max_messages: 3,
        expires: patienceMs,
      })) {
        messages.push(message.seq);
      }
      // The one that was on its way waits for its time, and may not have been noted.
      expect(messages.slice(-2).every((seq) => seq > 5)).toBe(true);
      expect((await again.jsm.streams.info("QUEUE")).state).toMatchObject({ messages: 1, first_seq: 2 });
      // What was in memory is gone, the stream with it.
      expect(await again.wire.outcome("STREAM.INFO.MEMORY")).toBe("404/10059 stream not found");
    } finally {
      await again.nc.close();
    }
  });

  test("what was to happen meanwhile and later", async () => {
    const first = await connectPeer(broker, modernJetStream);
    const { wire, js, jsm } = first;
    await wire.stream("TTL", { allow_msg_ttl: true });
    await wire.stream("TIMES", { allow_msg_schedules: true, allow_msg_ttl: true });
    await wire.stream("COUNT", { allow_msg_counter: true });
    await wire.stream("ORIGIN");
    await wire.stream("COPY", { subjects: [], mirror: { name: "ORIGIN" } });
    await wire.stream("GATHER", { subjects: [], sources: [{ name: "ORIGIN" }] });
    await wire.publish("COUNT.a", "", { "Nats-Incr": "5" });
    await wire.fill("ORIGIN.a", "ORIGIN.b");
    await js.publish("TTL.a", "", { ttl: "1s" });
    await js.publish("TTL.b");
    await js.publish("TIMES.schedule", "later", {
      schedule: { specification: new Date(Date.now() + 1500), target: "TIMES.out" },
    });
    await wire.consumer("ORIGIN", "paused", { pause_until: "2100-01-01T00:00:00Z" });
    await becomes(async () => (await jsm.streams.info("GATHER")).state.messages, 2);
    await becomes(async () => (await jsm.streams.info("COPY")).state.messages, 2);
    await first.nc.close();
    await broker.restart();

    const again = await connectPeer(broker, modernJetStream);
    try {
      const messages = async (name: string) => (await again.jsm.streams.info(name)).state.messages;
      await becomes(() => messages("TTL"), 1);
      await becomes(async () => {
        const found = await again.jsm.streams
          .getMessage("TIMES", { last_by_subj: "TIMES.out" })
          .catch(() => null);
        return found?.string();
      }, "later");
      expect(JSON.parse(await again.wire.publish("COUNT.a", "", { "Nats-Incr": "2" }))).toMatchObject({
        val: "7",
      });
      await again.wire.fill("ORIGIN.c");
      await becomes(() => messages("COPY"), 3);
      await becomes(() => messages("GATHER"), 3);
      expect(await again.jsm.consumers.info("ORIGIN", "paused")).toMatchObject({ paused: true });
    } finally {
      await again.nc.close();
    }
  });
});
