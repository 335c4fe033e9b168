import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { apiErrorOf, jetStreamLibraries, peerOf } from "../../fixture/jetstream-libraries.ts";
import { fresh } from "../../fixture/jetstream-wire.ts";

// Streams come, change, are described and go, as each client library asks for it.

const broker = jetStreamBroker();

describe.each(jetStreamLibraries)("streams, $name", (library) => {
  const peer = peerOf(broker, library);

  test("a stream that is made is described with every default", async () => {
    const { jsm } = peer();
    const name = fresh();
    const info = await jsm.streams.add({ name, subjects: [`${name}.>`, "other"] });
    await jsm.streams.delete(name);
    const { metadata, ...config } = info.config;
    expect(metadata?.["_nats.req.level"]).toBe("0");
    expect(config).toEqual({
      name,
      subjects: [`${name}.>`, "other"],
      retention: "limits",
      max_consumers: -1,
      max_msgs: -1,
      max_bytes: -1,
      max_age: 0,
      max_msgs_per_subject: -1,
      max_msg_size: -1,
      discard: "old",
      storage: "file",
      num_replicas: 1,
      duplicate_window: 120_000_000_000,
      compression: "none",
      allow_direct: false,
      mirror_direct: false,
      sealed: false,
      deny_delete: false,
      deny_purge: false,
      allow_rollup_hdrs: false,
      consumer_limits: {},
      allow_msg_ttl: false,
    });
    expect(info.state).toMatchObject({
      messages: 0,
      bytes: 0,
      first_seq: 0,
      first_ts: "0001-01-01T00:00:00Z",
      last_seq: 0,
      last_ts: "0001-01-01T00:00:00Z",
      consumer_count: 0,
    });
    expect(Date.parse(info.created)).toBeGreaterThan(Date.now() - 60_000);
  });

  test("making it again is no change, unless it is to be otherwise", async () => {
    const { jsm } = peer();
    const name = fresh();
    const first = await jsm.streams.add({ name, subjects: [`${name}.>`], max_msgs: 5 });
    const again = await jsm.streams.add({ name, subjects: [`${name}.>`], max_msgs: 5 });
    expect(again.created).toBe(first.created);
    expect(await apiErrorOf(jsm.streams.add({ name, subjects: [`${name}.>`], max_msgs: 6 }))).toBe(
      "10058 stream name already in use with a different configuration",
    );
  });

  test("subjects belong to one stream", async () => {
    const { jsm } = peer();
    const name = fresh();
    await jsm.streams.add({ name, subjects: [`${name}.a.*`] });
    for (const subject of [`${name}.a.b`, `${name}.>`, `${name}.*.c`]) {
      expect(await apiErrorOf(jsm.streams.add({ name: fresh(), subjects: [subject] }))).toBe(
        "10065 subjects overlap with an existing stream",
      );
    }
    await jsm.streams.add({ name: fresh(), subjects: [`${name}.a`, `${name}.a.b.c`, `${name}.b.*`] });
    expect(await jsm.streams.find(`${name}.a.x`)).toBe(name);
    expect(await apiErrorOf(jsm.streams.update(name, { subjects: [`${name}.b.1`] }))).toBe(
      "10065 subjects overlap with an existing stream",
    );
  });

  test("without subjects a stream captures its own name", async () => {
    const { jsm, js } = peer();
    const name = fresh();
    const info = await jsm.streams.add({ name });
    expect(info.config.subjects).toEqual([name]);
    expect((await js.publish(name, "x")).stream).toBe(name);
  });

  test("an update changes what it names and keeps what is stored", async () => {
    const { jsm, js } = peer();
    const name = fresh();
    await jsm.streams.add({ name, subjects: [`${name}.a`], description: "first" });
    await js.publish(`${name}.a`, "1");
    const info = await jsm.streams.update(name, {
      subjects: [`${name}.a`, `${name}.b`],
      max_msgs: 2,
      metadata: { owner: "me" },
    });
    expect(info.config).toMatchObject({ description: "first", max_msgs: 2, metadata: { owner: "me" } });
    expect(info.state).toMatchObject({ messages: 1, last_seq: 1 });
    expect((await js.publish(`${name}.b`, "2")).seq).toBe(2);
    expect((await js.publish(`${name}.b`, "3")).seq).toBe(3);
    const { state } = await jsm.streams.info(name);
    expect(state).toMatchObject({ messages: 2, first_seq: 2, last_seq: 3, num_subjects: 1 });
    await jsm.streams.update(name, { subjects: [`${name}.a`] });
    await expect(js.publish(`${name}.b`, "4", { timeout: 500 })).rejects.toThrow();
    // A limit that shrinks takes effect at once.
    const shrunk = await jsm.streams.update(name, { max_msgs: 1 });
    expect(shrunk.state).toMatchObject({ messages: 1, first_seq: 3 });
  });

  test("a stream that is not there", async () => {
    const { jsm } = peer();
    const missing = "10059 stream not found";
    expect(await apiErrorOf(jsm.streams.info("none"))).toBe(missing);
    expect(await apiErrorOf(jsm.streams.delete("none"))).toBe(missing);
    expect(await apiErrorOf(jsm.streams.purge("none"))).toBe(missing);
    expect(await apiErrorOf(jsm.streams.getMessage("none", { seq: 1 }))).toBe(missing);
    expect(await apiErrorOf(jsm.streams.deleteMessage("none", 1))).toBe(missing);
    expect(await apiErrorOf(jsm.consumers.add("none", { durable_name: "c", ack_policy: "explicit" }))).toBe(
      missing,
    );
    expect(await apiErrorOf(jsm.consumers.info("none", "c"))).toBe(missing);
    expect(await apiErrorOf(jsm.consumers.delete("none", "c"))).toBe(missing);
    expect(await apiErrorOf(jsm.consumers.list("none").next())).toBe(missing);
  });

  test("a stream that is deleted is gone, and can be made anew", async () => {
    const { jsm, js } = peer();
    const name = fresh();
    await jsm.streams.add({ name, subjects: [`${name}.>`] });
    await js.publish(`${name}.a`);
    expect(await jsm.streams.delete(name)).toBe(true);
    await expect(js.publish(`${name}.a`, "", { timeout: 500 })).rejects.toThrow();
    const info = await jsm.streams.add({ name, subjects: [`${name}.>`], storage: "memory" });
    expect(info.state).toMatchObject({ messages: 0, last_seq: 0 });
    expect((await js.publish(`${name}.a`)).seq).toBe(1);
  });

  test("state counts what is stored and what is missing", async () => {
    const { jsm, js } = peer();
    const name = fresh();
    await jsm.streams.add({ name, subjects: [`${name}.*`], storage: "memory" });
    for (const token of ["a", "b", "a", "c", "a"]) await js.publish(`${name}.${token}`, "12345");
    for (const sequence of [2, 4]) expect(await jsm.streams.deleteMessage(name, sequence)).toBe(true);
    const plain = await jsm.streams.info(name);
    expect(plain.state).toMatchObject({
      messages: 3,
      first_seq: 1,
      last_seq: 5,
      num_deleted: 2,
      num_subjects: 1,
    });
    expect(plain.state.deleted).toBeUndefined();
    expect(plain.state.subjects).toBeUndefined();
    const detailed = await jsm.streams.info(name, { deleted_details: true, subjects_filter: ">" });
    expect(detailed.state.deleted).toEqual([2, 4]);
    expect(detailed.state.subjects).toEqual({ [`${name}.a`]: 3 });
    // Memory counts the subject, the payload and 16 bytes.
    expect(plain.state.bytes).toBe(3 * (`${name}.a`.length + 5 + 16));
    expect(Date.parse(plain.state.last_ts)).toBeGreaterThanOrEqual(Date.parse(plain.state.first_ts));
  });

  test("the sizes of a file", async () => {
    const { jsm, js } = peer();
    const name = fresh();
    await jsm.streams.add({ name, subjects: [`${name}.*`] });
    await js.publish(`${name}.a`, "12345");
    const headers = library.headers();
    headers.set("A", "b");
    await js.publish(`${name}.a`, "12345", { headers });
    // 22 and 8 bytes a record, and 4 for the length of headers (`NATS/1.0\r\nA: b\r\n\r\n`).
    const { state } = await jsm.streams.info(name);
    const plain = 22 + `${name}.a`.length + 5 + 8;
    expect(state.bytes).toBe(plain + plain + 4 + 18);
  });

  test("subjects of a stream, by filter", async () => {
    const { jsm, js } = peer();
    const name = fresh();
    await jsm.streams.add({ name, subjects: [`${name}.>`] });
    for (const tail of ["a.1", "a.2", "a.2", "b.1", "b.c.d"]) await js.publish(`${name}.${tail}`);
    const counted = async (filter: string) =>
      (await jsm.streams.info(name, { subjects_filter: `${name}.${filter}` })).state.subjects;
    expect(await counted("a.*")).toEqual({ [`${name}.a.1`]: 1, [`${name}.a.2`]: 2 });
    expect(await counted("*.1")).toEqual({ [`${name}.a.1`]: 1, [`${name}.b.1`]: 1 });
    expect(await counted("b.>")).toEqual({ [`${name}.b.1`]: 1, [`${name}.b.c.d`]: 1 });
    expect(await counted("a.2")).toEqual({ [`${name}.a.2`]: 2 });
    expect(await counted("none")).toBeUndefined();
  });

  test("names and list, by subject", async () => {
    const { jsm } = peer();
    const names = [fresh("A"), fresh("A"), fresh("A")];
    const token = fresh("list");
    for (const [index, name] of names.entries()) {
      await jsm.streams.add({ name, subjects: [`${token}.${index}`], storage: "memory" });
    }
    const all = await jsm.streams.names(`${token}.*`).next();
    expect(all.sort()).toEqual([...names].sort());
    expect(await jsm.streams.names(`${token}.1`).next()).toEqual([names[1]]);
    expect(await jsm.streams.names(`${token}.7`).next()).toEqual([]);
    const listed = await jsm.streams.list(`${token}.>`).next();
    expect(listed.map((info) => info.config.name).sort()).toEqual([...names].sort());
    for (const name of names) await jsm.streams.delete(name);
    expect(await jsm.streams.list(`${token}.>`).next()).toEqual([]);
  });
});
