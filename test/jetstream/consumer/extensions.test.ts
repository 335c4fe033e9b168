import { describe, expect, test } from "vitest";
import { contents, headersAt } from "../stream-world.ts";
import type { Consumer } from "../../../src/jetstream/consumer/consumer.ts";
import { Consumers } from "../../../src/jetstream/consumer/consumers.ts";
import type { Stream } from "../../../src/jetstream/stream/stream.ts";
import { ConsumerWorld, lines } from "./consumer-world.ts";

const ms = 1_000_000;
const deadLetter = { "frond.dead_letter": "dead.c" };

function answerTo(world: ConsumerWorld, body: object): Record<string, unknown> {
  const [answer] = world.request("$FROND.DLQ.REDRIVE.S.c", JSON.stringify(body));
  return JSON.parse(answer?.payload ?? "{}") as Record<string, unknown>;
}

describe("dead letters", () => {
  test("what runs out of deliveries is kept whole, and says where it comes from", async () => {
    const world = new ConsumerWorld();
    const stream = world.stream();
    const dead = world.stream({ name: "D", subjects: ["dead.>"] });
    world.send("s.a.b", "payload", ["Own: 1", "Nats-Msg-Id: m"]);
    world.consumer(stream, { max_deliver: 1, ack_wait: 100 * ms, metadata: deadLetter });
    const advisories = world.hear("$JS.EVENT.ADVISORY.CONSUMER.MAX_DELIVERIES.S.c");
    world.pull("");
    await world.later(110);
    expect([dead.log.state.messages, advisories.length]).toEqual([1, 1]);
    expect(contents(dead)).toEqual(["1 dead.c payload"]);
    expect(headersAt(dead, 1)?.slice(0, -2)).toEqual([
      "Own: 1",
      "Frond-Dead-Letter-Nats-Msg-Id: m",
      "Frond-Dead-Letter-Stream: S",
      "Frond-Dead-Letter-Sequence: 1",
      "Frond-Dead-Letter-Subject: s.a.b",
      "Frond-Dead-Letter-Consumer: c",
      "Frond-Dead-Letter-Deliveries: 1",
      "Frond-Dead-Letter-Reason: maximum deliveries exceeded",
    ]);
  });

  test("what is terminated too, and a work queue lets go of it", () => {
    const world = new ConsumerWorld();
    const stream = world.filled(1, { retention: "workqueue" });
    const dead = world.stream({ name: "D", subjects: ["dead.>"] });
    world.consumer(stream, { metadata: deadLetter });
    const [got] = world.pull("");
    expect(world.acknowledge(got, "+TERM bad data")).toBe(true);
    expect([stream.log.state.messages, dead.log.state.messages]).toEqual([0, 1]);
    expect(headersAt(dead, 1)).toContain("Frond-Dead-Letter-Reason: terminated: bad data");
  });

  test("what cannot be kept is not settled", async () => {
    const world = new ConsumerWorld();
    const stream = world.filled(1);
    const dead = world.stream({ name: "D", subjects: ["dead.>"], max_msgs: 1, discard: "new" });
    world.send("dead.c", "full");
    const consumer = world.consumer(stream, { max_deliver: 1, ack_wait: 100 * ms, metadata: deadLetter });
    const [got] = world.pull("");
    expect(world.acknowledge(got, "+TERM")).toBe(false);
    expect(consumer.info()).toMatchObject({ num_ack_pending: 1 });
    dead.messages.remove(1);
    await world.later(210);
    expect([dead.log.state.messages, consumer.info()["num_ack_pending"]]).toEqual([1, 0]);
  });

  test("a place that keeps nothing is said at once", () => {
    const world = new ConsumerWorld();
    const stream = world.filled(1);
    const consumer = world.consumer(stream, { metadata: deadLetter });
    expect(consumer.info().config.metadata?.["frond.dead_letter.note"]).toMatch(/no stream captures dead.c/);
    const memory = world.stream({ name: "D", subjects: ["dead.>"], storage: "memory" });
    expect(consumer.info().config.metadata?.["frond.dead_letter.note"]).toMatch(/D, .* is in memory/);
    memory.delete();
    // What a client was shown it may send again.
    const { config } = consumer.info();
    world.consumer(stream, config, "create");
    expect(consumer.config.metadata).toEqual(deadLetter);
  });

  test("bad subjects and policies are refused", () => {
    const world = new ConsumerWorld();
    const stream = world.filled(0);
    const refused = (config: object): string => {
      try {
        world.consumer(stream, config);
        return "ok";
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(refused({ metadata: { "frond.dead_letter": "a.*" } })).toMatch(/without wildcards/);
    expect(refused({ metadata: deadLetter, ack_policy: "all" })).toMatch(/explicit/);
    expect(refused({ metadata: { "frond.key": "x" } })).toMatch(/token positions/);
    expect(refused({ metadata: { "frond.key": "1" }, ack_policy: "none" })).toMatch(/explicit/);
  });

  test("a slice of them goes back to where it came from, once", () => {
    const world = new ConsumerWorld();
    const stream = world.stream({ retention: "workqueue" });
    const dead = world.stream({ name: "D", subjects: ["dead.>"] });
    for (const subject of ["s.a", "s.b", "s.a"]) world.send(subject, subject);
    world.consumer(stream, { metadata: deadLetter });
    for (const got of world.pull({ batch: 3 })) world.acknowledge(got, "+TERM");
    expect([stream.log.state.messages, dead.log.state.messages]).toEqual([0, 3]);
    expect(answerTo(world, { subject: "s.b" })).toMatchObject({ redriven: 1, refused: 0, stream: "D" });
    expect(answerTo(world, { max: 1 })).toMatchObject({ redriven: 1, next_seq: 2 });
    expect([stream.log.state.messages, dead.log.state.messages]).toEqual([2, 1]);
    expect(lines(world.pull({ batch: 5 }))).toEqual(["s.b", "s.a"]);
    expect(answerTo(world, { maximum: 1 })).toMatchObject({ error: { code: 400 } });
    expect(answerTo(world, { max: -1 })).toMatchObject({ error: { code: 400 } });
  });

  test("a target that is reserved is refused, and one from an older store is not used", () => {
    const world = new ConsumerWorld();
    const stream = world.filled(1);
    for (const subject of [
      "$JS.API.STREAM.DELETE.V",
      "$JS.hub.API.INFO",
      "$SYS.x",
      "$FROND.DLQ.REDRIVE.S.c",
    ]) {
      const heard = world.hear(subject);
      const config = { metadata: { "frond.dead_letter": subject } };
      expect(() => world.consumer(stream, config)).toThrow(/reserved/);
      expect(heard).toEqual([]);
    }
  });

  test("a consumer of an older store that delivers to a reserved subject is removed, a dead letter there dropped", () => {
    const world = new ConsumerWorld();
    const stream = world.filled(1);
    const consumer = world.consumer(stream, { durable_name: "c" });
    const { created } = consumer;
    const put = (name: string, more: object): void => {
      const config = { ...consumer.config, durable_name: name, name, ...more };
      stream.store.putRecord(`c/${name}/config`, Buffer.from(JSON.stringify({ config, created })));
    };
    put("push", { deliver_subject: "$JS.API.STREAM.DELETE.S" });
    put("dead", { metadata: { "frond.dead_letter": "$JS.API.STREAM.DELETE.S" } });
    const again = world.restart(stream);
    new Consumers().load(again);
    expect([...again.consumers.keys()].sort()).toEqual(["c", "dead"]);
    expect(stream.store.record("c/push/config")).toBeNull();
    // Letters that went there would be kept nowhere, which a note would say.
    const { metadata } = (again.consumers.get("dead") as Consumer).info().config;
    expect(metadata).not.toHaveProperty("frond.dead_letter.note");
  });
});

/** One letter of `s.a` in D. */
function buried(config: object = {}): { world: ConsumerWorld; stream: Stream; dead: Stream } {
  const world = new ConsumerWorld();
  const stream = world.stream({ retention: "workqueue" });
  const dead = world.stream({ name: "D", subjects: ["dead.>"], ...config });
  world.send("s.a", "letter");
  world.consumer(stream, { metadata: deadLetter });
  for (const got of world.pull("")) world.acknowledge(got, "+TERM");
  expect([stream.log.state.messages, dead.log.state.messages]).toEqual([0, 1]);
  return { world, stream, dead };
}

const forged = (subject: string): string[] => [
  "Frond-Dead-Letter-Stream: S",
  "Frond-Dead-Letter-Consumer: c",
  `Frond-Dead-Letter-Subject: ${subject}`,
];

function asUser(world: ConsumerWorld, denied: readonly string[], work: () => void): void {
  const user = { canPublish: (subject: string): boolean => !denied.includes(subject) };
  world.broker.reading = user as unknown as typeof world.broker.reading;
  work();
  world.broker.reading = null;
}

describe("a redrive", () => {
  test("knows what was buried before a restart", () => {
    const { world, stream } = buried();
    const again = world.restart(stream);
    new Consumers().load(again);
    expect(answerTo(world, {})).toMatchObject({ redriven: 1, unsigned: 0 });
    expect(contents(again)).toEqual(["2 s.a letter"]);
  });

  test("passes by what was published by somebody else, unless it is forced", () => {
    const { world, stream, dead } = buried();
    world.send("dead.c", "forged", forged("s.b"));
    expect(answerTo(world, {})).toMatchObject({ redriven: 1, refused: 0, unsigned: 1 });
    expect(contents(stream)).toEqual(["2 s.a letter"]);
    expect(answerTo(world, { force: 1 })).toMatchObject({ error: { code: 400 } });
    expect(answerTo(world, { force: true })).toMatchObject({ redriven: 1, refused: 0, unsigned: 0 });
    expect([contents(stream), dead.log.state.messages]).toEqual([["2 s.a letter", "3 s.b forged"], 0]);
  });

  test.each(["payload", "subject", "place", "signature"])(
    "does not take a letter with another %s",
    (what) => {
      const { world, dead } = buried();
      const headers = (headersAt(dead, 1) ?? []).map((line) => {
        if (what === "subject") return line.replace("s.a", "s.b");
        return what === "signature" ? line.replace(/(Signature: .)./, "$1!") : line;
      });
      if (what !== "place") {
        dead.delete();
        world.stream({ name: "D", subjects: ["dead.>"] });
      }
      world.send("dead.c", what === "payload" ? "other" : "letter", headers);
      const [redriven, unsigned] = what === "place" ? [1, 1] : [0, 1];
      expect(answerTo(world, {})).toMatchObject({ redriven, unsigned });
    },
  );

  test("puts back to the subjects of its own stream only, even when it is forced", () => {
    const { world, dead } = buried();
    const other = world.stream({ name: "O", subjects: ["o.>"] });
    const heard = world.hear("$JS.API.STREAM.DELETE.S");
    for (const subject of ["o.x", "$JS.API.STREAM.DELETE.S", "s.*", "elsewhere", ""])
      world.send("dead.c", "", forged(subject));
    expect(answerTo(world, { force: true })).toMatchObject({ redriven: 1, refused: 5, unsigned: 0 });
    expect([other.log.state.messages, dead.log.state.messages, heard]).toEqual([0, 5, []]);
  });

  test("of requests that a stream has captured does not make them again", () => {
    const world = new ConsumerWorld();
    const stream = world.stream({ subjects: ["$JS.API.STREAM.DELETE.*"], no_ack: true });
    const dead = world.stream({ name: "D", subjects: ["dead.>"] });
    world.send("$JS.API.STREAM.DELETE.V");
    world.consumer(stream, { metadata: deadLetter });
    for (const got of world.pull("")) world.acknowledge(got, "+TERM");
    const heard = world.hear("$JS.API.STREAM.DELETE.V");
    expect(answerTo(world, {})).toMatchObject({ redriven: 0, refused: 1 });
    expect([dead.log.state.messages, heard]).toEqual([1, []]);
  });

  test("takes the permission to delete the letter, and to publish where it goes", () => {
    const { world, stream, dead } = buried();
    asUser(world, ["$JS.API.STREAM.MSG.DELETE.D"], () => {
      expect(answerTo(world, {})).toMatchObject({ error: { code: 403 }, redriven: 0 });
    });
    asUser(world, ["s.a"], () => {
      expect(answerTo(world, {})).toMatchObject({ redriven: 0, refused: 1 });
      expect(answerTo(world, { force: true })).toMatchObject({ redriven: 0, refused: 1 });
    });
    expect([stream.log.state.messages, dead.log.state.messages]).toEqual([0, 1]);
    asUser(world, ["$JS.API.STREAM.DELETE.D"], () => {
      expect(answerTo(world, {})).toMatchObject({ redriven: 1, refused: 0 });
    });
    expect([stream.log.state.messages, dead.log.state.messages]).toEqual([1, 0]);
  });

  test("takes nothing from a stream that does not let single messages be deleted", () => {
    const { world, dead } = buried({ deny_delete: true });
    expect(answerTo(world, {})).toMatchObject({ error: { code: 403 } });
    expect(dead.log.state.messages).toBe(1);
  });
});

describe("keys", () => {
  test("one at a time for each, in order, while others go on", () => {
    const world = new ConsumerWorld();
    const stream = world.stream();
    for (const [at, key] of ["x", "x", "y", "x", "z"].entries()) world.send(`s.${key}`, `${key}${at}`);
    const consumer = world.consumer(stream, { metadata: { "frond.key": "2" } });
    const one = world.pull({ batch: 10, expires: 60_000 * ms });
    expect(lines(one)).toEqual(["x0", "y2", "z4"]);
    expect(consumer.info()).toMatchObject({ num_pending: 2, num_ack_pending: 3 });
    world.acknowledge(one[1]);
    expect(lines(one).length).toBe(3);
    world.acknowledge(one[0]);
    expect(lines(one)).toEqual(["x0", "y2", "z4", "x1"]);
    world.acknowledge(one[3], "-NAK");
    expect(lines(one)).toEqual(["x0", "y2", "z4", "x1", "x1"]);
    world.acknowledge(one[4]);
    world.acknowledge(one[5]);
    world.acknowledge(one[2]);
    expect(consumer.info()).toMatchObject({
      num_pending: 0,
      num_ack_pending: 0,
      ack_floor: { stream_seq: 5 },
    });
  });

  test("order holds over a restart", () => {
    const world = new ConsumerWorld();
    let stream = world.stream();
    for (const [at, key] of ["x", "x", "y", "x"].entries()) world.send(`s.${key}`, `${key}${at}`);
    world.consumer(stream, { metadata: { "frond.key": "2" } });
    const got = world.pull({ batch: 10 });
    expect(lines(got)).toEqual(["x0", "y2"]);
    stream = world.startAgain(stream);
    const more = world.pull({ batch: 10, expires: 60_000 * ms });
    expect(more).toEqual([]);
    expect(stream.consumers.get("c")?.info()).toMatchObject({ num_pending: 2, num_ack_pending: 2 });
    world.acknowledge(got[0]);
    expect(lines(more)).toEqual(["x1"]);
    world.acknowledge(more[0]);
    expect(lines(more)).toEqual(["x1", "x3"]);
  });

  test("one that waits and is removed holds up nobody", () => {
    const world = new ConsumerWorld();
    const stream = world.stream();
    for (const payload of ["1", "2", "3"]) world.send("s.x", payload);
    const consumer = world.consumer(stream, { metadata: { "frond.key": "2" } });
    const got = world.pull({ batch: 10, expires: 60_000 * ms });
    stream.messages.remove(2);
    world.acknowledge(got[0]);
    expect(lines(got)).toEqual(["1", "3"]);
    stream.messages.remove(3);
    world.send("s.x", "4");
    expect(lines(got)).toEqual(["1", "3", "4"]);
    expect(consumer.info()).toMatchObject({ num_pending: 0, num_ack_pending: 1 });
  });
});
