import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { jetStreamLibraries, peerOf } from "../../fixture/jetstream-libraries.ts";
import { becomes, fieldsOf, fresh } from "../../fixture/jetstream-wire.ts";
import { patienceMs } from "../../fixture/waiting.ts";

// What a stream passes on of what it has stored, and what it renames before.

const broker = jetStreamBroker();

describe.each(jetStreamLibraries)("republish, $name", (library) => {
  const peer = peerOf(broker, library);

  test("stored messages go on, with where they are", async () => {
    const { js, jsm, wire } = peer();
    const name = fresh();
    const copies = await wire.listen(`copy.${name}.>`);
    await jsm.streams.add({
      name,
      subjects: [`${name}.>`],
      republish: { src: `${name}.>`, dest: `copy.${name}.>` },
    });
    const headers = library.headers();
    headers.set("Own", "kept");
    await js.publish(`${name}.a`, "1", { headers });
    await js.publish(`${name}.b`, "2");
    await js.publish(`${name}.a`, "3");
    const messages = [await copies.next(), await copies.next(), await copies.next()];
    copies.close();
    expect(messages.map((message) => `${message.subject} ${message.string()}`)).toEqual([
      `copy.${name}.a 1`,
      `copy.${name}.b 2`,
      `copy.${name}.a 3`,
    ]);
    expect(messages[0]?.headers?.keys()).toEqual([
      "Own",
      "Nats-Stream",
      "Nats-Subject",
      "Nats-Sequence",
      "Nats-Time-Stamp",
      "Nats-Last-Sequence",
    ]);
    expect(messages.map((message) => fieldsOf(message)["Nats-Last-Sequence"])).toEqual(["0", "0", "1"]);
    const { "Nats-Time-Stamp": time, ...fields } = fieldsOf(messages[2]);
    expect(fields).toEqual({
      "Nats-Stream": name,
      "Nats-Subject": `${name}.a`,
      "Nats-Sequence": "3",
      "Nats-Last-Sequence": "1",
    });
    expect(time).toBe((await jsm.streams.info(name)).state.last_ts);
    expect(messages[0]?.reply ?? "").toBe("");
  });

  test("headers only", async () => {
    const { js, jsm, wire } = peer();
    const name = fresh();
    const copies = await wire.listen(`copy.${name}.>`);
    const republish = { src: ">", dest: `copy.${name}.>`, headers_only: true };
    await jsm.streams.add({ name, subjects: [`${name}.>`], republish });
    await js.publish(`${name}.a`, "12345");
    const message = await copies.next();
    copies.close();
    expect([message.subject, message.string(), fieldsOf(message)["Nats-Msg-Size"]]).toEqual([
      `copy.${name}.${name}.a`,
      "",
      "5",
    ]);
  });

  test("only subjects of the source, renamed", async () => {
    const { js, jsm, wire } = peer();
    const name = fresh();
    const copies = await wire.listen(`copy.${name}.>`);
    await jsm.streams.add({
      name,
      subjects: [`${name}.>`],
      republish: { src: `${name}.*.*`, dest: `copy.${name}.{{wildcard(2)}}.{{wildcard(1)}}` },
    });
    await js.publish(`${name}.a`);
    await js.publish(`${name}.a.b`);
    await js.publish(`${name}.a.b.c`);
    await js.publish(`${name}.c.d`);
    expect(await copies.take(2)).toEqual([`copy.${name}.b.a`, `copy.${name}.d.c`]);
    expect(copies.rest()).toEqual([]);
    copies.close();
  });

  test("what is refused and what is a duplicate does not go on", async () => {
    const { js, jsm, wire } = peer();
    const name = fresh();
    const copies = await wire.listen(`copy.${name}.>`);
    const republish = { src: `${name}.>`, dest: `copy.${name}.>` };
    await jsm.streams.add({ name, subjects: [`${name}.>`], max_msg_size: 100, republish });
    await js.publish(`${name}.a`, "1", { msgID: "x" });
    await js.publish(`${name}.a`, "2", { msgID: "x" });
    await js.publish(`${name}.a`, "x".repeat(200)).catch(() => {});
    await js.publish(`${name}.a`, "3");
    expect(await copies.take(2)).toEqual([`copy.${name}.a 1`, `copy.${name}.a 3`]);
    expect(copies.rest()).toEqual([]);
    copies.close();
  });

  test("a copy can be stored by another stream", async () => {
    const { js, jsm } = peer();
    const [name, other] = [fresh(), fresh()];
    await jsm.streams.add({ name: other, subjects: [`${other}.>`] });
    await jsm.streams.add({
      name,
      subjects: [`${name}.>`],
      republish: { src: `${name}.>`, dest: `${other}.>` },
    });
    await js.publish(`${name}.a`, "1");
    await becomes(async () => (await jsm.streams.info(other)).state.messages, 1);
    const stored = await jsm.streams.getMessage(other, { seq: 1 });
    expect(stored?.subject).toBe(`${other}.a`);
    expect(stored?.header.get("Nats-Stream")).toBe(name);
  });

  test("a republish that is taken back", async () => {
    const { js, jsm, wire, nc } = peer();
    const name = fresh();
    const copies = await wire.listen(`copy.${name}.>`);
    await wire.stream(name, { republish: { src: `${name}.>`, dest: `copy.${name}.>` } });
    await js.publish(`${name}.a`, "1");
    await wire.api(`STREAM.UPDATE.${name}`, { name, subjects: [`${name}.>`] });
    await js.publish(`${name}.a`, "2");
    await nc.flush();
    expect(await copies.take(1)).toEqual([`copy.${name}.a 1`]);
    expect(copies.rest()).toEqual([]);
    expect((await jsm.streams.info(name)).config.republish).toBeUndefined();
    copies.close();
  });
});

describe.each(jetStreamLibraries)("transform, $name", (library) => {
  const peer = peerOf(broker, library);

  test("messages are stored under another subject", async () => {
    const { js, jsm } = peer();
    const name = fresh();
    await jsm.streams.add({
      name,
      subjects: [`${name}.in.>`],
      subject_transform: { src: `${name}.in.*.*`, dest: `${name}.out.{{wildcard(2)}}.{{wildcard(1)}}` },
    });
    await js.publish(`${name}.in.a.b`, "1");
    await js.publish(`${name}.in.a`, "2");
    const { state } = await jsm.streams.info(name, { subjects_filter: ">" });
    expect(state.subjects).toEqual({ [`${name}.out.b.a`]: 1, [`${name}.in.a`]: 1 });
    expect((await jsm.streams.getMessage(name, { last_by_subj: `${name}.out.>` }))?.string()).toBe("1");
    await jsm.consumers.add(name, {
      durable_name: "c",
      ack_policy: "explicit",
      filter_subject: `${name}.out.>`,
    });
    const message = await (await js.consumers.get(name, "c")).next({ expires: patienceMs });
    expect(message?.subject).toBe(`${name}.out.b.a`);
  });

  test("expectations are about the subject under which it is stored", async () => {
    const { js, jsm } = peer();
    const name = fresh();
    const subject_transform = { src: `${name}.*`, dest: `${name}.x.{{partition(1,1)}}` };
    await jsm.streams.add({ name, subjects: [`${name}.>`], subject_transform });
    await js.publish(`${name}.a`, "", { expect: { lastSubjectSequence: 0 } });
    await expect(js.publish(`${name}.b`, "", { expect: { lastSubjectSequence: 0 } })).rejects.toThrow(
      "wrong last sequence: 1",
    );
    expect((await js.publish(`${name}.b`, "", { expect: { lastSubjectSequence: 1 } })).seq).toBe(2);
  });

  test("functions of a transform", async () => {
    const { js, jsm } = peer();
    const found: string[] = [];
    for (const dest of [
      "{{split(1,-)}}",
      "{{left(1,3)}}",
      "{{right(1,3)}}",
      "{{splitfromleft(1,2)}}",
      "{{slicefromright(1,2)}}",
      "$1",
    ]) {
      const name = fresh();
      await jsm.streams.add({
        name,
        subjects: [`${name}.*`],
        subject_transform: { src: `${name}.*`, dest: `t.${dest}` },
      });
      await js.publish(`${name}.one-two`);
      found.push((await jsm.streams.getMessage(name, { seq: 1 }))?.subject ?? "");
    }
    expect(found.join(" ")).toBe("t.one.two t.one t.two t.on.e-two t.o.ne.-t.wo t.one-two");
  });
});
