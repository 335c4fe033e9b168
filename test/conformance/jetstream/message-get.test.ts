import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { apiErrorOf, jetStreamLibraries, peerOf } from "../../fixture/jetstream-libraries.ts";
import { fresh, masked } from "../../fixture/jetstream-wire.ts";

// Single messages, read and deleted through the API.

const broker = jetStreamBroker();

describe.each(jetStreamLibraries)("messages of a stream, $name", (library) => {
  const peer = peerOf(broker, library);

  async function filled(config: object = {}): Promise<string> {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name, config);
    await wire.fill(...["a", "b", "a.x", "b", "c"].map((tail) => `${name}.${tail}`));
    return name;
  }

  test("by sequence, and by last subject", async () => {
    const { jsm } = peer();
    const name = await filled();
    const second = await jsm.streams.getMessage(name, { seq: 2 });
    expect([second?.seq, second?.subject, second?.string()]).toEqual([2, `${name}.b`, "2"]);
    expect(Math.abs((second?.time.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
    const last = await jsm.streams.getMessage(name, { last_by_subj: `${name}.b` });
    expect([last?.seq, last?.string()]).toEqual([4, "4"]);
    // A wildcard finds the newest of all that match.
    expect((await jsm.streams.getMessage(name, { last_by_subj: `${name}.a.>` }))?.seq).toBe(3);
    expect((await jsm.streams.getMessage(name, { last_by_subj: `${name}.*` }))?.seq).toBe(5);
  });

  test("the next of a subject, from a sequence on", async () => {
    const { wire } = peer();
    const name = await filled();
    const next = async (body: object) => {
      const { message, error } = await wire.api(`STREAM.MSG.GET.${name}`, body);
      return (message as { seq: number } | undefined)?.seq ?? error?.err_code;
    };
    expect(await next({ next_by_subj: `${name}.b` })).toBe(2);
    expect(await next({ next_by_subj: `${name}.b`, seq: 3 })).toBe(4);
    expect(await next({ next_by_subj: `${name}.*`, seq: 5 })).toBe(5);
    expect(await next({ next_by_subj: `${name}.b`, seq: 5 })).toBe(10037);
    expect(await next({ next_by_subj: ">", seq: 3 })).toBe(3);
  });

  test("what is not there", async () => {
    const { jsm, wire } = peer();
    const name = await filled();
    expect(await wire.outcome(`STREAM.MSG.GET.${name}`, { seq: 6 })).toBe("404/10037 no message found");
    expect(await wire.outcome(`STREAM.MSG.GET.${name}`, { last_by_subj: "x" })).toBe(
      "404/10037 no message found",
    );
    const missing = jsm.streams.getMessage(name, { seq: 9 });
    if (library.isModern) expect(await missing).toBeNull();
    else expect(await apiErrorOf(missing)).toBe("10037 no message found");
  });

  test("requests that ask for too much or nothing", async () => {
    const { wire } = peer();
    const name = await filled();
    const outcomes: string[] = [];
    for (const body of [
      "",
      {},
      { seq: 0 },
      { seq: 1, last_by_subj: `${name}.a` },
      { last_by_subj: `${name}.a`, next_by_subj: `${name}.a` },
      { seq: 1, batch: 2 },
      { seq: 1, max_bytes: 2 },
      { multi_last: [">"] },
      { seq: 1, start_time: "2020-01-01T00:00:00Z" },
      { start_time: "2020-01-01T00:00:00Z" },
      { start_time: "2020-01-01T00:00:00Z", next_by_subj: `${name}.b` },
      { start_time: "2100-01-01T00:00:00Z" },
      { start_time: "yesterday" },
      { seq: "1" },
      { seq: -1 },
      { sequence: 1 },
    ]) {
      outcomes.push(`${JSON.stringify(body)} ${await wire.outcome(`STREAM.MSG.GET.${name}`, body)}`);
    }
    expect(outcomes.map((line) => line.replaceAll(name, "S"))).toMatchInlineSnapshot(`
      [
        """ 400/10003 bad request",
        "{} 400/10003 bad request",
        "{"seq":0} 400/10003 bad request",
        "{"seq":1,"last_by_subj":"S.a"} 400/10003 bad request",
        "{"last_by_subj":"S.a","next_by_subj":"S.a"} 400/10003 bad request",
        "{"seq":1,"batch":2} 400/10003 bad request",
        "{"seq":1,"max_bytes":2} 400/10003 bad request",
        "{"multi_last":[">"]} 400/10003 bad request",
        "{"seq":1,"start_time":"2020-01-01T00:00:00Z"} 400/10003 bad request",
        "{"start_time":"2020-01-01T00:00:00Z"} ok",
        "{"start_time":"2020-01-01T00:00:00Z","next_by_subj":"S.b"} ok",
        "{"start_time":"2100-01-01T00:00:00Z"} 404/10037 no message found",
        "{"start_time":"yesterday"} 400/10025 invalid JSON: parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"",
        "{"seq":"1"} 400/10025 invalid JSON: json: cannot unmarshal string into Go struct field JSApiMsgGetRequest.seq of type uint64",
        "{"seq":-1} 400/10025 invalid JSON: json: cannot unmarshal number -1 into Go struct field JSApiMsgGetRequest.seq of type uint64",
        "{"sequence":1} 400/10025 invalid JSON: json: unknown field "sequence"",
      ]
    `);
  });

  test("the answer, with headers and without", async () => {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name);
    await wire.publish(`${name}.a`, "text", { A: "b" });
    await wire.publish(`${name}.a`, "", undefined);
    const answers = [
      await wire.text(`STREAM.MSG.GET.${name}`, { seq: 1 }),
      await wire.text(`STREAM.MSG.GET.${name}`, { seq: 1, no_hdr: true }),
      await wire.text(`STREAM.MSG.GET.${name}`, { seq: 2 }),
    ];
    expect(answers.map((text) => masked(text).replaceAll(name, "S"))).toMatchInlineSnapshot(`
      [
        "{"type":"io.nats.jetstream.api.v1.stream_msg_get_response","message":{"subject":"S.a","seq":1,"hdrs":"TkFUUy8xLjANCkE6IGINCg0K","data":"dGV4dA==","time":"<time>"}}",
        "{"type":"io.nats.jetstream.api.v1.stream_msg_get_response","message":{"subject":"S.a","seq":1,"data":"dGV4dA==","time":"<time>"}}",
        "{"type":"io.nats.jetstream.api.v1.stream_msg_get_response","message":{"subject":"S.a","seq":2,"time":"<time>"}}",
      ]
    `);
  });

  test("a message that is deleted leaves a gap", async () => {
    const { jsm, wire } = peer();
    const name = await filled();
    expect(await jsm.streams.deleteMessage(name, 2)).toBe(true);
    expect(await jsm.streams.deleteMessage(name, 3, false)).toBe(true);
    expect(await wire.outcome(`STREAM.MSG.GET.${name}`, { seq: 2 })).toBe("404/10037 no message found");
    const { state } = await jsm.streams.info(name, { deleted_details: true });
    expect(state).toMatchObject({ messages: 3, deleted: [2, 3], first_seq: 1, last_seq: 5 });
    await jsm.streams.deleteMessage(name, 1);
    expect((await jsm.streams.info(name)).state).toMatchObject({ first_seq: 4, messages: 2 });
    await jsm.streams.deleteMessage(name, 5);
    expect((await jsm.streams.info(name)).state).toMatchObject({ first_seq: 4, last_seq: 5, messages: 1 });
    await jsm.streams.deleteMessage(name, 4);
    expect((await jsm.streams.info(name)).state).toMatchObject({ first_seq: 6, last_seq: 5, messages: 0 });
  });

  test("what can not be deleted", async () => {
    const { wire } = peer();
    const name = await filled();
    await wire.api(`STREAM.MSG.DELETE.${name}`, { seq: 2 });
    const outcomes: string[] = [];
    for (const body of [
      "",
      {},
      { seq: 0 },
      { seq: 2 },
      { seq: 99 },
      { seq: "1" },
      { seq: 1, noErase: true },
    ]) {
      outcomes.push(`${JSON.stringify(body)} ${await wire.outcome(`STREAM.MSG.DELETE.${name}`, body)}`);
    }
    expect(outcomes).toMatchInlineSnapshot(`
      [
        """ 400/10003 bad request",
        "{} 400/10003 bad request",
        "{"seq":0} 500/10057 no message found",
        "{"seq":2} 400/10043 sequence 2 not found",
        "{"seq":99} 500/10057 stream store EOF",
        "{"seq":"1"} 400/10025 invalid JSON: json: cannot unmarshal string into Go struct field JSApiMsgDeleteRequest.seq of type uint64",
        "{"seq":1,"noErase":true} 400/10025 invalid JSON: json: unknown field "noErase"",
      ]
    `);
  });

  test.each([
    [
      "file",
      "500/10057 no message found | 500/10057 stream store EOF | 500/10057 no message found | 500/10057 stream store EOF | 500/10057 stream store EOF",
    ],
    [
      "memory",
      "400/10043 sequence 0 not found | 400/10043 sequence 1 not found | 400/10043 sequence 0 not found | 400/10043 sequence 6 not found | 400/10043 sequence 100 not found",
    ],
  ])("deleting what is not there, in %s", async (storage, expected) => {
    const { wire } = peer();
    const [empty, name] = [fresh(), await filled({ storage })];
    await wire.stream(empty, { storage });
    const outcomes: string[] = [];
    for (const seq of [0, 1]) outcomes.push(await wire.outcome(`STREAM.MSG.DELETE.${empty}`, { seq }));
    for (const seq of [0, 6, 100]) outcomes.push(await wire.outcome(`STREAM.MSG.DELETE.${name}`, { seq }));
    expect(outcomes.join(" | ")).toBe(expected);
  });
});
