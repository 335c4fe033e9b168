import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Sourcing } from "../../../src/jetstream/sourcing/sourcing.ts";
import { shortHash, sourceHash, sourceIndex } from "../../../src/jetstream/sourcing/origin-names.ts";
import { parseSourceHeader } from "../../../src/jetstream/sourcing/source-header.ts";
import type { StreamSource } from "../../../src/jetstream/stream/config/stream-config.ts";
import type { StreamStore } from "../../../src/store/contract.ts";
import { type Asked, ScriptedOrigin, TestHost, TestSink } from "./harness.ts";

let world: TestHost;
let origin: ScriptedOrigin;

beforeEach(() => {
  world = new TestHost();
  origin = new ScriptedOrigin(world);
});
afterEach(() => world.clock.close());

async function open(sources: readonly StreamSource[], store?: StreamStore) {
  const sink = new TestSink(world, { sources }, store);
  const copies = new Sourcing(sink.dependencies());
  copies.start();
  await world.clock.advance(1);
  return { sink, copies };
}

/** The same stream again, as after a restart. */
async function reopen({ sink, copies }: { sink: TestSink; copies: Sourcing }, isClean = true) {
  if (isClean) copies.stop(false);
  else world.service.stopAll();
  origin = new ScriptedOrigin(world);
  return open(sink.config.sources ?? [], sink.store);
}

function askedOf(stream: string): Asked {
  const asked = origin.asked.filter(({ body }) => body.stream_name === stream).at(-1);
  if (asked === undefined) throw new Error(`${stream} was not asked`);
  return asked;
}

describe("the header", () => {
  test("says where a message comes from, and takes the place of an earlier one", async () => {
    const { sink } = await open([{ name: "ORIGIN", filter_subject: "k.*" }]);
    expect(origin.last.subject).toMatch(/^\$JS\.API\.CONSUMER\.CREATE\.ORIGIN\.JS_SRC_\w{8}\.k\.\*$/);
    expect(origin.last.body.config["deliver_subject"]).toMatch(/^\$JS\.S\.\w{22}$/);
    expect(origin.last.body.config["metadata"]).toEqual({
      "_nats.src.stream": "COPY",
      "_nats.src.acc": "A",
    });
    origin.answer();
    origin.deliver(7, 1, { subject: "k.1" });
    const headers =
      "NATS/1.0\r\nA: b\r\nNats-Stream-Source: X 1 > > q\r\nNats-Expected-Last-Sequence: 3\r\nNats-Msg-Id: i\r\n\r\n";
    origin.deliver(9, 2, { subject: "k.2", headers });
    expect(sink.storedMessages).toMatchObject([
      { seq: 1, headers: "NATS/1.0\r\nNats-Stream-Source: ORIGIN 7 k.* > k.1\r\n\r\n", payload: "m7" },
      {
        seq: 2,
        headers: "NATS/1.0\r\nA: b\r\nNats-Msg-Id: i\r\nNats-Stream-Source: ORIGIN 9 k.* > k.2\r\n\r\n",
        payload: "m9",
      },
    ]);
  });

  test("names transforms, and the origin's own subject", async () => {
    const transforms = [
      { src: "a.*", dest: "x.$1" },
      { src: "b", dest: "" },
    ];
    const { sink } = await open([
      { name: "ORIGIN", subject_transforms: transforms, external: { api: "$JS.API" } },
    ]);
    origin.answer();
    origin.deliver(1, 1, { subject: "a.1" });
    origin.deliver(2, 2, { subject: "b" });
    const hash = shortHash("$JS.API");
    expect(sink.storedMessages).toMatchObject([
      {
        subject: "x.1",
        headers: `NATS/1.0\r\nNats-Stream-Source: ORIGIN:${hash} 1 a.*\fb x.$1\f> a.1\r\n\r\n`,
      },
      { subject: "b", headers: `NATS/1.0\r\nNats-Stream-Source: ORIGIN:${hash} 2 a.*\fb x.$1\f> b\r\n\r\n` },
    ]);
  });

  test("is read in every form that there has been", () => {
    expect(parseSourceHeader("S 12 > >")).toEqual({
      index: "S > >",
      stream: "S",
      seq: 12,
      identity: "",
    });
    expect(parseSourceHeader("S 12 a.* b.$1 a.1 identity")).toMatchObject({
      index: "S a.* b.$1",
      seq: 12,
      identity: "identity",
    });
    expect(parseSourceHeader("S 12")).toMatchObject({ index: null, stream: "S", seq: 12 });
    expect(parseSourceHeader("$JS.ACK.S.C.1.12.3.1700.0")).toMatchObject({
      index: null,
      stream: "S",
      seq: 12,
    });
    expect(parseSourceHeader("$JS.ACK.D.H.S.C.1.12.3.1700.0.x")).toMatchObject({ stream: "S", seq: 12 });
    for (const bad of ["", "S", "S x > >", "S 1 >", "$JS.ACK.S", "S -1"])
      expect(parseSourceHeader(bad)).toBeNull();
  });
});

describe("names", () => {
  test("are those of nats-server", () => {
    expect(["", "$JS.hub.API", "C", "COPY A"].map(shortHash)).toEqual([
      "fqA4S4SK",
      "bTMUkJQk",
      "jZ6RvVRH",
      "gx5KLZFD",
    ]);
    expect(sourceIndex({ name: "S" })).toBe("S > >");
    expect(sourceIndex({ name: "S", filter_subject: "a" })).toBe("S a >");
    expect(sourceIndex({ name: "S", consumer: { name: "C" } })).toBe(`S:C=${shortHash("C")} > >`);
  });

  test("a stream that is a source twice has two consumers there", () => {
    const one = { name: "S", filter_subject: "a" };
    const two = { name: "S", filter_subject: "b" };
    const hashes = [one, two].map((source) => sourceHash("COPY", "A", null, source, [one, two]));
    expect(new Set(hashes).size).toBe(2);
    expect(sourceHash("COPY", "A", null, one, [one])).not.toBe(hashes[0]);
  });
});

describe("positions", () => {
  test("several sources go each their own way", async () => {
    const { sink, copies } = await open([{ name: "ONE" }, { name: "TWO", opt_start_seq: 5 }]);
    expect(askedOf("ONE").body.config["deliver_policy"]).toBe("all");
    expect(askedOf("TWO").body.config).toMatchObject({
      deliver_policy: "by_start_sequence",
      opt_start_seq: 5,
    });
    for (const stream of ["ONE", "TWO"]) origin.answer({}, askedOf(stream));
    const to = (stream: string) => String(askedOf(stream).body.config["deliver_subject"]);
    const consumer = (stream: string) => String(askedOf(stream).body.config["name"]);
    origin.deliver(1, 1, { to: to("ONE"), consumer: consumer("ONE") });
    origin.deliver(5, 1, { to: to("TWO"), consumer: consumer("TWO"), pending: 4 });
    expect(sink.stored).toEqual(["1 a m1", "2 a m5"]);
    expect(copies.sourcesInfo()).toMatchObject([
      { name: "ONE", lag: 0 },
      { name: "TWO", lag: 4 },
    ]);
  });

  test("a start goes on behind the last message, although it is gone", async () => {
    const opened = await open([{ name: "ORIGIN" }]);
    origin.answer();
    origin.deliver(1, 1);
    origin.deliver(8, 2);
    opened.sink.store.log.removeThrough(2);
    await reopen(opened);
    expect(origin.last.body.config).toMatchObject({ opt_start_seq: 9 });
  });

  test("a start without a record finds it in the messages", async () => {
    const opened = await open([{ name: "ORIGIN" }]);
    origin.answer();
    origin.deliver(3, 1);
    origin.deliver(8, 2);
    for (const { name } of [...opened.sink.store.records("source/")]) opened.sink.store.removeRecord(name);
    await reopen(opened, false);
    expect(origin.last.body.config).toMatchObject({ opt_start_seq: 9 });
  });

  test("a record that is older than the messages", async () => {
    const opened = await open([{ name: "ORIGIN" }]);
    origin.answer();
    origin.deliver(3, 1);
    const [record] = [...opened.sink.store.records("source/")];
    origin.deliver(8, 2);
    if (record === undefined) throw new Error("no record");
    opened.sink.store.putRecord(record.name, record.value);
    await reopen(opened, false);
    expect(origin.last.body.config).toMatchObject({ opt_start_seq: 9 });
  });

  test("is looked for in slices where there is much", async () => {
    const opened = await open([{ name: "ORIGIN" }, { name: "NEVER" }]);
    origin.answer({}, askedOf("ORIGIN"));
    const { body } = askedOf("ORIGIN");
    const to = String(body.config["deliver_subject"]);
    origin.deliver(41, 1, { to, consumer: String(body.config["name"]) });
    const empty = Buffer.alloc(0);
    const place = { bytes: empty, bodyStart: 0, bodyEnd: 0, headerBytes: 0, seq: 0, timeMs: 1, timeNs: 0 };
    const { store } = opened.sink;
    for (let count = 0; count < 25_000; count++)
      store.log.append({ subject: "own", ...place, messageId: null, expiresMs: 0, wakesMs: 0 });
    for (const { name } of [...store.records("source/")]) store.removeRecord(name);
    await reopen(opened, false);
    await world.clock.advance(10);
    expect(askedOf("ORIGIN").body.config).toMatchObject({ opt_start_seq: 42 });
    expect(askedOf("NEVER").body.config).toMatchObject({ deliver_policy: "all" });
  });

  test("duplicates are dealt with, so what follows them is asked for", async () => {
    const { sink } = await open([{ name: "ORIGIN" }]);
    origin.answer();
    sink.duplicates.add("m2");
    origin.deliver(1, 1);
    origin.deliver(2, 2);
    origin.deliver(4, 4);
    expect(sink.stored).toEqual(["1 a m1"]);
    await world.clock.advance(2300);
    expect(origin.last.body.config).toMatchObject({ opt_start_seq: 3 });
  });

  test("the origin's gaps are no gaps here", async () => {
    const { sink } = await open([{ name: "ORIGIN" }]);
    origin.answer({ delivered: { consumer_seq: 0, stream_seq: 20 } });
    origin.deliver(21, 1);
    origin.deliver(30, 2);
    expect(sink.stored).toEqual(["1 a m21", "2 a m30"]);
  });
});

describe("an origin that is another stream than it was", () => {
  const identityLine = "Nats-Stream-Identity: ";
  const answerAs = (identity: string): void => {
    const { config } = origin.last.body;
    const info = { name: config["name"], config, delivered: { consumer_seq: 0, stream_seq: 0 } };
    const headers = `NATS/1.0\r\n${identityLine}${identity}\r\n\r\n`;
    world.publish(origin.last.reply, "", headers, JSON.stringify(info));
  };

  test("is told apart by its identity, also after a restart", async () => {
    const opened = await open([{ name: "ORIGIN" }]);
    expect(origin.last.headers).toContain(`${identityLine}\r\n`);
    answerAs("first");
    origin.deliver(5, 1);
    expect(opened.sink.storedMessages[0]?.headers).toContain("ORIGIN 5 > > a first\r\n");
    await reopen(opened);
    expect(origin.last.headers).toContain(`${identityLine}first\r\n`);
    origin.refuse({
      code: 400,
      err_code: 10225,
      description: "consumer's stream identity does not match: x",
    });
    await world.clock.advance(2200);
    expect(origin.last.headers).toContain(`${identityLine}\r\n`);
    expect(origin.last.body.config).toMatchObject({ deliver_policy: "all" });
    answerAs("second");
    origin.deliver(1, 1, { payload: "anew" });
    expect(opened.sink.stored).toEqual(["1 a m5", "2 a anew"]);
  });

  test("is copied anew also where only its answer tells", async () => {
    const opened = await open([{ name: "ORIGIN" }]);
    answerAs("first");
    origin.deliver(5, 1);
    for (const { name } of [...opened.sink.store.records("source/")]) opened.sink.store.removeRecord(name);
    await reopen(opened, false);
    answerAs("second");
    await world.clock.advance(2200);
    expect(origin.last.body.config).toMatchObject({ deliver_policy: "all" });
  });
});

describe("updates", () => {
  test("one comes, one goes, one stays", async () => {
    const { sink, copies } = await open([{ name: "STAYS" }, { name: "GOES" }]);
    for (const stream of ["STAYS", "GOES"]) origin.answer({}, askedOf(stream));
    const stays = askedOf("STAYS").body.config;
    const going = askedOf("GOES").body.config;
    sink.config = { ...sink.config, sources: [{ name: "STAYS" }, { name: "COMES" }] };
    copies.update();
    await world.clock.advance(1);
    expect(origin.asked.map(({ body }) => body.stream_name)).toEqual(["STAYS", "GOES", "COMES"]);
    expect(origin.deleted).toEqual([`$JS.API.CONSUMER.DELETE.GOES.${String(going["name"])}`]);
    origin.deliver(1, 1, { to: String(stays["deliver_subject"]), consumer: String(stays["name"]) });
    origin.deliver(1, 1, { to: String(going["deliver_subject"]), consumer: String(going["name"]) });
    expect(sink.stored).toEqual(["1 a m1"]);
    expect(copies.sourcesInfo().map(({ name }) => name)).toEqual(["STAYS", "COMES"]);
    expect([...sink.store.records("source/")]).toHaveLength(2);
  });

  test("a source that is configured otherwise goes on where it was", async () => {
    const { sink, copies } = await open([{ name: "ORIGIN" }]);
    origin.answer();
    origin.deliver(6, 1);
    sink.config = { ...sink.config, sources: [{ name: "ORIGIN", opt_start_seq: 2 }] };
    copies.update();
    await world.clock.advance(1);
    expect(origin.last.body.config).toMatchObject({ opt_start_seq: 7 });
  });
});
