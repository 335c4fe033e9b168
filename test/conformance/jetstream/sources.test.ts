import type { StreamInfo } from "@nats-io/jetstream";
import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { jetStreamLibraries, peerOf } from "../../fixture/jetstream-libraries.ts";
import { becomes, fresh } from "../../fixture/jetstream-wire.ts";

// Streams that gather from others, with sequences of their own.

const broker = jetStreamBroker();

describe.each(jetStreamLibraries)("sources, $name", (library) => {
  const peer = peerOf(broker, library);

  async function holds(name: string, count: number): Promise<StreamInfo> {
    const { jsm } = peer();
    await becomes(async () => (await jsm.streams.info(name)).state.messages, count);
    return jsm.streams.info(name, { subjects_filter: ">" });
  }

  async function origin(...tails: string[]): Promise<string> {
    const { wire } = peer();
    const name = fresh("ORIGIN");
    await wire.stream(name);
    await wire.fill(...tails.map((tail) => `${name}.${tail}`));
    return name;
  }

  async function stored(name: string, seq: number) {
    const message = await peer().jsm.streams.getMessage(name, { seq });
    return [message?.subject, message?.string(), message?.header.get("Nats-Stream-Source")];
  }

  test("two origins and messages of its own", async () => {
    const { js, jsm } = peer();
    const [one, two] = [await origin("a", "b"), await origin("c")];
    const name = fresh();
    const info = await jsm.streams.add({
      name,
      subjects: [`${name}.>`],
      sources: [{ name: one }, { name: two }],
    });
    expect(info.config.sources?.map((source) => source.name)).toEqual([one, two]);
    const gathered = await holds(name, 3);
    expect(gathered.state.subjects).toEqual({ [`${one}.a`]: 1, [`${one}.b`]: 1, [`${two}.c`]: 1 });
    expect((await js.publish(`${name}.own`)).seq).toBe(4);
    await js.publish(`${two}.d`);
    const { sources } = await holds(name, 5);
    expect(sources?.map((source) => `${source.name} ${source.lag}`).sort()).toEqual(
      [`${one} 0`, `${two} 0`].sort(),
    );
  });

  test("where a message is from", async () => {
    const { jsm } = peer();
    const from = await origin("a", "b");
    const name = fresh();
    await jsm.streams.add({ name, sources: [{ name: from }] });
    await holds(name, 2);
    const [subject, text, source] = await stored(name, 2);
    expect([subject, text]).toEqual([`${from}.b`, "2"]);
    // Newer brokers name the very stream behind it.
    const [, position] = new RegExp(`^${from} (\\d+ > > ${from}\\.b)( \\w+)?$`).exec(source ?? "") ?? [];
    expect(position).toBe(`2 > > ${from}.b`);
  });

  test("some subjects, or other subjects", async () => {
    const { jsm } = peer();
    const from = await origin("a", "b", "c.d");
    const name = fresh();
    await jsm.streams.add({
      name,
      sources: [
        { name: from, filter_subject: `${from}.a` },
        {
          name: from,
          subject_transforms: [{ src: `${from}.*.*`, dest: `${name}.{{wildcard(2)}}.{{wildcard(1)}}` }],
        },
      ],
    });
    const { state } = await holds(name, 2);
    expect(state.subjects).toEqual({ [`${from}.a`]: 1, [`${name}.d.c`]: 1 });
  });

  test("from a sequence on", async () => {
    const { jsm } = peer();
    const from = await origin("a", "b", "c");
    const name = fresh();
    await jsm.streams.add({ name, sources: [{ name: from, opt_start_seq: 3 }] });
    const { state } = await holds(name, 1);
    expect(state.subjects).toEqual({ [`${from}.c`]: 1 });
  });

  test("from a time on", async () => {
    const { js, jsm } = peer();
    const from = await origin("a");
    await new Promise((resolve) => setTimeout(resolve, 30));
    const opt_start_time = new Date().toISOString();
    await js.publish(`${from}.late`);
    const name = fresh();
    await jsm.streams.add({ name, sources: [{ name: from, opt_start_time }] });
    const { state } = await holds(name, 1);
    expect(state.subjects).toEqual({ [`${from}.late`]: 1 });
  });

  test("a source that is added later, and taken away", async () => {
    const { js, jsm } = peer();
    const [one, two] = [await origin("a"), await origin("b")];
    const name = fresh();
    await jsm.streams.add({ name, subjects: [`${name}.>`], sources: [{ name: one }] });
    await holds(name, 1);
    await jsm.streams.update(name, { sources: [{ name: one }, { name: two }] });
    await holds(name, 2);
    await jsm.streams.update(name, { sources: [{ name: two }] });
    await js.publish(`${one}.more`);
    await js.publish(`${two}.more`);
    const { state, sources } = await holds(name, 3);
    expect(state.subjects).not.toHaveProperty(`${one}.more`);
    expect(sources?.map((source) => source.name)).toEqual([two]);
  });

  test("what was gathered is not gathered again", async () => {
    const { js, jsm } = peer();
    const from = await origin("a", "b");
    const name = fresh();
    await jsm.streams.add({ name, sources: [{ name: from }] });
    await holds(name, 2);
    await jsm.streams.update(name, { description: "changed" });
    await js.publish(`${from}.c`);
    expect((await holds(name, 3)).state.last_seq).toBe(3);
  });

  test("ids are known across sources", async () => {
    const { js, jsm } = peer();
    const [one, two] = [await origin(), await origin()];
    const name = fresh();
    // A stream with sources has no window unless it is given one.
    const info = await jsm.streams.add({ name, sources: [{ name: one }, { name: two }] });
    expect(info.config.duplicate_window ?? 0).toBe(0);
    await js.publish(`${one}.a`, "", { msgID: "same" });
    await js.publish(`${two}.a`, "", { msgID: "same" });
    await js.publish(`${two}.b`);
    await js.publish(`${one}.b`);
    const windowed = fresh();
    await jsm.streams.add({
      name: windowed,
      duplicate_window: 60_000_000_000,
      sources: [{ name: one }, { name: two }],
    });
    await holds(name, 4);
    await holds(windowed, 3);
  });

  test("an interest stream that gathers and a queue that is gathered", async () => {
    const { js, jsm, wire } = peer();
    const from = fresh("ORIGIN");
    await wire.stream(from, { retention: "workqueue" });
    const name = fresh();
    await jsm.streams.add({ name, sources: [{ name: from }] });
    await js.publish(`${from}.a`);
    await holds(name, 1);
  });

  test("many messages", async () => {
    const { js, jsm, nc, wire } = peer();
    const from = fresh("ORIGIN");
    await wire.stream(from, { storage: "memory" });
    for (let index = 0; index < 1999; index++) nc.publish(`${from}.${index % 5}`, "x".repeat(300));
    await js.publish(`${from}.end`);
    const name = fresh();
    await jsm.streams.add({ name, storage: "memory", sources: [{ name: from }] });
    await holds(name, 2000);
    expect((await stored(name, 1999))[0]).toBe(`${from}.${1998 % 5}`);
  });
});
