import type { DirectBatchOptions, DirectLastFor, DirectStreamAPI } from "@nats-io/jetstream";
import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { jetStreamLibraries, modernJetStream, peerOf } from "../../fixture/jetstream-libraries.ts";
import { type Fields, fieldsOf, fresh, shown } from "../../fixture/jetstream-wire.ts";
import { delay, eventually } from "../../fixture/waiting.ts";

// Messages straight from the stream, without JSON around them.

const broker = jetStreamBroker();

describe.each(jetStreamLibraries)("direct get, $name", (library) => {
  const peer = peerOf(broker, library);

  async function filled(config: object = {}): Promise<string> {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name, { allow_direct: true, ...config });
    await wire.fill(...["a", "b", "a", "b", "c"].map((tail) => `${name}.${tail}`));
    return name;
  }

  test("one message", async () => {
    const { jsm } = peer();
    const name = await filled();
    const second = await jsm.direct.getMessage(name, { seq: 2 });
    expect([second?.seq, second?.subject, second?.string()]).toEqual([2, `${name}.b`, "2"]);
    expect((await jsm.direct.getMessage(name, { last_by_subj: `${name}.b` }))?.seq).toBe(4);
    expect((await jsm.direct.getMessage(name, { next_by_subj: `${name}.b`, seq: 3 }))?.seq).toBe(4);
  });

  test("what is not there", async () => {
    const { jsm } = peer();
    const name = await filled();
    for (const query of [{ seq: 99 }, { last_by_subj: `${name}.x` }, { seq: 5, next_by_subj: `${name}.a` }]) {
      const found = jsm.direct.getMessage(name, query);
      if (library.isModern) expect(await found).toBeNull();
      else await expect(found).rejects.toThrow();
    }
  });
});

describe("direct get in batches", () => {
  const peer = peerOf(broker, modernJetStream);

  async function filled(config: object = {}): Promise<string> {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name, { allow_direct: true, ...config });
    await wire.fill(...["a", "b", "a", "b", "c"].map((tail) => `${name}.${tail}`));
    return name;
  }

  async function sequences(of: ReturnType<DirectStreamAPI["getBatch"]>): Promise<number[]> {
    const found: number[] = [];
    for await (const message of await of) found.push(message.seq);
    return found;
  }

  test("through the library", async () => {
    const { jsm } = peer();
    const name = await filled();
    const batch = (options: DirectBatchOptions) => sequences(jsm.direct.getBatch(name, options));
    expect(await batch({ seq: 1, batch: 3 })).toEqual([1, 2, 3]);
    expect(await batch({ seq: 4, batch: 10 })).toEqual([4, 5]);
    expect(await batch({ seq: 1, batch: 10, next_by_subj: `${name}.b` })).toEqual([2, 4]);
    expect(await batch({ start_time: new Date(0), batch: 2 })).toEqual([1, 2]);
    const last = (options: DirectLastFor) => sequences(jsm.direct.getLastMessagesFor(name, options));
    expect(await last({ multi_last: [`${name}.a`, `${name}.c`] })).toEqual([3, 5]);
    expect(await last({ multi_last: [`${name}.>`] })).toEqual([3, 4, 5]);
    expect(await last({ multi_last: [`${name}.>`], up_to_seq: 3 })).toEqual([2, 3]);
    expect(await last({ multi_last: [`${name}.>`], batch: 2 })).toEqual([3, 4]);
  });

  /** The request, the subject's end if any, and all answers, `seq` standing for a message. */
  const requests: [string, unknown, string, string][] = [
    ["nothing", "", "", "408 Empty Request"],
    ["an empty object", {}, "", "408 Empty Request"],
    ["no JSON", "{nothing", "", "408 Malformed Request"],
    ["an unknown field", { seq: 1, more: 2 }, "", "1 Subject=S.a Sequence=1"],
    ["a sequence", { seq: 2 }, "", "2 Subject=S.b Sequence=2"],
    ["a sequence that is not there", { seq: 9 }, "", "404 Message Not Found"],
    ["a sequence and a last subject", { seq: 2, last_by_subj: "<name>.a" }, "", "408 Bad Request"],
    ["a last subject", { last_by_subj: "<name>.a" }, "", "3 Subject=S.a Sequence=3"],
    ["a last subject with a wildcard", { last_by_subj: "<name>.>" }, "", "5 Subject=S.c Sequence=5"],
    ["a next subject", { next_by_subj: "<name>.b" }, "", "2 Subject=S.b Sequence=2"],
    ["a next subject that is not there", { next_by_subj: "<name>.x" }, "", "404 Message Not Found"],
    ["a time in the past", { start_time: "2020-01-01T00:00:00Z" }, "", "1 Subject=S.a Sequence=1"],
    ["a time to come", { start_time: "2100-01-01T00:00:00Z" }, "", "404 Message Not Found"],
    [
      "a batch",
      { seq: 1, batch: 2 },
      "",
      "1 Subject=S.a Sequence=1 Num-Pending=4 Last-Sequence=0 | 2 Subject=S.b Sequence=2 Num-Pending=3 Last-Sequence=1 | 204 EOB Nats-Num-Pending=3 Nats-Last-Sequence=2",
    ],
    [
      "a batch of one",
      { seq: 1, batch: 1 },
      "",
      "1 Subject=S.a Sequence=1 Num-Pending=4 Last-Sequence=0 | 204 EOB Nats-Num-Pending=4 Nats-Last-Sequence=1",
    ],
    [
      "a batch to the end",
      { seq: 4, batch: 5 },
      "",
      "4 Subject=S.b Sequence=4 Num-Pending=1 Last-Sequence=0 | 5 Subject=S.c Sequence=5 Num-Pending=0 Last-Sequence=4 | 204 EOB Nats-Num-Pending=0 Nats-Last-Sequence=5",
    ],
    ["a batch that is not there", { seq: 9, batch: 5 }, "", "404 Message Not Found"],
    [
      "a batch of a subject",
      { seq: 1, batch: 5, next_by_subj: "<name>.b" },
      "",
      "2 Subject=S.b Sequence=2 Num-Pending=1 Last-Sequence=0 | 4 Subject=S.b Sequence=4 Num-Pending=0 Last-Sequence=2 | 204 EOB Nats-Num-Pending=0 Nats-Last-Sequence=4",
    ],
    [
      "a batch from a time on",
      { start_time: "2020-01-01T00:00:00Z", batch: 2 },
      "",
      "1 Subject=S.a Sequence=1 Num-Pending=4 Last-Sequence=0 | 2 Subject=S.b Sequence=2 Num-Pending=3 Last-Sequence=1 | 204 EOB Nats-Num-Pending=3 Nats-Last-Sequence=2",
    ],
    ["a batch of a last subject", { last_by_subj: "<name>.a", batch: 2 }, "", "408 Bad Request"],
    [
      "few bytes",
      { seq: 1, batch: 5, max_bytes: 1 },
      "",
      "1 Subject=S.a Sequence=1 Num-Pending=4 Last-Sequence=0 | 204 EOB Nats-Num-Pending=4 Nats-Last-Sequence=1",
    ],
    ["some bytes", { seq: 1, max_bytes: 60 }, "", "1 Subject=S.a Sequence=1"],
    ["a negative batch", { seq: 1, batch: -1 }, "", "204 EOB Nats-Num-Pending=5 Nats-Last-Sequence=0"],
    ["no headers", { seq: 2, no_hdr: true }, "", "<inbox> 2"],
    [
      "a batch without headers",
      { seq: 1, batch: 2, no_hdr: true },
      "",
      "<inbox> 1 | <inbox> 2 | 204 EOB Nats-Num-Pending=5 Nats-Last-Sequence=2",
    ],
    [
      "the last of many",
      { multi_last: ["<name>.a", "<name>.b"] },
      "",
      "3 Subject=S.a Sequence=3 Num-Pending=1 Last-Sequence=0 | 4 Subject=S.b Sequence=4 Num-Pending=0 Last-Sequence=3 | 204 EOB Nats-Num-Pending=0 Nats-Last-Sequence=4 Nats-UpTo-Sequence=5",
    ],
    [
      "the last of all",
      { multi_last: ["<name>.>"] },
      "",
      "3 Subject=S.a Sequence=3 Num-Pending=2 Last-Sequence=0 | 4 Subject=S.b Sequence=4 Num-Pending=1 Last-Sequence=3 | 5 Subject=S.c Sequence=5 Num-Pending=0 Last-Sequence=4 | 204 EOB Nats-Num-Pending=0 Nats-Last-Sequence=5 Nats-UpTo-Sequence=5",
    ],
    [
      "the last of all, some of them",
      { multi_last: ["<name>.>"], batch: 2 },
      "",
      "3 Subject=S.a Sequence=3 Num-Pending=2 Last-Sequence=0 | 4 Subject=S.b Sequence=4 Num-Pending=1 Last-Sequence=3 | 204 EOB Nats-Num-Pending=1 Nats-Last-Sequence=4 Nats-UpTo-Sequence=5",
    ],
    [
      "the last of all up to a sequence",
      { multi_last: ["<name>.>"], up_to_seq: 2 },
      "",
      "1 Subject=S.a Sequence=1 Num-Pending=1 Last-Sequence=0 | 2 Subject=S.b Sequence=2 Num-Pending=0 Last-Sequence=1 | 204 EOB Nats-Num-Pending=0 Nats-Last-Sequence=2 Nats-UpTo-Sequence=2",
    ],
    [
      "the last of all up to a time",
      { multi_last: ["<name>.>"], up_to_time: "2100-01-01T00:00:00Z" },
      "",
      "3 Subject=S.a Sequence=3 Num-Pending=2 Last-Sequence=0 | 4 Subject=S.b Sequence=4 Num-Pending=1 Last-Sequence=3 | 5 Subject=S.c Sequence=5 Num-Pending=0 Last-Sequence=4 | 204 EOB Nats-Num-Pending=0 Nats-Last-Sequence=5 Nats-UpTo-Sequence=5",
    ],
    [
      "the last of all up to long ago",
      { multi_last: ["<name>.>"], up_to_time: "2020-01-01T00:00:00Z" },
      "",
      "404 No Results",
    ],
    ["the last of nothing", { multi_last: ["<name>.x"] }, "", "404 No Results"],
    ["the last of no subject", { multi_last: [] }, "", "408 Empty Request"],
    [
      "the last of many from a sequence",
      { multi_last: ["<name>.>"], seq: 2 },
      "",
      "3 Subject=S.a Sequence=3 Num-Pending=2 Last-Sequence=0 | 4 Subject=S.b Sequence=4 Num-Pending=1 Last-Sequence=3 | 5 Subject=S.c Sequence=5 Num-Pending=0 Last-Sequence=4 | 204 EOB Nats-Num-Pending=0 Nats-Last-Sequence=5 Nats-UpTo-Sequence=5",
    ],
    ["a subject", "", ".<name>.a", "3 Subject=S.a Sequence=3"],
    ["a subject that is not there", "", ".<name>.x", "404 Message Not Found"],
    ["a subject without headers", { no_hdr: true }, ".<name>.a", "<inbox> 3"],
    ["a subject and a sequence", { seq: 2 }, ".<name>.a", "408 Bad Request"],
    ["a subject with a wildcard", "", ".<name>.>", "5 Subject=S.c Sequence=5"],
  ];

  test.each(requests)("%s", async (_title, body, tail, expected) => {
    const { nc, wire } = peer();
    const name = await filled();
    const named = (text: string) => text.replaceAll("<name>", name);
    const inbox = await wire.listen();
    const text = typeof body === "string" ? body : named(JSON.stringify(body));
    nc.publish(`$JS.API.DIRECT.GET.${name}${named(tail)}`, text, { reply: inbox.subject });
    const expectedCount = expected.split(" | ").length;
    await eventually(() => inbox.messages.length >= expectedCount, `${expectedCount} answers`);
    // Whether there is one more.
    await delay(20);
    const answers = inbox.messages.map((message) => {
      if (message.headers === undefined || message.headers.code !== 0) return shown(message);
      const { "Nats-Time-Stamp": _time, "Nats-Stream": _stream, ...fields } = fieldsOf(message);
      return `${message.string()} ${shortened(fields)}`;
    });
    inbox.close();
    expect(answers.join(" | ").replaceAll(inbox.subject, "<inbox>").replaceAll(name, "S")).toBe(expected);
  });

  function shortened(fields: Fields): string {
    return Object.entries(fields)
      .map(([key, value]) => `${key.replace("Nats-", "")}=${value}`)
      .join(" ");
  }

  test("more subjects than an answer holds", async () => {
    const { nc, wire } = peer();
    const name = await filled({ storage: "memory" });
    for (let index = 0; index < 1030; index++) nc.publish(`${name}.many.${index}`);
    await wire.publish(`${name}.end`);
    const inbox = await wire.listen();
    nc.publish(`$JS.API.DIRECT.GET.${name}`, JSON.stringify({ multi_last: [`${name}.many.*`] }), {
      reply: inbox.subject,
    });
    expect(await inbox.take(1)).toEqual(["413 Too Many Results"]);
  });

  test("headers of what is stored come first", async () => {
    const { nc, wire } = peer();
    const name = fresh();
    await wire.stream(name, { allow_direct: true });
    await wire.publish(`${name}.a`, "text", { Own: "1" });
    const answer = await nc.request(`$JS.API.DIRECT.GET.${name}`, JSON.stringify({ seq: 1 }));
    expect(answer.headers?.keys()).toEqual([
      "Own",
      "Nats-Stream",
      "Nats-Subject",
      "Nats-Sequence",
      "Nats-Time-Stamp",
    ]);
    expect(answer.headers?.get("Nats-Stream")).toBe(name);
    expect(answer.headers?.get("Nats-Time-Stamp")).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
  });

  test("a stream that does not allow it does not answer", async () => {
    const { nc } = peer();
    const name = await filled({ allow_direct: false });
    await expect(nc.request(`$JS.API.DIRECT.GET.${name}`, '{"seq":1}')).rejects.toThrow(/no responders|503/);
  });

  test("it can be allowed and taken back", async () => {
    const { jsm, nc } = peer();
    const name = await filled({ allow_direct: false });
    await jsm.streams.update(name, { allow_direct: true });
    expect((await jsm.direct.getMessage(name, { seq: 1 }))?.seq).toBe(1);
    await jsm.streams.update(name, { allow_direct: false });
    await expect(nc.request(`$JS.API.DIRECT.GET.${name}`, '{"seq":1}')).rejects.toThrow();
  });
});
