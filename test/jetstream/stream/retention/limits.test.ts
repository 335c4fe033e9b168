import { describe, expect, it } from "vitest";
import { purge } from "../../../../src/jetstream/stream/retention/purge.ts";
import { contents, FakeConsumer, World } from "../../stream-world.ts";

const fill = (world: World, ...subjects: string[]) => {
  for (const [index, subject] of subjects.entries()) world.send(subject, String(index + 1));
};

describe("limits that discard the old", () => {
  it("keep the newest messages", () => {
    const world = new World();
    const stream = world.stream({ max_msgs: 2 });
    const consumer = new FakeConsumer(stream, "C");
    fill(world, "s.a", "s.b", "s.c");
    expect(contents(stream)).toEqual(["2 s.b 2", "3 s.c 3"]);
    expect(consumer.told).toEqual(["+1 s.a", "+2 s.b", "+3 s.c", "-1 s.a"]);
  });

  it("keep as many bytes as may be, as nats-server counts them", () => {
    const world = new World();
    // 30 bytes, the subject and the payload each.
    const stream = world.stream({ max_bytes: 68 });
    fill(world, "s.a", "s.b", "s.c");
    expect(contents(stream)).toEqual(["2 s.b 2", "3 s.c 3"]);
    world.send("s.d", "x".repeat(100));
    expect(contents(stream)).toEqual([]);
    expect(stream.log.state).toMatchObject({ firstSeq: 5, lastSeq: 4 });
  });

  it("keep the newest of each subject", () => {
    const world = new World();
    const stream = world.stream({ max_msgs_per_subject: 1 });
    fill(world, "s.a", "s.b", "s.a", "s.b", "s.a");
    expect(contents(stream)).toEqual(["4 s.b 4", "5 s.a 5"]);
  });

  it("come into force when they are changed", () => {
    const world = new World();
    const stream = world.stream();
    fill(world, "s.a", "s.a", "s.b", "s.a", "s.c");
    stream.update({ ...stream.config, max_msgs_per_subject: 2 });
    expect(contents(stream)).toEqual(["2 s.a 2", "3 s.b 3", "4 s.a 4", "5 s.c 5"]);
    stream.update({ ...stream.config, max_msgs: 1 });
    expect(contents(stream)).toEqual(["5 s.c 5"]);
  });
});

describe("limits that discard the new", () => {
  it("refuse what is too much", () => {
    const world = new World();
    const stream = world.stream({ discard: "new", max_msgs: 2 });
    fill(world, "s.a", "s.b");
    expect(world.outcome("s.c")).toBe("10077 maximum messages exceeded");
    stream.update({ ...stream.config, max_msgs: -1, max_bytes: 100 });
    expect(world.outcome("s.c", "x".repeat(30))).toBe("10077 maximum bytes exceeded");
    expect(contents(stream)).toEqual(["1 s.a 1", "2 s.b 2"]);
  });

  it("let in what takes the place of another of its subject", () => {
    const world = new World();
    const stream = world.stream({ discard: "new", max_msgs: 2, max_msgs_per_subject: 1, max_bytes: 200 });
    fill(world, "s.a", "s.b", "s.a");
    expect(contents(stream)).toEqual(["2 s.b 2", "3 s.a 3"]);
    expect(world.outcome("s.c")).toBe("10077 maximum messages exceeded");
    expect(world.outcome("s.a", "x".repeat(150))).toBe("10077 maximum bytes exceeded");
  });

  it("refuse another of a subject where that is asked for, but no roll-up", () => {
    const world = new World();
    const stream = world.stream({
      discard: "new",
      discard_new_per_subject: true,
      max_msgs_per_subject: 1,
      allow_rollup_hdrs: true,
    });
    fill(world, "s.a");
    expect(world.outcome("s.a")).toBe("10077 maximum messages per subject exceeded");
    expect(world.outcome("s.a", "new", ["Nats-Rollup: sub"])).toBe("2");
    expect(contents(stream)).toEqual(["2 s.a new"]);
  });

  it("answer for the account and the disk", () => {
    const world = new World();
    world.stream();
    world.jetStream.setLimits({ ...world.jetStream.limits, maxStoreBytes: 100 });
    expect(world.outcome("s.a", "x".repeat(40))).toBe("1");
    expect(world.outcome("s.a", "x".repeat(40))).toBe("10002 resource limits exceeded for account");
    world.jetStream.setLimits({ ...world.jetStream.limits, maxStoreBytes: -1 });
    Object.assign(world.store, { refusal: () => "no space left on device" });
    expect(world.outcome("s.a", "x")).toBe("10077 no space left on device");
    Object.assign(world.store, { refusal: () => null, isAboveHighWaterMark: true });
    expect([world.outcome("s.a", "x"), world.held]).toEqual(["2", 1]);
  });
});

it("a full disk is told of once, until there is room again", () => {
  const world = new World();
  world.stream();
  world.stream({ name: "T", subjects: ["t"], storage: "memory" });
  const { messages } = world.listen("$JS.EVENT.ADVISORY.SERVER.OUT_OF_STORAGE");
  const leaves = (bytes: number) =>
    Object.assign(world.store, { refusal: (wanted: number) => (wanted > bytes ? "no space" : null) });
  leaves(100);
  for (const size of [200, 10, 200, 300, 250])
    expect(world.outcome("s.a", "x".repeat(size)).startsWith("10077")).toBe(size > 10);
  expect(world.outcome("t", "x".repeat(200))).toBe("1");
  expect(messages).toHaveLength(1);
  expect(JSON.parse(messages[0]?.payload ?? "")).toMatchObject({
    type: "io.nats.jetstream.advisory.v1.server_out_of_space",
    server: "test",
    server_id: "TEST",
    stream: "S",
    cluster: "",
  });
  leaves(1_000);
  world.send("s.a", "x".repeat(300));
  leaves(100);
  world.send("s.a", "x".repeat(300));
  expect(messages).toHaveLength(2);
});

describe("interest", () => {
  it("decides what is kept at all", () => {
    const world = new World();
    const stream = world.stream({ retention: "interest", duplicate_window: 1_000_000_000 });
    expect(world.outcome("s.a", "1", ["Nats-Msg-Id: m"])).toBe("1");
    expect(world.outcome("s.a", "1", ["Nats-Msg-Id: m"])).toBe("1+duplicate");
    new FakeConsumer(stream, "C", "s.b");
    expect([world.outcome("s.a", "2"), world.outcome("s.b", "3")]).toEqual(["2", "3"]);
    expect(contents(stream)).toEqual(["3 s.b 3"]);
    expect(world.outcome("s.a", "1", ["Nats-Msg-Id: m"])).toBe("1+duplicate");
  });

  it("ends when everybody has seen it", () => {
    const world = new World();
    const stream = world.stream({ retention: "interest" });
    const one = new FakeConsumer(stream, "ONE");
    const two = new FakeConsumer(stream, "TWO", "s.b");
    fill(world, "s.a", "s.b", "s.b");
    for (const seq of [1, 2]) {
      one.needed.delete(seq);
      stream.settled(seq);
    }
    expect(contents(stream)).toEqual(["2 s.b 2", "3 s.b 3"]);
    one.needed.delete(3);
    stream.consumers.delete("TWO");
    stream.consumerGone(two);
    expect(contents(stream)).toEqual([]);
  });

  it("is looked for anew when a stream goes over to it", async () => {
    const world = new World();
    const stream = world.stream();
    for (let count = 0; count < 12_000; count++) world.send("s.a");
    new FakeConsumer(stream, "C", "s.b");
    world.send("s.b", "kept");
    stream.update({ ...stream.config, retention: "interest" });
    expect(stream.log.state.messages).toBe(2_001);
    await world.advance(1);
    expect(contents(stream)).toEqual(["12001 s.b kept"]);
    stream.consumers.clear();
    stream.update({ ...stream.config, retention: "limits" });
    stream.update({ ...stream.config, retention: "interest" });
    expect(contents(stream)).toEqual([]);
  });

  it("leaves a stream with limits alone", () => {
    const world = new World();
    const stream = world.stream();
    fill(world, "s.a");
    stream.settled(1);
    expect(contents(stream)).toEqual(["1 s.a 1"]);
  });
});

describe("a purge", () => {
  it("takes what it is asked for", () => {
    const world = new World();
    const stream = world.stream();
    fill(world, "s.a", "s.b", "s.a", "s.b", "s.a");
    expect(purge(stream.messages, { seq: 1 })).toBe(0);
    expect(purge(stream.messages, { filter: "s.a", seq: 3 })).toBe(1);
    expect(purge(stream.messages, { filter: "s.b", keep: 1 })).toBe(1);
    expect(purge(stream.messages, { filter: "s.b", keep: 5 })).toBe(0);
    expect(contents(stream)).toEqual(["3 s.a 3", "4 s.b 4", "5 s.a 5"]);
    expect(purge(stream.messages, { keep: 2 })).toBe(1);
    expect(purge(stream.messages, { keep: 1 })).toBe(1);
    expect(contents(stream)).toEqual(["5 s.a 5"]);
    expect(purge(stream.messages, { filter: ">" })).toBe(1);
    expect(stream.log.state).toMatchObject({ messages: 0, firstSeq: 6, lastSeq: 5 });
    expect(purge(stream.messages, { seq: 10 })).toBe(0);
    expect(world.outcome("s.a")).toBe("10");
  });

  it("is told to consumers", () => {
    const world = new World();
    const stream = world.stream();
    const consumer = new FakeConsumer(stream, "C");
    fill(world, "s.a", "s.b");
    purge(stream.messages, { filter: "s.a" });
    purge(stream.messages, {});
    expect(consumer.told.slice(2)).toEqual(["-1 s.a", "purged to 2", "purged to 3"]);
  });
});
