import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { jetStreamLibraries, peerOf } from "../../fixture/jetstream-libraries.ts";

// Lists that are longer than an answer, fetched page by page. These streams are the only ones of this broker.

const broker = jetStreamBroker();
const count = 300;

describe.each(jetStreamLibraries)("pages, $name", (library) => {
  const peer = peerOf(broker, library);
  const names = Array.from({ length: count }, (_, index) => `P${String(index).padStart(4, "0")}`);

  async function fill(): Promise<void> {
    const { wire } = peer();
    // Idempotent, so that whichever library comes first makes them.
    await Promise.all(
      names.map((name) => wire.stream(name, { subjects: [`pages.${name}`], storage: "memory" })),
    );
  }

  test("all streams, in order of their names", async () => {
    const { jsm } = peer();
    await fill();
    const listed: string[] = [];
    for await (const info of jsm.streams.list()) listed.push(info.config.name);
    expect(listed).toEqual(names);
    const named: string[] = [];
    for await (const name of jsm.streams.names()) named.push(name);
    expect(named).toEqual(names);
  });

  test("the pages themselves", async () => {
    const { wire } = peer();
    await fill();
    const page = async (kind: string, body?: object) => {
      const answer = await wire.api(`STREAM.${kind}`, body);
      const streams = answer["streams"] as unknown[] | null;
      return [answer["total"], answer["offset"], answer["limit"], streams?.length ?? streams];
    };
    expect(await page("LIST")).toEqual([count, 0, 256, 256]);
    expect(await page("LIST", { offset: 256 })).toEqual([count, 256, 256, count - 256]);
    expect(await page("LIST", { offset: 1000 })).toEqual([count, count, 256, 0]);
    expect(await page("LIST", { offset: -5 })).toEqual([count, 0, 256, 256]);
    expect(await page("NAMES")).toEqual([count, 0, 1024, count]);
    expect(await page("NAMES", { offset: 299 })).toEqual([count, 299, 1024, 1]);
    expect(await page("NAMES", { subject: "pages.P0007" })).toEqual([1, 0, 1024, 1]);
    expect(await page("NAMES", { subject: "nothing" })).toEqual([0, 0, 1024, null]);
    expect(await page("LIST", { subject: "nothing" })).toEqual([0, 0, 256, 0]);
  });

  test("consumers of a stream", async () => {
    const { jsm, wire } = peer();
    await fill();
    const names = Array.from({ length: count }, (_, index) => `c${String(index).padStart(4, "0")}`);
    await Promise.all(names.map((name) => wire.consumer("P0001", name, { mem_storage: true })));
    const listed: string[] = [];
    for await (const info of jsm.consumers.list("P0001")) listed.push(info.name);
    expect(listed).toEqual(names);
    const answer = await wire.api("CONSUMER.NAMES.P0001", { offset: 290 });
    expect(answer).toMatchObject({ total: count, offset: 290, limit: 1024, consumers: names.slice(290) });
    const empty = await wire.api("CONSUMER.NAMES.P0002");
    expect(empty).toMatchObject({ total: 0, offset: 0, limit: 1024, consumers: [] });
    expect(await wire.api("CONSUMER.LIST.P0002")).toMatchObject({ total: 0, limit: 256, consumers: [] });
  });

  test("subjects of a stream", async () => {
    const { wire, nc } = peer();
    await wire.stream("SUBJECTS", { subjects: ["many.*"], storage: "memory" });
    for (let index = 0; index < 1999; index++) nc.publish(`many.${index}`);
    await wire.publish("many.1999");
    const answer = await wire.api("STREAM.INFO.SUBJECTS", { subjects_filter: "many.>", offset: 1990 });
    await wire.api("STREAM.DELETE.SUBJECTS");
    expect(answer).toMatchObject({ total: 2000, offset: 1990, limit: 100_000 });
    expect(Object.keys((answer["state"] as { subjects: object }).subjects)).toHaveLength(10);
  });
});
