import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { modernJetStream, peerOf } from "../../fixture/jetstream-libraries.ts";
import { type Fields, fresh } from "../../fixture/jetstream-wire.ts";

// The exact text of acknowledgements, good and bad.

const broker = jetStreamBroker();

describe("acknowledgements", () => {
  const peer = peerOf(broker, modernJetStream);

  /** Config of the stream, headers and payload of the message behind a first one with id "first", the answer. */
  const messages: [string, object, Fields, string, string][] = [
    ["a plain message", {}, {}, "x", '{"stream":"<name>","seq":2}'],
    ["an empty message", {}, {}, "", '{"stream":"<name>","seq":2}'],
    ["a duplicate", {}, { "Nats-Msg-Id": "first" }, "", '{"stream":"<name>","seq":1,"duplicate": true}'],
    ["an empty id", {}, { "Nats-Msg-Id": "" }, "", '{"stream":"<name>","seq":2}'],
    [
      "another stream",
      {},
      { "Nats-Expected-Stream": "other" },
      "",
      '{"error":{"code":400,"err_code":10060,"description":"expected stream does not match"},"stream":"<name>","seq":0}',
    ],
    ["a last sequence", {}, { "Nats-Expected-Last-Sequence": "1" }, "", '{"stream":"<name>","seq":2}'],
    [
      "a wrong last sequence",
      {},
      { "Nats-Expected-Last-Sequence": "5" },
      "",
      '{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 1"},"stream":"<name>","seq":0}',
    ],
    [
      "a last sequence of zero",
      {},
      { "Nats-Expected-Last-Sequence": "0" },
      "",
      '{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 1"},"stream":"<name>","seq":0}',
    ],
    [
      "a last sequence that is no number",
      {},
      { "Nats-Expected-Last-Sequence": "one" },
      "",
      '{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 1"},"stream":"<name>","seq":0}',
    ],
    [
      "a negative last sequence",
      {},
      { "Nats-Expected-Last-Sequence": "-1" },
      "",
      '{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 1"},"stream":"<name>","seq":0}',
    ],
    [
      "a last sequence of the subject",
      {},
      { "Nats-Expected-Last-Subject-Sequence": "1" },
      "",
      '{"stream":"<name>","seq":2}',
    ],
    [
      "a wrong last sequence of the subject",
      {},
      { "Nats-Expected-Last-Subject-Sequence": "9" },
      "",
      '{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 1"},"stream":"<name>","seq":0}',
    ],
    [
      "a last sequence of another subject",
      {},
      {
        "Nats-Expected-Last-Subject-Sequence": "0",
        "Nats-Expected-Last-Subject-Sequence-Subject": "<name>.b",
      },
      "",
      '{"stream":"<name>","seq":2}',
    ],
    [
      "a wrong last sequence of all subjects",
      {},
      {
        "Nats-Expected-Last-Subject-Sequence": "0",
        "Nats-Expected-Last-Subject-Sequence-Subject": "<name>.>",
      },
      "",
      '{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 1"},"stream":"<name>","seq":0}',
    ],
    [
      "a subject without its sequence",
      {},
      { "Nats-Expected-Last-Subject-Sequence-Subject": "<name>.b" },
      "",
      '{"error":{"code":400,"err_code":10193,"description":"missing sequence for expected last sequence per subject"},"stream":"<name>","seq":0}',
    ],
    ["a last id", {}, { "Nats-Expected-Last-Msg-Id": "first" }, "", '{"stream":"<name>","seq":2}'],
    [
      "a wrong last id",
      {},
      { "Nats-Expected-Last-Msg-Id": "other" },
      "",
      '{"error":{"code":400,"err_code":10070,"description":"wrong last msg ID: first"},"stream":"<name>","seq":0}',
    ],
    [
      "a duplicate with a wrong sequence",
      {},
      { "Nats-Msg-Id": "first", "Nats-Expected-Last-Sequence": "9" },
      "",
      '{"error":{"code":400,"err_code":10071,"description":"wrong last sequence: 1"},"stream":"<name>","seq":0}',
    ],
    [
      "a duplicate with a wrong last id",
      {},
      { "Nats-Msg-Id": "first", "Nats-Expected-Last-Msg-Id": "no" },
      "",
      '{"stream":"<name>","seq":1,"duplicate": true}',
    ],
    [
      "a duplicate of another stream",
      {},
      { "Nats-Msg-Id": "first", "Nats-Expected-Stream": "no" },
      "",
      '{"error":{"code":400,"err_code":10060,"description":"expected stream does not match"},"stream":"<name>","seq":0}',
    ],
    [
      "a roll-up that is not allowed",
      {},
      { "Nats-Rollup": "sub" },
      "",
      '{"error":{"code":500,"err_code":10111,"description":"rollup not permitted"},"stream":"<name>","seq":0}',
    ],
    ["a roll-up", { allow_rollup_hdrs: true }, { "Nats-Rollup": "sub" }, "", '{"stream":"<name>","seq":2}'],
    [
      "a roll-up in capitals",
      { allow_rollup_hdrs: true },
      { "Nats-Rollup": "ALL" },
      "",
      '{"stream":"<name>","seq":2}',
    ],
    [
      "a roll-up of nothing known",
      { allow_rollup_hdrs: true },
      { "Nats-Rollup": "some" },
      "",
      '{"error":{"code":500,"err_code":10111,"description":"rollup value invalid: \\"some\\""},"stream":"<name>","seq":0}',
    ],
    [
      "a TTL that is not allowed",
      {},
      { "Nats-TTL": "1" },
      "",
      '{"error":{"code":400,"err_code":10166,"description":"per-message TTL is disabled"},"stream":"<name>","seq":0}',
    ],
    [
      "a TTL of zero that is not allowed",
      {},
      { "Nats-TTL": "0" },
      "",
      '{"error":{"code":400,"err_code":10165,"description":"invalid per-message TTL"},"stream":"<name>","seq":0}',
    ],
    ["a TTL", { allow_msg_ttl: true }, { "Nats-TTL": "60" }, "", '{"stream":"<name>","seq":2}'],
    [
      "a TTL as a duration",
      { allow_msg_ttl: true },
      { "Nats-TTL": "1m30s" },
      "",
      '{"stream":"<name>","seq":2}',
    ],
    ["a TTL of never", { allow_msg_ttl: true }, { "Nats-TTL": "never" }, "", '{"stream":"<name>","seq":2}'],
    [
      "a TTL that is too short",
      { allow_msg_ttl: true },
      { "Nats-TTL": "500ms" },
      "",
      '{"error":{"code":400,"err_code":10165,"description":"invalid per-message TTL"},"stream":"<name>","seq":0}',
    ],
    [
      "a negative TTL",
      { allow_msg_ttl: true },
      { "Nats-TTL": "-1" },
      "",
      '{"error":{"code":400,"err_code":10165,"description":"invalid per-message TTL"},"stream":"<name>","seq":0}',
    ],
    [
      "a TTL that is none",
      { allow_msg_ttl: true },
      { "Nats-TTL": "soon" },
      "",
      '{"error":{"code":400,"err_code":10165,"description":"invalid per-message TTL"},"stream":"<name>","seq":0}',
    ],
    [
      "a message of the largest size",
      { max_msg_size: 20 },
      {},
      "x".repeat(20),
      '{"stream":"<name>","seq":1}',
    ],
    [
      "a message that is too large",
      { max_msg_size: 20 },
      {},
      "x".repeat(21),
      '{"error":{"code":400,"err_code":10054,"description":"message size exceeds maximum allowed"},"stream":"<name>","seq":0}',
    ],
    [
      "headers that are too large",
      { max_msg_size: 20 },
      { Header: "long enough" },
      "",
      '{"error":{"code":400,"err_code":10054,"description":"message size exceeds maximum allowed"},"stream":"<name>","seq":0}',
    ],
    [
      "headers beyond 64 KiB",
      {},
      { Header: "x".repeat(65_536) },
      "",
      '{"error":{"code":400,"err_code":10097,"description":"header size exceeds maximum allowed of 64k"},"stream":"<name>","seq":0}',
    ],
    [
      "more messages than allowed",
      { max_msgs: 1, discard: "new" },
      {},
      "",
      '{"error":{"code":503,"err_code":10077,"description":"maximum messages exceeded"},"stream":"<name>","seq":0}',
    ],
    [
      "more bytes than allowed",
      { max_bytes: 100, discard: "new" },
      {},
      "x".repeat(100),
      '{"error":{"code":503,"err_code":10077,"description":"maximum bytes exceeded"},"stream":"<name>","seq":0}',
    ],
    [
      "more messages of a subject than allowed",
      { max_msgs_per_subject: 1, discard: "new", discard_new_per_subject: true },
      {},
      "",
      '{"error":{"code":503,"err_code":10077,"description":"maximum messages per subject exceeded"},"stream":"<name>","seq":0}',
    ],
    [
      "the oldest of a subject gives way",
      { max_msgs_per_subject: 1, discard: "new" },
      {},
      "",
      '{"stream":"<name>","seq":2}',
    ],
    [
      "a count that is not allowed",
      {},
      { "Nats-Incr": "1" },
      "",
      '{"error":{"code":400,"err_code":10168,"description":"message counters is disabled"},"stream":"<name>","seq":0}',
    ],
    [
      "a schedule that is not allowed",
      {},
      { "Nats-Schedule": "@every 1s", "Nats-Schedule-Target": "<name>.b" },
      "",
      '{"error":{"code":400,"err_code":10188,"description":"message schedules is disabled"},"stream":"<name>","seq":0}',
    ],
    [
      "a batch that is not allowed",
      {},
      { "Nats-Batch-Id": "b", "Nats-Batch-Sequence": "1" },
      "",
      '{"error":{"code":400,"err_code":10174,"description":"atomic publish is disabled"},"stream":"<name>","seq":0}',
    ],
    ["a level of the API", {}, { "Nats-Required-Api-Level": "1" }, "", '{"stream":"<name>","seq":2}'],
    [
      "a level that is too high",
      {},
      { "Nats-Required-Api-Level": "1000" },
      "",
      '{"stream":"<name>","seq":2}',
    ],
    [
      "a level that is no number",
      {},
      { "Nats-Required-Api-Level": "one" },
      "",
      '{"stream":"<name>","seq":2}',
    ],
    [
      "a source of the publisher's own",
      {},
      { "Nats-Stream-Source": "S 1 > > a" },
      "",
      '{"error":{"code":400,"err_code":10227,"description":"message stream source header is not allowed"},"stream":"<name>","seq":0}',
    ],
    [
      "a sealed stream",
      { sealed: true },
      {},
      "",
      '{"error":{"code":400,"err_code":10109,"description":"invalid operation on sealed stream"},"stream":"<name>","seq":0}',
    ],
    ["interest retention without interest", { retention: "interest" }, {}, "", '{"stream":"<name>","seq":2}'],
  ];

  test.each(messages)(
    "%s",
    async (_title, { sealed, ...config }: { sealed?: boolean }, fields, data, expected) => {
      const { wire } = peer();
      const name = fresh("STREAM");
      await wire.stream(name, config);
      await wire.publish(`${name}.a`, "", { "Nats-Msg-Id": "first" });
      if (sealed === true) await wire.api(`STREAM.UPDATE.${name}`, { name, subjects: [`${name}.>`], sealed });
      const headers = Object.entries(fields).map(([key, value]) => [key, value.replaceAll("<name>", name)]);
      const ack = await wire.publish(
        `${name}.a`,
        data,
        headers.length === 0 ? undefined : (Object.fromEntries(headers) as Fields),
      );
      await wire.api(`STREAM.DELETE.${name}`);
      expect(ack.replaceAll(name, "<name>")).toBe(expected);
    },
  );

  test("an answer comes without a reply subject and without headers", async () => {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name);
    const inbox = await wire.listen();
    wire.nc.publish(`${name}.a`, "", { reply: inbox.subject });
    const ack = await inbox.next();
    expect([ack.reply ?? "", ack.headers, ack.string()]).toEqual([
      "",
      undefined,
      `{"stream":"${name}","seq":1}`,
    ]);
  });

  test("what is refused takes no sequence", async () => {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name, { max_msg_size: 10 });
    await wire.fill(`${name}.a`);
    await wire.publish(`${name}.a`, "x".repeat(100));
    await wire.publish(`${name}.a`, "", { "Nats-Expected-Last-Sequence": "7" });
    expect(await wire.publish(`${name}.a`)).toBe(`{"stream":"${name}","seq":2}`);
  });

  test("interest retention without interest uses sequences up", async () => {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name, { retention: "interest" });
    await wire.fill(`${name}.a`, `${name}.b`);
    const { state } = await wire.api(`STREAM.INFO.${name}`);
    expect(state).toMatchObject({ messages: 0, first_seq: 3, last_seq: 2 });
    await wire.publish(`${name}.a`, "", { "Nats-Msg-Id": "seen" });
    expect(await wire.publish(`${name}.a`, "", { "Nats-Msg-Id": "seen" })).toBe(
      `{"stream":"${name}","seq":3,"duplicate": true}`,
    );
  });
});
