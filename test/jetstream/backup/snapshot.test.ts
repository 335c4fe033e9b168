import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Api } from "../../../src/jetstream/api/api.ts";
import { streamRoutes } from "../../../src/jetstream/api/streams.ts";
import { snapshotRoutes } from "../../../src/jetstream/backup/snapshot-routes.ts";
import type { Stream } from "../../../src/jetstream/stream/stream.ts";
import { StreamCatalog } from "../../../src/jetstream/stream-catalog.ts";
import {
  consumerPrefix,
  encodeHead,
  endEntry,
  magic,
  stateEntry,
} from "../../../src/jetstream/backup/archive.ts";
import { encodeChunks, maskedChecksum, streamIdentifier } from "../../../src/jetstream/backup/s2.ts";
import { NumberWriter } from "../../../src/store/varint.ts";
import { ConsumerWorld, lines } from "../consumer/consumer-world.ts";
import { contents, headersAt } from "../stream-world.ts";

let world: ConsumerWorld;
let catalog: StreamCatalog;

beforeEach(() => open());
afterEach(() => world.clock.close());

function open(): void {
  world = new ConsumerWorld();
  catalog = new StreamCatalog(new Map([["A", world.jetStream]]), world.consumers);
  const restores = snapshotRoutes((account, config) => catalog.beginRestore(account, config));
  new Api(world.host, [...streamRoutes(catalog), ...restores]).open(world.jetStream);
}

interface Answer {
  readonly error?: { readonly err_code: number; readonly description: string };
  readonly deliver_subject?: string;
  readonly type?: string;
  readonly config?: { readonly name: string };
  readonly state?: Record<string, unknown>;
  readonly created?: string;
}

function ask(operation: string, body: object | string): Answer {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const [answer] = world.request(`$JS.API.STREAM.${operation}`, text);
  return JSON.parse(answer?.payload ?? "{}") as Answer;
}

interface Taken {
  readonly chunks: Buffer[];
  readonly replies: string[];
  /** The headers of the last message, which is empty; null while it has not come. */
  end: string | null;
}

/** Asks for a snapshot. @param acks whether each chunk is acknowledged at once */
function takeSnapshot(more: object = {}, acks = true): { answer: Answer; taken: Taken } {
  const taken: Taken = { chunks: [], replies: [], end: null };
  world.service.listenForDeliveries(world.account, "deliver.here", null, (message) => {
    const { bytes, bodyStart, bodyEnd, headerBytes } = message;
    if (bodyEnd - bodyStart === headerBytes) taken.end = bytes.latin1Slice(bodyStart, bodyEnd);
    else taken.chunks.push(Buffer.from(bytes.subarray(bodyStart, bodyEnd)));
    const { reply } = message;
    if (reply === "") return;
    taken.replies.push(reply);
    if (acks) world.defer("decide", () => world.send(reply));
  });
  const answer = ask("SNAPSHOT.S", { deliver_subject: "deliver.here", ...more });
  return { answer, taken };
}

/** Sends chunks one by one; the answers that are not empty, and the last. */
function sendChunks(to: string, chunks: readonly Buffer[], ends = true): Answer[] {
  const answers: Answer[] = [];
  for (const chunk of [...chunks, ...(ends ? [Buffer.alloc(0)] : [])]) {
    const [answer] = world.request(to, chunk.latin1Slice());
    if (answer === undefined) answers.push({ type: "none" });
    else if (answer.payload !== "") answers.push(JSON.parse(answer.payload) as Answer);
  }
  return answers;
}

function restore(chunks: readonly Buffer[], config: object = { name: "S", subjects: ["s.>"] }): Answer[] {
  const { deliver_subject: to, error } = ask("RESTORE.S", { config, state: { messages: 3, unknown: 1 } });
  if (to === undefined) return [error === undefined ? {} : { error }];
  expect(to).toMatch(/^\$JS\.SNAPSHOT\.RESTORE\.S\.\w{22}$/);
  return sendChunks(to, chunks);
}

async function filled(): Promise<Stream> {
  const stream = world.stream({ allow_msg_ttl: true });
  for (let count = 1; count <= 30; count++)
    world.publish(`s.${count % 4}`, `payload ${count} ${"x".repeat(500)}`, [`Nats-Msg-Id: id${count}`]);
  world.publish("s.ttl", "gone soon", ["Nats-TTL: 5"]);
  await world.advance(10);
  for (const seq of [1, 2, 7, 8]) stream.messages.remove(seq);
  world.endPass();
  return stream;
}

function archiveOf(...parts: readonly Buffer[]): Buffer {
  return Buffer.concat([streamIdentifier, ...encodeChunks(Buffer.concat(parts))]);
}

const ended = encodeHead(endEntry);

function entryOf(fields: Partial<typeof endEntry>): Buffer {
  const entry = { ...endEntry, ...fields };
  return Buffer.concat([encodeHead(entry), entry.body]);
}

const stateOf = (state: object): Buffer =>
  entryOf({ name: stateEntry, body: Buffer.from(JSON.stringify(state)) });
const consumerOf = (name: string, body: object | string): Buffer =>
  entryOf({
    name: `${consumerPrefix}${name}`,
    body: Buffer.from(typeof body === "string" ? body : JSON.stringify(body)),
  });
const messageOf = (seq: number, name: string, body: Uint8Array = Buffer.from("x")): Buffer =>
  entryOf({ name, seq, timeMs: 1_700_000_000_000, body: Buffer.from(body) });

/** One compressed chunk that holds `bytes`, which end in the same byte many times over: it is tiny. */
function repeatChunk(bytes: Buffer): Buffer {
  const start = bytes.subarray(0, 60);
  const parts: Buffer[] = [varint(bytes.length), Buffer.from([(start.length - 1) << 2]), start];
  // Four bytes that copy the one before, then what repeats that, 60,000 a time.
  parts.push(Buffer.from([1, 1]));
  for (let left = bytes.length - start.length - 4, count = 0; left > 0; left -= count) {
    count = Math.min(left, 60_000);
    if (left > count && left - count < 260) count -= 260;
    parts.push(Buffer.from([(6 << 2) | 1, 0, (count - 260) & 255, (count - 260) >> 8]));
  }
  const content = Buffer.concat(parts);
  const head = Buffer.alloc(8);
  head.writeUIntLE(content.length + 4, 1, 3);
  head.writeUInt32LE(maskedChecksum(bytes), 4);
  return Buffer.concat([head, content]);
}

function varint(value: number): Buffer {
  const writer = new NumberWriter();
  writer.put(value);
  return writer.take();
}

describe("a snapshot, restored", () => {
  test("is the same stream", async () => {
    const stream = await filled();
    const { answer, taken } = takeSnapshot({ chunk_size: 1024 });
    expect(answer).toMatchObject({
      type: "io.nats.jetstream.api.v1.stream_snapshot_response",
      config: { name: "S" },
      state: { messages: 27, first_seq: 3, last_seq: 31 },
    });
    expect(taken.end).toBe("NATS/1.0 204\r\n\r\n");
    expect(taken.chunks.length).toBeGreaterThan(10);
    expect(taken.chunks.slice(0, -1).every((chunk) => chunk.length === 1024)).toBe(true);
    expect(taken.replies).toHaveLength(taken.chunks.length - 1);
    expect(taken.replies[4]).toMatch(/^\$JS\.SNAPSHOT\.ACK\.S\.\w{22}\.1024\.5$/);
    const was = {
      contents: contents(stream),
      headers: headersAt(stream, 31),
      state: { ...stream.log.state },
    };
    catalog.remove(stream);
    const [end] = restore(taken.chunks, { name: "S", subjects: ["s.>"], allow_msg_ttl: true });
    expect(end).toMatchObject({
      type: "io.nats.jetstream.api.v1.stream_create_response",
      config: { name: "S" },
    });
    expect(end?.error).toBeUndefined();
    const restored = world.jetStream.streams.get("S") as Stream;
    expect(contents(restored)).toEqual(was.contents);
    expect(headersAt(restored, 31)).toEqual(was.headers);
    expect({ ...restored.log.state }).toEqual(was.state);
    expect(restored.times).not.toEqual(stream.times);
    expect(restored.store.record("restoring")).toBeNull();
    expect(world.outcome("s.1", "again", ["Nats-Msg-Id: id20"])).toBe("20+duplicate");
    expect(world.outcome("s.1", "next")).toBe("32");
    await world.advance("7s");
    expect(restored.log.state.messages).toBe(27);
    expect(restored.log.subject("s.ttl")).toBeNull();
  });

  test("has its consumers as they were, in whatever state", async () => {
    const stream = await filled();
    const explicit = { ack_policy: "explicit", ack_wait: 600 * 1_000_000_000 } as const;
    world.consumer(stream, { durable_name: "plain", name: "plain", ...explicit });
    world.consumer(stream, {
      durable_name: "keyed",
      name: "keyed",
      metadata: { "frond.key": "2" },
      ...explicit,
    });
    const last = { deliver_policy: "last_per_subject", filter_subject: "s.*" } as const;
    world.consumer(stream, { durable_name: "last", name: "last", ...last, ...explicit });
    world.consumer(stream, {
      durable_name: "",
      name: "direct",
      ack_policy: "none",
      direct: true,
      deliver_subject: "d",
    });
    for (const name of ["plain", "keyed", "last"]) {
      const got = world.pull({ batch: name === "keyed" ? 6 : 3, no_wait: true }, name);
      world.acknowledge(got[1]);
      world.acknowledge(got[2], "-NAK");
    }
    const shown = (): unknown[] =>
      ["plain", "keyed", "last"].map((name) => {
        const info = world.jetStream.streams.get("S")?.consumers.get(name)?.info();
        return JSON.stringify({ ...info, created: "", ts: "" }).replaceAll(/,"last_active":"[^"]*"/g, "");
      });
    await world.advance("1s");
    const before = shown();
    const { taken } = takeSnapshot();
    const goneOn = (): unknown =>
      ["plain", "keyed", "last"].map((name) => lines(world.pull({ batch: 3, no_wait: true }, name)));
    const next = goneOn();
    // What was rejected comes first.
    expect(String(next)).toMatch(/^payload 5 x+,payload 6 x+,payload 9 /);
    catalog.remove(stream);
    expect(restore(taken.chunks)[0]?.error).toBeUndefined();
    const restored = world.jetStream.streams.get("S") as Stream;
    expect([...restored.consumers.keys()]).toEqual(["plain", "keyed", "last"]);
    await world.advance("1s");
    expect(shown()).toEqual(before);
    expect(goneOn()).toEqual(next);
  });

  test("without consumers, and an empty stream", () => {
    const stream = world.stream();
    world.consumer(stream);
    stream.log.skipTo(100);
    const { taken } = takeSnapshot({ no_consumers: true });
    catalog.remove(stream);
    expect(restore(taken.chunks)[0]?.state).toMatchObject({
      messages: 0,
      first_seq: 100,
      last_seq: 99,
      consumer_count: 0,
    });
  });

  test("a message that is larger than a chunk", () => {
    const stream = world.stream();
    world.publish("s.1", "y".repeat(100_000));
    const { taken } = takeSnapshot({ chunk_size: 2048 });
    catalog.remove(stream);
    restore(
      taken.chunks
        .flatMap((chunk) => [chunk.subarray(0, 100), chunk.subarray(100)])
        .filter(({ length }) => length),
    );
    expect(contents(world.jetStream.streams.get("S") as Stream)[0]).toHaveLength(100_000 + "1 s.1 ".length);
  });
});

describe("the sender", () => {
  test("keeps to the window", async () => {
    await filled();
    const { taken } = takeSnapshot({ chunk_size: 1024, window_size: 3072 }, false);
    expect(taken.chunks).toHaveLength(3);
    world.send(taken.replies[0] as string);
    world.send(taken.replies[1] as string);
    expect(taken.chunks).toHaveLength(5);
    await world.advance("4s");
    expect(taken.end).toBeNull();
    await world.advance("2s");
    expect(taken.end).toBe("NATS/1.0 408 No Flow Response\r\n\r\n");
    world.send(taken.replies[2] as string);
    expect(taken.chunks).toHaveLength(5);
  });

  test("waits a moment for somebody to listen, and notices when nobody does any more", async () => {
    await filled();
    const complete = world.listen("$JS.EVENT.ADVISORY.STREAM.SNAPSHOT_COMPLETE.S");
    ask("SNAPSHOT.S", { deliver_subject: "deliver.later" });
    await world.advance("1s");
    const heard = world.listen("deliver.later");
    await world.advance("200ms");
    expect(heard.messages.at(-1)?.headers).toBe("NATS/1.0 204\r\n\r\n");
    heard.stop();
    ask("SNAPSHOT.S", { deliver_subject: "deliver.never" });
    await world.advance("2500ms");
    expect(complete.messages.map(({ payload }) => (JSON.parse(payload) as { error?: string }).error)).toEqual(
      [undefined, "no interest"],
    );
  });

  test("shows the stream as it was when it was asked", async () => {
    const stream = await filled();
    const { taken } = takeSnapshot({ chunk_size: 1024, window_size: 1024 }, false);
    world.publish("s.1", "later");
    for (let at = 0; at < 100 && taken.end === null; at++) world.send(taken.replies.at(-1) as string);
    expect(taken.end).toBe("NATS/1.0 204\r\n\r\n");
    catalog.remove(stream);
    expect(restore(taken.chunks)[0]?.state).toMatchObject({ last_seq: 31 });
  });

  test("does not pass off a part as the whole when the stream is deleted meanwhile", async () => {
    const stream = await filled();
    const { taken } = takeSnapshot({ chunk_size: 1024, window_size: 2048 }, false);
    catalog.remove(stream);
    world.send(taken.replies[0] as string);
    expect(taken.end).toBe("NATS/1.0 500 stream deleted\r\n\r\n");
    expect(restore(taken.chunks)[0]?.error?.err_code).toBe(10062);
  });

  test("refuses what it cannot do", () => {
    world.stream();
    expect(ask("SNAPSHOT.S", "").error?.err_code).toBe(10003);
    expect(ask("SNAPSHOT.NONE", { deliver_subject: "a" }).error?.err_code).toBe(10059);
    expect(ask("SNAPSHOT.S", { deliver_subject: "a.*" }).error?.err_code).toBe(10015);
    expect(ask("SNAPSHOT.S", { no_consumers: true }).error?.err_code).toBe(10015);
    expect(ask("SNAPSHOT.S", "{").error?.err_code).toBe(10025);
  });

  test("tells whoever watches", () => {
    world.stream();
    const heard = world.listen("$JS.EVENT.ADVISORY.STREAM.*.S");
    takeSnapshot();
    const told = heard.messages.map(({ payload }) => JSON.parse(payload) as Record<string, unknown>);
    expect(told).toMatchObject([
      { type: "io.nats.jetstream.advisory.v1.snapshot_create", stream: "S", state: { messages: 0 } },
      { type: "io.nats.jetstream.advisory.v1.snapshot_complete", stream: "S", client: { acc: "A" } },
    ]);
  });
});

describe("a restore", () => {
  let chunks: Buffer[];
  beforeEach(async () => {
    const stream = await filled();
    chunks = takeSnapshot({ chunk_size: 1024 }).taken.chunks;
    catalog.remove(stream);
  });

  test("of a stream that is there, or of another name", () => {
    expect(ask("RESTORE.S", "{}").error?.err_code).toBe(10003);
    expect(ask("RESTORE.S", { config: { name: "T" } }).error?.err_code).toBe(10056);
    expect(ask("RESTORE.S", { config: { max_age: -1 } }).error?.err_code).toBe(10052);
    world.stream();
    expect(ask("RESTORE.S", { config: { name: "S" } }).error).toMatchObject({
      err_code: 10130,
      description: "stream name already in use, cannot restore",
    });
  });

  test("takes the name until it is over", async () => {
    const { deliver_subject: to } = ask("RESTORE.S", { config: { subjects: ["s.>"] } });
    expect(ask("CREATE.S", { name: "S" }).error?.err_code).toBe(10058);
    expect(ask("RESTORE.S", { config: {} }).error?.err_code).toBe(10130);
    sendChunks(to as string, chunks.slice(0, 3), false);
    expect(ask("INFO.S", "").error?.err_code).toBe(10059);
    await world.advance("4s");
    sendChunks(to as string, chunks.slice(3, 4), false);
    await world.advance("4s");
    expect([...world.store.streams()]).toHaveLength(1);
    await world.advance("2s");
    expect([...world.store.streams()]).toHaveLength(0);
    expect(ask("CREATE.S", { name: "S" }).error).toBeUndefined();
  });

  test("of something that is cut, damaged or no snapshot", () => {
    const damaged = chunks.map((chunk) => Buffer.from(chunk));
    (damaged[5] as Buffer)[500] = 1 ^ ((damaged[5] as Buffer)[500] as number);
    const cases: [Buffer[], RegExp][] = [
      [[], /^restore failed: backup was truncated$/],
      [chunks.slice(0, -1), /truncated$/],
      [[...chunks, Buffer.from("more and more")], /(unknown type of chunk|truncated|chunk is too long)/],
      [[...chunks, archiveOf(ended)], /something follows the end of the snapshot$/],
      [damaged, /^restore failed: wrong checksum$/],
      [[Buffer.from("no snapshot at all")], /^restore failed: not an S2 stream$/],
      [[...chunks.slice(0, 4), ...chunks.slice(5)], /^restore failed: /],
      [
        [Buffer.concat([streamIdentifier, ...encodeChunks(Buffer.from("a tar file"))])],
        /version 2\.15 or newer$/,
      ],
      [[archiveOf(magic, stateOf({ consumer_count: 1 }), ended)], /expected consumer, found ""$/],
      [
        [archiveOf(magic, stateOf({ consumer_count: 1 }), consumerOf("c", "{}"))],
        /consumer "c" is missing config$/,
      ],
      [[archiveOf(magic, stateOf({ first_seq: 9, last_seq: 1 }))], /invalid stream state$/],
      [[archiveOf(magic, stateOf({ last_seq: 2 ** 53 - 1 }))], /invalid stream state$/],
      [[archiveOf(magic, ended)], /expected state.json first$/],
      [
        [archiveOf(magic, stateOf({}), messageOf(3, "s.1"), messageOf(3, "s.1"))],
        /message sequence 3 out of order$/,
      ],
      [[archiveOf(magic, stateOf({}), messageOf(3, "s 1"))], /invalid message of sequence 3$/],
      [[archiveOf(magic, Buffer.alloc(64, 255))], /damaged entry$/],
    ];
    for (const [sent, text] of cases) {
      const [answer, ...after] = restore(sent);
      expect(answer?.error).toMatchObject({ err_code: 10062, description: expect.stringMatching(text) });
      expect(after.every(({ type }) => type === "none")).toBe(true);
      expect([...world.store.streams()]).toHaveLength(0);
    }
  });

  test("of a consumer that could not be created so is refused, and nothing is left", () => {
    const state = {
      delivered: { consumer_seq: 0, stream_seq: 0 },
      ack_floor: { consumer_seq: 0, stream_seq: 0 },
    };
    const config = { durable_name: "c", ack_policy: "explicit" };
    const cases: [object, number][] = [
      [{ config: { ...config, deliver_subject: "s.cycle" }, state }, 10081],
      [{ config: { ...config, deliver_subject: "$JS.API.STREAM.DELETE.V" }, state }, 10112],
      [{ config: { ...config, metadata: { "frond.dead_letter": "$JS.API.STREAM.DELETE.V" } }, state }, 10012],
      [{ config: { ...config, ack_policy: "maybe" }, state }, 10062],
      [{ config: { ...config, metadata: { "frond.key": "x" } }, state }, 10012],
      [{ config }, 10012],
      [{ config, state: { ...state, delivered: { consumer_seq: -1, stream_seq: 1 } } }, 10012],
      [{ config, state: { ...state, pending: { "1": { Sequence: 1e300, Timestamp: 0 } } } }, 10012],
      [{ config, state, frond: { deferred: "1" } }, 10012],
    ];
    for (const [body, code] of cases) {
      const [answer] = restore([
        archiveOf(magic, stateOf({ consumer_count: 1 }), consumerOf("c", body), ended),
      ]);
      expect([answer?.error?.err_code, answer?.error?.description, body]).toEqual([
        code,
        expect.any(String),
        body,
      ]);
      expect(world.jetStream.streams.size + [...world.store.streams()].length).toBe(0);
    }
  });

  test("that unpacks to very much is stored slice by slice, within the limits of the account", async () => {
    world.jetStream.setLimits({ ...world.jetStream.limits, maxStoreBytes: 20 * 1024 * 1024 });
    const { deliver_subject: to } = ask("RESTORE.S", { config: { subjects: ["s.>"] } });
    const heard = world.listen("answers");
    const first = archiveOf(magic, stateOf({ last_seq: 1_000 }));
    const bomb = Buffer.concat([
      first,
      ...Array.from({ length: 12 }, (_, index) =>
        repeatChunk(messageOf(index + 1, "s.1", Buffer.alloc(3 * 1024 * 1024))),
      ),
    ]);
    expect(bomb.length).toBeLessThan(30_000);
    world.send(to as string, bomb.latin1Slice(), [], "answers");
    expect(heard.messages).toEqual([]);
    const [store] = [...world.store.streams()];
    expect(store?.log.state.messages).toBe(1);
    expect(ask("INFO.S", "").error?.err_code).toBe(10059);
    while (heard.messages.length === 0) await new Promise((resolve) => void setImmediate(resolve));
    expect(heard.messages.map(({ payload }) => (JSON.parse(payload) as Answer).error?.err_code)).toEqual([
      10002,
    ]);
    expect([...world.store.streams()]).toHaveLength(0);
  });

  test("is refused to who sends without waiting for answers", () => {
    const { deliver_subject: to } = ask("RESTORE.S", { config: { subjects: ["s.>"] } });
    const heard = world.listen("answers");
    const [start, rest] = [
      archiveOf(magic, stateOf({})),
      repeatChunk(messageOf(1, "s.1", Buffer.alloc(3 << 20))),
    ];
    world.send(to as string, Buffer.concat([start, rest, rest]).latin1Slice(), [], "answers");
    for (let count = 0; count < 70; count++) world.send(to as string, "x".repeat(1 << 20), [], "answers");
    expect(heard.messages).toHaveLength(1);
    expect(heard.messages[0]?.payload).toContain("chunks are sent without waiting for answers");
  });

  test("ends where a chunk wants no answer", () => {
    const { deliver_subject: to } = ask("RESTORE.S", { config: {} });
    const complete = world.listen("$JS.EVENT.ADVISORY.STREAM.RESTORE_COMPLETE.S");
    world.send(to as string, (chunks[0] as Buffer).latin1Slice());
    expect(complete.messages).toHaveLength(1);
    expect([...world.store.streams()]).toHaveLength(0);
  });

  test("that a broker's end has cut is forgotten at the next start", () => {
    const { deliver_subject: to } = ask("RESTORE.S", { config: {} });
    sendChunks(to as string, chunks.slice(0, 3), false);
    catalog.load(world.jetStream, world.store.streams());
    expect(world.jetStream.streams.size).toBe(0);
    expect([...world.store.streams()]).toHaveLength(0);
  });

  test("tells whoever watches", () => {
    const heard = world.listen("$JS.EVENT.ADVISORY.STREAM.*.S");
    restore(chunks);
    const told = heard.messages.map(({ payload }) => JSON.parse(payload) as Record<string, unknown>);
    expect(told.map(({ type }) => String(type).split(".").at(-1))).toEqual([
      "restore_create",
      "stream_action",
      "restore_complete",
    ]);
    expect(told[2]).toMatchObject({ bytes: chunks.reduce((sum, { length }) => sum + length, 0) });
  });
});
