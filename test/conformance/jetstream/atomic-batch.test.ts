import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { apiErrorOf, modernJetStream, peerOf } from "../../fixture/jetstream-libraries.ts";
import { type Fields, fresh } from "../../fixture/jetstream-wire.ts";

// Several messages that are stored together or not at all.

const broker = jetStreamBroker();

describe("atomic batches", () => {
  const peer = peerOf(broker, modernJetStream);

  async function atomic(config: object = {}): Promise<string> {
    const name = fresh();
    await peer().wire.stream(name, { allow_atomic: true, ...config });
    return name;
  }

  async function count(name: string): Promise<number> {
    return (await peer().jsm.streams.info(name)).state.messages;
  }

  test("nothing is stored before the commit, and then all of it", async () => {
    const { js, jsm } = peer();
    const name = await atomic();
    await js.publish(`${name}.before`);
    const batch = await js.startBatch(`${name}.a`, "1");
    batch.add(`${name}.b`, "2");
    await batch.add(`${name}.c`, "3", { ack: true });
    expect(await count(name)).toBe(1);
    await js.publish(`${name}.between`);
    const ack = await batch.commit(`${name}.d`, "4");
    expect(ack).toMatchObject({ stream: name, seq: 6, batch: batch.id, count: 4 });
    const subjects: string[] = [];
    for (let seq = 1; seq <= 6; seq++) {
      subjects.push((await jsm.streams.getMessage(name, { seq }))?.subject.slice(name.length + 1) ?? "");
    }
    expect(subjects).toEqual(["before", "between", "a", "b", "c", "d"]);
    const stored = await jsm.streams.getMessage(name, { seq: 3 });
    expect(stored?.header.keys().join()).toBe("Nats-Batch-Id,Nats-Batch-Sequence");
  });

  test("two batches at once", async () => {
    const { js } = peer();
    const name = await atomic();
    const [one, two] = [await js.startBatch(`${name}.one`), await js.startBatch(`${name}.two`)];
    for (let index = 0; index < 10; index++) {
      one.add(`${name}.one`, String(index));
      two.add(`${name}.two`, String(index));
    }
    expect(await two.commit(`${name}.two`)).toMatchObject({ seq: 12, count: 12 });
    expect(await one.commit(`${name}.one`)).toMatchObject({ seq: 24, count: 12 });
  });

  test("an expectation that fails fails all", async () => {
    const { js } = peer();
    const name = await atomic();
    await js.publish(`${name}.a`);
    const batch = await js.startBatch(`${name}.b`);
    const headers = modernJetStream.headers();
    headers.set("Nats-Expected-Last-Subject-Sequence", "0");
    batch.add(`${name}.a`, "", { headers });
    await expect(batch.commit(`${name}.c`)).rejects.toThrow();
    expect(await count(name)).toBe(1);
    const right = await js.startBatch(`${name}.b`);
    expect(await right.commit(`${name}.c`)).toMatchObject({ seq: 3, count: 2 });
  });

  /** Config, then headers of each message of a batch (`b` of sequence n unless said otherwise), and all answers. */
  const batches: [string, object, Fields[], string][] = [
    [
      "one message",
      {},
      [{ "Nats-Batch-Commit": "1" }],
      '{"stream":"<name>","seq":2,"batch":"<id>","count":1} => 2',
    ],
    [
      "two messages",
      {},
      [{}, { "Nats-Batch-Commit": "1" }],
      ' | {"stream":"<name>","seq":3,"batch":"<id>","count":2} => 3',
    ],
    [
      "an end that is no message",
      {},
      [{}, { "Nats-Batch-Commit": "eob" }],
      ' | {"stream":"<name>","seq":2,"batch":"<id>","count":1} => 2',
    ],
    [
      "a commit that is neither",
      {},
      [{}, { "Nats-Batch-Commit": "yes" }],
      ' | {"error":{"code":400,"err_code":10200,"description":"atomic publish batch commit is invalid"},"stream":"<name>","seq":0} => 1',
    ],
    [
      "a commit of nothing",
      {},
      [{ "Nats-Batch-Commit": "eob" }],
      '{"error":{"code":400,"err_code":10176,"description":"atomic publish batch is incomplete"},"stream":"<name>","seq":0} => 1',
    ],
    [
      "no sequence",
      {},
      [{ "Nats-Batch-Sequence": "" }],
      '{"error":{"code":400,"err_code":10175,"description":"atomic publish sequence is missing"},"stream":"<name>","seq":0} => 1',
    ],
    [
      "a sequence that is none",
      {},
      [{ "Nats-Batch-Sequence": "one" }],
      '{"error":{"code":400,"err_code":10175,"description":"atomic publish sequence is missing"},"stream":"<name>","seq":0} => 1',
    ],
    [
      "a sequence of zero",
      {},
      [{ "Nats-Batch-Sequence": "0" }],
      '{"error":{"code":400,"err_code":10176,"description":"atomic publish batch is incomplete"},"stream":"<name>","seq":0} => 1',
    ],
    [
      "a start in the middle",
      {},
      [{ "Nats-Batch-Sequence": "2" }],
      '{"error":{"code":400,"err_code":10176,"description":"atomic publish batch is incomplete"},"stream":"<name>","seq":0} => 1',
    ],
    [
      "a gap",
      {},
      [{}, { "Nats-Batch-Sequence": "3" }, { "Nats-Batch-Sequence": "4", "Nats-Batch-Commit": "1" }],
      ' | {"error":{"code":400,"err_code":10176,"description":"atomic publish batch is incomplete"},"stream":"<name>","seq":0} | {"error":{"code":400,"err_code":10176,"description":"atomic publish batch is incomplete"},"stream":"<name>","seq":0} => 1',
    ],
    [
      "a long id",
      {},
      [{ "Nats-Batch-Id": "x".repeat(65), "Nats-Batch-Commit": "1" }],
      '{"error":{"code":400,"err_code":10179,"description":"atomic publish batch ID is invalid"},"stream":"<name>","seq":0} => 1',
    ],
    [
      "the longest id",
      {},
      [{ "Nats-Batch-Id": "x".repeat(64), "Nats-Batch-Commit": "1" }],
      '{"stream":"<name>","seq":2,"batch":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx","count":1} => 2',
    ],
    [
      "an expected id",
      {},
      [{}, { "Nats-Expected-Last-Msg-Id": "x", "Nats-Batch-Commit": "1" }],
      ' | {"error":{"code":400,"err_code":10177,"description":"atomic publish unsupported header used: Nats-Expected-Last-Msg-Id"},"stream":"<name>","seq":0} => 1',
    ],
    [
      "the same id twice",
      {},
      [{ "Nats-Msg-Id": "x" }, { "Nats-Msg-Id": "x", "Nats-Batch-Commit": "1" }],
      ' | {"error":{"code":400,"err_code":10201,"description":"atomic publish batch contains duplicate message id"},"stream":"<name>","seq":0} => 1',
    ],
    [
      "an id that was there",
      {},
      [{ "Nats-Msg-Id": "known" }, { "Nats-Batch-Commit": "1" }],
      ' | {"error":{"code":400,"err_code":10201,"description":"atomic publish batch contains duplicate message id"},"stream":"<name>","seq":0} => 1',
    ],
    [
      "an expected last sequence on the first",
      {},
      [{ "Nats-Expected-Last-Sequence": "1" }, { "Nats-Batch-Commit": "1" }],
      ' | {"stream":"<name>","seq":3,"batch":"<id>","count":2} => 3',
    ],
    [
      "an expected last sequence on another",
      {},
      [{}, { "Nats-Expected-Last-Sequence": "1", "Nats-Batch-Commit": "1" }],
      ' | {"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 2"},"stream":"<name>","seq":0} => 1',
    ],
    [
      "a wrong last sequence",
      {},
      [{ "Nats-Expected-Last-Sequence": "7" }, { "Nats-Batch-Commit": "1" }],
      ' | {"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 1"},"stream":"<name>","seq":0} => 1',
    ],
    [
      "an expected sequence of a subject that the batch itself has changed",
      {},
      [{}, { "Nats-Expected-Last-Subject-Sequence": "1", "Nats-Batch-Commit": "1" }],
      ' | {"error":{"code":400,"err_code":10164,"description":"wrong last sequence"},"stream":"<name>","seq":0} => 1',
    ],
    [
      "another stream",
      {},
      [{ "Nats-Expected-Stream": "other" }, { "Nats-Batch-Commit": "1" }],
      ' | {"error":{"code":400,"err_code":10060,"description":"expected stream does not match"},"stream":"<name>","seq":0} => 1',
    ],
    [
      "a roll-up",
      { allow_rollup_hdrs: true },
      [{}, { "Nats-Rollup": "sub", "Nats-Batch-Commit": "1" }],
      ' | {"error":{"code":500,"err_code":10111,"description":"batch rollup sub invalid"},"stream":"<name>","seq":0} => 1',
    ],
    [
      "a roll-up that is not allowed",
      {},
      [{}, { "Nats-Rollup": "sub", "Nats-Batch-Commit": "1" }],
      ' | {"error":{"code":500,"err_code":10111,"description":"rollup not permitted"},"stream":"<name>","seq":0} => 1',
    ],
    [
      "a TTL that is not allowed",
      {},
      [{}, { "Nats-TTL": "1s", "Nats-Batch-Commit": "1" }],
      ' | {"error":{"code":400,"err_code":10166,"description":"per-message TTL is disabled"},"stream":"<name>","seq":0} => 1',
    ],
    [
      "more than fits",
      { max_msgs: 2, discard: "new" },
      [{}, {}, { "Nats-Batch-Commit": "1" }],
      ' |  | {"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"},"stream":"<name>","seq":0} => 1',
    ],
  ];

  test.each(batches)("%s", async (_title, config, messages, expected) => {
    const { wire, nc } = peer();
    const name = await atomic(config);
    await wire.publish(`${name}.a`, "", { "Nats-Msg-Id": "known" });
    const inbox = await wire.listen();
    const id = fresh("batch");
    for (const [index, fields] of messages.entries()) {
      const headers = modernJetStream.headers();
      const all = { "Nats-Batch-Id": id, "Nats-Batch-Sequence": String(index + 1), ...fields };
      for (const [key, value] of Object.entries(all)) headers.set(key, value);
      nc.publish(`${name}.a`, "", { reply: inbox.subject, headers });
    }
    const answers: string[] = [];
    // An answer that is none is an empty message.
    for (const _ of messages) answers.push((await inbox.next()).string());
    inbox.close();
    const text = answers.join(" | ").replaceAll(name, "<name>").replaceAll(id, "<id>");
    expect(`${text} => ${await count(name)}`).toBe(expected);
  });

  test("a batch of a thousand, and none beyond", async () => {
    const { js } = peer();
    const name = await atomic({ storage: "memory" });
    const full = await js.startBatch(`${name}.a`);
    for (let index = 0; index < 998; index++) full.add(`${name}.a`, "x");
    expect(await full.commit(`${name}.a`)).toMatchObject({ count: 1000, seq: 1000 });
    const more = await js.startBatch(`${name}.a`);
    for (let index = 0; index < 999; index++) more.add(`${name}.a`, "x");
    // The last of them is answered with 10199; the library says only that the batch was not stored.
    await expect(more.commit(`${name}.a`)).rejects.toThrow();
    expect(await count(name)).toBe(1000);
  });

  test("open batches are limited in number", async () => {
    const { js } = peer();
    const name = await atomic({ storage: "memory" });
    for (let index = 0; index < 50; index++) await js.startBatch(`${name}.a`);
    expect(await apiErrorOf(js.startBatch(`${name}.a`))).toBe("10210 atomic publish too many inflight");
  });

  test("duplicates of a batch that was stored are known", async () => {
    const { js } = peer();
    const name = await atomic();
    const batch = await js.startBatch(`${name}.a`, "", { msgID: "in batch" });
    await batch.commit(`${name}.a`);
    expect(await js.publish(`${name}.a`, "", { msgID: "in batch" })).toMatchObject({
      duplicate: true,
      seq: 1,
    });
  });
});
