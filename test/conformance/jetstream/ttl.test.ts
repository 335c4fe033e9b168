import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { modernJetStream, peerOf } from "../../fixture/jetstream-libraries.ts";
import { becomes, fieldsOf, fresh } from "../../fixture/jetstream-wire.ts";
import { eventually } from "../../fixture/waiting.ts";

// Messages with a time to live of their own, and the markers that take their place. These take a second each,
// since no TTL is shorter, so they run side by side.

const broker = jetStreamBroker();
const second = 1_000_000_000;

describe.concurrent("time to live", () => {
  const peer = peerOf(broker, modernJetStream);

  async function until(name: string, filter: string, what: (count: number) => boolean): Promise<void> {
    const { jsm } = peer();
    await eventually(async () => {
      const { state } = await jsm.streams.info(name, { subjects_filter: filter });
      if (!what(state.subjects?.[filter] ?? 0)) throw new Error(`it stays ${JSON.stringify(state.subjects)}`);
    });
  }

  test("a message leaves when its time is over, others stay", async () => {
    const { js, jsm, wire } = peer();
    const name = fresh();
    await wire.stream(name, { allow_msg_ttl: true });
    await js.publish(`${name}.short`, "", { ttl: "1s" });
    await js.publish(`${name}.long`, "", { ttl: "1h" });
    await js.publish(`${name}.plain`);
    await until(name, `${name}.short`, (count) => count === 0);
    const { state } = await jsm.streams.info(name);
    expect(state).toMatchObject({ messages: 2, first_seq: 2, last_seq: 3 });
  });

  test("never outlives the age of the stream", async () => {
    const { js, jsm, wire } = peer();
    const name = fresh();
    await wire.stream(name, { allow_msg_ttl: true, max_age: 500_000_000 });
    await js.publish(`${name}.kept`, "", { ttl: "never" });
    await js.publish(`${name}.gone`);
    await until(name, `${name}.gone`, (count) => count === 0);
    expect((await jsm.streams.info(name)).state).toMatchObject({ messages: 1, first_seq: 1 });
  });

  test("a longer TTL does not outlive the age of the stream", async () => {
    const { js, jsm, wire } = peer();
    const name = fresh();
    await wire.stream(name, { allow_msg_ttl: true, max_age: 300_000_000 });
    await js.publish(`${name}.long`, "", { ttl: "30s" });
    await js.publish(`${name}.gone`);
    await until(name, `${name}.gone`, (count) => count === 0);
    const { state } = await jsm.streams.info(name, { subjects_filter: ">" });
    expect(state.subjects).toBeUndefined();
  });

  test("a marker takes the place of what has expired by TTL", async () => {
    const { js, jsm, wire } = peer();
    const name = fresh();
    // One for each subject, since the TTL would be raised to that of markers otherwise.
    await wire.stream(name, { subject_delete_marker_ttl: 60 * second, max_msgs_per_subject: 1 });
    await js.publish(`${name}.a`, "x", { ttl: "1s" });
    const lastOne = async () => jsm.streams.getMessage(name, { last_by_subj: `${name}.a` });
    await becomes(async () => (await lastOne())?.seq, 2);
    const last = await lastOne();
    expect(last?.header.get("Nats-TTL")).toBe("1m0s");
    expect(last?.header.get("Nats-Marker-Reason")).toBe("MaxAge");
    expect((await jsm.streams.info(name)).state.messages).toBe(1);
  });

  test("a marker takes the place of what is too old", async () => {
    const { jsm, wire } = peer();
    const name = fresh();
    const inbox = await wire.listen(`copy.${name}.>`);
    await wire.stream(name, {
      max_age: 300_000_000,
      subject_delete_marker_ttl: second,
      republish: { src: ">", dest: "copy.>" },
    });
    await wire.fill(`${name}.a`, `${name}.a`, `${name}.b`);
    await inbox.take(3);
    const markers = [await inbox.next(), await inbox.next()].sort((a, b) => (a.subject < b.subject ? -1 : 1));
    expect(markers.map((marker) => marker.subject)).toEqual([`copy.${name}.a`, `copy.${name}.b`]);
    const [marker] = markers;
    const { "Nats-Time-Stamp": _time, "Nats-Sequence": _sequence, ...fields } = fieldsOf(marker);
    expect(fields).toEqual({
      "Nats-Marker-Reason": "MaxAge",
      "Nats-TTL": "1s",
      "Nats-Rollup": "sub",
      "Nats-Stream": name,
      "Nats-Subject": `${name}.a`,
      "Nats-Last-Sequence": "2",
    });
    expect(marker?.data.length).toBe(0);
    // Markers go without a further marker.
    await until(name, `${name}.a`, (count) => count === 0);
    await until(name, `${name}.b`, (count) => count === 0);
    expect(inbox.rest()).toEqual([]);
    expect((await jsm.streams.info(name)).state.last_seq).toBe(5);
    inbox.close();
  });

  test("a purged key leaves no marker", async () => {
    const { jsm, wire } = peer();
    const name = fresh();
    // Copies, since a busy machine may look too late to find the marker itself.
    const inbox = await wire.listen(`copy.${name}.>`);
    await wire.stream(name, {
      max_age: 300_000_000,
      subject_delete_marker_ttl: second,
      republish: { src: ">", dest: "copy.>" },
    });
    await wire.publish(`${name}.purged`, "", { "KV-Operation": "PURGE" });
    await wire.publish(`${name}.deleted`, "", { "KV-Operation": "DEL" });
    await inbox.take(2);
    const marker = await inbox.next();
    expect(marker.subject).toBe(`copy.${name}.deleted`);
    expect(fieldsOf(marker)).toMatchObject({ "Nats-Marker-Reason": "MaxAge", "Nats-Sequence": "3" });
    await until(name, `${name}.purged`, (count) => count === 0);
    await until(name, `${name}.deleted`, (count) => count === 0);
    expect(inbox.rest()).toEqual([]);
    expect((await jsm.streams.info(name)).state.last_seq).toBe(3);
    inbox.close();
  });

  test("a purge and a delete by the API leave no marker", async () => {
    const { jsm, wire } = peer();
    const name = fresh();
    await wire.stream(name, { subject_delete_marker_ttl: second });
    await wire.fill(`${name}.a`, `${name}.b`);
    await jsm.streams.deleteMessage(name, 1);
    await jsm.streams.purge(name, { filter: `${name}.b` });
    expect((await jsm.streams.info(name)).state).toMatchObject({ messages: 0, last_seq: 2 });
  });

  test("the TTL is in the headers of what is stored", async () => {
    const { jsm, wire } = peer();
    const name = fresh();
    await wire.stream(name, { allow_msg_ttl: true });
    for (const ttl of ["60", "1m30s", "never"]) await wire.publish(`${name}.a`, "", { "Nats-TTL": ttl });
    const stored = [1, 2, 3].map(async (seq) =>
      (await jsm.streams.getMessage(name, { seq }))?.header.get("Nats-TTL"),
    );
    expect(await Promise.all(stored)).toEqual(["60", "1m30s", "never"]);
  });

  test("a TTL below that of markers is raised", async () => {
    const { jsm, wire } = peer();
    const stored: unknown[] = [];
    for (const config of [{}, { max_msgs_per_subject: 1 }]) {
      const name = fresh();
      await wire.stream(name, { subject_delete_marker_ttl: 60 * second, ...config });
      await wire.publish(`${name}.a`, "", { "Nats-TTL": "5s" });
      stored.push((await jsm.streams.getMessage(name, { seq: 1 }))?.header.get("Nats-TTL"));
    }
    expect(stored).toEqual(["60", "5s"]);
  });
});
