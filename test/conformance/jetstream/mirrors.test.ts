import type { StreamInfo } from "@nats-io/jetstream";
import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { apiErrorOf, jetStreamLibraries, peerOf } from "../../fixture/jetstream-libraries.ts";
import { becomes, fresh, masked } from "../../fixture/jetstream-wire.ts";
import { patienceMs } from "../../fixture/waiting.ts";

// Streams that copy another one, sequence by sequence.

const broker = jetStreamBroker();

describe.each(jetStreamLibraries)("mirrors, $name", (library) => {
  const peer = peerOf(broker, library);

  /** Waits until `name` has come to sequence `last`. */
  async function reached(name: string, last: number): Promise<StreamInfo> {
    const { jsm } = peer();
    await becomes(async () => (await jsm.streams.info(name)).state.last_seq, last);
    return jsm.streams.info(name, { deleted_details: true, subjects_filter: ">" });
  }

  async function origin(config: object = {}): Promise<string> {
    const { wire } = peer();
    const name = fresh("ORIGIN");
    await wire.stream(name, config);
    await wire.fill(...["a", "b", "a", "c"].map((tail) => `${name}.${tail}`));
    return name;
  }

  test("what is there and what comes, as it is there", async () => {
    const { js, jsm } = peer();
    const from = await origin();
    await jsm.streams.deleteMessage(from, 2);
    const name = fresh("MIRROR");
    const made = await jsm.streams.add({ name, mirror: { name: from } });
    expect(made.config.subjects ?? []).toEqual([]);
    const copied = await reached(name, 4);
    expect(copied.state).toMatchObject({ messages: 3, first_seq: 1, deleted: [2] });
    const headers = library.headers();
    headers.set("Own", "1");
    await js.publish(`${from}.d`, "5", { headers, msgID: "id" });
    await reached(name, 5);
    const [there, here] = [
      await jsm.streams.getMessage(from, { seq: 5 }),
      await jsm.streams.getMessage(name, { seq: 5 }),
    ];
    expect([here?.subject, here?.string(), here?.timestamp]).toEqual([there?.subject, "5", there?.timestamp]);
    expect(here?.header.keys()).toEqual(["Own", "Nats-Msg-Id"]);
    const info = await jsm.streams.info(name);
    expect(info.mirror).toMatchObject({ name: from, lag: 0 });
    expect(info.mirror?.active).toBeGreaterThanOrEqual(0);
  });

  test("a mirror takes nothing itself", async () => {
    const { jsm } = peer();
    const from = await origin();
    const name = fresh("MIRROR");
    await jsm.streams.add({ name, mirror: { name: from } });
    await reached(name, 4);
    const mirror = { name, mirror: { name: from } };
    expect(await apiErrorOf(jsm.streams.add({ ...mirror, subjects: [`${name}.>`] }))).toBe(
      "10034 stream mirrors can not contain subjects",
    );
    // What is deleted here is not copied again.
    await jsm.streams.deleteMessage(name, 2);
    expect((await jsm.streams.info(name)).state.messages).toBe(3);
    expect((await jsm.streams.info(from)).state.messages).toBe(4);
  });

  test("from a sequence on", async () => {
    const { jsm } = peer();
    const from = await origin();
    const name = fresh("MIRROR");
    await jsm.streams.add({ name, mirror: { name: from, opt_start_seq: 3 } });
    expect((await reached(name, 4)).state).toMatchObject({ messages: 2, first_seq: 3 });
  });

  test("from a time on", async () => {
    const { js, jsm } = peer();
    const from = await origin();
    await new Promise((resolve) => setTimeout(resolve, 30));
    const opt_start_time = new Date().toISOString();
    await js.publish(`${from}.late`);
    const name = fresh("MIRROR");
    await jsm.streams.add({ name, mirror: { name: from, opt_start_time } });
    expect((await reached(name, 5)).state).toMatchObject({ messages: 1, first_seq: 5 });
  });

  test("only some subjects", async () => {
    const { js, jsm } = peer();
    const from = await origin();
    const name = fresh("MIRROR");
    await jsm.streams.add({ name, mirror: { name: from, filter_subject: `${from}.a` } });
    const { state, mirror } = await reached(name, 3);
    expect(state).toMatchObject({ messages: 2, subjects: { [`${from}.a`]: 2 } });
    expect(mirror).toMatchObject({ name: from, filter_subject: `${from}.a` });
    await js.publish(`${from}.b`);
    await js.publish(`${from}.a`);
    expect((await reached(name, 6)).state.messages).toBe(3);
  });

  test("under other subjects", async () => {
    const { jsm } = peer();
    const from = await origin();
    const name = fresh("MIRROR");
    const subject_transforms = [
      { src: `${from}.a`, dest: `${name}.first` },
      { src: `${from}.b`, dest: `${name}.second` },
    ];
    await jsm.streams.add({ name, mirror: { name: from, subject_transforms } });
    const { state } = await reached(name, 3);
    expect(state.subjects).toEqual({ [`${name}.first`]: 2, [`${name}.second`]: 1 });
  });

  test("more than a window of messages", async () => {
    const { js, jsm, nc, wire } = peer();
    const from = fresh("ORIGIN");
    await wire.stream(from, { storage: "memory" });
    for (let index = 0; index < 2999; index++) nc.publish(`${from}.${index % 7}`, "x".repeat(200));
    await js.publish(`${from}.end`);
    const name = fresh("MIRROR");
    await jsm.streams.add({ name, storage: "memory", mirror: { name: from } });
    const { state } = await reached(name, 3000);
    expect(state).toMatchObject({ messages: 3000, first_seq: 1 });
  });

  test("a mirror reads for its origin", async () => {
    const { jsm, nc } = peer();
    const from = await origin({ allow_direct: true });
    const name = fresh("MIRROR");
    const { config } = await jsm.streams.add({ name, mirror: { name: from }, mirror_direct: true });
    expect(config.mirror_direct).toBe(true);
    await reached(name, 4);
    const streams = new Set<string>();
    for (let index = 0; index < 60; index++) {
      const answer = await nc.request(`$JS.API.DIRECT.GET.${from}`, '{"seq":1}');
      streams.add(answer.headers?.get("Nats-Stream") ?? "");
    }
    expect([...streams].sort()).toEqual([name, from].sort());
  });

  test("a mirror of a mirror", async () => {
    const { js, jsm } = peer();
    const from = await origin();
    const [middle, name] = [fresh("MIRROR"), fresh("MIRROR")];
    await jsm.streams.add({ name: middle, mirror: { name: from } });
    await jsm.streams.add({ name, mirror: { name: middle } });
    await reached(name, 4);
    await js.publish(`${from}.more`);
    expect((await reached(name, 5)).state.messages).toBe(5);
  });

  test("a mirror of what comes later", async () => {
    const { jsm, wire } = peer();
    const [from, name] = [fresh("ORIGIN"), fresh("MIRROR")];
    await jsm.streams.add({ name, mirror: { name: from } });
    const text = await wire.text(`STREAM.INFO.${name}`);
    expect((JSON.parse(text) as StreamInfo).mirror?.active).toBe(-1);
    await wire.stream(from);
    await wire.fill(`${from}.a`);
    await reached(name, 1);
  });

  test("consumers of a mirror", async () => {
    const { js, jsm } = peer();
    const from = await origin();
    const name = fresh("MIRROR");
    await jsm.streams.add({ name, mirror: { name: from } });
    await reached(name, 4);
    await jsm.consumers.add(name, { durable_name: "c", ack_policy: "explicit" });
    const messages = await (await js.consumers.get(name, "c")).fetch({
      max_messages: 4,
      expires: patienceMs,
    });
    const subjects: string[] = [];
    for await (const message of messages) subjects.push(message.subject);
    expect(subjects).toEqual(["a", "b", "a", "c"].map((tail) => `${from}.${tail}`));
  });

  test("a mirror that becomes a stream of its own", async () => {
    const { js, jsm, wire } = peer();
    const from = await origin();
    const name = fresh("MIRROR");
    await jsm.streams.add({ name, mirror: { name: from } });
    await reached(name, 4);
    const other = { name, mirror: { name: fresh("ORIGIN") } };
    expect(await wire.outcome(`STREAM.UPDATE.${name}`, other)).toBe(
      "400/10055 stream mirror configuration can not be updated",
    );
    expect(await wire.outcome(`STREAM.UPDATE.${name}`, { name, subjects: [`${name}.>`] })).toBe("ok");
    expect((await js.publish(`${name}.a`)).seq).toBe(5);
    await js.publish(`${from}.a`);
    const info = await jsm.streams.info(name);
    expect(info.mirror).toBeUndefined();
    expect(info.state.messages).toBe(5);
  });

  test("what it says of its mirror", async () => {
    const { jsm, wire } = peer();
    const from = await origin();
    const name = fresh("MIRROR");
    await jsm.streams.add({ name, mirror: { name: from, filter_subject: `${from}.>` } });
    await reached(name, 4);
    const { mirror } = JSON.parse(masked(await wire.text(`STREAM.INFO.${name}`))) as { mirror: object };
    expect(
      JSON.stringify(mirror)
        .replace(/"active":\d+/, '"active":1')
        .replaceAll(from, "<origin>"),
    ).toBe('{"name":"<origin>","lag":0,"active":1,"filter_subject":"<origin>.>"}');
  });
});
