/** Streams that copy streams, with real consumers between them. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { defaultJetStreamOptions } from "../../../src/config/jetstream-defaults.ts";
import { Api } from "../../../src/jetstream/api/api.ts";
import { consumerRoutes } from "../../../src/jetstream/api/consumers.ts";
import { streamRoutes } from "../../../src/jetstream/api/streams.ts";
import { Consumers } from "../../../src/jetstream/consumer/consumers.ts";
import type { Stream } from "../../../src/jetstream/stream/stream.ts";
import type { StreamConfig } from "../../../src/jetstream/stream/config/stream-config.ts";
import { StreamCatalog } from "../../../src/jetstream/stream-catalog.ts";
import { contents, headersAt, World } from "../stream-world.ts";

let world: World;
let catalog: StreamCatalog;

beforeEach(() => {
  world = new World();
  const consumers = new Consumers();
  catalog = new StreamCatalog(new Map([["A", world.jetStream]]), consumers);
  world.jetStream.settings = defaultJetStreamOptions;
  new Api(world.host, [...streamRoutes(catalog), ...consumerRoutes(consumers)]).open(world.jetStream);
});
afterEach(() => world.clock.close());

function create(config: Partial<StreamConfig> & { name: string }): Stream {
  const stream = catalog.create(world.jetStream, { storage: "memory", ...config }, false);
  world.endPass();
  return stream;
}

function ask(operation: string, body: object | "" = ""): Record<string, unknown> {
  const [answer] = world.request(`$JS.API.${operation}`, body === "" ? "" : JSON.stringify(body));
  return JSON.parse(answer?.payload ?? "{}") as Record<string, unknown>;
}

function fill(subject: string, from: number, through: number): void {
  for (let count = from; count <= through; count++) world.publish(`${subject}.${count % 3}`, `m${count}`);
}

describe("a mirror", () => {
  test("has what its origin has, and gets what comes", async () => {
    const origin = create({ name: "O", subjects: ["o.>"] });
    fill("o", 1, 10);
    origin.messages.remove(4);
    const mirror = create({ name: "M", mirror: { name: "O" } });
    await world.advance("1s");
    expect(contents(mirror)).toEqual(contents(origin));
    fill("o", 11, 20);
    await world.advance(1);
    expect(contents(mirror)).toEqual(contents(origin));
    expect({ ...mirror.log.state }).toMatchObject({ lastMs: origin.log.state.lastMs, lastSeq: 20 });
    expect(ask("STREAM.INFO.M")).toMatchObject({ mirror: { name: "O", lag: 0 } });
    expect(ask("CONSUMER.NAMES.O")).toMatchObject({ consumers: [] });
    const named = [...origin.consumers.keys()];
    expect(named).toEqual([expect.stringMatching(/^JS_MIRROR_\w{8}-\w{8}$/)]);
  });

  test("of many messages, under flow control", async () => {
    const origin = create({ name: "O", subjects: ["o.>"] });
    for (let count = 1; count <= 20_000; count++)
      world.host.publisher.publish(world.account, "o.x", "", null, Buffer.alloc(500));
    world.endPass();
    const mirror = create({ name: "M", mirror: { name: "O" } });
    for (let step = 0; step < 50 && mirror.log.state.lastSeq < 20_000; step++) await world.advance("100ms");
    expect(mirror.log.state.messages).toBe(20_000);
    expect(origin.consumers.size).toBe(1);
  });

  test("whose origin is made later, goes and comes again", async () => {
    const mirror = create({ name: "M", mirror: { name: "O" } });
    await world.advance("1s");
    expect(ask("STREAM.INFO.M")).toMatchObject({ mirror: { error: { err_code: 10059 } } });
    const origin = create({ name: "O", subjects: ["o.>"] });
    fill("o", 1, 3);
    await world.advance("10s");
    expect(mirror.log.state.messages).toBe(3);
    catalog.remove(origin);
    world.endPass();
    await world.advance("20s");
    expect(ask("STREAM.INFO.M")).toMatchObject({ mirror: { error: { err_code: 10059 } } });
    create({ name: "O", subjects: ["o.>"] });
    fill("o", 1, 5);
    await world.advance("60s");
    expect(contents(mirror).slice(3)).toEqual(["4 o.1 m4", "5 o.2 m5"]);
  });

  test("becomes a stream of its own", async () => {
    create({ name: "O", subjects: ["o.>"] });
    fill("o", 1, 3);
    const mirror = create({ name: "M", mirror: { name: "O" } });
    await world.advance("1s");
    expect(world.publish("m.x", "no")).toBe("");
    const answer = ask("STREAM.UPDATE.M", { name: "M", subjects: ["m.>"], storage: "memory" });
    expect(answer["error"]).toBeUndefined();
    world.endPass();
    expect(world.outcome("m.x", "own")).toBe("4");
    fill("o", 4, 6);
    await world.advance("20s");
    expect(contents(mirror)).toEqual(["1 o.1 m1", "2 o.2 m2", "3 o.0 m3", "4 m.x own"]);
    expect(world.jetStream.streams.get("O")?.consumers.size).toBe(0);
  });

  test("that was closed goes on where it was", async () => {
    const origin = create({ name: "O", subjects: ["o.>"] });
    fill("o", 1, 3);
    const before = create({ name: "M", mirror: { name: "O" } });
    await world.advance("1s");
    const mirror = world.restart(before);
    fill("o", 4, 6);
    await world.advance("1s");
    expect(contents(mirror)).toEqual(contents(origin));
    await world.advance("30s");
    expect(origin.consumers.size).toBe(1);
  });
});

describe("sources", () => {
  test("of several streams, filtered and under other subjects", async () => {
    create({ name: "O", subjects: ["o.>"] });
    create({ name: "P", subjects: ["p.>"] });
    fill("o", 1, 4);
    fill("p", 1, 2);
    const stream = create({
      name: "ALL",
      subjects: ["own"],
      sources: [
        { name: "O", filter_subject: "o.1" },
        { name: "P", subject_transforms: [{ src: "p.*", dest: "from.p.$1" }] },
      ],
    });
    world.publish("own", "mine");
    await world.advance("1s");
    expect(
      contents(stream)
        .map((line) => line.slice(line.indexOf(" ") + 1))
        .sort(),
    ).toEqual(["from.p.1 m1", "from.p.2 m2", "o.1 m1", "o.1 m4", "own mine"]);
    const sourced = [2, 3, 4, 5].map((seq) => headersAt(stream, seq)?.[0]);
    expect(sourced).toContainEqual(expect.stringMatching(/^Nats-Stream-Source: O 4 o\.1 > o\.1 \w{8}$/));
    expect(sourced).toContainEqual(
      expect.stringMatching(/^Nats-Stream-Source: P 2 p\.\* from\.p\.\$1 p\.2 \w{8}$/),
    );
    expect(ask("STREAM.INFO.ALL")).toMatchObject({ sources: [{ name: "O" }, { name: "P" }] });
  });

  test("go on where they were after a restart, also when their messages are gone", async () => {
    create({ name: "O", subjects: ["o.>"] });
    fill("o", 1, 5);
    const before = create({ name: "ALL", sources: [{ name: "O" }] });
    await world.advance("1s");
    before.messages.removeThrough(5);
    const stream = world.restart(before);
    fill("o", 6, 7);
    await world.advance("1s");
    expect(contents(stream)).toEqual(["6 o.0 m6", "7 o.1 m7"]);
  });

  test("an origin that has gone and come again is copied from its beginning", async () => {
    const origin = create({ name: "O", subjects: ["o.>"] });
    fill("o", 1, 5);
    const stream = create({ name: "ALL", sources: [{ name: "O" }] });
    await world.advance("1s");
    catalog.remove(origin);
    await world.advance("10s");
    create({ name: "O", subjects: ["o.>"] });
    world.publish("o.x", "new");
    await world.advance("60s");
    expect(contents(stream).slice(5)).toEqual(["6 o.x new"]);
  });

  test("a message that its id says was here is not stored again", async () => {
    create({ name: "O", subjects: ["o.>"] });
    world.publish("o.1", "first", ["Nats-Msg-Id: one"]);
    const sources = [{ name: "O" }];
    const stream = create({ name: "ALL", subjects: ["own"], sources, duplicate_window: 60e9 });
    expect(world.outcome("own", "mine", ["Nats-Msg-Id: one"])).toBe("1");
    world.publish("o.2", "second");
    await world.advance("1s");
    expect(contents(stream)).toEqual(["1 own mine", "2 o.2 second"]);
  });

  test("a full stream takes the rest when there is room", async () => {
    create({ name: "O", subjects: ["o.>"] });
    fill("o", 1, 5);
    const stream = create({ name: "ALL", sources: [{ name: "O" }], max_msgs: 3, discard: "new" });
    await world.advance("1s");
    expect(stream.log.state.messages).toBe(3);
    expect(ask("STREAM.INFO.ALL")).toMatchObject({ sources: [{ error: { err_code: 10077 } }] });
    stream.messages.removeThrough(2);
    await world.advance("10s");
    expect(contents(stream)).toEqual(["3 o.0 m3", "4 o.1 m4", "5 o.2 m5"]);
  });
});

describe("a work queue as origin", () => {
  test("gives each message away, once it is stored", async () => {
    const origin = create({ name: "Q", subjects: ["q.>"], retention: "workqueue" });
    fill("q", 1, 5);
    const stream = create({ name: "ALL", sources: [{ name: "Q" }] });
    await world.advance("5s");
    expect(stream.log.state.messages).toBe(5);
    expect(origin.log.state.messages).toBe(0);
    const named = [...origin.consumers.keys()];
    expect(named).toEqual([expect.stringMatching(/^JS_SRC_\w{8}$/)]);
    const again = world.restart(stream);
    fill("q", 6, 8);
    await world.advance("10s");
    expect(contents(again).map((line) => line.split(" ")[2])).toEqual(
      [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `m${n}`),
    );
    expect(origin.log.state.messages).toBe(0);
    expect([...origin.consumers.keys()]).toEqual(named);
  });
});
