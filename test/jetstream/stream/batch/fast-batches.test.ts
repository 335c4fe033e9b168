import { describe, expect, it } from "vitest";
import { parseFastReply } from "../../../../src/jetstream/stream/batch/fast-reply.ts";
import { contents, World } from "../../stream-world.ts";

const [start, append, commit, end, ping] = [0, 1, 2, 3, 4];

function ingesting(config: object = {}) {
  const world = new World();
  const stream = world.stream({ allow_batched: true, ...config });
  const heard = world.listen("in.>");
  let seen = 0;
  /** What came back since the last call. */
  const add = (
    id: string,
    seq: number,
    op: number | undefined,
    payload = "x",
    { flow = 2, gap = "fail", headers = [] as string[] } = {},
  ) => {
    world.send("s.a", payload, headers, `in.${id}.${flow}.${gap}.${seq}.${op}.$FI`);
    const news = heard.messages.slice(seen).map((message) => message.payload);
    seen = heard.messages.length;
    return news;
  };
  return { world, stream, add };
}

describe("a fast batch", () => {
  it("is acked now and then, and at its end", () => {
    const { stream, add } = ingesting();
    expect(add("b", 1, start)).toEqual(['{"type":"ack","seq":0,"msgs":2}']);
    expect(add("b", 2, append)).toEqual(['{"type":"ack","seq":2,"msgs":2}']);
    expect(add("b", 3, append)).toEqual([]);
    expect(add("b", 3, ping)).toEqual(['{"type":"ack","seq":2,"msgs":2}']);
    expect(add("b", 4, commit)).toEqual(['{"stream":"S","seq":4,"batch":"b","count":4}']);
    expect(stream.log.state.messages).toBe(4);
    expect(add("b", 5, append)[0]).toContain('"err_code":10208');
  });

  it("may end with what is no message, or begin with its end", () => {
    const { stream, add } = ingesting();
    add("b", 1, start);
    expect(add("b", 2, end, "not stored")).toEqual(['{"stream":"S","seq":1,"batch":"b","count":1}']);
    expect(add("c", 1, commit)).toEqual(['{"stream":"S","seq":2,"batch":"c","count":1}']);
    expect(contents(stream)).toEqual(["1 s.a x", "2 s.a x"]);
  });

  it("ends at a gap, or goes on", () => {
    const { stream, add } = ingesting();
    add("b", 1, start);
    expect(add("b", 3, append)).toEqual([
      '{"type":"gap","last_seq":2,"seq":3}',
      '{"stream":"S","seq":1,"batch":"b","count":1}',
    ]);
    add("c", 1, start, "x", { gap: "ok", flow: 10 });
    expect(add("c", 3, append, "x", { gap: "ok" })).toEqual(['{"type":"gap","last_seq":2,"seq":3}']);
    expect(add("c", 5, ping, "", { gap: "ok" })).toEqual([
      '{"type":"gap","last_seq":4,"seq":6}',
      '{"type":"ack","seq":0,"msgs":10}',
    ]);
    expect(add("c", 6, commit, "x", { gap: "ok" })).toEqual(['{"stream":"S","seq":4,"batch":"c","count":6}']);
    expect(stream.log.state.messages).toBe(4);
  });

  it("tells of errors", () => {
    const { add } = ingesting();
    const wrong = { headers: ["Nats-Expected-Stream: T"] };
    const error = '{"code":400,"err_code":10060,"description":"expected stream does not match"}';
    expect(add("b", 1, start, "x", wrong).at(-1)).toBe(`{"error":${error},"stream":"S","seq":0}`);
    add("c", 1, start);
    expect(add("c", 2, append, "x", wrong)).toEqual([
      `{"type":"err","seq":2,"error":${error}}`,
      '{"stream":"S","seq":1,"batch":"c","count":1}',
    ]);
    add("d", 1, start, "x", { gap: "ok" });
    expect(add("d", 2, append, "x", { gap: "ok", ...wrong })).toEqual([
      `{"type":"err","seq":2,"error":${error}}`,
    ]);
    expect(add("d", 3, commit, "x", { gap: "ok" })).toEqual(['{"stream":"S","seq":3,"batch":"d","count":3}']);
  });

  it("passes over duplicates", () => {
    const { stream, add } = ingesting({ duplicate_window: 1_000_000_000 });
    const headers = ["Nats-Msg-Id: m"];
    add("b", 1, start, "x", { headers });
    expect(add("b", 2, append, "x", { headers })).toEqual(['{"type":"ack","seq":2,"msgs":2}']);
    expect(add("b", 3, commit)).toEqual(['{"stream":"S","seq":2,"batch":"b","count":3}']);
    expect(stream.log.state.messages).toBe(2);
    expect(add("c", 1, commit, "x", { headers })).toEqual([
      '{"stream":"S","seq":1,"duplicate": true,"batch":"c","count":1}',
    ]);
  });

  it("is forgotten after a while, and refused where it is not allowed", async () => {
    const { world, stream, add } = ingesting();
    add("b", 1, start);
    await world.advance("10001ms");
    expect(add("b", 2, append)[0]).toContain('"err_code":10208');
    expect(add("x".repeat(65), 1, start)[0]).toContain('"err_code":10207');
    expect(add("b", 1, append)[0]).toContain('"err_code":10206');
    stream.update({ ...stream.config, allow_batched: false });
    expect(add("c", 1, start)[0]).toContain('"err_code":10205');
  });

  it("shares the acks with others", () => {
    const { add } = ingesting();
    expect(add("b", 1, start, "x", { flow: 1_000 })).toEqual(['{"type":"ack","seq":0,"msgs":500}']);
    expect(add("c", 1, start, "x", { flow: 1_000 })).toEqual([
      '{"type":"ack","seq":0,"msgs":1}',
      '{"type":"ack","seq":1,"msgs":2}',
    ]);
  });
});

describe("the reply of a fast batch", () => {
  it("is read from its end", () => {
    expect(parseFastReply("_INBOX.a.b.id.0.ok.7.1.$FI")).toEqual({
      subject: "_INBOX.a.b.id.0.ok.7.1.$FI",
      id: "id",
      flow: 10,
      isGapAllowed: true,
      seq: 7,
      isPing: false,
      isCommit: false,
      isEnd: false,
    });
    expect(parseFastReply("in.id.99999.fail.1.0.$FI")).toMatchObject({ flow: 65_535, isGapAllowed: false });
    for (const bad of [
      "id.1.ok.1.0.$FI",
      "in.id.1.some.1.0.$FI",
      "in.id.1.ok.0.0.$FI",
      "in.id.1.ok.2.0.$FI",
      "in.id.1.ok.1.1.$FI",
      "in.id.1.ok.1.3.$FI",
      "in.id.1.ok.1.5.$FI",
      "in.id.1.ok.x.1.$FI",
      ".$FI",
    ])
      expect([bad, parseFastReply(bad)]).toEqual([bad, null]);
  });
});
