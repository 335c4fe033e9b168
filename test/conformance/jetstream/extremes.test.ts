import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { modernJetStream, peerOf } from "../../fixture/jetstream-libraries.ts";
import { fresh } from "../../fixture/jetstream-wire.ts";

// Messages and subjects at the edge of what is allowed, in files and in memory.

const broker = jetStreamBroker();

describe.each(["file", "memory"] as const)("extremes, in %s", (storage) => {
  const peer = peerOf(broker, modernJetStream);

  async function made(config: object = {}): Promise<string> {
    const name = fresh();
    await peer().wire.stream(name, { storage, allow_direct: true, ...config });
    return name;
  }

  test("payloads from nothing to the largest", async () => {
    const { js, jsm, nc } = peer();
    const name = await made();
    const sizes = [
      0,
      1,
      127,
      128,
      4095,
      4096,
      4097,
      65_535,
      65_536,
      65_537,
      1_000_000,
      nc.info?.max_payload ?? 0,
    ];
    for (const size of sizes) {
      await js.publish(`${name}.a`, Buffer.alloc(size, size % 251));
    }
    for (const [index, size] of sizes.entries()) {
      const stored = await jsm.direct.getMessage(name, { seq: index + 1 });
      expect(Buffer.compare(stored?.data ?? Buffer.alloc(0), Buffer.alloc(size, size % 251))).toBe(0);
    }
    expect((await jsm.streams.info(name)).state.messages).toBe(sizes.length);
  });

  test("headers as large as they may be", async () => {
    const { js, jsm } = peer();
    const name = await made();
    const headers = modernJetStream.headers();
    headers.set("Large", "x".repeat(65_000));
    await js.publish(`${name}.a`, "text", { headers });
    const stored = await jsm.direct.getMessage(name, { seq: 1 });
    expect([stored?.header.get("Large").length, stored?.string()]).toEqual([65_000, "text"]);
    headers.set("Large", "x".repeat(66_000));
    await expect(js.publish(`${name}.a`, "", { headers })).rejects.toThrow(
      "header size exceeds maximum allowed of 64k",
    );
  });

  test("subjects longer than most keys", async () => {
    const { js, jsm, wire } = peer();
    const name = await made();
    // Alike in all but the end.
    const subjects = ["1", "2"].map((end) => `${name}.${"long.".repeat(600)}${end}`);
    for (const subject of [...subjects, ...subjects]) await js.publish(subject, subject.slice(-1));
    for (const [index, subject] of subjects.entries()) {
      expect((await jsm.streams.getMessage(name, { last_by_subj: subject }))?.seq).toBe(index + 3);
      expect(
        (await js.publish(subject, "", { expect: { lastSubjectSequence: index === 0 ? 3 : 4 } })).seq,
      ).toBe(index + 5);
    }
    await wire.consumer(name, "c", { filter_subject: subjects[1] });
    const inbox = await wire.pull(name, "c", "2");
    expect((await inbox.take(2)).map((line) => line.slice(-3))).toEqual(["2 2", "2 2"]);
    inbox.close();
    expect(await jsm.streams.purge(name, { filter: subjects[0] ?? "" })).toMatchObject({ purged: 3 });
    const { state } = await jsm.streams.info(name, { subjects_filter: ">" });
    expect(state.subjects).toEqual({ [subjects[1] ?? ""]: 3 });
  });

  test("subjects in other letters", async () => {
    const { js, jsm, wire } = peer();
    const name = await made();
    for (const tail of ["Grüße", "日本.語", "☂.*not", "Grüße"]) await js.publish(`${name}.${tail}`, tail);
    expect((await jsm.streams.getMessage(name, { last_by_subj: `${name}.Grüße` }))?.seq).toBe(4);
    expect((await jsm.streams.getMessage(name, { last_by_subj: `${name}.日本.語` }))?.string()).toBe(
      "日本.語",
    );
    const { state } = await jsm.streams.info(name, { subjects_filter: ">" });
    expect(state.subjects).toMatchObject({ [`${name}.Grüße`]: 2, [`${name}.日本.語`]: 1 });
    await wire.consumer(name, "c", { filter_subject: `${name}.日本.*` });
    const inbox = await wire.pull(name, "c", "1");
    expect(await inbox.take(1)).toEqual([`${name}.日本.語 日本.語`]);
    expect(await jsm.direct.getMessage(name, { last_by_subj: `${name}.Grüße` })).toMatchObject({ seq: 4 });
    inbox.close();
  });

  test("tokens that look like others", async () => {
    const { js, jsm } = peer();
    const name = await made({ max_msgs_per_subject: 1 });
    const tails = ["a", "a.a", "a.a.a", "A", "a-", "a0", "$a", "_", "a*b", "a>b", "0", "00", "%"];
    for (const tail of tails) await js.publish(`${name}.${tail}`, tail);
    const { state } = await jsm.streams.info(name, { subjects_filter: ">" });
    expect(Object.keys(state.subjects ?? {}).sort()).toEqual(tails.map((tail) => `${name}.${tail}`).sort());
    for (const tail of tails) {
      expect((await jsm.streams.getMessage(name, { last_by_subj: `${name}.${tail}` }))?.string()).toBe(tail);
    }
  });

  test("thousands of subjects, one message each", async () => {
    const { js, jsm, nc } = peer();
    const name = await made({ max_msgs_per_subject: 1 });
    for (let round = 0; round < 2; round++) {
      for (let index = 0; index < 5000; index++)
        nc.publish(`${name}.${index % 70}.${index}`, `${round}:${index}`);
    }
    await js.publish(`${name}.end`);
    const { state } = await jsm.streams.info(name);
    expect(state).toMatchObject({ messages: 5001, num_subjects: 5001, first_seq: 5001, last_seq: 10_001 });
    expect((await jsm.streams.getMessage(name, { last_by_subj: `${name}.3.3` }))?.string()).toBe("1:3");
    expect((await jsm.streams.getMessage(name, { last_by_subj: `${name}.69.*` }))?.string()).toBe("1:4969");
    expect(await jsm.streams.purge(name, { filter: `${name}.7.*` })).toMatchObject({ purged: 72 });
    expect((await jsm.streams.info(name)).state).toMatchObject({ messages: 4929, num_subjects: 4929 });
  });

  test("many holes", async () => {
    const { js, jsm, nc, wire } = peer();
    const name = await made();
    for (let index = 1; index < 1000; index++) nc.publish(`${name}.${index % 2}`, String(index));
    await js.publish(`${name}.0`, "1000");
    const odd = Array.from({ length: 500 }, (_, index) => 2 * index + 1);
    await Promise.all(odd.map((seq) => jsm.streams.deleteMessage(name, seq)));
    const { state } = await jsm.streams.info(name, { deleted_details: true });
    expect(state).toMatchObject({
      messages: 500,
      first_seq: 2,
      last_seq: 1000,
      num_deleted: 499,
      num_subjects: 1,
    });
    expect(state.deleted).toEqual(odd.slice(1));
    await wire.consumer(name, "c", { deliver_policy: "by_start_sequence", opt_start_seq: 995 });
    const inbox = await wire.pull(name, "c", "3");
    expect(await inbox.take(3)).toEqual(["996", "998", "1000"].map((text) => `${name}.0 ${text}`));
    inbox.close();
  });
});
