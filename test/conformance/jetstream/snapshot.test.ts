import type { Msg } from "@nats-io/nats-core";
import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { modernJetStream, peerOf } from "../../fixture/jetstream-libraries.ts";
import { type Answer, fresh } from "../../fixture/jetstream-wire.ts";

// A stream that is taken out whole and put back, as a command-line tool does it. What the chunks hold is the
// broker's own affair.

const broker = jetStreamBroker();

describe("snapshot and restore", () => {
  const peer = peerOf(broker, modernJetStream);

  interface Snapshot {
    readonly answer: Answer;
    readonly chunks: readonly Uint8Array[];
    readonly end: Msg;
  }

  /** Takes a snapshot, answering each chunk. */
  async function snapshot(name: string, options: object = {}): Promise<Snapshot> {
    const { wire, nc } = peer();
    const inbox = await wire.listen();
    const answer = await wire.api(`STREAM.SNAPSHOT.${name}`, { deliver_subject: inbox.subject, ...options });
    const chunks: Uint8Array[] = [];
    for (;;) {
      const message = await inbox.next();
      if (message.data.length === 0) {
        inbox.close();
        return { answer, chunks, end: message };
      }
      chunks.push(message.data);
      if (message.reply !== undefined && message.reply !== "") {
        expect(message.reply).toMatch(
          new RegExp(`^\\$JS\\.SNAPSHOT\\.ACK\\.${name}\\.\\w+\\.${message.data.length}\\.`),
        );
        nc.publish(message.reply);
      }
    }
  }

  async function restore(name: string, of: Snapshot): Promise<Answer> {
    const { wire, nc } = peer();
    const begun = await wire.api(`STREAM.RESTORE.${name}`, {
      config: { ...(of.answer["config"] as object), name },
      state: of.answer["state"],
    });
    if (begun.error !== undefined) return begun;
    const subject = String(begun["deliver_subject"]);
    expect(subject).toMatch(new RegExp(`^\\$JS\\.SNAPSHOT\\.RESTORE\\.${name}\\.\\w+$`));
    for (const chunk of of.chunks) expect((await nc.request(subject, chunk)).data.length).toBe(0);
    return (await nc.request(subject, "", { timeout: 5000 })).json<Answer>();
  }

  test("a stream comes back as it was, with its consumers", async () => {
    const { wire, jsm, js, nc } = peer();
    const name = fresh();
    await wire.stream(name, { description: "kept", max_msgs_per_subject: 100 });
    for (let index = 0; index < 199; index++) nc.publish(`${name}.${index % 10}`, "x".repeat(2000));
    const headers = modernJetStream.headers();
    headers.set("Own", "1");
    await js.publish(`${name}.end`, "last", { headers, msgID: "id" });
    await jsm.streams.deleteMessage(name, 7);
    await wire.consumer(name, "c");
    const consumer = await js.consumers.get(name, "c");
    await (await consumer.next({ expires: 1000 }))?.ackAck();
    const before = await jsm.streams.info(name, { deleted_details: true, subjects_filter: ">" });
    const first = await jsm.streams.getMessage(name, { seq: 1 });

    const taken = await snapshot(name);
    expect(taken.answer.type).toBe("io.nats.jetstream.api.v1.stream_snapshot_response");
    expect(taken.answer["config"]).toMatchObject({ name, description: "kept" });
    expect(taken.answer["state"]).toMatchObject({
      messages: 199,
      first_seq: 1,
      last_seq: 200,
      consumer_count: 1,
    });
    expect([0, 204]).toContain(taken.end.headers?.code ?? 0);

    expect(await restore(name, taken)).toMatchObject({ error: { err_code: 10130 } });
    await jsm.streams.delete(name);
    const back = await restore(name, taken);
    expect(back).toMatchObject({
      type: "io.nats.jetstream.api.v1.stream_create_response",
      config: { name, description: "kept" },
      state: { messages: 199, first_seq: 1, last_seq: 200 },
    });
    const after = await jsm.streams.info(name, { deleted_details: true, subjects_filter: ">" });
    expect(after.state).toEqual(before.state);
    const again = await jsm.streams.getMessage(name, { seq: 1 });
    expect([again?.subject, again?.string(), again?.timestamp]).toEqual([
      first?.subject,
      first?.string(),
      first?.timestamp,
    ]);
    expect((await jsm.streams.getMessage(name, { seq: 200 }))?.header.get("Own")).toBe("1");
    expect(await jsm.consumers.info(name, "c")).toMatchObject({
      ack_floor: { stream_seq: 1 },
      num_pending: 198,
    });
    expect((await (await js.consumers.get(name, "c")).next({ expires: 1000 }))?.seq).toBe(2);
    expect((await js.publish(`${name}.more`)).seq).toBe(201);
  });

  test("without consumers", async () => {
    const { wire, jsm } = peer();
    const name = fresh();
    await wire.stream(name);
    await wire.fill(`${name}.a`);
    await wire.consumer(name, "c");
    const taken = await snapshot(name, { no_consumers: true });
    await jsm.streams.delete(name);
    expect((await restore(name, taken)).error).toBeUndefined();
    expect((await jsm.streams.info(name)).state).toMatchObject({ messages: 1, consumer_count: 0 });
  });

  test("an empty stream", async () => {
    const { wire, jsm } = peer();
    const name = fresh();
    await wire.stream(name);
    const taken = await snapshot(name);
    await jsm.streams.delete(name);
    expect((await restore(name, taken)).error).toBeUndefined();
    expect((await jsm.streams.info(name)).state.messages).toBe(0);
  });

  test("it is told of", async () => {
    const { wire, jsm } = peer();
    const name = fresh();
    await wire.stream(name);
    await wire.fill(`${name}.a`);
    const events = await wire.listen(`$JS.EVENT.ADVISORY.STREAM.*.${name}`);
    const taken = await snapshot(name);
    await events.take(2);
    await jsm.streams.delete(name);
    await restore(name, taken);
    await events.take(3);
    const types = events.messages.map((message) => message.json<Answer>().type?.split(".").at(-1) ?? "");
    expect(types.slice(0, 2)).toEqual(["snapshot_create", "snapshot_complete"]);
    expect(types.slice(2).sort()).toEqual(expect.arrayContaining(["restore_create", "restore_complete"]));
    events.close();
  });

  test("what is restored must be what was taken", async () => {
    const { wire, nc } = peer();
    const name = fresh();
    const config = { name, subjects: [`${name}.>`] };
    const begun = await wire.api(`STREAM.RESTORE.${name}`, {
      config,
      state: { messages: 1, first_seq: 1, last_seq: 1 },
    });
    const subject = String(begun["deliver_subject"]);
    // A broker may say so at once, or when it has all of it.
    const first = await nc.request(subject, "nonsense");
    const last = first.data.length > 0 ? first : await nc.request(subject, "", { timeout: 5000 });
    const end = last.json<Answer>();
    expect(end.error).toBeDefined();
    expect(await wire.outcome(`STREAM.INFO.${name}`)).toBe("404/10059 stream not found");
  });
});
