import { describe, expect, it } from "vitest";
import { formatTimestamp } from "../../../src/base/timestamp.ts";
import type { Stream } from "../../../src/jetstream/stream/stream.ts";
import type { NewMessage } from "../../../src/store/contract.ts";
import { wireFromText } from "../../../src/subjects/subject.ts";
import { blockOf, type Heard, World } from "../stream-world.ts";

const timeMs = Date.UTC(2024, 1, 29, 23, 59, 59, 120);

/** Puts a message into the log as it is, whatever a publisher could do. */
function store(stream: Stream, subject: string, parts: Partial<NewMessage> & { text?: string } = {}): number {
  const { text = "body", ...fields } = parts;
  const bytes = Buffer.from(text, "latin1");
  const body = { bytes, bodyStart: 0, bodyEnd: bytes.length, headerBytes: 0 };
  const rest = { timeMs, timeNs: 0, seq: 0, messageId: null, expiresMs: 0, wakesMs: 0 };
  return stream.log.append({ subject, ...body, ...rest, ...fields });
}

function world(storage: "file" | "memory" = "memory"): {
  made: World;
  stream: Stream;
  get: (subject: string, body?: string) => Heard[];
  ask: (body: object) => Heard[];
} {
  const made = new World();
  const stream = made.stream({ allow_direct: true, storage });
  const get = (subject: string, body = "") => made.request(`$JS.API.DIRECT.GET.S.${subject}`, body);
  const ask = (body: object) => made.request("$JS.API.DIRECT.GET.S", wireFromText(JSON.stringify(body)));
  return { made, stream, get, ask };
}

function fieldsOf(subject: string, seq: number, time: string, more: readonly string[] = []): string[] {
  return [
    "Nats-Stream: S",
    `Nats-Subject: ${subject}`,
    `Nats-Sequence: ${seq}`,
    `Nats-Time-Stamp: ${time}`,
    ...more,
  ];
}

describe.each(["file", "memory"] as const)("the answer to a direct get, from %s", (storage) => {
  it("has headers of the broker's alone where the message has none", () => {
    const { stream, get } = world(storage);
    store(stream, "s.a");
    const headers = blockOf(fieldsOf("s.a", 1, "2024-02-29T23:59:59.12Z"));
    expect(get("s.a")).toEqual([expect.objectContaining({ headers, payload: "body" })]);
  });

  it("has the message's own headers first", () => {
    const { stream, get } = world(storage);
    const block = blockOf(["A: 1", "B:two"]);
    store(stream, "s.a", { text: `${block}body`, headerBytes: block.length });
    const headers = blockOf(["A: 1", "B:two", ...fieldsOf("s.a", 1, "2024-02-29T23:59:59.12Z")]);
    expect(get("s.a")).toEqual([expect.objectContaining({ headers, payload: "body" })]);
    expect(get("s.a", '{"no_hdr":true}')).toEqual([
      expect.objectContaining({ headers: "", payload: "body" }),
    ]);
  });

  it("is the same whether or not it has to wait for the disk", () => {
    const { stream, get } = world(storage);
    const block = blockOf(["A: 1"]);
    store(stream, "s.a", { text: `${block}body`, headerBytes: block.length });
    const isDurable = (): boolean => stream.log.kind === "memory" || stream.log.durableSeq === 1;
    expect(isDurable()).toBe(storage === "memory");
    const [before] = get("s.a");
    expect(isDurable()).toBe(true);
    const [after] = get("s.a");
    expect(after?.headers).toBe(blockOf(["A: 1", ...fieldsOf("s.a", 1, "2024-02-29T23:59:59.12Z")]));
    expect([after?.headers, after?.payload]).toEqual([before?.headers, before?.payload]);
  });

  it("is of headers alone where the message is a marker", () => {
    const { stream, get } = world(storage);
    const block = blockOf(["KV-Operation: DEL"]);
    store(stream, "s.a", { text: block, headerBytes: block.length });
    const headers = blockOf(["KV-Operation: DEL", ...fieldsOf("s.a", 1, "2024-02-29T23:59:59.12Z")]);
    expect(get("s.a")).toEqual([expect.objectContaining({ headers, payload: "" })]);
    expect(get("s.a", '{"no_hdr":true}')).toEqual([expect.objectContaining({ headers: "", payload: "" })]);
  });

  it("is empty where the message is", () => {
    const { stream, get } = world(storage);
    store(stream, "s.a", { text: "" });
    const headers = blockOf(fieldsOf("s.a", 1, "2024-02-29T23:59:59.12Z"));
    expect(get("s.a")).toEqual([expect.objectContaining({ headers, payload: "" })]);
    expect(get("s.a", '{"no_hdr":true}')).toEqual([expect.objectContaining({ headers: "", payload: "" })]);
  });

  it.each([
    ["whole seconds", Date.UTC(2024, 0, 1), 0, "2024-01-01T00:00:00Z"],
    ["milliseconds", Date.UTC(2024, 0, 1, 1, 2, 3, 40), 0, "2024-01-01T01:02:03.04Z"],
    ["nanoseconds", Date.UTC(2024, 11, 31, 1, 2, 3, 4), 5, "2024-12-31T01:02:03.004000005Z"],
    ["zeros at the end", Date.UTC(2024, 11, 31, 1, 2, 3, 4), 500, "2024-12-31T01:02:03.0040005Z"],
  ])("tells the time with %s", (_name, ms, timeNs, time) => {
    const { stream, get } = world(storage);
    store(stream, "s.a", { timeMs: ms, timeNs });
    expect(get("s.a")[0]?.headers).toBe(blockOf(fieldsOf("s.a", 1, time)));
    expect(time).toBe(formatTimestamp(ms, timeNs));
  });

  it.each([1, 2, 3, 4, 5, 79, 200, 450, 600, 5_000])("has a subject of %i more bytes", (length) => {
    const { stream, get, ask } = world(storage);
    const subject = `s.${"x".repeat(length)}`;
    store(stream, "s.short", { text: "1" });
    store(stream, subject, { text: "2" });
    const headers = blockOf(fieldsOf(subject, 2, "2024-02-29T23:59:59.12Z"));
    expect(get(subject)).toEqual([expect.objectContaining({ headers, payload: "2" })]);
    expect(ask({ last_by_subj: subject })).toEqual([expect.objectContaining({ headers, payload: "2" })]);
    // The one after a large one is as it was.
    expect(get("s.short")[0]?.headers).toBe(blockOf(fieldsOf("s.short", 1, "2024-02-29T23:59:59.12Z")));
  });

  it.each([0, 1, 79, 81, 400, 1_000, 70_000])("has %i bytes of headers and of payload", (length) => {
    const { stream, get } = world(storage);
    const payload = "p".repeat(length);
    const block = blockOf([`A: ${"h".repeat(length)}`]);
    store(stream, "s.a", { text: `${block}${payload}`, headerBytes: block.length });
    const fields = fieldsOf("s.a", 1, "2024-02-29T23:59:59.12Z");
    const headers = blockOf([`A: ${"h".repeat(length)}`, ...fields]);
    expect(get("s.a")).toEqual([expect.objectContaining({ headers, payload })]);
    expect(get("s.a", '{"no_hdr":true}')).toEqual([expect.objectContaining({ headers: "", payload })]);
  });

  it("has subjects beyond ASCII as the bytes that they are", () => {
    const { stream, get, ask } = world(storage);
    const subject = wireFromText("s.größe.数");
    store(stream, subject);
    const headers = blockOf(fieldsOf(subject, 1, "2024-02-29T23:59:59.12Z"));
    expect(get(subject)[0]?.headers).toBe(headers);
    expect(ask({ last_by_subj: "s.größe.数" })[0]?.headers).toBe(headers);
  });

  it("tells sequences as large as they come", () => {
    const { stream, get } = world(storage);
    store(stream, "s.a", { seq: 2 ** 52 });
    expect(get("s.a")[0]?.headers).toBe(blockOf(fieldsOf("s.a", 2 ** 52, "2024-02-29T23:59:59.12Z")));
  });

  it("tells of its place in a batch", () => {
    const { stream, ask } = world(storage);
    const block = blockOf(["A: 1"]);
    store(stream, "s.a", { text: "1" });
    store(stream, "s.b", { text: `${block}2`, headerBytes: block.length });
    const time = "2024-02-29T23:59:59.12Z";
    const placeOf = (pending: number, lastSeq: number) => [
      `Nats-Num-Pending: ${pending}`,
      `Nats-Last-Sequence: ${lastSeq}`,
    ];
    const messages = [
      blockOf(fieldsOf("s.a", 1, time, placeOf(1, 0))),
      blockOf(["A: 1", ...fieldsOf("s.b", 2, time, placeOf(0, 1))]),
    ];
    const eob = (fields: readonly string[]) => blockOf(fields).replace("NATS/1.0", "NATS/1.0 204 EOB");
    expect(ask({ seq: 1, batch: 2 }).map(({ headers }) => headers)).toEqual([
      ...messages,
      eob(placeOf(0, 2)),
    ]);
    expect(ask({ multi_last: ["s.*"] }).map(({ headers }) => headers)).toEqual([
      ...messages,
      eob([...placeOf(0, 2), "Nats-UpTo-Sequence: 2"]),
    ]);
    expect(ask({ seq: 1, batch: 2, no_hdr: true }).map(({ payload }) => payload)).toEqual(["1", "2", ""]);
  });

  it("goes to each of many who ask within one pass", () => {
    const { made, stream } = world(storage);
    const asked = Array.from({ length: 1_500 }, (_, index) => index);
    for (const index of asked.slice(0, 10)) store(stream, `s.${index}`, { text: String(index) });
    made.endPass();
    const heard = asked.map((index) => made.listen(`_INBOX.${index}`));
    for (const index of asked) {
      const subject = `$JS.API.DIRECT.GET.S.s.${index % 10}`;
      made.host.publisher.publish(made.account, subject, `_INBOX.${index}`, null, Buffer.alloc(0));
    }
    expect(heard.flatMap(({ messages }) => messages)).toEqual([]);
    made.endPass();
    const payloads = heard.map(({ messages }) => messages.map(({ payload }) => payload).join());
    expect(payloads).toEqual(asked.map((index) => String(index % 10)));
  });

  it("is not given to who does not say where to", () => {
    const { made, stream } = world(storage);
    store(stream, "s.a");
    const heard = made.listen("_INBOX.>");
    made.send("$JS.API.DIRECT.GET.S.s.a");
    made.send("$JS.API.DIRECT.GET.S", '{"seq":1}');
    expect(heard.messages).toEqual([]);
  });
});
