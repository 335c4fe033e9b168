import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { jetStreamLibraries, modernJetStream, peerOf } from "../../fixture/jetstream-libraries.ts";
import { fresh } from "../../fixture/jetstream-wire.ts";

// Ordered consumers: made and made anew by the library, so that nothing is missed and nothing comes twice.

const broker = jetStreamBroker();

describe.each(jetStreamLibraries)("ordered, $name", (library) => {
  const peer = peerOf(broker, library);

  async function filled(count: number): Promise<string> {
    const { wire, nc, js } = peer();
    const name = fresh();
    await wire.stream(name, { storage: "memory" });
    for (let index = 1; index < count; index++) nc.publish(`${name}.${index % 3}`, String(index));
    if (count > 0) await js.publish(`${name}.end`, String(count));
    return name;
  }

  test("all messages, in order", async () => {
    const { js } = peer();
    const name = await filled(500);
    const messages = await (await js.consumers.get(name)).consume();
    let last = 0;
    for await (const message of messages) {
      expect(message.seq).toBe(last + 1);
      last = message.seq;
      if (last === 500) break;
    }
  });

  test("some subjects, from a sequence on", async () => {
    const { js } = peer();
    const name = await filled(30);
    const consumer = await js.consumers.get(
      name,
      (library.isModern
        ? { filter_subjects: [`${name}.1`], opt_start_seq: 10, deliver_policy: "by_start_sequence" }
        : {
            filterSubjects: [`${name}.1`],
            opt_start_seq: 10,
            deliver_policy: "by_start_sequence",
          }) as object,
    );
    const seen: number[] = [];
    for await (const message of await consumer.fetch({ max_messages: 5, expires: 2000 }))
      seen.push(message.seq);
    expect(seen).toEqual([10, 13, 16, 19, 22]);
  });

  test("the last of each subject", async () => {
    const { js } = peer();
    const name = await filled(10);
    const consumer = await js.consumers.get(name, { deliver_policy: "last_per_subject" });
    const seen: number[] = [];
    for await (const message of await consumer.fetch({ max_messages: 4, expires: 2000 }))
      seen.push(message.seq);
    expect(seen).toEqual([7, 8, 9, 10]);
  });

  test("a consumer that is taken away comes back where it was", async () => {
    const { js, jsm, nc } = peer();
    const name = await filled(20);
    const consumer = await js.consumers.get(name);
    const messages = await consumer.consume({ idle_heartbeat: 500, expires: 1000, max_messages: 5 });
    const seen: number[] = [];
    for await (const message of messages) {
      seen.push(message.seq);
      if (message.seq === 10) {
        for (const info of await jsm.consumers.list(name).next()) await jsm.consumers.delete(name, info.name);
        for (let index = 21; index <= 30; index++) nc.publish(`${name}.a`, String(index));
      }
      if (message.seq === 30) break;
    }
    expect(seen).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
  });

  // The classic library makes its consumer when it is first used.
  if (library.isModern)
    test("a consumer that ends leaves nothing behind for long", async () => {
      const { js, jsm } = peer();
      const name = await filled(1);
      const consumer = await js.consumers.get(name);
      const [info] = await jsm.consumers.list(name).next();
      expect(info?.config).toMatchObject({
        deliver_policy: "by_start_sequence",
        opt_start_seq: 1,
        ack_policy: "none",
        max_deliver: 1,
        mem_storage: true,
        num_replicas: 1,
        inactive_threshold: 300_000_000_000,
      });
      expect(await consumer.delete()).toBe(true);
      expect(await jsm.consumers.list(name).next()).toEqual([]);
    });
});

describe("ordered push", () => {
  const peer = peerOf(broker, modernJetStream);

  test("many messages, with flow control", async () => {
    const { js, jsm, nc, wire } = peer();
    const name = fresh();
    await wire.stream(name, { storage: "memory" });
    for (let index = 1; index < 5000; index++) nc.publish(`${name}.a`, "x".repeat(1000));
    await js.publish(`${name}.end`);
    const messages = await (await js.consumers.getPushConsumer(name)).consume();
    let last = 0;
    for await (const message of messages) {
      expect(message.seq).toBe(last + 1);
      last = message.seq;
      if (last === 5000) break;
    }
    expect(last).toBe(5000);
    await jsm.streams.delete(name);
  });

  test("a consumer that is taken away comes back where it was", async () => {
    const { js, jsm, wire } = peer();
    const name = fresh();
    await wire.stream(name, { storage: "memory" });
    await wire.fill(...Array<string>(5).fill(`${name}.a`));
    const consumer = await js.consumers.getPushConsumer(name, {
      filter_subjects: `${name}.>`,
      deliver_policy: "by_start_sequence",
      opt_start_seq: 2,
      // The library recreates after two of these without a sign; it has no shorter way to notice.
    });
    const messages = await consumer.consume();
    const seen: number[] = [];
    for await (const message of messages) {
      seen.push(message.seq);
      if (seen.length === 4) break;
    }
    expect(seen).toEqual([2, 3, 4, 5]);
    const infos = await jsm.consumers.list(name).next();
    for (const info of infos) {
      expect(info.config).toMatchObject({ flow_control: true, ack_policy: "none", max_deliver: 1 });
    }
  });

  test("the config that is given back is taken in a create", async () => {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name);
    const first = {
      name: "oc_1",
      deliver_subject: `deliver.${name}.1`,
      ack_policy: "none",
      deliver_policy: "all",
      flow_control: true,
      idle_heartbeat: 5_000_000_000,
      max_deliver: 1,
      inactive_threshold: 300_000_000_000,
      num_replicas: 1,
      filter_subject: `${name}.>`,
      ack_wait: 79_200_000_000_000,
      mem_storage: true,
    };
    const create = (consumer: string, config: object) =>
      wire.api(`CONSUMER.CREATE.${name}.${consumer}.${name}.>`, {
        stream_name: name,
        config,
        action: "create",
      });
    const made = await create("oc_1", first);
    expect(made.error).toBeUndefined();
    const again = await create("oc_2", {
      ...(made["config"] as object),
      name: "oc_2",
      deliver_subject: `deliver.${name}.2`,
      deliver_policy: "by_start_sequence",
      opt_start_seq: 3,
    });
    expect(again.error).toBeUndefined();
    expect(again["config"]).toMatchObject({ name: "oc_2", opt_start_seq: 3, mem_storage: true });
  });
});
