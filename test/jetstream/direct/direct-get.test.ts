import { describe, expect, it } from "vitest";
import type { Stream } from "../../../src/jetstream/stream/stream.ts";
import { type Heard, World } from "../stream-world.ts";

/** Status line or payload, then all headers but the time. */
function shown({ headers, payload }: Heard): string {
  const [first = "", ...fields] = headers.split("\r\n");
  const kept = fields.filter((line) => line !== "" && !line.startsWith("Nats-Time-Stamp"));
  const head = first === "NATS/1.0" || first === "" ? payload : first.slice("NATS/1.0 ".length);
  return [head, ...kept.map((line) => line.replace(/^Nats-(\S+): /, "$1="))].join(" ");
}

function filled(): { world: World; stream: Stream; get: (body: unknown, headers?: string[]) => string[] } {
  const world = new World();
  const stream = world.stream({ allow_direct: true });
  for (const [index, subject] of ["s.a", "s.b", "s.a", "s.c", "s.b"].entries())
    world.send(subject, String(index + 1), index === 1 ? ["A: 1"] : []);
  const get = (body: unknown, headers: string[] = []) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    return world.request("$JS.API.DIRECT.GET.S", text, headers).map(shown);
  };
  return { world, stream, get };
}

describe("direct get of one message", () => {
  it("finds it by sequence, subject and time", () => {
    const { world, get } = filled();
    expect(get({ seq: 2 })).toEqual(["2 A: 1 Stream=S Subject=s.b Sequence=2"]);
    expect(get({ last_by_subj: "s.a" })).toEqual(["3 Stream=S Subject=s.a Sequence=3"]);
    expect(get({ last_by_subj: "s.*" })).toEqual(["5 Stream=S Subject=s.b Sequence=5"]);
    expect(get({ next_by_subj: "s.b", seq: 3 })).toEqual(["5 Stream=S Subject=s.b Sequence=5"]);
    expect(get({ start_time: "2000-01-01T00:00:00Z" })).toEqual(["1 Stream=S Subject=s.a Sequence=1"]);
    expect(get({ seq: 1, no_hdr: true })).toEqual(["1"]);
    expect(get({ seq: 6 })).toEqual(["404 Message Not Found"]);
    const bySubject = (subject: string, body = "") =>
      world.request(`$JS.API.DIRECT.GET.S.${subject}`, body).map(shown);
    expect(bySubject("s.a")).toEqual(["3 Stream=S Subject=s.a Sequence=3"]);
    expect(bySubject("s.a", '{"no_hdr":true}')).toEqual(["3"]);
    expect(bySubject("s.a", '{"seq":1}')).toEqual(["408 Bad Request"]);
    expect(bySubject("s.x")).toEqual(["404 Message Not Found"]);
  });

  it("says what is wrong with a request", () => {
    const { get } = filled();
    expect(get("")).toEqual(["408 Empty Request"]);
    expect(get({})).toEqual(["408 Empty Request"]);
    expect(get("{")).toEqual(["408 Malformed Request"]);
    expect(get({ seq: "1" })).toEqual(["408 Malformed Request"]);
    expect(get({ seq: -1 })).toEqual(["408 Malformed Request"]);
    expect(get({ seq: 1, last_by_subj: "s.a" })).toEqual(["408 Bad Request"]);
    expect(get({ last_by_subj: "s.a", batch: 1 })).toEqual(["408 Bad Request"]);
    expect(get({ seq: 1 }, ["Nats-Required-Api-Level: 99"])).toEqual(["412 Required Api Level"]);
    expect(get({ seq: 1 }, ["Nats-Required-Api-Level: 1"])).toHaveLength(1);
  });

  it("is there only where it is allowed", () => {
    const { world, stream } = filled();
    stream.update({ ...stream.config, allow_direct: false });
    expect(world.request("$JS.API.DIRECT.GET.S", '{"seq":1}')).toEqual([]);
  });

  it("shows nothing that is not durable", () => {
    const { world } = filled();
    const heard = world.listen("_INBOX.d");
    world.host.publisher.publish(world.account, "s.z", "", null, Buffer.from("new"));
    const ask = Buffer.from('{"last_by_subj":"s.z"}');
    world.host.publisher.publish(world.account, "$JS.API.DIRECT.GET.S", "_INBOX.d", null, ask);
    expect(heard.messages).toEqual([]);
    world.endPass();
    expect(heard.messages.map(({ payload }) => payload)).toEqual(["new"]);
  });
});

describe("direct get of many", () => {
  it("gives a batch and what is left", () => {
    const { stream, get } = filled();
    stream.messages.remove(2);
    expect(get({ seq: 1, batch: 2 })).toEqual([
      "1 Stream=S Subject=s.a Sequence=1 Num-Pending=3 Last-Sequence=0",
      "3 Stream=S Subject=s.a Sequence=3 Num-Pending=2 Last-Sequence=1",
      "204 EOB Num-Pending=2 Last-Sequence=3",
    ]);
    expect(get({ seq: 2, next_by_subj: "s.b", batch: 10 })).toEqual([
      "5 Stream=S Subject=s.b Sequence=5 Num-Pending=0 Last-Sequence=0",
      "204 EOB Num-Pending=0 Last-Sequence=5",
    ]);
    expect(get({ seq: 1, batch: 9, max_bytes: 1 })).toHaveLength(2);
    expect(get({ seq: 9, batch: 2 })).toEqual(["404 Message Not Found"]);
    expect(get({ seq: 4, batch: 1, no_hdr: true })).toEqual(["4", "204 EOB Num-Pending=2 Last-Sequence=4"]);
  });

  it("gives the last of several subjects", () => {
    const { get } = filled();
    expect(get({ multi_last: ["s.a", "s.*"] })).toEqual([
      "3 Stream=S Subject=s.a Sequence=3 Num-Pending=2 Last-Sequence=0",
      "4 Stream=S Subject=s.c Sequence=4 Num-Pending=1 Last-Sequence=3",
      "5 Stream=S Subject=s.b Sequence=5 Num-Pending=0 Last-Sequence=4",
      "204 EOB Num-Pending=0 Last-Sequence=5 UpTo-Sequence=5",
    ]);
    expect(get({ multi_last: ["s.>"], up_to_seq: 2 })).toEqual([
      "1 Stream=S Subject=s.a Sequence=1 Num-Pending=1 Last-Sequence=0",
      "2 A: 1 Stream=S Subject=s.b Sequence=2 Num-Pending=0 Last-Sequence=1",
      "204 EOB Num-Pending=0 Last-Sequence=2 UpTo-Sequence=2",
    ]);
    expect(get({ multi_last: ["s.>"], batch: 1 }).at(-1)).toBe(
      "204 EOB Num-Pending=2 Last-Sequence=3 UpTo-Sequence=5",
    );
    expect(get({ multi_last: ["x"] })).toEqual(["404 No Results"]);
    expect(get({ multi_last: ["s.>"], up_to_time: "2000-01-01T00:00:00Z" })).toEqual(["404 No Results"]);
    expect(get({ multi_last: ["s.>"], up_to_time: "2100-01-01T00:00:00Z" })).toHaveLength(4);
    expect(get({ multi_last: ["s.>"], up_to_seq: 1, up_to_time: "2100-01-01T00:00:00Z" })).toEqual([
      "408 Bad Request",
    ]);
  });

  it("refuses too many results", () => {
    const { world, get } = filled();
    for (let count = 0; count < 1_025; count++) world.send(`s.n.${count}`);
    expect(get({ multi_last: ["s.n.*"] })).toEqual(["413 Too Many Results"]);
  });
});
