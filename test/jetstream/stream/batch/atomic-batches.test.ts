import { describe, expect, it } from "vitest";
import { contents, headersAt, World } from "../../stream-world.ts";

function batching(config: object = {}) {
  const world = new World();
  const stream = world.stream({ allow_atomic: true, allow_rollup_hdrs: true, ...config });
  /** The answer to a message of a batch: "-" for an empty one. */
  const add = (id: string, seq: number | string, payload: string, ...headers: string[]) => {
    const fields = [`Nats-Batch-Id: ${id}`, `Nats-Batch-Sequence: ${seq}`, ...headers];
    const [answer] = world.request(`s.${payload || "x"}`, payload, fields);
    if (answer === undefined) return "none";
    if (answer.payload === "") return "-";
    const { error } = JSON.parse(answer.payload) as { error?: { err_code: number; description: string } };
    return error === undefined ? answer.payload : `${error.err_code} ${error.description}`;
  };
  return { world, stream, add };
}

const commit = "Nats-Batch-Commit: 1";
const incomplete = "10176 atomic publish batch is incomplete";

describe("an atomic batch", () => {
  it("is stored at its commit, whole", () => {
    const { world, stream, add } = batching();
    expect(add("b", 1, "one")).toBe("-");
    expect(add("b", 2, "two")).toBe("-");
    world.send("s.between", "x");
    expect(contents(stream)).toEqual(["1 s.between x"]);
    expect(add("b", 3, "three", commit)).toBe('{"stream":"S","seq":4,"batch":"b","count":3}');
    expect(contents(stream)).toEqual(["1 s.between x", "2 s.one one", "3 s.two two", "4 s.three three"]);
    expect(headersAt(stream, 4)?.at(-1)).toBe(commit);
    expect(add("b", 4, "more")).toBe(incomplete);
  });

  it("may end with what is no message", () => {
    const { stream, add } = batching();
    add("b", 1, "one");
    expect(add("b", 2, "", "Nats-Batch-Commit: eob")).toBe('{"stream":"S","seq":1,"batch":"b","count":1}');
    expect(contents(stream)).toEqual(["1 s.one one"]);
    expect(headersAt(stream, 1)?.at(-1)).toBe(commit);
    expect(add("c", 1, "", "Nats-Batch-Commit: eob")).toBe(incomplete);
  });

  it("is stored not at all when anything is wrong", () => {
    const { stream, add } = batching({ duplicate_window: 1_000_000_000 });
    const outcome = (...headers: string[]) => {
      expect(add("b", 1, "one", "Nats-Msg-Id: first")).toBe("-");
      return add("b", 2, "two", ...headers, commit);
    };
    expect(outcome("Nats-Expected-Last-Sequence: 7")).toBe("10071 wrong last sequence: 1");
    expect(outcome("Nats-Expected-Last-Sequence: 1")).toBe("10164 wrong last sequence");
    expect(outcome("Nats-Msg-Id: first")).toBe("10201 atomic publish batch contains duplicate message id");
    expect(outcome("Nats-TTL: 5")).toBe("10166 per-message TTL is disabled");
    expect(outcome("Nats-Expected-Stream: T")).toBe("10060 expected stream does not match");
    expect(outcome("Nats-Expected-Last-Msg-Id: x")).toBe(
      "10177 atomic publish unsupported header used: Nats-Expected-Last-Msg-Id",
    );
    expect(outcome("Nats-Rollup: all")).toBe("10111 batch rollup all invalid");
    const subject = "Nats-Expected-Last-Subject-Sequence-Subject: s.one";
    expect(outcome("Nats-Expected-Last-Subject-Sequence: 0", subject)).toBe("10164 wrong last sequence");
    expect(outcome("Nats-Expected-Last-Subject-Sequence: 3")).toBe("10071 wrong last sequence: 0");
    expect(contents(stream)).toEqual([]);
    expect(outcome("Nats-Expected-Last-Subject-Sequence: 0")).toContain('"count":2');
    expect(outcome()).toBe("10201 atomic publish batch contains duplicate message id");
  });

  it("is given up when one is missing, late or wrong", async () => {
    const { world, add } = batching();
    const advisories = world.listen("$JS.EVENT.ADVISORY.STREAM.BATCH_ABANDONED.S");
    add("gap", 1, "one");
    expect(add("gap", 3, "three")).toBe(incomplete);
    expect(add("gap", 2, "two")).toBe(incomplete);
    add("late", 1, "one");
    await world.advance("9s");
    add("late", 2, "two");
    await world.advance("9s");
    expect(add("late", 3, "three")).toBe("-");
    await world.advance("10001ms");
    expect(add("late", 4, "four", commit)).toBe(incomplete);
    add("bad", 1, "one");
    expect(add("bad", 2, "two", "Nats-Batch-Commit: no")).toBe(
      "10200 atomic publish batch commit is invalid",
    );
    expect(add("level", 1, "one", "Nats-Required-Api-Level: 99")).toBe(
      "10185 JetStream minimum api level required",
    );
    expect(advisories.messages.map(({ payload }) => JSON.parse(payload) as object)).toMatchObject([
      { type: "io.nats.jetstream.advisory.v1.stream_batch_abandoned", stream: "S", batch: "gap" },
      { batch: "late", reason: "timeout" },
      { batch: "level", reason: "unsupported" },
    ]);
  });

  it("has bounds", () => {
    const { world, add } = batching();
    world.stream({ name: "T", subjects: ["t"] });
    expect(world.outcome("t", "", ["Nats-Batch-Id: b"])).toBe("10174 atomic publish is disabled");
    expect(add("x".repeat(65), 1, "one")).toBe("10179 atomic publish batch ID is invalid");
    expect(add("b", "one", "one")).toBe("10175 atomic publish sequence is missing");
    expect(add("b", 1_001, "one")).toBe("10199 atomic publish batch is too large: 1000");
    for (let count = 1; count <= 50; count++) expect(add(`open${count}`, 1, "one")).toBe("-");
    expect(add("open51", 1, "one")).toBe("10210 atomic publish too many inflight");
    expect(add("open1", 2, "two", commit)).toContain('"count":2');
    for (let seq = 1; seq <= 1_000; seq++) add("long", seq, "x");
    expect(add("long", 1_001, "x", commit)).toBe("10199 atomic publish batch is too large: 1000");
  });

  it("counts and discards as a whole", () => {
    const counters = batching({ allow_msg_counter: true });
    counters.world.send("s.n", "", ["Nats-Batch-Id: b", "Nats-Batch-Sequence: 1", "Nats-Incr: 2"]);
    counters.world.send("s.n", "", ["Nats-Batch-Id: b", "Nats-Batch-Sequence: 2", "Nats-Incr: 3", commit]);
    expect(contents(counters.stream)).toEqual(['1 s.n {"val":"2"}', '2 s.n {"val":"5"}']);
    const small = batching({ discard: "new", max_msgs: 2 });
    small.world.send("s.x", "x");
    small.add("b", 1, "one");
    expect(small.add("b", 2, "two", commit)).toBe("10077 maximum messages exceeded");
    expect(contents(small.stream)).toEqual(["1 s.x x"]);
  });
});
