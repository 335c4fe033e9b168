import { describe, expect, test } from "vitest";
import { ConsumerWorld, lines } from "./consumer-world.ts";

const ms = 1_000_000;

describe("consumer", () => {
  test("pulls, acks, and what is left", () => {
    const world = new ConsumerWorld();
    const stream = world.filled(3);
    const consumer = world.consumer(stream);
    const got = world.pull({ batch: 2 });
    expect(lines(got)).toEqual(["1", "2"]);
    expect(got[1]?.reply).toMatch(/^\$JS\.ACK\.S\.c\.1\.2\.2\.\d+\.1$/);
    expect(world.acknowledge(got[0])).toBe(true);
    expect(consumer.info()).toMatchObject({
      delivered: { consumer_seq: 2, stream_seq: 2 },
      ack_floor: { consumer_seq: 1, stream_seq: 1 },
      ...{ num_ack_pending: 1, num_pending: 1, num_waiting: 0, num_redelivered: 0 },
    });
  });

  test.each([
    ["has room for one message", { max_msgs: 1 }, []],
    ["rolls up what is delivered", { allow_rollup_hdrs: true }, ["Nats-Rollup: all"]],
    ["keeps everything", {}, []],
  ])("counts what is pending where its stream captures its own deliveries and %s", (_, config, headers) => {
    const world = new ConsumerWorld();
    const stream = world.stream({ subjects: ["s.>", "in.>"], ...config });
    const consumer = world.consumer(stream);
    const exact = (): number => stream.log.count(consumer.state.nextSeq, null);
    world.send("s.a", "1", headers);
    for (let count = 0; count < 3; count++) {
      world.send("$JS.API.CONSUMER.MSG.NEXT.S.c", '{"batch":1}', [], `in.${count}`);
      expect(consumer.info()).toMatchObject({ num_pending: exact() });
      expect(exact()).toBeGreaterThan(0);
    }
  });

  test("of the last of each subject goes on with the next where its delivery removes the one delivered", () => {
    const world = new ConsumerWorld();
    const stream = world.stream({ subjects: ["s.>", "in.>"], max_msgs: 4 });
    for (const word of ["a", "b", "c", "d"]) world.send(`s.${word}`, word);
    const last = { deliver_policy: "last_per_subject", filter_subject: "s.>" } as const;
    const consumer = world.consumer(stream, last);
    const got = [0, 1, 2, 3].map((count) => world.hear(`in.${count}`));
    for (let count = 0; count < 4; count++)
      world.send("$JS.API.CONSUMER.MSG.NEXT.S.c", '{"batch":1,"no_wait":true}', [], `in.${count}`);
    expect(got.map((each) => lines(each)[0])).toEqual(["a", "b", "c", "d"]);
    expect(consumer.info()["num_pending"]).toBe(stream.log.count(consumer.state.nextSeq, null));
  });

  test("acks wait, back off and run out on a clock that is moved", async () => {
    const world = new ConsumerWorld();
    const advisories = world.hear("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.S.c");
    const consumer = world.consumer(world.filled(1), { backoff: [100 * ms, 300 * ms], max_deliver: 3 });
    const got = world.pull({ batch: 10 });
    await world.later(99);
    expect(got.length).toBe(1);
    await world.later(2);
    expect(got.length).toBe(2);
    await world.later(298);
    expect(got.length).toBe(2);
    await world.later(4);
    expect(got.map(({ reply }) => reply.split(".").slice(4, 7).join("."))).toEqual([
      "1.1.1",
      "2.1.2",
      "3.1.3",
    ]);
    await world.later(1_000);
    expect(got.length).toBe(3);
    expect(
      advisories.map(({ payload }) => (JSON.parse(payload) as { deliveries: number }).deliveries),
    ).toEqual([3]);
    expect(consumer.info()).toMatchObject({
      num_ack_pending: 0,
      ack_floor: { stream_seq: 1, consumer_seq: 3 },
    });
  });

  test("expiry, heartbeats and their end", async () => {
    const world = new ConsumerWorld();
    world.consumer(world.filled(0));
    const got = world.pull({ batch: 1, expires: 1_000 * ms, idle_heartbeat: 400 * ms });
    await world.later(1_100);
    expect(lines(got)).toEqual(["[100 Idle Heartbeat]", "[100 Idle Heartbeat]", "[408 Request Timeout]"]);
  });

  test("an answer to an ack comes when the ack is durable, not before", () => {
    const world = new ConsumerWorld();
    const stream = world.filled(1);
    world.consumer(stream);
    const [first] = world.pull("");
    const answers = world.hear("told");
    world.host.publisher.publish(world.account, first?.reply ?? "", "told", null, Buffer.alloc(0));
    const groupBefore = world.store.durableGroup;
    expect(answers.length).toBe(0);
    world.endPass();
    expect([answers.length, world.store.durableGroup > groupBefore]).toEqual([1, true]);
  });

  test("goes on after a restart where its acks were", async () => {
    const world = new ConsumerWorld();
    let stream = world.filled(5);
    world.consumer(stream, { ack_wait: 1_000 * ms });
    const got = world.pull({ batch: 3 });
    world.acknowledge(got[1]);
    stream = world.startAgain(stream);
    const again = stream.consumers.get("c");
    expect(again?.info()).toMatchObject({ num_ack_pending: 2, num_pending: 2, delivered: { stream_seq: 3 } });
    const more = world.pull({ batch: 10 });
    expect(lines(more)).toEqual(["4", "5"]);
    await world.later(1_002);
    expect(lines(more)).toEqual(["4", "5", "1", "3", "4", "5"]);
  });

  test("nobody answers for a consumer that is not there", () => {
    const world = new ConsumerWorld();
    const consumer = world.consumer(world.filled(1));
    const subject = "$JS.API.CONSUMER.MSG.NEXT.S.c";
    const ask = (): number =>
      world.host.publisher.publish(world.account, subject, "x", null, Buffer.alloc(0));
    expect(ask()).toBe(1);
    world.endPass();
    const waiting = world.pull({ batch: 5, expires: 5_000 * ms });
    consumer.delete();
    world.endPass();
    expect(lines(waiting).at(-1)).toBe("[409 Consumer Deleted]");
    expect(ask()).toBe(0);
  });

  test("a consumer that nobody uses goes", async () => {
    const world = new ConsumerWorld();
    const stream = world.filled(0);
    world.consumer(stream, { durable_name: "", name: "e" });
    await world.later(5_000);
    expect(stream.consumers.has("e")).toBe(true);
    await world.later(1_100);
    expect(stream.consumers.has("e")).toBe(false);
  });

  test("a work queue lets go of what is acknowledged, and of nothing else", () => {
    const world = new ConsumerWorld();
    const stream = world.filled(3, { retention: "workqueue" });
    world.consumer(stream);
    const got = world.pull({ batch: 3 });
    world.acknowledge(got[1]);
    world.acknowledge(got[2], "+TERM");
    expect([stream.log.state.messages, stream.log.state.firstSeq]).toEqual([1, 1]);
  });

  test("interest: a message stays until all have had it", () => {
    const world = new ConsumerWorld();
    const stream = world.stream({ retention: "interest" });
    world.consumer(stream);
    world.consumer(stream, { durable_name: "d" });
    world.send("s.a", "1");
    const [one] = world.pull("");
    const [two] = world.pull("", "d");
    world.acknowledge(one);
    expect(stream.log.state.messages).toBe(1);
    world.acknowledge(two);
    expect(stream.log.state.messages).toBe(0);
  });

  test("what is removed from the stream is out no more, and not counted", () => {
    const world = new ConsumerWorld();
    const stream = world.filled(4);
    const consumer = world.consumer(stream);
    world.pull({ batch: 2 });
    stream.messages.remove(1);
    stream.messages.remove(3);
    world.endPass();
    expect(consumer.info()).toMatchObject({ num_ack_pending: 1, num_pending: 1 });
    stream.messages.removeThrough(3);
    world.endPass();
    expect(consumer.info()).toMatchObject({
      num_ack_pending: 0,
      num_pending: 1,
      ack_floor: { stream_seq: 3 },
    });
    expect(lines(world.pull(""))).toEqual(["4"]);
  });

  test("what is purged or removed while it is out counts as acknowledged then", () => {
    const world = new ConsumerWorld();
    const stream = world.filled(4);
    const one = world.consumer(stream);
    const other = world.consumer(stream, { durable_name: "other" });
    expect(world.pull({ batch: 1 })).toHaveLength(1);
    expect(other.info()["ack_floor"]).toEqual({ consumer_seq: 0, stream_seq: 0 });
    stream.messages.removeThrough(2);
    world.endPass();
    expect(one.info()["ack_floor"]).toMatchObject({ stream_seq: 2, last_active: expect.any(String) });
    expect(other.info()["ack_floor"]).toEqual({ consumer_seq: 0, stream_seq: 2 });
    world.pull({ batch: 1 }, "other");
    stream.messages.remove(3);
    world.endPass();
    expect(other.info()["ack_floor"]).toMatchObject({ stream_seq: 3, last_active: expect.any(String) });
  });

  test("the last message of a subject that has none: from the first of all", () => {
    const world = new ConsumerWorld();
    const stream = world.filled(4);
    stream.messages.removeThrough(2);
    const consumer = world.consumer(stream, { deliver_policy: "last", filter_subject: "s.none" });
    expect(consumer.info()["delivered"]).toEqual({ consumer_seq: 0, stream_seq: 2 });
    world.send("s.none", "late");
    expect(lines(world.pull({ batch: 1 }))).toEqual(["late"]);
  });

  test("nothing goes to receivers that are behind, until they are not", () => {
    const world = new ConsumerWorld();
    const stream = world.filled(3);
    const consumer = world.consumer(stream, { ack_policy: "none" });
    const first = world.pull({ batch: 1 });
    world.receivers.areAboveHighWaterMark = true;
    const rest = world.pull({ batch: 5 });
    world.send("s.a", "4");
    expect([lines(first), lines(rest)]).toEqual([["1"], []]);
    expect(world.receivers.relieve()).toBe(1);
    expect(lines(rest)).toEqual(["2", "3", "4"]);
    world.send("s.a", "5");
    expect(lines(rest)).toEqual(["2", "3", "4", "5"]);
    world.receivers.areAboveHighWaterMark = true;
    world.send("s.a", "6");
    consumer.close();
    expect(world.receivers.relieve()).toBe(0);
  });

  test("a pinned client keeps its pin, and loses it when it is silent", async () => {
    const world = new ConsumerWorld();
    const stream = world.filled(3);
    const unpinned = world.hear("$JS.EVENT.ADVISORY.CONSUMER.UNPINNED.S.c");
    world.consumer(stream, {
      priority_groups: ["g"],
      priority_policy: "pinned_client",
      priority_timeout: 1_000 * ms,
    });
    const first = world.pull({ batch: 1, group: "g" });
    const id = /Nats-Pin-Id: (\S+)/.exec(first[0]?.headers ?? "")?.[1] ?? "";
    expect(id).not.toBe("");
    const other = world.pull({ batch: 1, group: "g", expires: 60_000 * ms });
    expect(other).toEqual([]);
    expect(world.pull({ batch: 1, group: "g", id }).map(({ payload }) => payload)).toEqual(["2"]);
    expect(lines(world.pull({ batch: 1, group: "g", id: "other" }))).toEqual(["[423 Nats-Pin-Id mismatch]"]);
    await world.later(1_001);
    expect(other.map(({ payload }) => payload)).toEqual(["3"]);
    expect(unpinned.map(({ payload }) => (JSON.parse(payload) as { reason: string }).reason)).toEqual([
      "timeout",
    ]);
  });

  test("push: only while somebody listens, at the rate that is set", async () => {
    const world = new ConsumerWorld();
    const stream = world.filled(2, { max_msg_size: 50 });
    const consumer = world.consumer(stream, {
      ack_policy: "none",
      deliver_subject: "to",
      rate_limit_bps: 400,
    });
    world.hear("*");
    expect(consumer.info()["push_bound"]).toBeUndefined();
    const got = world.hear("to");
    expect(lines(got)).toEqual(["1"]);
    await world.later(500);
    expect(got.length).toBe(1);
    await world.later(1_500);
    expect(lines(got)).toEqual(["1", "2"]);
    expect(consumer.info()["push_bound"]).toBe(true);
  });

  test("flow control stops at the window, and goes on with the answer", () => {
    const world = new ConsumerWorld();
    const stream = world.stream();
    const payload = "x".repeat(100_000);
    for (let index = 0; index < 60; index++) world.send("s.a", payload);
    const got = world.hear("to");
    world.consumer(stream, {
      ...{ ack_policy: "none", deliver_subject: "to", flow_control: true, idle_heartbeat: 1_000 * ms },
    });
    const asked = got.filter(({ headers }) => headers.startsWith("NATS/1.0 100 FlowControl Request"));
    expect(asked.length).toBe(1);
    expect(asked[0]?.reply).toMatch(/^\$JS\.FC\.S\.c\.\w{4}$/);
    const before = got.length;
    expect(before).toBeLessThan(30);
    world.send(asked[0]?.reply ?? "");
    expect(got.length).toBeGreaterThan(before);
  });

  test.each(["1.5", "0.5", "1e0", "0x1", "-1", " 1.", "1 1", "NaN", "Infinity", "", "9".repeat(400)])(
    "an answer to flow control that says %j acknowledges nothing",
    (count) => {
      const world = new ConsumerWorld();
      const stream = world.filled(3);
      const got = world.hear("to");
      const consumer = world.consumer(stream, {
        ...{ sourcing: true, ack_policy: "flow_control", max_ack_pending: 2, deliver_subject: "to" },
      });
      const asked = got.find(({ headers }) => headers.startsWith("NATS/1.0 100 FlowControl Request"));
      expect(asked?.reply).toMatch(/^\$JS\.FC\.S\.c\./);
      world.send(asked?.reply ?? "", "", [`Nats-Last-Consumer: ${count}`, `Nats-Last-Stream: ${count}`]);
      expect(consumer.info()).toMatchObject({ ack_floor: { stream_seq: 0 }, num_ack_pending: 2 });
    },
  );

  test("a consumer that others source from begins again behind its acks when it is asked for again", () => {
    const world = new ConsumerWorld();
    const stream = world.filled(3);
    const config = {
      sourcing: true,
      ack_policy: "flow_control",
      max_ack_pending: 100,
      deliver_subject: "to",
    } as const;
    const got = world.hear("to");
    world.consumer(stream, config);
    expect(lines(got)).toEqual(["1", "2", "3"]);
    world.consumer(stream, config);
    expect(lines(got)).toEqual(["1", "2", "3", "1", "2", "3"]);
    expect(got[3]?.reply).toMatch(/^\$JS\.ACK\.S\.c\.1\.1\.1\./);
  });

  test("a message that is stored while the consumer is made comes when it is durable", () => {
    const world = new ConsumerWorld();
    const stream = world.stream();
    const got = world.hear("to");
    world.host.publisher.publish(world.account, "s.a", "", null, Buffer.from("1"));
    expect(stream.log.durableSeq).toBe(0);
    world.consumers.create(stream, {
      ...{ config: { durable_name: "c", deliver_subject: "to" }, action: "", pedantic: false },
    });
    expect(got).toEqual([]);
    world.endPass();
    expect(lines(got)).toEqual(["1"]);
  });

  test("resets go to where they may, and count anew", () => {
    const world = new ConsumerWorld();
    const stream = world.filled(4);
    const consumer = world.consumer(stream);
    const got = world.pull({ batch: 3 });
    world.acknowledge(got[0]);
    expect(consumer.reset(0)).toBe(2);
    world.endPass();
    expect(consumer.info()).toMatchObject({
      num_pending: 3,
      num_ack_pending: 0,
      delivered: { consumer_seq: 0 },
    });
    expect(lines(world.pull({ batch: 5 }))).toEqual(["2", "3", "4"]);
    expect(consumer.reset(1)).toBe(1);
    const late = world.consumer(stream, {
      durable_name: "d",
      deliver_policy: "by_start_sequence",
      opt_start_seq: 3,
    });
    expect(() => late.reset(2)).toThrow("invalid reset: below start seq");
  });
});
