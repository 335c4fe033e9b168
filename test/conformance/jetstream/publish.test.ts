import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { apiErrorOf, jetStreamLibraries, peerOf } from "../../fixture/jetstream-libraries.ts";
import { fresh } from "../../fixture/jetstream-wire.ts";

// Publishing through the client libraries: acknowledgements, expectations, duplicates, roll-ups.

const broker = jetStreamBroker();

describe.each(jetStreamLibraries)("publish, $name", (library) => {
  const peer = peerOf(broker, library);

  test("each message gets the next sequence", async () => {
    const { js, wire } = peer();
    const name = fresh();
    await wire.stream(name);
    const acks = await Promise.all(
      Array.from({ length: 100 }, (_, index) => js.publish(`${name}.a`, `${index}`)),
    );
    expect(acks.map((ack) => ack.seq)).toEqual(Array.from({ length: 100 }, (_, index) => index + 1));
    expect(acks[0]).toMatchObject({ stream: name, duplicate: false });
  });

  test("a subject that no stream captures has nobody to answer", async () => {
    const { js } = peer();
    await expect(js.publish(fresh("nobody"), "", { timeout: 1000, retries: 0 })).rejects.toThrow();
  });

  test("a message that was sent twice is stored once", async () => {
    const { js, jsm, wire } = peer();
    const name = fresh();
    await wire.stream(name);
    const first = await js.publish(`${name}.a`, "1", { msgID: "x" });
    const second = await js.publish(`${name}.a`, "2", { msgID: "x" });
    const elsewhere = await js.publish(`${name}.b`, "3", { msgID: "x" });
    expect([first.duplicate, second.duplicate, elsewhere.duplicate]).toEqual([false, true, true]);
    expect([first.seq, second.seq, elsewhere.seq]).toEqual([1, 1, 1]);
    expect((await js.publish(`${name}.a`, "4", { msgID: "y" })).seq).toBe(2);
    expect((await jsm.streams.info(name)).state.messages).toBe(2);
    // A purge does not forget ids, a deleted message neither.
    await jsm.streams.purge(name);
    expect(await js.publish(`${name}.a`, "5", { msgID: "x" })).toMatchObject({ duplicate: true, seq: 1 });
  });

  test("after the window an id is forgotten", async () => {
    const { js, wire } = peer();
    const name = fresh();
    await wire.stream(name, { duplicate_window: 200_000_000 });
    await js.publish(`${name}.a`, "1", { msgID: "x" });
    expect((await js.publish(`${name}.a`, "2", { msgID: "x" })).duplicate).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(await js.publish(`${name}.a`, "3", { msgID: "x" })).toMatchObject({ duplicate: false, seq: 2 });
  });

  test("the stream that is expected", async () => {
    const { js, wire } = peer();
    const name = fresh();
    await wire.stream(name);
    expect((await js.publish(`${name}.a`, "", { expect: { streamName: name } })).seq).toBe(1);
    expect(await apiErrorOf(js.publish(`${name}.a`, "", { expect: { streamName: "other" } }))).toBe(
      "10060 expected stream does not match",
    );
  });

  test("the last sequence that is expected", async () => {
    const { js, wire } = peer();
    const name = fresh();
    await wire.stream(name);
    const send = (lastSequence: number) => js.publish(`${name}.a`, "", { expect: { lastSequence } });
    expect((await send(0)).seq).toBe(1);
    expect(await apiErrorOf(send(0))).toBe("10071 wrong last sequence: 1");
    expect((await send(1)).seq).toBe(2);
    expect(await apiErrorOf(send(7))).toBe("10071 wrong last sequence: 2");
  });

  test("the last message id that is expected", async () => {
    const { js, wire } = peer();
    const name = fresh();
    await wire.stream(name);
    const send = (lastMsgID: string, msgID: string) =>
      js.publish(`${name}.a`, "", { msgID, expect: { lastMsgID } });
    await js.publish(`${name}.a`, "", { msgID: "a" });
    expect((await send("a", "b")).seq).toBe(2);
    expect(await apiErrorOf(send("a", "c"))).toBe("10070 wrong last msg ID: b");
    await js.publish(`${name}.a`, "");
    expect(await apiErrorOf(send("b", "d"))).toBe("10070 wrong last msg ID: ");
  });

  test("the last sequence of the subject that is expected", async () => {
    const { js, wire } = peer();
    const name = fresh();
    await wire.stream(name);
    const send = (tail: string, lastSubjectSequence: number) =>
      js.publish(`${name}.${tail}`, "", { expect: { lastSubjectSequence } });
    expect((await send("a", 0)).seq).toBe(1);
    expect((await send("b", 0)).seq).toBe(2);
    expect(await apiErrorOf(send("a", 0))).toBe("10071 wrong last sequence: 1");
    expect((await send("a", 1)).seq).toBe(3);
    expect(await apiErrorOf(send("b", 3))).toBe("10071 wrong last sequence: 2");
    expect(await apiErrorOf(send("c", 3))).toBe("10071 wrong last sequence: 0");
    await wire.api(`STREAM.PURGE.${name}`, { filter: `${name}.a` });
    expect((await send("a", 0)).seq).toBe(4);
  });

  test("two writers that expect the same: one wins", async () => {
    const { js, wire } = peer();
    const name = fresh();
    await wire.stream(name);
    const tries = Array.from({ length: 20 }, () =>
      js.publish(`${name}.a`, "", { expect: { lastSubjectSequence: 0 } }),
    );
    const results = await Promise.allSettled(tries);
    expect(results.filter((result) => result.status === "fulfilled")).toHaveLength(1);
  });

  test("a roll-up replaces its subject, or all", async () => {
    const { js, jsm, wire } = peer();
    const name = fresh();
    await wire.stream(name, { allow_rollup_hdrs: true });
    await wire.fill(`${name}.a`, `${name}.b`, `${name}.a`, `${name}.b`);
    const headers = library.headers();
    headers.set("Nats-Rollup", "sub");
    expect((await js.publish(`${name}.a`, "sum", { headers })).seq).toBe(5);
    const { state } = await jsm.streams.info(name, { subjects_filter: ">", deleted_details: true });
    expect(state).toMatchObject({
      messages: 3,
      subjects: { [`${name}.a`]: 1, [`${name}.b`]: 2 },
      deleted: [3],
    });
    headers.set("Nats-Rollup", "all");
    expect((await js.publish(`${name}.c`, "all", { headers })).seq).toBe(6);
    const after = await jsm.streams.info(name);
    expect(after.state).toMatchObject({ messages: 1, first_seq: 6, last_seq: 6 });
    const kept = await jsm.streams.getMessage(name, { seq: 6 });
    expect(kept?.header.get("Nats-Rollup")).toBe("all");
  });

  test("a stream without acknowledgements stores silently", async () => {
    const { js, jsm, nc, wire } = peer();
    const name = fresh();
    await wire.stream(name, { no_ack: true });
    await expect(js.publish(`${name}.a`, "", { timeout: 300 })).rejects.toThrow();
    nc.publish(`${name}.a`);
    await nc.flush();
    expect((await jsm.streams.info(name)).state.messages).toBe(2);
  });

  test("plain messages are stored as well as those that ask for an answer", async () => {
    const { js, jsm, nc, wire } = peer();
    const name = fresh();
    await wire.stream(name);
    for (let index = 0; index < 50; index++) nc.publish(`${name}.a`, String(index));
    expect((await js.publish(`${name}.a`, "last")).seq).toBe(51);
    expect((await jsm.streams.info(name)).state.messages).toBe(51);
  });

  test("payload and headers are kept, byte for byte", async () => {
    const { js, jsm, wire } = peer();
    const name = fresh();
    await wire.stream(name);
    const data = Uint8Array.from({ length: 256 }, (_, index) => index);
    const headers = library.headers();
    headers.append("Trace", "one");
    headers.append("Trace", "two");
    headers.append("lower-case", "Grüße: ☂");
    await js.publish(`${name}.a`, data, { headers, msgID: "id" });
    const stored = await jsm.streams.getMessage(name, { seq: 1 });
    expect(stored?.data).toEqual(data);
    expect(stored?.header.values("Trace")).toEqual(["one", "two"]);
    expect(stored?.header.get("lower-case")).toBe("Grüße: ☂");
    expect(stored?.header.get("Nats-Msg-Id")).toBe("id");
    expect(stored?.subject).toBe(`${name}.a`);
  });

  test("subscribers and the stream both get a message", async () => {
    const { js, nc, wire } = peer();
    const name = fresh();
    await wire.stream(name);
    const plain = nc.subscribe(`${name}.a`, { max: 1 });
    await js.publish(`${name}.a`, "both");
    for await (const message of plain) expect(message.string()).toBe("both");
  });
});
