import { describe, expect, it } from "vitest";
import { InboundMessage } from "../../../../src/jetstream/stream/message/inbound-message.ts";
import { contents, headersAt, second, World } from "../../stream-world.ts";

describe("what is asked of a published message", () => {
  it("is what it expects of the stream", () => {
    const world = new World();
    world.stream();
    const ask = (...headers: string[]) => world.outcome("s.a", "x", headers);
    expect(ask("Nats-Expected-Last-Sequence: 0")).toBe("1");
    expect(ask("Nats-Expected-Last-Sequence: 0")).toBe("10071 wrong last sequence: 1");
    expect(ask("Nats-Expected-Last-Sequence: one")).toBe("10071 wrong last sequence: 1");
    expect(ask("Nats-Expected-Last-Sequence: -1")).toBe("10071 wrong last sequence: 1");
    expect(ask("Nats-Expected-Last-Sequence:")).toBe("2");
    expect(ask("Nats-Expected-Last-Subject-Sequence: 1")).toBe("10071 wrong last sequence: 2");
    expect(ask("Nats-Expected-Last-Subject-Sequence: 2")).toBe("3");
    const other = "Nats-Expected-Last-Subject-Sequence-Subject: s.b";
    expect(ask(other)).toBe("10193 missing sequence for expected last sequence per subject");
    expect(ask("Nats-Expected-Last-Subject-Sequence: 0", other)).toBe("4");
    expect(ask("Nats-Expected-Last-Subject-Sequence: 4", other)).toBe("10071 wrong last sequence: 0");
    const pattern = "Nats-Expected-Last-Subject-Sequence-Subject: s.*";
    expect(ask("Nats-Expected-Last-Subject-Sequence: 4", pattern)).toBe("5");
    expect(ask("Nats-Expected-Last-Msg-Id: m")).toBe("10070 wrong last msg ID: ");
    expect(ask("Nats-Msg-Id: m")).toBe("6");
    expect(ask("Nats-Expected-Last-Msg-Id: m")).toBe("7");
    expect(ask("Nats-Expected-Stream: S")).toBe("8");
    expect(ask("nats-expected-stream: T")).toBe("9");
  });

  it("comes in nats-server's order", () => {
    const world = new World();
    world.stream();
    world.send("s.a", "x", ["Nats-Msg-Id: m"]);
    const all = [
      "Nats-Stream-Source: x",
      "Nats-Msg-Id: m",
      "Nats-Rollup: bad",
      "Nats-Expected-Last-Msg-Id: n",
      "Nats-Schedule: never",
      "Nats-Expected-Last-Sequence: 7",
      "Nats-Expected-Last-Subject-Sequence: 8",
      "Nats-TTL: 5",
      "Nats-Expected-Stream: T",
      "Nats-Incr: x",
    ];
    const outcomes: string[] = [];
    for (let count = all.length; count > 0; count--)
      outcomes.push(world.outcome("s.a", "", all.slice(0, count)).slice(0, 5));
    expect(outcomes).toEqual([
      "10171",
      "10060",
      "10166",
      "10071",
      "10071",
      "10188",
      "10227",
      "10227",
      "10227",
      "10227",
    ]);
    expect(world.outcome("s.a", "", all.slice(1, 4))).toBe("1+duplicate");
    expect(world.outcome("s.a", "", all.slice(2, 4))).toBe("10070 wrong last msg ID: m");
    expect(world.outcome("s.a", "", all.slice(2, 3))).toBe("10111 rollup not permitted");
  });

  it("is its size", () => {
    const world = new World();
    world.stream({ max_msg_size: 100_000 });
    const wide = `A: ${"x".repeat(65_600)}`;
    expect(world.outcome("s.a", "x".repeat(100_000))).toBe("1");
    expect(world.outcome("s.a", "x".repeat(100_001))).toBe("10054 message size exceeds maximum allowed");
    expect(world.outcome("s.a", "", [wide])).toBe("10097 header size exceeds maximum allowed of 64k");
    expect(world.outcome("s.a", "x".repeat(50_000), [wide])).toBe(
      "10054 message size exceeds maximum allowed",
    );
  });

  it("is nothing any more once a stream is sealed", () => {
    const world = new World();
    const stream = world.stream();
    stream.update({ ...stream.config, sealed: true });
    expect(world.outcome("s.a")).toBe("10109 invalid operation on sealed stream");
  });
});

describe("duplicates", () => {
  it("are found within the window, also after a restart and a purge", async () => {
    const world = new World();
    let stream = world.stream({ duplicate_window: 10 * second });
    expect(world.outcome("s.a", "1", ["Nats-Msg-Id: m"])).toBe("1");
    await world.advance("5s");
    stream = world.restart(stream);
    stream.messages.removeThrough(1);
    expect(world.outcome("s.a", "1", ["Nats-Msg-Id: m"])).toBe("1+duplicate");
    expect(world.outcome("s.a", "1", ["Nats-Msg-Id:"])).toBe("2");
    expect(world.outcome("s.a", "1", ["Nats-Msg-Id:"])).toBe("3");
    await world.advance("5001ms");
    expect(world.outcome("s.a", "1", ["Nats-Msg-Id: m"])).toBe("4");
    expect(stream.publishHandler.duplicates.count).toBe(1);
    await world.advance("11s");
    expect(stream.publishHandler.duplicates.count).toBe(0);
  });

  it("are forgotten when the window shrinks", async () => {
    const world = new World();
    const stream = world.stream({ duplicate_window: 10 * second });
    world.send("s.a", "1", ["Nats-Msg-Id: m"]);
    await world.advance("2s");
    stream.update({ ...stream.config, duplicate_window: second });
    expect(world.outcome("s.a", "1", ["Nats-Msg-Id: m"])).toBe("2");
  });
});

describe("roll-ups", () => {
  it("remove what was there before, of a subject or of all", () => {
    const world = new World();
    const stream = world.stream({ allow_rollup_hdrs: true });
    for (const subject of ["s.a", "s.b", "s.a"]) world.send(subject, "x");
    expect(world.outcome("s.a", "new", ["Nats-Rollup: SUB"])).toBe("4");
    expect(contents(stream)).toEqual(["2 s.b x", "4 s.a new"]);
    expect(world.outcome("s.c", "all", ["Nats-Rollup: all"])).toBe("5");
    expect(contents(stream)).toEqual(["5 s.c all"]);
    expect(world.outcome("s.c", "", ["Nats-Rollup: Some"])).toBe('10111 rollup value invalid: "some"');
  });
});

describe("TTLs", () => {
  it("are read as nats-server reads them", () => {
    const world = new World();
    const stream = world.stream({ allow_msg_ttl: true });
    const ask = (ttl: string) => world.outcome("s.a", "", [`Nats-TTL: ${ttl}`]);
    expect(["5", "1h30m", "1.5s", "Never"].map(ask)).toEqual(["1", "2", "3", "4"]);
    for (const bad of ["0", "-5", "500ms", "soon", "5 "])
      expect(ask(bad)).toBe("10165 invalid per-message TTL");
    expect([...stream.log.deadlines("expires", Infinity)].map(({ seq }) => seq)).toEqual([3, 1, 2]);
    expect(headersAt(stream, 2)).toEqual(["Nats-TTL: 1h30m"]);
  });

  it("are raised to that of markers", () => {
    const world = new World();
    const stream = world.stream({ subject_delete_marker_ttl: 60 * second });
    world.send("s.a", "", ["Nats-TTL: 5", "A: 1"]);
    world.send("s.a", "", ["Nats-TTL: 90"]);
    expect([1, 2].map((seq) => headersAt(stream, seq))).toEqual([["A: 1", "Nats-TTL: 60"], ["Nats-TTL: 90"]]);
    expect(world.outcome("s.a", "", ["Nats-TTL: bad"])).toBe("10165 invalid per-message TTL");
  });
});

describe("counters", () => {
  const counterStream = (world: World) => world.stream({ allow_msg_counter: true });

  it("add, beyond what a number can hold", () => {
    const world = new World();
    const stream = counterStream(world);
    const add = (increment: string) => world.publish("s.a", "", [`Nats-Incr: ${increment}`]);
    expect(add("+1")).toBe('{"stream":"S","seq":1,"val":"1"}');
    expect(add("100000000000000000000000")).toBe('{"stream":"S","seq":2,"val":"100000000000000000000001"}');
    expect(add("-2")).toBe('{"stream":"S","seq":3,"val":"99999999999999999999999"}');
    expect(contents(stream)[2]).toBe('3 s.a {"val":"99999999999999999999999"}');
    expect(headersAt(stream, 3)).toEqual(["Nats-Incr: -2"]);
  });

  it("refuse what is none", () => {
    const world = new World();
    counterStream(world);
    world.stream({ name: "T", subjects: ["t"] });
    expect(world.outcome("s.a")).toBe("10169 message counter increment is missing");
    expect(world.outcome("s.a", "", ["A: 1"])).toBe("10169 message counter increment is missing");
    expect(world.outcome("s.a", "x", ["Nats-Incr: 1"])).toBe("10170 message counter has payload");
    expect(world.outcome("s.a", "", ["Nats-Incr: one"])).toBe("10171 message counter increment is invalid");
    expect(world.outcome("s.a", "", ["Nats-Incr: 1", "Nats-Rollup: sub"])).toBe(
      "10171 message counter increment is invalid",
    );
    expect(world.outcome("t", "", ["Nats-Incr: 1"])).toBe("10168 message counters is disabled");
  });

  it("keep apart what comes from other streams", () => {
    const world = new World();
    const stream = counterStream(world);
    world.send("s.a", "", ["Nats-Incr: 5"]);
    const copy = (val: string) => {
      const block = Buffer.from(
        "NATS/1.0\r\nNats-Incr: 1\r\nNats-Stream-Source: ORIGIN 7 > > s.a\r\n\r\n",
        "latin1",
      );
      const bytes = Buffer.concat([block, Buffer.from(`{"val":"${val}"}`)]);
      const message = new InboundMessage();
      message.takeSourced("s.a", bytes, 0, bytes.length, block.length);
      return stream.publishHandler.storeSourced(message);
    };
    expect(copy("10")).toBeNull();
    expect(copy("12")).toBeNull();
    expect(contents(stream).at(-1)).toBe('3 s.a {"val":"17"}');
    expect(headersAt(stream, 3)).toEqual([
      "Nats-Incr: 2",
      "Nats-Stream-Source: ORIGIN 7 > > s.a",
      'Nats-Counter-Sources: {"ORIGIN":{"s.a":"12"}}',
    ]);
  });
});
