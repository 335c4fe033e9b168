import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { modernJetStream, peerOf } from "../../fixture/jetstream-libraries.ts";
import { fresh } from "../../fixture/jetstream-wire.ts";

// What may change of a stream that is there, and with what words the rest is refused.

const broker = jetStreamBroker();
const second = 1_000_000_000;

describe("stream update", () => {
  const peer = peerOf(broker, modernJetStream);

  /** Config at first, what is other in the update, and its outcome. */
  const updates: [string, object, object, string][] = [
    ["nothing to change", {}, {}, "ok"],
    [
      "change of retention to a work queue",
      {},
      { retention: "workqueue" },
      "500/10052 stream configuration update can not change retention policy to/from workqueue",
    ],
    ["change of retention to interest", {}, { retention: "interest" }, "ok"],
    [
      "change of retention from a work queue",
      { retention: "workqueue" },
      { retention: "limits" },
      "500/10052 stream configuration update can not change retention policy to/from workqueue",
    ],
    [
      "change of storage",
      {},
      { storage: "memory" },
      "500/10052 stream configuration update can not change storage type",
    ],
    ["change of consumers", {}, { max_consumers: 5 }, "ok"],
    [
      "change of replicas",
      {},
      { num_replicas: 3 },
      "500/10074 replicas > 1 not supported in non-clustered mode",
    ],
    ["deny delete set", {}, { deny_delete: true }, "ok"],
    [
      "deny delete taken back",
      { deny_delete: true },
      { deny_delete: false },
      "500/10052 stream configuration update can not cancel deny message deletes",
    ],
    [
      "deny purge taken back",
      { deny_purge: true },
      { deny_purge: false },
      "500/10052 stream configuration update can not cancel deny purge",
    ],
    ["sealing", {}, { sealed: true }, "ok"],
    ["TTL allowed", {}, { allow_msg_ttl: true }, "ok"],
    [
      "TTL taken back",
      { allow_msg_ttl: true },
      { allow_msg_ttl: false },
      "500/10052 message TTL status can not be disabled",
    ],
    ["schedules allowed", {}, { allow_msg_schedules: true }, "ok"],
    [
      "schedules taken back",
      { allow_msg_schedules: true },
      { allow_msg_schedules: false },
      "500/10052 message schedules can not be disabled",
    ],
    [
      "counters set",
      {},
      { allow_msg_counter: true },
      "500/10052 stream configuration update can not change message counter setting",
    ],
    [
      "counters taken back",
      { allow_msg_counter: true },
      { allow_msg_counter: false },
      "500/10052 stream configuration update can not change message counter setting",
    ],
    ["batches allowed and taken back", { allow_atomic: true }, { allow_atomic: false }, "ok"],
    [
      "another persistence",
      {},
      { persist_mode: "async" },
      "500/10052 stream configuration update can not change persist mode",
    ],
    ["another first sequence", { first_seq: 10 }, { first_seq: 20 }, "ok"],
    [
      "a mirror added",
      {},
      { mirror: { name: "M" }, subjects: [] },
      "400/10055 stream mirror configuration can not be updated",
    ],
    ["a source added that is not there", {}, { sources: [{ name: "none" }] }, "ok"],
    ["no subjects", {}, { subjects: [] }, "ok"],
    [
      "a name that is another",
      {},
      { name: "OTHER" },
      "400/10056 stream name in subject does not match request",
    ],
    ["an unknown field updated", {}, { nothing: 1 }, '400/10025 invalid JSON: json: unknown field "nothing"'],
    ["a shorter age than the window", {}, { max_age: second }, "ok"],
    ["a rollup allowed", {}, { allow_rollup_hdrs: true }, "ok"],
    ["compression changed", {}, { compression: "s2" }, "ok"],
    ["a transform changed", {}, { subject_transform: { src: ">", dest: "t.>" } }, "ok"],
    ["a republish added", {}, { republish: { src: ">", dest: "copy.>" } }, "ok"],
    [
      "a discard changed",
      {},
      { discard: "new", discard_new_per_subject: true, max_msgs_per_subject: 1 },
      "ok",
    ],
  ];

  test.each(updates)("update: %s", async (_title, first, change, expected) => {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name, first);
    const config = { name, subjects: [`${name}.>`], ...first, ...change };
    const outcome = await wire.outcome(`STREAM.UPDATE.${name}`, config);
    await wire.api(`STREAM.DELETE.${name}`);
    expect(outcome.replaceAll(name, "<name>")).toBe(expected);
  });

  test("an update of a stream that is not there", async () => {
    const { wire } = peer();
    expect(await wire.outcome("STREAM.UPDATE.none", { name: "none" })).toBe("404/10059 stream not found");
  });

  test("sealing implies what it must", async () => {
    const { wire } = peer();
    const name = fresh();
    await wire.stream(name, { max_age: 60 * second, allow_rollup_hdrs: true });
    await wire.fill(`${name}.a`);
    const { config } = await wire.api(`STREAM.UPDATE.${name}`, {
      name,
      subjects: [`${name}.>`],
      sealed: true,
    });
    expect(config).toMatchObject({
      sealed: true,
      max_age: 0,
      discard: "new",
      deny_delete: true,
      deny_purge: true,
      allow_rollup_hdrs: false,
    });
    expect([
      await wire.outcome(`STREAM.PURGE.${name}`),
      await wire.outcome(`STREAM.MSG.DELETE.${name}`, { seq: 1 }),
      await wire.publish(`${name}.a`),
      await wire.outcome(`STREAM.UPDATE.${name}`, { name, subjects: [`${name}.>`], sealed: false }),
      await wire.outcome(`STREAM.MSG.GET.${name}`, { seq: 1 }),
      await wire.outcome(`STREAM.DELETE.${name}`),
    ]).toMatchInlineSnapshot(`
      [
        "400/10109 invalid operation on sealed stream",
        "400/10109 invalid operation on sealed stream",
        "{"error":{"code":400,"err_code":10109,"description":"invalid operation on sealed stream"},"stream":"S32","seq":0}",
        "500/10052 stream configuration update can not unseal a sealed stream",
        "ok",
        "ok",
      ]
    `);
  });

  test("metadata of the broker's own is told apart from the user's", async () => {
    const { wire } = peer();
    const name = fresh();
    const { config } = await wire.stream(name, { metadata: { a: "b", "_nats.ver": "mine" } });
    const { metadata } = config as { metadata: Record<string, string> };
    expect(Object.keys(metadata).sort()).toEqual(["_nats.level", "_nats.req.level", "_nats.ver", "a"]);
    expect(metadata).toMatchObject({ a: "b", "_nats.req.level": "0" });
    expect(metadata["_nats.ver"]).not.toBe("mine");
    const updated = await wire.api(`STREAM.UPDATE.${name}`, {
      name,
      subjects: [`${name}.>`],
      allow_msg_ttl: true,
    });
    expect((updated["config"] as { metadata: object }).metadata).toMatchObject({ "_nats.req.level": "1" });
    expect((updated["config"] as { metadata: object }).metadata).not.toHaveProperty("a");
  });
});
