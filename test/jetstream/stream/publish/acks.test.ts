import { describe, expect, it } from "vitest";
import { contents, FakeConsumer, headersAt, World } from "../../stream-world.ts";

describe("publish acks", () => {
  it("have nats-server's bytes", () => {
    const world = new World();
    world.stream();
    expect(world.publish("s.a", "1")).toBe('{"stream":"S","seq":1}');
    expect(world.publish("s.a", "2", ["Nats-Msg-Id: x"])).toBe('{"stream":"S","seq":2}');
    expect(world.publish("s.a", "3", ["Nats-Msg-Id: x"])).toBe('{"stream":"S","seq":2,"duplicate": true}');
    expect(world.publish("s.a", "4", ["Nats-Expected-Stream: T"])).toBe(
      '{"error":{"code":400,"err_code":10060,"description":"expected stream does not match"},"stream":"S","seq":0}',
    );
  });

  it("name the domain where there is one, but not in errors", () => {
    const world = new World("hub");
    world.stream();
    expect(world.publish("s.a", "1")).toBe('{"stream":"S","domain":"hub","seq":1}');
    expect(world.publish("s.a", "1", ["Nats-Expected-Stream: T"])).not.toContain("hub");
  });

  it("come without reply and headers, and not at all where nobody wants them", () => {
    const world = new World();
    world.stream();
    world.stream({ name: "QUIET", subjects: ["quiet"], no_ack: true });
    const [ack] = world.request("s.a");
    expect(ack?.headers).toBe("");
    expect(world.publish("quiet", "x")).toBe("");
    expect(world.publish("quiet", "x", ["Nats-Expected-Stream: T"])).toBe("");
    world.send("s.a", "no reply");
    expect(world.outcome("s.a")).toBe("3");
  });

  it("wait for the disk, in their order", () => {
    const world = new World();
    world.stream();
    const heard = world.listen("_INBOX.>");
    for (let count = 1; count <= 3_000; count++)
      world.host.publisher.publish(world.account, "s.a", `_INBOX.w.${count}`, null, Buffer.from("x"));
    expect(heard.messages).toEqual([]);
    world.endPass();
    expect(heard.messages.map(({ subject }) => subject)).toEqual(
      Array.from({ length: 3_000 }, (_, index) => `_INBOX.w.${index + 1}`),
    );
    expect(heard.messages[2_999]?.payload).toBe('{"stream":"S","seq":3000}');
  });

  it("carry large sequences", () => {
    const world = new World();
    const stream = world.stream();
    stream.log.skipTo(4_503_599_627_370_001);
    expect(world.publish("s.a")).toBe('{"stream":"S","seq":4503599627370001}');
    stream.close();
    const other = world.stream({ name: "T", subjects: ["t"] });
    other.log.skipTo(1_234_567_890_123);
    expect(world.publish("t")).toBe('{"stream":"T","seq":1234567890123}');
  });
});

describe("what is stored", () => {
  it("is without status and without who asked", () => {
    const world = new World();
    const stream = world.stream();
    const block = Buffer.from("NATS/1.0 503 No One\r\nA: 1\r\n\r\n");
    world.host.publisher.publish(world.account, "s.a", "", block, Buffer.from("x"));
    world.host.publisher.publish(
      world.account,
      "s.a",
      "",
      Buffer.from("NATS/1.0 100\r\n\r\n"),
      Buffer.from("y"),
    );
    world.send("s.a", "z", ["B: 2", 'Nats-Request-Info: {"acc":"A"}']);
    expect(contents(stream)).toEqual(["1 s.a x", "2 s.a y", "3 s.a z"]);
    expect([1, 2, 3].map((seq) => headersAt(stream, seq))).toEqual([["A: 1"], [], ["B: 2"]]);
  });

  it("is on the subject that the transform makes", () => {
    const world = new World();
    const stream = world.stream({
      subjects: ["s.*", "other"],
      subject_transform: { src: "s.*", dest: "kept.$1.in" },
    });
    world.send("s.a", "1");
    world.send("other", "2");
    expect(contents(stream)).toEqual(["1 kept.a.in 1", "2 other 2"]);
  });

  it("is told to consumers, who are woken when it is durable", () => {
    const world = new World();
    const stream = world.stream();
    const consumer = new FakeConsumer(stream, "C");
    world.host.publisher.publish(world.account, "s.a", "", null, Buffer.from("x"));
    expect([consumer.told, consumer.wakes]).toEqual([["+1 s.a"], 0]);
    world.endPass();
    expect(consumer.wakes).toBe(1);
    stream.messages.remove(1);
    expect(consumer.told).toEqual(["+1 s.a", "-1 s.a"]);
  });

  it("is republished with headers that tell where it is", () => {
    const world = new World();
    world.stream({ republish: { src: "s.>", dest: "copy.>" } });
    world.stream({ name: "T", subjects: ["t"], republish: { dest: "sizes.>", headers_only: true } });
    const heard = world.listen("copy.>");
    const sizes = world.listen("sizes.>");
    world.send("s.a", "one");
    world.send("s.a", "two", ["A: 1"]);
    world.send("t", "three");
    expect(heard.messages.map(({ subject, payload }) => `${subject} ${payload}`)).toEqual([
      "copy.a one",
      "copy.a two",
    ]);
    const lines = (heard.messages[1]?.headers ?? "").split("\r\n");
    expect(lines.slice(0, 5)).toEqual([
      "NATS/1.0",
      "A: 1",
      "Nats-Stream: S",
      "Nats-Subject: s.a",
      "Nats-Sequence: 2",
    ]);
    expect(lines[5]).toMatch(/^Nats-Time-Stamp: \d{4}-.*Z$/);
    expect(lines.slice(6)).toEqual(["Nats-Last-Sequence: 1", "", ""]);
    expect(sizes.messages[0]).toMatchObject({ subject: "sizes.t", payload: "" });
    expect(sizes.messages[0]?.headers).toContain("\r\nNats-Last-Sequence: 0\r\nNats-Msg-Size: 5\r\n\r\n");
  });
});
