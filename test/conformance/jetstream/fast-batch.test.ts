import { startFastIngest } from "@nats-io/jetstream/internal";
import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { modernJetStream, peerOf } from "../../fixture/jetstream-libraries.ts";
import { type Fields, fresh } from "../../fixture/jetstream-wire.ts";
import { eventually } from "../../fixture/waiting.ts";

// Batches that are stored as they come, with an acknowledgement now and then.

const broker = jetStreamBroker();

describe("fast batches", () => {
  const peer = peerOf(broker, modernJetStream);

  async function fast(config: object = {}): Promise<string> {
    const name = fresh();
    await peer().wire.stream(name, { allow_batched: true, ...config });
    return name;
  }

  test("a batch to its last message", async () => {
    const { nc, jsm } = peer();
    const name = await fast();
    const batch = await startFastIngest(nc, `${name}.a`, "1", { allowGaps: false });
    for (let index = 2; index < 200; index++) await batch.add(`${name}.a`, String(index));
    const ack = await batch.last(`${name}.a`, "200");
    expect(ack).toMatchObject({ stream: name, seq: 200, count: 200, batch: batch.batch });
    expect((await jsm.streams.info(name)).state).toMatchObject({ messages: 200, last_seq: 200 });
    expect((await jsm.streams.getMessage(name, { seq: 200 }))?.string()).toBe("200");
  });

  test("a batch that ends without a message", async () => {
    const { nc, jsm } = peer();
    const name = await fast();
    const batch = await startFastIngest(nc, `${name}.a`, "1", { allowGaps: true });
    await batch.add(`${name}.b`, "2");
    expect(await batch.ping()).toMatchObject({ batchSeq: 2 });
    expect(await batch.end()).toMatchObject({ stream: name, seq: 2, count: 2 });
    expect((await jsm.streams.info(name)).state.messages).toBe(2);
  });

  test("messages are stored before the end", async () => {
    const { nc, jsm } = peer();
    const name = await fast();
    const batch = await startFastIngest(nc, `${name}.a`, "1", { allowGaps: false, ackInterval: 1 });
    await batch.add(`${name}.a`, "2");
    await batch.ping();
    expect((await jsm.streams.info(name)).state.messages).toBe(2);
    await batch.end();
  });

  test("an id that was there stores nothing anew", async () => {
    const { nc, js, jsm } = peer();
    const name = await fast();
    await js.publish(`${name}.a`, "", { msgID: "x" });
    const batch = await startFastIngest(nc, `${name}.a`, "", { allowGaps: false });
    await batch.add(`${name}.a`, "", { msgID: "x" });
    expect(await batch.end()).toMatchObject({ count: 2 });
    expect((await jsm.streams.info(name)).state.messages).toBe(2);
  });

  /** Config, the end of the reply subject (flow.gap.sequence.operation) and headers of each message, all answers. */
  const batches: [string, object, [string, Fields?][], string][] = [
    [
      "one message that starts and another that ends",
      {},
      [["10.fail.1.0"], ["10.fail.2.2"]],
      '10.fail.1.0.$FI {"type":"ack","seq":0,"msgs":10} | 10.fail.2.2.$FI {"stream":"<name>","seq":2,"batch":"id","count":2} => 2',
    ],
    [
      "an end that is no message",
      {},
      [["10.fail.1.0"], ["10.fail.2.3"]],
      '10.fail.1.0.$FI {"type":"ack","seq":0,"msgs":10} | 10.fail.2.3.$FI {"stream":"<name>","seq":1,"batch":"id","count":1} => 1',
    ],
    [
      "a ping",
      {},
      [["10.fail.1.0"], ["10.fail.1.4"]],
      '10.fail.1.0.$FI {"type":"ack","seq":0,"msgs":10} | 10.fail.1.4.$FI {"type":"ack","seq":0,"msgs":10} => 1',
    ],
    [
      "a start that is the end",
      {},
      [["10.fail.1.2"]],
      '10.fail.1.2.$FI {"stream":"<name>","seq":1,"batch":"id","count":1} => 1',
    ],
    ["no flow", {}, [["0.fail.1.0"]], '0.fail.1.0.$FI {"type":"ack","seq":0,"msgs":10} => 1'],
    [
      "a flow beyond all",
      {},
      [["100000.fail.1.0"]],
      '100000.fail.1.0.$FI {"type":"ack","seq":0,"msgs":500} => 1',
    ],
    ["a flow that is none", {}, [["x.fail.1.0"]], 'x.fail.1.0.$FI {"type":"ack","seq":0,"msgs":10} => 1'],
    [
      "a gap mode that is none",
      {},
      [["10.maybe.1.0"]],
      '10.maybe.1.0.$FI {"error":{"code":400,"err_code":10206,"description":"batch publish pattern is invalid"},"stream":"<name>","seq":0} => 0',
    ],
    [
      "a sequence that is none",
      {},
      [["10.fail.x.0"]],
      '10.fail.x.0.$FI {"error":{"code":400,"err_code":10206,"description":"batch publish pattern is invalid"},"stream":"<name>","seq":0} => 0',
    ],
    [
      "a start in the middle",
      {},
      [["10.fail.2.0"]],
      '10.fail.2.0.$FI {"error":{"code":400,"err_code":10206,"description":"batch publish pattern is invalid"},"stream":"<name>","seq":0} => 0',
    ],
    [
      "more without a start",
      {},
      [["10.fail.2.1"]],
      '10.fail.2.1.$FI {"error":{"code":400,"err_code":10208,"description":"batch publish ID unknown"},"stream":"<name>","seq":0} => 0',
    ],
    [
      "an operation that is none",
      {},
      [["10.fail.1.9"]],
      '10.fail.1.9.$FI {"error":{"code":400,"err_code":10206,"description":"batch publish pattern is invalid"},"stream":"<name>","seq":0} => 0',
    ],
    [
      "a gap that fails",
      {},
      [["10.fail.1.0"], ["10.fail.3.1"]],
      '10.fail.1.0.$FI {"type":"ack","seq":0,"msgs":10} | 10.fail.3.1.$FI {"type":"gap","last_seq":2,"seq":3} | 10.fail.3.1.$FI {"stream":"<name>","seq":1,"batch":"id","count":1} => 1',
    ],
    [
      "a gap that is taken",
      {},
      [["10.ok.1.0"], ["10.ok.3.2"]],
      '10.ok.1.0.$FI {"type":"ack","seq":0,"msgs":10} | 10.ok.3.2.$FI {"type":"gap","last_seq":2,"seq":3} | 10.ok.3.2.$FI {"stream":"<name>","seq":2,"batch":"id","count":3} => 2',
    ],
    [
      "a stream without",
      { allow_batched: false },
      [["10.fail.1.0"]],
      '10.fail.1.0.$FI {"error":{"code":400,"err_code":10205,"description":"batch publish is disabled"},"stream":"<name>","seq":0} => 0',
    ],
    [
      "an expectation that fails",
      {},
      [["10.fail.1.0", { "Nats-Expected-Last-Sequence": "7" }]],
      '10.fail.1.0.$FI {"type":"ack","seq":0,"msgs":10} | 10.fail.1.0.$FI {"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 0"},"stream":"<name>","seq":0} => 0',
    ],
    [
      "an expectation that fails later",
      {},
      [["10.fail.1.0"], ["10.fail.2.1", { "Nats-Expected-Stream": "other" }], ["10.fail.3.2"]],
      '10.fail.1.0.$FI {"type":"ack","seq":0,"msgs":10} | 10.fail.2.1.$FI {"type":"err","seq":2,"error":{"code":400,"err_code":10060,"description":"expected stream does not match"}} | 10.fail.2.1.$FI {"stream":"<name>","seq":1,"batch":"id","count":1} | 10.fail.3.2.$FI {"error":{"code":400,"err_code":10208,"description":"batch publish ID unknown"},"stream":"<name>","seq":0} => 1',
    ],
  ];

  test.each(batches)("%s", async (_title, config, messages, expected) => {
    const { nc, wire, jsm } = peer();
    const name = await fast(config);
    const prefix = `_INBOX.${fresh("fast")}`;
    const inbox = await wire.listen(`${prefix}.>`);
    for (const [tail, fields] of messages) {
      const headers = modernJetStream.headers();
      for (const [key, value] of Object.entries(fields ?? {})) headers.set(key, value);
      nc.publish(`${name}.a`, "", { reply: `${prefix}.id.${tail}.$FI`, headers });
    }
    await nc.flush();
    const expectedCount = expected.split(" | ").length;
    await eventually(() => inbox.messages.length >= expectedCount, `${expectedCount} answers`);
    await nc.flush();
    const answers = inbox.messages.map(
      (message) => `${message.subject.slice(prefix.length + 4)} ${message.string()}`,
    );
    inbox.close();
    const { state } = await jsm.streams.info(name);
    expect(`${answers.join(" | ")} => ${state.messages}`.replaceAll(name, "<name>")).toBe(expected);
  });
});
