import { describe, expect, it } from "vitest";
import { contents, FakeConsumer, headersAt, second, World } from "../../stream-world.ts";

describe("max_age", () => {
  it("takes messages one after the other, when the clock says so", async () => {
    const world = new World();
    const stream = world.stream({ max_age: 10 * second });
    world.send("s.a", "1");
    await world.advance("4s");
    world.send("s.a", "2");
    await world.advance("5900ms");
    expect(contents(stream)).toEqual(["1 s.a 1", "2 s.a 2"]);
    await world.advance("101ms");
    expect(contents(stream)).toEqual(["2 s.a 2"]);
    await world.advance("4s");
    expect(contents(stream)).toEqual([]);
    expect(stream.log.state).toMatchObject({ firstSeq: 3, lastSeq: 2 });
  });

  it("takes many at once and tells consumers", async () => {
    const world = new World();
    const stream = world.stream({ max_age: second });
    const consumer = new FakeConsumer(stream, "C");
    for (let count = 0; count < 200; count++) world.send("s.a");
    await world.advance("500ms");
    world.send("s.b");
    await world.advance("501ms");
    expect(contents(stream)).toEqual(["201 s.b"]);
    expect(consumer.told.filter((text) => text.startsWith("-"))).toHaveLength(64);
    expect(consumer.told.at(-1)).toBe("purged to 201");
  });

  it("goes on after a restart, and begins when it is set later", async () => {
    const world = new World();
    let stream = world.stream({ max_age: 10 * second });
    world.send("s.a", "1");
    await world.advance("9s");
    stream = world.restart(stream);
    stream.update({ ...stream.config, max_age: 0 });
    await world.advance("9s");
    expect(contents(stream)).toEqual(["1 s.a 1"]);
    stream.update({ ...stream.config, max_age: 19 * second });
    await world.advance("900ms");
    expect(contents(stream)).toEqual(["1 s.a 1"]);
    stream = world.restart(stream);
    await world.advance("101ms");
    expect(contents(stream)).toEqual([]);
  });

  it("does not reach those that never expire", async () => {
    const world = new World();
    const stream = world.stream({ max_age: 2 * second, allow_msg_ttl: true });
    world.send("s.a", "1");
    world.send("s.a", "2", ["Nats-TTL: never"]);
    world.send("s.a", "3");
    world.send("s.a", "4", ["Nats-TTL: 1"]);
    await world.advance("1001ms");
    expect(contents(stream)).toEqual(["1 s.a 1", "2 s.a 2", "3 s.a 3"]);
    await world.advance("1s");
    expect(contents(stream)).toEqual(["2 s.a 2"]);
    world.send("s.a", "5");
    await world.advance("2001ms");
    expect(contents(stream)).toEqual(["2 s.a 2"]);
  });
});

describe("TTLs", () => {
  it("outlive a restart", async () => {
    const world = new World();
    let stream = world.stream({ allow_msg_ttl: true });
    world.send("s.a", "1", ["Nats-TTL: 10s"]);
    world.send("s.a", "2", ["Nats-TTL: 5"]);
    await world.advance("4s");
    stream = world.restart(stream);
    await world.advance("1001ms");
    expect(contents(stream)).toEqual(["1 s.a 1"]);
    await world.advance("5s");
    expect(contents(stream)).toEqual([]);
  });
});

describe("delete markers", () => {
  const marker = ["Nats-Marker-Reason: MaxAge", "Nats-TTL: 1m30s", "Nats-Rollup: sub"];

  it.each([9_999, 10_000, 10_001])(
    "take no message with them that comes %i ms after the last",
    async (ms) => {
      const world = new World();
      const stream = world.stream({ max_age: 10 * second, subject_delete_marker_ttl: 90 * second });
      world.clock.after(ms, () => world.send("s.a", "new"));
      world.send("s.a", "old");
      await world.advance("10100ms");
      expect(contents(stream).filter((text) => text.endsWith(" old"))).toEqual([]);
      expect(contents(stream).at(-1)).toBe(`${stream.log.state.lastSeq} s.a new`);
      await world.advance("9s");
      expect(contents(stream).at(-1)).toMatch(/ new$/);
    },
  );

  it("stand for the last message of a subject, and go without another", async () => {
    const world = new World();
    const stream = world.stream({ max_age: 10 * second, subject_delete_marker_ttl: 90 * second });
    stream.update({ ...stream.config, max_age: 100 * second });
    world.send("s.a", "1");
    world.send("s.a", "2");
    world.send("s.b", "3");
    await world.advance("100001ms");
    expect(contents(stream)).toEqual(["4 s.a", "5 s.b"]);
    expect([4, 5].map((seq) => headersAt(stream, seq))).toEqual([marker, marker]);
    await world.advance("91s");
    expect(contents(stream)).toEqual([]);
    expect(stream.log.state.lastSeq).toBe(5);
  });

  it("come for TTLs too, but not for purges of a key", async () => {
    const world = new World();
    const stream = world.stream({ subject_delete_marker_ttl: second, max_msgs_per_subject: 1 });
    world.send("s.a", "1", ["Nats-TTL: 5"]);
    world.send("s.b", "", ["KV-Operation: PURGE", "Nats-TTL: 5"]);
    world.send("s.c", "", ["KV-Operation: DEL", "Nats-TTL: 5"]);
    await world.advance("5001ms");
    expect(contents(stream)).toEqual(["4 s.a", "5 s.c"]);
    await world.advance("1001ms");
    expect(contents(stream)).toEqual([]);
  });

  it("come only where nothing newer is there", async () => {
    const world = new World();
    const stream = world.stream({ subject_delete_marker_ttl: second });
    world.send("s.a", "1", ["Nats-TTL: 5"]);
    world.send("s.a", "2");
    await world.advance("6s");
    expect(contents(stream)).toEqual(["2 s.a 2"]);
  });
});
