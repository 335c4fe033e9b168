import type { JsMsg } from "@nats-io/jetstream";
import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { jetStreamLibraries, modernJetStream, peerOf } from "../../fixture/jetstream-libraries.ts";
import { fresh } from "../../fixture/jetstream-wire.ts";
import { patienceMs } from "../../fixture/waiting.ts";

// What becomes of a message by the answer of its consumer.

const broker = jetStreamBroker();
const ms = 1_000_000;

describe.each(jetStreamLibraries)("acknowledgements, $name", (library) => {
  const peer = peerOf(broker, library);

  async function filled(count: number, config: object = {}): Promise<string> {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name, { storage: "memory" });
    await wire.fill(...Array<string>(count).fill(`${name}.a`));
    await wire.consumer(name, "c", config);
    return name;
  }

  async function next(name: string, expires = 2000): Promise<JsMsg> {
    const message = await (await peer().js.consumers.get(name, "c")).next({ expires });
    if (message === null) throw new Error("no message");
    return message;
  }

  async function state(name: string) {
    const info = await peer().jsm.consumers.info(name, "c");
    return {
      delivered: info.delivered.stream_seq,
      floor: info.ack_floor.stream_seq,
      waiting: info.num_ack_pending,
      redelivered: info.num_redelivered,
      pending: info.num_pending,
    };
  }

  test("an ack that is acknowledged", async () => {
    const name = await filled(3);
    const message = await next(name);
    expect(await message.ackAck()).toBe(true);
    expect(await state(name)).toEqual({ delivered: 1, floor: 1, waiting: 0, redelivered: 0, pending: 2 });
    const second = await next(name);
    const third = await next(name);
    expect(await third.ackAck()).toBe(true);
    expect(await state(name)).toEqual({ delivered: 3, floor: 1, waiting: 1, redelivered: 0, pending: 0 });
    expect(await second.ackAck()).toBe(true);
    expect(await state(name)).toEqual({ delivered: 3, floor: 3, waiting: 0, redelivered: 0, pending: 0 });
  });

  test("a message that is not acknowledged comes again", async () => {
    const name = await filled(1, { ack_wait: 250 * ms });
    const first = await next(name);
    const again = await next(name);
    expect([first.seq, again.seq, again.redelivered, again.info.deliveryCount]).toEqual([1, 1, true, 2]);
    expect(again.info.deliverySequence).toBe(2);
    expect((await state(name)).redelivered).toBe(1);
    await again.ackAck();
    expect(await state(name)).toEqual({ delivered: 1, floor: 1, waiting: 0, redelivered: 0, pending: 0 });
  });

  test("refused: at once again", async () => {
    const name = await filled(2);
    const first = await next(name);
    first.nak();
    const again = await next(name);
    expect([again.seq, again.info.deliveryCount]).toEqual([1, 2]);
    again.ack();
    expect((await next(name)).seq).toBe(2);
  });

  test("refused: again after a while", async () => {
    const name = await filled(1);
    const first = await next(name);
    const start = performance.now();
    first.nak(400);
    const again = await next(name, 5000);
    expect(again.info.deliveryCount).toBe(2);
    expect(performance.now() - start).toBeGreaterThan(350);
    again.ack();
  });

  test("in progress: it may take longer", async () => {
    const name = await filled(1, { ack_wait: 500 * ms });
    const first = await next(name);
    for (let index = 0; index < 4; index++) {
      await new Promise((resolve) => setTimeout(resolve, 200));
      first.working();
    }
    expect((await state(name)).redelivered).toBe(0);
    expect(await first.ackAck()).toBe(true);
    expect(await state(name)).toMatchObject({ floor: 1, waiting: 0, redelivered: 0 });
  });

  test("terminated: never again", async () => {
    const { wire } = peer();
    const name = await filled(2, { ack_wait: 200 * ms });
    const inbox = await wire.listen(`$JS.EVENT.ADVISORY.CONSUMER.MSG_TERMINATED.${name}.c`);
    const first = await next(name);
    first.term("no good");
    const advisory = (await inbox.next()).json<Record<string, unknown>>();
    expect(advisory).toMatchObject({
      type: "io.nats.jetstream.advisory.v1.terminated",
      stream: name,
      consumer: "c",
      consumer_seq: 1,
      stream_seq: 1,
      deliveries: 1,
      reason: "no good",
    });
    const second = await next(name);
    expect(second.seq).toBe(2);
    second.ack();
    expect(await state(name)).toMatchObject({ floor: expect.any(Number), delivered: 2, redelivered: 0 });
    inbox.close();
  });

  test("all up to one", async () => {
    const name = await filled(4, { ack_policy: "all" });
    await next(name);
    await next(name);
    const third = await next(name);
    expect(await third.ackAck()).toBe(true);
    expect(await state(name)).toEqual({ delivered: 3, floor: 3, waiting: 0, redelivered: 0, pending: 1 });
  });

  test("none at all", async () => {
    const name = await filled(2, { ack_policy: "none" });
    await next(name);
    expect(await state(name)).toEqual({ delivered: 1, floor: 1, waiting: 0, redelivered: 0, pending: 1 });
  });

  test("an acknowledgement of old says yes and changes nothing", async () => {
    const name = await filled(2);
    const first = await next(name);
    expect(await first.ackAck()).toBe(true);
    const { nc } = peer();
    const subject = (first as unknown as { msg: { reply: string } }).msg.reply;
    expect((await nc.request(subject, "+ACK")).data.length).toBe(0);
    expect((await nc.request(subject, "-NAK")).data.length).toBe(0);
    expect(await state(name)).toEqual({ delivered: 1, floor: 1, waiting: 0, redelivered: 0, pending: 1 });
  });
});

describe("acknowledgements on the wire", () => {
  const peer = peerOf(broker, modernJetStream);

  async function filled(count: number, config: object = {}): Promise<string> {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name, { storage: "memory" });
    await wire.fill(...Array<string>(count).fill(`${name}.a`));
    await wire.consumer(name, "c", config);
    return name;
  }

  /** Body of the acknowledgement of message 1; then what two further deliveries are, as sequence:deliveries. */
  const bodies: [string, string][] = [
    ["", "2:1 3:1"],
    ["+ACK", "2:1 3:1"],
    ["+OK", "2:1 3:1"],
    ["+ACK and more", "2:1 3:1"],
    ["-NAK", "1:2 2:1"],
    ["-NAK {}", "1:2 2:1"],
    ['-NAK {"delay": 1}', "1:2 2:1"],
    ['-NAK {"delay": 60000000000}', "2:1 3:1"],
    ["-NAK 1m", "2:1 3:1"],
    ["-NAK soon", "1:2 2:1"],
    ["+WPI", "2:1 3:1"],
    ["+TERM", "2:1 3:1"],
    ["+TERM with a reason", "2:1 3:1"],
    ["something", "2:1 3:1"],
  ];

  test.each(bodies)("%s", async (body, expected) => {
    const { nc, wire } = peer();
    const name = await filled(3);
    const inbox = await wire.pull(name, "c", { batch: 1, expires: patienceMs * ms });
    const first = await inbox.next();
    const answer = await nc.request(first.reply ?? "", body);
    expect([answer.data.length, answer.headers]).toEqual([0, undefined]);
    // What was given back, if it was, is there again before this, or shortly after.
    await new Promise((resolve) => setTimeout(resolve, 30));
    const more = await wire.pull(name, "c", { batch: 2, expires: patienceMs * ms });
    const deliveries = [await more.next(), await more.next()].map((message) => {
      const [, , , , count, sequence] = (message.reply ?? "").split(".");
      return `${sequence}:${count}`;
    });
    expect(deliveries.join(" ")).toBe(expected);
    for (const opened of [inbox, more]) opened.close();
  });

  test("the subject of an acknowledgement says where a message stands", async () => {
    const { wire, jsm } = peer();
    const name = await filled(3);
    const inbox = await wire.pull(name, "c", "2");
    const replies = [await inbox.next(), await inbox.next()].map((message) => message.reply ?? "");
    const { state } = await jsm.streams.info(name);
    const parts = replies.map((reply) => reply.split("."));
    expect(parts.map((part) => [...part.slice(0, 7), part[8]].join("."))).toEqual([
      `$JS.ACK.${name}.c.1.1.1.2`,
      `$JS.ACK.${name}.c.1.2.2.1`,
    ]);
    const milliseconds = Number(parts[0]?.[7]?.slice(0, -6));
    expect(milliseconds).toBe(Date.parse(state.first_ts));
    expect(parts[0]).toHaveLength(9);
    inbox.close();
  });

  test("an acknowledgement that asks for the next", async () => {
    const { nc, wire, jsm } = peer();
    const name = await filled(6);
    const inbox = await wire.pull(name, "c", "1");
    const first = await inbox.next();
    const more = await wire.listen();
    nc.publish(first.reply ?? "", "+NXT", { reply: more.subject });
    const second = await more.next();
    expect(second.string()).toBe("2");
    nc.publish(second.reply ?? "", "+NXT 2", { reply: more.subject });
    expect(await more.take(2)).toEqual([`${name}.a 3`, `${name}.a 4`]);
    const last = more.messages.at(-1);
    nc.publish(last?.reply ?? "", '+NXT {"batch":5,"no_wait":true}', { reply: more.subject });
    expect(await more.take(3)).toEqual([`${name}.a 5`, `${name}.a 6`, "404 No Messages"]);
    expect((await jsm.consumers.info(name, "c")).ack_floor.stream_seq).toBe(2);
    for (const opened of [inbox, more]) opened.close();
  });

  test("what was never delivered can not be acknowledged", async () => {
    const { nc, jsm } = peer();
    const name = await filled(3);
    await expect(nc.request(`$JS.ACK.${name}.c.1.2.1.1.1`, "", { timeout: 200 })).rejects.toThrow();
    expect((await jsm.consumers.info(name, "c")).ack_floor.stream_seq).toBe(0);
  });

  test("a consumer without acknowledgements does not answer them", async () => {
    const { nc, wire } = peer();
    const name = await filled(3, { ack_policy: "none" });
    const inbox = await wire.pull(name, "c", "1");
    const first = await inbox.next();
    await expect(nc.request(first.reply ?? "", "", { timeout: 200 })).rejects.toThrow();
    inbox.close();
  });

  test("a negative acknowledgement is told of", async () => {
    const { nc, wire } = peer();
    const name = await filled(1);
    const events = await wire.listen(`$JS.EVENT.ADVISORY.CONSUMER.MSG_NAKED.${name}.c`);
    const inbox = await wire.pull(name, "c", "1");
    await nc.request((await inbox.next()).reply ?? "", "-NAK 1m");
    const { id, timestamp, ...advisory } = (await events.next()).json<Record<string, unknown>>();
    expect([typeof id, Number.isNaN(Date.parse(String(timestamp)))]).toEqual(["string", false]);
    expect(advisory).toEqual({
      type: "io.nats.jetstream.advisory.v1.nak",
      stream: name,
      consumer: "c",
      consumer_seq: 1,
      stream_seq: 1,
      deliveries: 1,
    });
    for (const opened of [inbox, events]) opened.close();
  });
});
