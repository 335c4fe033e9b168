import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { modernJetStream, peerOf } from "../../fixture/jetstream-libraries.ts";
import { becomes, fresh, shown } from "../../fixture/jetstream-wire.ts";
import { patienceMs } from "../../fixture/waiting.ts";

// Each status with which a pull request may end, and what comes before it. Ack waits are long, so that nothing
// comes twice.

const broker = jetStreamBroker();
const ms = 1_000_000;

describe.concurrent("pull requests", () => {
  const peer = peerOf(broker, modernJetStream);

  /** A stream `name` with `count` messages of seven bytes and a consumer "c". */
  async function filled(count: number, config: object = {}): Promise<string> {
    const { wire, js } = peer();
    // Of one length, since sizes count it.
    const name = fresh().padEnd(6, "-");
    await wire.stream(name, { storage: "memory" });
    for (let index = 0; index < count; index++) await js.publish(`${name}.a`, "message");
    await wire.consumer(name, "c", config);
    return name;
  }

  /** Messages in stream, config of the consumer, body of the request, headers, what comes. */
  const requests: [string, number, object, unknown, string][] = [
    ["an empty body", 3, {}, "", "S.a message"],
    ["a number", 3, {}, "2", "S.a message | S.a message"],
    ["a number with blanks", 3, {}, " 2 ", "S.a message | S.a message"],
    ["text that is none", 3, {}, "many", "S.a message"],
    ["a body without a batch", 3, {}, { expires: 300 * ms }, "S.a message"],
    ["a batch of zero", 3, {}, { batch: 0, expires: 300 * ms }, "S.a message"],
    ["a negative batch", 3, {}, { batch: -1, expires: 300 * ms }, "S.a message"],
    [
      "JSON that is none",
      3,
      {},
      "{batch",
      "400 Bad Request - invalid character 'b' looking for beginning of object key string",
    ],
    [
      "a batch that is text",
      3,
      {},
      '{"batch":"1"}',
      "400 Bad Request - json: cannot unmarshal string into Go struct field JSApiConsumerGetNextRequest.batch of type int",
    ],
    ["an unknown field", 3, {}, { batch: 1, more: true }, "S.a message"],
    ["no_wait with all there", 3, {}, { batch: 3, no_wait: true }, "S.a message | S.a message | S.a message"],
    ["no_wait with less there", 1, {}, { batch: 3, no_wait: true }, "S.a message | 404 No Messages"],
    ["no_wait with nothing there", 0, {}, { batch: 3, no_wait: true }, "404 No Messages"],
    [
      "no_wait and expires with less there",
      1,
      {},
      { batch: 3, no_wait: true, expires: 300 * ms },
      "S.a message | 404 No Messages",
    ],
    [
      "no_wait and expires with nothing there",
      0,
      {},
      { batch: 3, no_wait: true, expires: 300 * ms },
      "408 Request Timeout Nats-Pending-Messages=3 Nats-Pending-Bytes=0",
    ],
    [
      "no_wait and a heartbeat where an ack is waited for",
      3,
      { max_ack_pending: 1 },
      { batch: 3, no_wait: true, expires: 800 * ms, idle_heartbeat: 200 * ms },
      "S.a message | 404 No Messages",
    ],
    [
      "no_wait and expires where an ack is waited for",
      3,
      { max_ack_pending: 1 },
      { batch: 3, no_wait: true, expires: 300 * ms },
      "S.a message | 408 Request Timeout Nats-Pending-Messages=2 Nats-Pending-Bytes=0",
    ],
    [
      "expires with less there",
      1,
      {},
      { batch: 3, expires: 300 * ms },
      "S.a message | 408 Request Timeout Nats-Pending-Messages=2 Nats-Pending-Bytes=0",
    ],
    [
      "expires with nothing there",
      0,
      {},
      { batch: 3, expires: 300 * ms },
      "408 Request Timeout Nats-Pending-Messages=3 Nats-Pending-Bytes=0",
    ],
    [
      "expires and bytes with less there",
      1,
      {},
      { batch: 3, expires: 300 * ms, max_bytes: 5000 },
      "S.a message | 408 Request Timeout Nats-Pending-Messages=2 Nats-Pending-Bytes=4941",
    ],
    [
      "a heartbeat without expires",
      0,
      {},
      { batch: 1, idle_heartbeat: 100 * ms },
      "400 Bad Request - heartbeat value too large",
    ],
    [
      "a heartbeat too long",
      0,
      {},
      { batch: 1, expires: 300 * ms, idle_heartbeat: 200 * ms },
      "400 Bad Request - heartbeat value too large",
    ],
    [
      "a heartbeat",
      0,
      {},
      { batch: 1, expires: 500 * ms, idle_heartbeat: 150 * ms },
      "100 Idle Heartbeat Nats-Last-Consumer=0 Nats-Last-Stream=0 | 408 Request Timeout Nats-Pending-Messages=1 Nats-Pending-Bytes=0",
    ],
    [
      "a heartbeat after a message",
      1,
      {},
      { batch: 2, expires: 500 * ms, idle_heartbeat: 200 * ms },
      "S.a message | 100 Idle Heartbeat Nats-Last-Consumer=1 Nats-Last-Stream=1 | 408 Request Timeout Nats-Pending-Messages=1 Nats-Pending-Bytes=0",
    ],
    [
      "negative expires",
      0,
      {},
      { batch: 1, expires: -5 },
      "408 Request Timeout Nats-Pending-Messages=1 Nats-Pending-Bytes=0",
    ],
    [
      "bytes for none",
      3,
      {},
      { batch: 3, max_bytes: 10, expires: 300 * ms },
      "409 Message Size Exceeds MaxBytes Nats-Pending-Messages=3 Nats-Pending-Bytes=10",
    ],
    [
      "bytes for one",
      3,
      {},
      { batch: 3, max_bytes: 90, expires: 300 * ms },
      "S.a message | 409 Message Size Exceeds MaxBytes Nats-Pending-Messages=2 Nats-Pending-Bytes=31",
    ],
    [
      "bytes for all",
      3,
      {},
      { batch: 3, max_bytes: 5000, expires: 300 * ms },
      "S.a message | S.a message | S.a message | 409 Batch Completed Nats-Pending-Messages=0 Nats-Pending-Bytes=4823",
    ],
    [
      "a batch beyond what is allowed",
      0,
      { max_batch: 2 },
      { batch: 3, expires: 300 * ms },
      "409 Exceeded MaxRequestBatch of 2",
    ],
    [
      "a batch that is just allowed",
      2,
      { max_batch: 2 },
      { batch: 2, expires: 300 * ms },
      "S.a message | S.a message",
    ],
    [
      "expires beyond what is allowed",
      0,
      { max_expires: 1000 * ms },
      { batch: 1, expires: 2000 * ms },
      "409 Exceeded MaxRequestExpires of 1s",
    ],
    ["no expires where they are limited", 1, { max_expires: 1000 * ms }, { batch: 1 }, "S.a message"],
    [
      "bytes beyond what is allowed",
      0,
      { max_bytes: 1000 },
      { batch: 1, max_bytes: 2000, expires: 300 * ms },
      "409 Exceeded MaxRequestMaxBytes of 1000",
    ],
    ["a group of a consumer without", 1, {}, { batch: 1, group: "g" }, "S.a message"],
    [
      "a minimum of a consumer without",
      1,
      {},
      { batch: 1, min_pending: 5 },
      "400 Bad Request - Not a Overflow Priority consumer",
    ],
    [
      "an id of a consumer without",
      1,
      {},
      { batch: 1, id: "x" },
      "400 Bad Request - Not a Pinned Client Priority consumer",
    ],
    ["a priority of a consumer without", 1, {}, { batch: 1, priority: 5 }, "S.a message"],
    ["headers only", 1, { headers_only: true }, { batch: 1 }, "S.a"],
  ];

  test.each(requests)("%s", async (_title, count, config, body, expected) => {
    const { wire, nc } = peer();
    const name = await filled(count, config);
    const inbox = await wire.pull(name, "c", body);
    const heard = () => {
      const lines = inbox.messages.map((message) => shown(message).replaceAll(name, "S"));
      // How many heartbeats fit in depends on the machine.
      return lines.filter((line, at) => !line.startsWith("100") || line !== lines[at - 1]).join(" | ");
    };
    if (expected !== "") await becomes(heard, expected);
    // Nothing comes behind.
    await new Promise((resolve) => setTimeout(resolve, 50));
    await nc.flush();
    inbox.close();
    expect(heard()).toBe(expected);
  });

  test("a request of a level that is too high", async () => {
    const { wire } = peer();
    const name = await filled(1);
    const inbox = await wire.pull(name, "c", { batch: 1 }, { "Nats-Required-Api-Level": "1000" });
    expect(await inbox.take(1)).toEqual(["412 Required Api Level"]);
    inbox.close();
  });

  test("a consumer that pushes", async () => {
    const { wire } = peer();
    const name = await filled(1);
    await wire.consumer(name, "p", { deliver_subject: `deliver.${name}` });
    const inbox = await wire.pull(name, "p", { batch: 1 });
    expect(await inbox.take(1)).toEqual(["409 Consumer is push based"]);
    inbox.close();
  });

  test("a consumer that is not there", async () => {
    const { nc } = peer();
    const name = await filled(0);
    await expect(nc.request(`$JS.API.CONSUMER.MSG.NEXT.${name}.none`)).rejects.toThrow(/no responders|503/);
  });

  test("more requests than may wait", async () => {
    const { wire, jsm } = peer();
    const name = await filled(0, { max_waiting: 2 });
    const first = await wire.pull(name, "c", { batch: 1, expires: 1000 * ms });
    const second = await wire.pull(name, "c", { batch: 1, expires: 1000 * ms });
    expect((await jsm.consumers.info(name, "c")).num_waiting).toBe(2);
    const third = await wire.pull(name, "c", { batch: 1, expires: 1000 * ms });
    expect(await third.take(1)).toEqual(["409 Exceeded MaxWaiting"]);
    const silent = await wire.pull(name, "c", { batch: 1, expires: 1000 * ms, idle_heartbeat: 400 * ms });
    const timeout = "408 Request Timeout Nats-Pending-Messages=1 Nats-Pending-Bytes=0";
    expect(await first.take(1)).toEqual([timeout]);
    expect(await second.take(1)).toEqual([timeout]);
    expect(silent.rest()).toEqual([]);
    expect((await jsm.consumers.info(name, "c")).num_waiting).toBe(0);
    for (const inbox of [first, second, third, silent]) inbox.close();
  });

  test("no_wait behind others that wait for as much", async () => {
    const { wire, js } = peer();
    const name = await filled(0);
    const waiting = await wire.pull(name, "c", { batch: 5, expires: patienceMs * ms });
    const eager = await wire.pull(name, "c", { batch: 1, no_wait: true });
    expect(await eager.take(1)).toEqual(["404 No Messages"]);
    await js.publish(`${name}.a`, "x");
    expect(await waiting.take(1)).toEqual([`${name}.a x`]);
    for (const inbox of [waiting, eager]) inbox.close();
  });

  test("those that wait are served in turns", async () => {
    const { wire } = peer();
    const name = await filled(0);
    const inboxes = [
      await wire.pull(name, "c", { batch: 3, expires: patienceMs * ms }),
      await wire.pull(name, "c", { batch: 2, expires: patienceMs * ms }),
      await wire.pull(name, "c", { batch: 1, expires: patienceMs * ms }),
    ];
    await wire.fill(...Array<string>(6).fill(`${name}.a`));
    const [one, two, three] = inboxes;
    expect(await one?.take(3)).toEqual(["1", "4", "6"].map((text) => `${name}.a ${text}`));
    expect(await two?.take(2)).toEqual(["2", "5"].map((text) => `${name}.a ${text}`));
    expect(await three?.take(1)).toEqual([`${name}.a 3`]);
    for (const inbox of inboxes) inbox.close();
  });

  test("many requests at once", async () => {
    const { wire, jsm } = peer();
    const name = await filled(0);
    const inboxes = await Promise.all(
      Array.from({ length: 200 }, () => wire.pull(name, "c", { batch: 2, expires: patienceMs * ms })),
    );
    expect((await jsm.consumers.info(name, "c")).num_waiting).toBe(200);
    await wire.fill(...Array<string>(400).fill(`${name}.a`));
    const all = (await Promise.all(inboxes.map((inbox) => inbox.take(2)))).flat();
    expect(new Set(all).size).toBe(400);
    for (const inbox of inboxes) inbox.close();
  });

  test("a request whose inbox is gone gets nothing", async () => {
    const { wire, nc, jsm, js } = peer();
    const name = await filled(0);
    const gone = await wire.pull(name, "c", { batch: 1, expires: patienceMs * ms });
    gone.close();
    await nc.flush();
    const there = await wire.pull(name, "c", { batch: 1, expires: patienceMs * ms });
    await js.publish(`${name}.a`, "x");
    expect(await there.take(1)).toEqual([`${name}.a x`]);
    expect((await jsm.consumers.info(name, "c")).delivered.consumer_seq).toBe(1);
    there.close();
  });

  test("a consumer that is deleted under requests", async () => {
    const { wire, jsm } = peer();
    const name = await filled(0);
    const inbox = await wire.pull(name, "c", { batch: 1, expires: patienceMs * ms });
    await jsm.consumers.delete(name, "c");
    expect(await inbox.take(1)).toEqual(["409 Consumer Deleted"]);
    inbox.close();
  });

  test("a stream that is deleted under requests", async () => {
    const { wire, jsm } = peer();
    const name = await filled(0);
    const inbox = await wire.pull(name, "c", { batch: 1, expires: patienceMs * ms });
    await jsm.streams.delete(name);
    expect(await inbox.take(1)).toEqual(["409 Consumer Deleted"]);
    inbox.close();
  });

  test("what waits for acknowledgements holds back what comes", async () => {
    const { wire, js, nc } = peer();
    const name = await filled(3, { max_ack_pending: 2 });
    const inbox = await wire.pull(name, "c", { batch: 3, expires: patienceMs * ms });
    const first = await inbox.next();
    await inbox.next();
    await js.publish(`${name}.a`, "later");
    expect(inbox.rest()).toEqual([]);
    await nc.request(first.reply ?? "");
    expect(await inbox.take(1)).toEqual([`${name}.a message`]);
    expect(inbox.rest()).toEqual([]);
    inbox.close();
  });

  test("a request without a reply is served nowhere", async () => {
    const { nc, jsm } = peer();
    const name = await filled(1);
    nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${name}.c`, "1");
    await nc.flush();
    expect((await jsm.consumers.info(name, "c")).delivered.consumer_seq).toBe(0);
  });
});
