import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { jetStreamLibraries, modernJetStream, peerOf } from "../../fixture/jetstream-libraries.ts";
import { becomes, fieldsOf, fresh } from "../../fixture/jetstream-wire.ts";

// Consumers that send by themselves.

const broker = jetStreamBroker();
const ms = 1_000_000;

describe.concurrent("push", () => {
  const peer = peerOf(broker, modernJetStream);

  async function filled(count: number): Promise<string> {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name, { storage: "memory" });
    await wire.fill(...Array<string>(count).fill(`${name}.a`));
    return name;
  }

  test("messages come under their own subject", async () => {
    const { wire, jsm } = peer();
    const name = await filled(2);
    const inbox = await wire.listen(`deliver.${name}`);
    await wire.consumer(name, "p", { deliver_subject: `deliver.${name}` });
    expect(await inbox.take(2)).toEqual([`${name}.a 1`, `${name}.a 2`]);
    expect(inbox.messages[1]?.reply).toMatch(
      new RegExp(`^\\$JS\\.ACK\\.${name}\\.p\\.1\\.2\\.2\\.\\d{19}\\.0$`),
    );
    await wire.fill(`${name}.b`);
    expect(await inbox.take(1)).toEqual([`${name}.b 1`]);
    const info = await jsm.consumers.info(name, "p");
    expect(info).toMatchObject({ push_bound: true, num_ack_pending: 3, num_pending: 0 });
    inbox.close();
  });

  test.each(["file", "memory"])(
    "a consumer that comes while messages are being stored, in %s",
    async (storage) => {
      const { wire, nc } = peer();
      for (let round = 0; round < 4; round++) {
        const name = fresh();
        await wire.stream(name, { storage });
        const inbox = await wire.listen(`deliver.${name}`);
        for (let index = 0; index < 4; index++) nc.publish(`${name}.a`, String(index));
        await wire.consumer(name, "p", { deliver_subject: `deliver.${name}`, ack_policy: "none" });
        expect(await inbox.take(4)).toEqual(["0", "1", "2", "3"].map((text) => `${name}.a ${text}`));
        inbox.close();
      }
    },
  );

  test("nothing is sent while nobody listens", async () => {
    const { wire, nc, jsm } = peer();
    const name = await filled(2);
    await wire.consumer(name, "p", { deliver_subject: `deliver.${name}` });
    await new Promise((resolve) => setTimeout(resolve, 50));
    const before = await jsm.consumers.info(name, "p");
    expect(before).toMatchObject({ delivered: { consumer_seq: 0 }, num_pending: 2 });
    expect(before.push_bound ?? false).toBe(false);
    const inbox = await wire.listen(`deliver.${name}`);
    expect(await inbox.take(2)).toEqual([`${name}.a 1`, `${name}.a 2`]);
    inbox.close();
    await nc.flush();
    await wire.fill(`${name}.b`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect((await jsm.consumers.info(name, "p")).delivered.consumer_seq).toBe(2);
    const again = await wire.listen(`deliver.${name}`);
    expect(await again.take(1)).toEqual([`${name}.b 1`]);
    again.close();
  });

  test("all plain subscribers get a copy", async () => {
    const { wire } = peer();
    const name = await filled(0);
    const [one, two] = [await wire.listen(`deliver.${name}`), await wire.listen(`deliver.${name}`)];
    await wire.consumer(name, "p", { deliver_subject: `deliver.${name}`, ack_policy: "none" });
    await wire.fill(`${name}.a`);
    expect([await one.take(1), await two.take(1)]).toEqual([[`${name}.a 1`], [`${name}.a 1`]]);
    for (const inbox of [one, two]) inbox.close();
  });

  test("a group shares", async () => {
    const { wire } = peer();
    const name = await filled(0);
    const subject = `deliver.${name}`;
    const members = [await wire.listen(subject, "g"), await wire.listen(subject, "g")];
    await wire.consumer(name, "p", { deliver_subject: subject, deliver_group: "g", ack_policy: "none" });
    await wire.fill(...Array<string>(60).fill(`${name}.a`));
    await becomes(() => members.map((member) => member.messages.length).reduce((a, b) => a + b, 0), 60);
    for (const member of members) expect(member.messages.length).toBeGreaterThan(5);
    for (const inbox of members) inbox.close();
  });

  test("a group that nobody is in gets nothing", async () => {
    const { wire, jsm } = peer();
    const name = await filled(1);
    const plain = await wire.listen(`deliver.${name}`);
    await wire.consumer(name, "p", { deliver_subject: `deliver.${name}`, deliver_group: "g" });
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(plain.messages).toHaveLength(0);
    expect((await jsm.consumers.info(name, "p")).push_bound ?? false).toBe(false);
    plain.close();
  });

  test("heartbeats when nothing else comes", async () => {
    const { wire } = peer();
    const name = await filled(1);
    const inbox = await wire.listen(`deliver.${name}`);
    await wire.consumer(name, "p", { deliver_subject: `deliver.${name}`, idle_heartbeat: 200 * ms });
    expect(await inbox.take(2)).toEqual([
      `${name}.a 1`,
      "100 Idle Heartbeat Nats-Last-Consumer=1 Nats-Last-Stream=1",
    ]);
    expect(inbox.messages[1]?.reply ?? "").toBe("");
    expect(inbox.messages[1]?.subject).toBe(`deliver.${name}`);
    inbox.close();
  });

  test("flow control asks how far a client is", async () => {
    const { wire, nc, js } = peer();
    const name = fresh();
    await wire.stream(name, { storage: "memory" });
    const payload = "x".repeat(100_000);
    for (let index = 0; index < 60; index++) await js.publish(`${name}.a`, payload);
    const inbox = await wire.listen(`deliver.${name}`);
    await wire.consumer(name, "p", {
      deliver_subject: `deliver.${name}`,
      flow_control: true,
      idle_heartbeat: 1000 * ms,
      ack_policy: "none",
    });
    const count = () => inbox.messages.filter((message) => message.data.length > 0).length;
    const requests = () =>
      inbox.messages.filter((message) => message.headers?.description === "FlowControl Request");
    await becomes(() => requests().length > 0, true);
    const subject = requests()[0]?.reply ?? "";
    expect(subject).toMatch(new RegExp(`^\\$JS\\.FC\\.${name}\\.p\\.\\w+$`));
    // Till it is answered no more than a window of 2 MiB is sent, and heartbeats say what is missing.
    const stalled = () => inbox.messages.map((message) => fieldsOf(message)["Nats-Consumer-Stalled"]);
    await becomes(() => stalled().includes(subject), true);
    expect(count()).toBeLessThan(40);
    let answered = 0;
    while (count() < 60) {
      const [request] = requests().slice(answered);
      if (request !== undefined) {
        nc.publish(request.reply ?? "");
        answered += 1;
      }
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(count()).toBe(60);
    inbox.close();
  });

  test("no more than so many bits a second", async () => {
    const { wire, js } = peer();
    const name = fresh();
    // The largest message is what may come in one go.
    await wire.stream(name, { storage: "memory", max_msg_size: 11_000 });
    for (let index = 0; index < 5; index++) await js.publish(`${name}.a`, "x".repeat(10_000));
    const inbox = await wire.listen(`deliver.${name}`);
    // 100,000 bytes a second, so ten messages a second.
    const config = { deliver_subject: `deliver.${name}`, rate_limit_bps: 800_000, ack_policy: "none" };
    const { config: made } = await wire.consumer(name, "p", config);
    expect(made).toMatchObject({ rate_limit_bps: 800_000 });
    const start = performance.now();
    for (let index = 0; index < 5; index++) await inbox.next();
    expect(performance.now() - start).toBeGreaterThan(200);
    inbox.close();
  });

  test("what is not acknowledged is sent again", async () => {
    const { wire, nc } = peer();
    const name = await filled(1);
    const inbox = await wire.listen(`deliver.${name}`);
    await wire.consumer(name, "p", { deliver_subject: `deliver.${name}`, ack_wait: 200 * ms });
    const first = await inbox.next();
    const second = await inbox.next();
    expect([first.reply?.split(".")[4], second.reply?.split(".")[4]]).toEqual(["1", "2"]);
    await nc.request(second.reply ?? "", "");
    inbox.close();
  });

  test("no more than may be outstanding", async () => {
    const { wire, nc } = peer();
    const name = await filled(3);
    const inbox = await wire.listen(`deliver.${name}`);
    await wire.consumer(name, "p", { deliver_subject: `deliver.${name}`, max_ack_pending: 1 });
    const first = await inbox.next();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(inbox.rest()).toEqual([]);
    await nc.request(first.reply ?? "", "");
    expect((await inbox.next()).string()).toBe("2");
    inbox.close();
  });

  test("a stream of headers", async () => {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name);
    await wire.publish(`${name}.a`, "12345", { Own: "1" });
    const inbox = await wire.listen(`deliver.${name}`);
    const config = { deliver_subject: `deliver.${name}`, headers_only: true, ack_policy: "none" };
    await wire.consumer(name, "p", config);
    const message = await inbox.next();
    expect([message.string(), fieldsOf(message)]).toEqual(["", { Own: "1", "Nats-Msg-Size": "5" }]);
    inbox.close();
  });

  test("a consumer without a name ends with its listener", async () => {
    const { wire, nc } = peer();
    const name = await filled(0);
    const inbox = await wire.listen(`deliver.${name}`);
    const config = { deliver_subject: `deliver.${name}`, ack_policy: "none", inactive_threshold: 200 * ms };
    const { name: consumer } = await wire.api(`CONSUMER.CREATE.${name}`, { stream_name: name, config });
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await wire.outcome(`CONSUMER.INFO.${name}.${String(consumer)}`)).toBe("ok");
    inbox.close();
    await nc.flush();
    await becomes(
      () => wire.outcome(`CONSUMER.INFO.${name}.${String(consumer)}`),
      "404/10014 consumer not found",
    );
  });

  test("a bound consumer does not give its subject to another", async () => {
    const { wire } = peer();
    const name = await filled(0);
    const inbox = await wire.listen(`deliver.${name}`);
    await wire.consumer(name, "p", { deliver_subject: `deliver.${name}` });
    const config = { durable_name: "p", deliver_subject: `other.${name}`, ack_policy: "explicit" };
    expect(await wire.outcome(`CONSUMER.CREATE.${name}.p`, { stream_name: name, config })).toBe(
      "400/10013 consumer name already in use",
    );
    inbox.close();
    await wire.nc.flush();
    await becomes(() => wire.outcome(`CONSUMER.CREATE.${name}.p`, { stream_name: name, config }), "ok");
  });
});

describe.each(jetStreamLibraries)("push, $name", (library) => {
  const peer = peerOf(broker, library);

  test("through the library", async () => {
    const { jsm, js, wire, nc } = peer();
    const name = fresh();
    await wire.stream(name);
    await wire.fill(...Array<string>(20).fill(`${name}.a`));
    const config = { durable_name: "p", deliver_subject: `deliver.${name}`, ack_policy: "explicit" as const };
    await jsm.consumers.add(name, { ...config, flow_control: true, idle_heartbeat: 500 * ms });
    const seen: string[] = [];
    if (library.isModern) {
      const messages = await (await js.consumers.getPushConsumer(name, "p")).consume();
      for await (const message of messages) {
        seen.push(message.string());
        message.ack();
        if (seen.length === 20) break;
      }
    } else {
      for await (const message of nc.subscribe(`deliver.${name}`)) {
        if (message.data.length === 0) continue;
        seen.push(message.string());
        message.respond();
        if (seen.length === 20) break;
      }
    }
    expect(seen).toEqual(Array.from({ length: 20 }, (_, index) => String(index + 1)));
    await becomes(async () => (await jsm.consumers.info(name, "p")).num_ack_pending, 0);
  });
});
