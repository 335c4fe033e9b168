import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ApiError } from "../../../src/jetstream/api-error.ts";
import { Sourcing } from "../../../src/jetstream/sourcing/sourcing.ts";
import type { StreamSource } from "../../../src/jetstream/stream/config/stream-config.ts";
import { ScriptedOrigin, TestHost, TestSink } from "./harness.ts";

let world: TestHost;
let origin: ScriptedOrigin;
let caughtUp = 0;

beforeEach(() => {
  world = new TestHost();
  origin = new ScriptedOrigin(world);
  caughtUp = 0;
});
afterEach(() => world.clock.close());

async function open(mirror: Partial<StreamSource> = {}, prepare?: (sink: TestSink) => void) {
  const sink = new TestSink(world, { mirror: { name: "ORIGIN", ...mirror } });
  prepare?.(sink);
  const copies = new Sourcing(sink.dependencies(() => caughtUp++));
  copies.start();
  await world.clock.advance(1);
  return { sink, copies };
}

describe("what an origin is asked for", () => {
  test("all, from the beginning, at the level of API that sourcing needs", async () => {
    await open();
    expect(origin.asked).toHaveLength(1);
    const { subject, reply, headers, body } = origin.last;
    expect(subject).toBe("$JS.API.CONSUMER.CREATE.ORIGIN");
    expect(reply).toMatch(/^\$JSC\.R\.\w{22}$/);
    expect(headers).toBe("NATS/1.0\r\nNats-Required-Api-Level: 4\r\n\r\n");
    expect(body.stream_name).toBe("ORIGIN");
    expect(body.config).toMatchObject({
      name: expect.stringMatching(/^JS_MIRROR_\w{8}$/),
      deliver_subject: expect.stringMatching(/^\$JS\.M\.\w{22}$/),
      deliver_policy: "all",
      ack_policy: "none",
      ack_wait: 79_200_000_000_000,
      max_deliver: 1,
      idle_heartbeat: 1_000_000_000,
      flow_control: true,
      inactive_threshold: 10_000_000_000,
      direct: true,
      sourcing: true,
      metadata: { "_nats.mirror.stream": "COPY", "_nats.mirror.acc": "A" },
    });
  });

  test("a filter is in the subject, and a single transform is one", async () => {
    await open({ filter_subject: "a.>" });
    expect(origin.last.subject).toMatch(/^\$JS\.API\.CONSUMER\.CREATE\.ORIGIN\.JS_MIRROR_\w{8}\.a\.>$/);
    expect(origin.last.body.config["filter_subject"]).toBe("a.>");
    await open2({ subject_transforms: [{ src: "b.*", dest: "c.$1" }] });
    expect(origin.last.body.config["filter_subject"]).toBe("b.*");
    const two = [
      { src: "b.*", dest: "c.$1" },
      { src: "d", dest: "" },
    ];
    await open2({ subject_transforms: two });
    expect(origin.last.body.config).toMatchObject({ filter_subjects: ["b.*", "d"] });
    expect(origin.last.subject).toBe("$JS.API.CONSUMER.CREATE.ORIGIN");
  });

  async function open2(mirror: Partial<StreamSource>): Promise<void> {
    world = new TestHost();
    origin = new ScriptedOrigin(world);
    await open(mirror);
  }

  test("from a sequence or a time, but only as long as nothing was copied", async () => {
    await open({ opt_start_seq: 7 });
    expect(origin.last.body.config).toMatchObject({ deliver_policy: "by_start_sequence", opt_start_seq: 7 });
    await open2({ opt_start_time: "2024-01-01T00:00:00Z" });
    expect(origin.last.body.config).toMatchObject({
      deliver_policy: "by_start_time",
      opt_start_time: "2024-01-01T00:00:00Z",
    });
    world = new TestHost();
    origin = new ScriptedOrigin(world);
    await open({ opt_start_seq: 7 }, (sink) => sink.store.log.skipTo(21));
    expect(origin.last.body.config).toMatchObject({ deliver_policy: "by_start_sequence", opt_start_seq: 21 });
  });

  test("elsewhere, below the prefixes that were given", async () => {
    world = new TestHost("edge");
    const far = new ScriptedOrigin(world, "$JS.hub.API");
    await open({ external: { api: "$JS.hub.API", deliver: "deliver.edge." } });
    expect(far.last.subject).toBe("$JS.hub.API.CONSUMER.CREATE.ORIGIN");
    expect(far.last.body.config["deliver_subject"]).toMatch(/^deliver\.edge\.M\.\w{22}$/);
    expect(far.last.body.config["metadata"]).toMatchObject({ "_nats.mirror.domain": "edge" });
  });

  test("an older server is asked without what it does not know, under a name that was never used", async () => {
    const { sink } = await open();
    origin.refuse({ code: 412, err_code: 10185, description: "JetStream minimum api level required" });
    await world.clock.advance(1);
    expect(origin.asked).toHaveLength(2);
    expect(origin.last.headers).toBe("");
    expect(origin.last.body.config["sourcing"]).toBeUndefined();
    expect(origin.last.body.config["name"]).toMatch(/^JS_MIRROR_\w{8}_\w{22}$/);
    origin.answer();
    origin.deliver(1, 1);
    expect(sink.stored).toEqual(["1 a m1"]);
  });
});

describe("what comes", () => {
  test("keeps its sequence, time, subject and headers", async () => {
    const { sink } = await open();
    origin.answer();
    const headers =
      "NATS/1.0\r\nNats-Expected-Stream: X\r\nA: b\r\nNats-Batch-Id: 1\r\nNats-Stream-Source: O 4\r\n\r\n";
    origin.deliver(1, 1, { subject: "k.\u00c3\u00a9", headers });
    expect(sink.storedMessages).toMatchObject([
      {
        seq: 1,
        subject: "k.\u00c3\u00a9",
        headers: "NATS/1.0\r\nA: b\r\nNats-Stream-Source: O 4\r\n\r\n",
        timeMs: 1_700_000_000_001,
        timeNs: 123,
      },
    ]);
  });

  test("headers of which nothing is left are none", async () => {
    const { sink } = await open();
    origin.answer();
    origin.deliver(1, 1, { headers: "NATS/1.0\r\nNats-Expected-Stream: X\r\n\r\n" });
    expect(sink.storedMessages).toMatchObject([{ headers: "", payload: "m1" }]);
  });

  test("gaps of the origin are gaps here", async () => {
    const { sink } = await open();
    origin.answer({ delivered: { consumer_seq: 0, stream_seq: 10 } });
    expect(sink.store.log.state.lastSeq).toBe(10);
    origin.deliver(11, 1);
    origin.deliver(15, 2);
    expect(sink.stored).toEqual(["11 a m11", "15 a m15"]);
  });

  test("an answer after which some was delivered already says nothing of where to begin", async () => {
    const { sink } = await open();
    origin.answer({ delivered: { consumer_seq: 9, stream_seq: 90 } });
    origin.deliver(5, 1);
    expect(sink.stored).toEqual(["5 a m5"]);
  });

  test("transforms: the first that fits", async () => {
    const transforms = [
      { src: "a.*", dest: "x.$1" },
      { src: "a.>", dest: "y.>" },
      { src: "b", dest: "" },
    ];
    const { sink } = await open({ subject_transforms: transforms });
    origin.answer();
    for (const [at, subject] of ["a.1", "a.1.2", "b"].entries()) origin.deliver(at + 1, at + 1, { subject });
    expect(sink.stored).toEqual(["1 x.1 m1", "2 y.1.2 m2", "3 b m3"]);
  });

  test("where nothing is to come it has caught up at once", async () => {
    await open();
    origin.answer({ num_pending: 0 });
    expect(caughtUp).toBe(1);
  });

  test("what was had already, other consumers' messages and redeliveries are not taken", async () => {
    const { sink } = await open();
    origin.answer();
    origin.deliver(1, 1);
    origin.deliver(1, 2);
    origin.deliver(2, 3, { consumer: "OTHER" });
    expect(sink.stored).toEqual(["1 a m1"]);
    origin.deliver(2, 3);
    expect(sink.stored).toEqual(["1 a m1", "2 a m2"]);
    expect(origin.asked).toHaveLength(1);
  });

  test("lag, activity and having caught up", async () => {
    const { copies } = await open();
    expect(copies.mirrorInfo()).toEqual({ name: "ORIGIN", lag: 0, active: -1 });
    origin.answer({ num_pending: 91 });
    expect([copies.mirrorInfo()?.lag, caughtUp]).toEqual([91, 0]);
    origin.deliver(1, 1, { pending: 90 });
    expect([copies.mirrorInfo()?.lag, caughtUp]).toEqual([90, 0]);
    await world.clock.advance(500);
    expect(copies.mirrorInfo()?.active).toBeCloseTo(500e6, -6);
    origin.deliver(2, 2, { pending: 3 });
    origin.deliver(3, 3, { pending: 2 });
    expect([copies.mirrorInfo()?.lag, caughtUp]).toEqual([2, 1]);
  });
});

describe("what goes wrong", () => {
  test("a missing message: the origin is asked again for what follows the last one", async () => {
    const { sink } = await open();
    origin.answer();
    origin.deliver(1, 1);
    origin.deliver(3, 3);
    const before = origin.last;
    expect(sink.stored).toEqual(["1 a m1"]);
    await world.clock.advance(1900);
    expect(origin.asked).toHaveLength(1);
    await world.clock.advance(300);
    expect(origin.asked).toHaveLength(2);
    expect(origin.last.body.config).toMatchObject({ deliver_policy: "by_start_sequence", opt_start_seq: 2 });
    expect(origin.last.body.config["deliver_subject"]).not.toBe(before.body.config["deliver_subject"]);
    origin.answer();
    origin.deliver(4, 4, { to: String(before.body.config["deliver_subject"]) });
    origin.deliver(2, 1);
    origin.deliver(3, 2);
    expect(sink.stored).toEqual(["1 a m1", "2 a m2", "3 a m3"]);
  });

  test("a heartbeat that tells of a message that never came", async () => {
    await open();
    origin.answer();
    origin.deliver(1, 1);
    origin.heartbeat(1);
    await world.clock.advance(3000);
    expect(origin.asked).toHaveLength(1);
    origin.heartbeat(2);
    await world.clock.advance(2500);
    expect(origin.asked).toHaveLength(2);
  });

  test("silence", async () => {
    const { copies } = await open();
    origin.answer();
    for (let second = 0; second < 20; second++) {
      await world.clock.advance(1000);
      origin.heartbeat(0);
    }
    expect(origin.asked).toHaveLength(1);
    await world.clock.advance(5500);
    expect(origin.asked).toHaveLength(2);
    expect(copies.mirrorInfo()?.error?.description).toBe("the origin was not heard of any more");
    origin.answer();
    expect(copies.mirrorInfo()?.error).toBeUndefined();
  });

  test("errors are shown, and each makes the next attempt later", async () => {
    const { copies } = await open();
    const error = { code: 404, err_code: 10059, description: "stream not found" };
    const waits: number[] = [];
    for (let count = 1; count < 8; count++) {
      origin.refuse(error);
      expect(copies.mirrorInfo()?.error).toEqual(error);
      let waited = 0;
      for (; origin.asked.length === count && waited < 60; waited++) await world.clock.advance(1000);
      waits.push(waited);
    }
    expect(waits[0]).toBeLessThanOrEqual(5);
    expect(waits.at(-1)).toBeGreaterThan(25);
    expect(waits.at(-1)).toBeLessThanOrEqual(34);
    origin.answer();
    expect(copies.mirrorInfo()?.error).toBeUndefined();
  });

  test("no answer", async () => {
    const { copies } = await open();
    await world.clock.advance(10_001);
    expect(copies.mirrorInfo()?.error).toEqual({
      code: 500,
      err_code: 10029,
      description: "no answer on $JS.API.CONSUMER.CREATE.ORIGIN",
    });
    await world.clock.advance(2200);
    expect(origin.asked).toHaveLength(2);
  });

  test("while nobody is there it looks every second, and then every five", async () => {
    origin.close();
    const { copies } = await open();
    expect(copies.mirrorInfo()?.error?.description).toBe("nobody answers on $JS.API.CONSUMER.CREATE.ORIGIN");
    await world.clock.advance("10m");
    origin = new ScriptedOrigin(world);
    await world.clock.advance(5100);
    expect(origin.asked).toHaveLength(1);
  });

  test("a link that comes up ends the waiting", async () => {
    const { copies } = await open({ external: { api: "$JS.API" } });
    for (let count = 0; count < 6; count++) {
      origin.refuse({ code: 404, err_code: 10059, description: "stream not found" });
      await world.clock.advance("40s");
    }
    origin.refuse({ code: 404, err_code: 10059, description: "stream not found" });
    const before = origin.asked.length;
    copies.retryNow("$JS.other.API");
    await world.clock.advance(1);
    expect(origin.asked).toHaveLength(before);
    copies.retryNow("$JS.API");
    await world.clock.advance(1);
    expect(origin.asked).toHaveLength(before + 1);
    copies.retryNow("$JS.API");
    await world.clock.advance(1);
    expect(origin.asked).toHaveLength(before + 2);
    origin.answer();
    copies.retryNow("$JS.API");
    await world.clock.advance(2400);
    expect(origin.asked).toHaveLength(before + 2);
    await world.clock.advance(200);
    copies.retryNow("$JS.API");
    await world.clock.advance(1);
    expect(origin.asked).toHaveLength(before + 3);
  });

  test("a message that cannot be stored is asked for again", async () => {
    const { sink, copies } = await open();
    origin.answer();
    origin.deliver(1, 1);
    sink.refusal = new ApiError(503, 10077, "maximum messages exceeded");
    origin.deliver(2, 2);
    expect(copies.mirrorInfo()?.error).toMatchObject({ err_code: 10077 });
    origin.deliver(3, 3);
    sink.refusal = null;
    await world.clock.advance(2200);
    expect(origin.last.body.config).toMatchObject({ opt_start_seq: 2 });
    origin.answer();
    origin.deliver(2, 1);
    expect(sink.stored).toEqual(["1 a m1", "2 a m2"]);
  });
});

describe("flow control", () => {
  test("is answered with how far it has come", async () => {
    await open();
    origin.answer();
    origin.deliver(5, 1);
    origin.askFlow("$JS.FC.S.c.1");
    expect(origin.flow).toMatchObject([
      {
        subject: "$JS.FC.S.c.1",
        headers: "NATS/1.0\r\nNats-Last-Consumer: 1\r\nNats-Last-Stream: 5\r\n\r\n",
      },
    ]);
  });

  test("an origin that is stalled is answered with every heartbeat, and in the end it is an error", async () => {
    const { copies } = await open();
    origin.answer();
    for (let count = 0; count < 3; count++) origin.heartbeat(0, "$JS.FC.S.c.2");
    expect(origin.flow.map(({ subject }) => subject)).toEqual([
      "$JS.FC.S.c.2",
      "$JS.FC.S.c.2",
      "$JS.FC.S.c.2",
    ]);
    expect(copies.mirrorInfo()?.error?.err_code).toBe(10228);
    origin.heartbeat(0);
    expect(copies.mirrorInfo()?.error).toBeUndefined();
  });

  test("asked for by others than the origin, with another reply or header, is not answered", async () => {
    const { copies } = await open();
    origin.answer();
    const heard: string[] = [];
    for (const subject of ["$JS.API.STREAM.DELETE.V", "elsewhere"])
      world.listen(subject, (message) => void heard.push(message.subject));
    for (const reply of ["$JS.API.STREAM.DELETE.V", "elsewhere", "$JS.FC."]) {
      origin.askFlow(reply);
      for (let count = 0; count < 3; count++) origin.heartbeat(0, reply);
    }
    world.endPass();
    expect([origin.flow, heard]).toEqual([[], []]);
    expect(copies.mirrorInfo()?.error).toBeUndefined();
  });
});

describe("the end", () => {
  test("a mirror that is promoted takes no more, and its consumer goes", async () => {
    const { sink, copies } = await open();
    origin.answer({ name: "JS_MIRROR_x-1" });
    origin.deliver(1, 1, { consumer: "JS_MIRROR_x-1" });
    const { mirror: _mirror, ...promoted } = sink.config;
    sink.config = { ...promoted, subjects: ["a"] };
    copies.update();
    world.endPass();
    expect(origin.deleted).toEqual(["$JS.API.CONSUMER.DELETE.ORIGIN.JS_MIRROR_x-1"]);
    origin.deliver(2, 2, { consumer: "JS_MIRROR_x-1" });
    expect(sink.stored).toEqual(["1 a m1"]);
    expect(copies.mirrorInfo()).toBeNull();
    await world.clock.advance("1m");
    expect(origin.asked).toHaveLength(1);
  });

  test("a stop for now leaves the consumer to its fate", async () => {
    const { copies } = await open();
    origin.answer();
    copies.stop(false);
    world.endPass();
    expect(origin.deleted).toEqual([]);
    await world.clock.advance("1m");
    expect(origin.asked).toHaveLength(1);
  });

  test("an update that does not touch the mirror does not disturb it", async () => {
    const { sink, copies } = await open();
    origin.answer();
    sink.config = { ...sink.config, description: "other" };
    copies.update();
    origin.deliver(1, 1);
    expect(sink.stored).toEqual(["1 a m1"]);
    expect(origin.asked).toHaveLength(1);
  });
});

test("a consumer of the origin's owner is set back, and has to acknowledge by flow control", async () => {
  const consumer = { name: "FEED", deliver_subject: "deliver.here" };
  const { sink, copies } = await open({ consumer });
  expect(origin.last.subject).toBe("$JS.API.CONSUMER.RESET.ORIGIN.FEED");
  const info = { name: "FEED", delivered: { consumer_seq: 0, stream_seq: 4 } };
  world.publish(origin.last.reply, "", "", JSON.stringify({ ...info, config: { ack_policy: "explicit" } }));
  expect(copies.mirrorInfo()?.error?.err_code).toBe(10214);
  await world.clock.advance("5s");
  world.publish(
    origin.last.reply,
    "",
    "",
    JSON.stringify({ ...info, config: { ack_policy: "flow_control" } }),
  );
  expect(copies.mirrorInfo()?.error).toBeUndefined();
  origin.deliver(5, 1, { to: "deliver.here", consumer: "FEED" });
  expect(sink.stored).toEqual(["5 a m5"]);
  copies.stop(true);
  world.endPass();
  expect(origin.deleted).toEqual([]);
});
