import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { modernJetStream, peerOf } from "../../fixture/jetstream-libraries.ts";
import { type Fields, fieldsOf, fresh } from "../../fixture/jetstream-wire.ts";

// Messages that come later, once or again and again.

const broker = jetStreamBroker();

describe.concurrent("schedules", () => {
  const peer = peerOf(broker, modernJetStream);

  async function scheduled(config: object = {}): Promise<string> {
    const name = fresh();
    await peer().wire.stream(name, { allow_msg_schedules: true, allow_msg_ttl: true, ...config });
    return name;
  }

  test("a message at a time", async () => {
    const { js, jsm, wire } = peer();
    const name = await scheduled();
    const inbox = await wire.listen(`copy.${name}`);
    await jsm.streams.update(name, { republish: { src: `${name}.out`, dest: `copy.${name}` } });
    const headers = modernJetStream.headers();
    headers.set("Kept", "yes");
    const at = new Date(Date.now() + 1000);
    await js.publish(`${name}.schedule`, "later", {
      headers,
      msgID: "once",
      schedule: { specification: at, target: `${name}.out`, ttl: "5m" },
    });
    const produced = await inbox.next(9000);
    expect(Date.now()).toBeGreaterThanOrEqual(at.getTime() - 10);
    expect(produced.string()).toBe("later");
    const stored = await jsm.streams.getMessage(name, { last_by_subj: `${name}.out` });
    expect(stored?.string()).toBe("later");
    const keys = [...(stored?.header.keys() ?? [])];
    const shown = keys.map((key) => `${key}: ${stored?.header.get(key).replaceAll(name, "<name>")}`);
    expect(shown.join(", ")).toBe(
      "Kept: yes, Nats-Scheduler: <name>.schedule, Nats-Schedule-Next: purge, Nats-TTL: 5m",
    );
    // A schedule that has done its work is gone.
    const { state } = await jsm.streams.info(name, { subjects_filter: ">" });
    expect(state.subjects).toEqual({ [`${name}.out`]: 1 });
    inbox.close();
  });

  test("a schedule replaces the one before on its subject", async () => {
    const { js, jsm } = peer();
    const name = await scheduled();
    for (const day of [1, 2]) {
      const specification = new Date(Date.now() + day * 86_400_000);
      await js.publish(`${name}.schedule`, "", { schedule: { specification, target: `${name}.out` } });
    }
    const { state } = await jsm.streams.info(name);
    expect(state).toMatchObject({ messages: 1, first_seq: 2 });
    const stored = await jsm.streams.getMessage(name, { seq: 2 });
    expect(stored?.header.get("Nats-Rollup")).toBe("sub");
    expect(stored?.header.get("Nats-Schedule-Target")).toBe(`${name}.out`);
  });

  test("a message again and again, until it is cancelled", async () => {
    const { js, jsm, wire } = peer();
    const name = await scheduled();
    const inbox = await wire.listen(`copy.${name}`);
    await jsm.streams.update(name, { republish: { src: `${name}.out`, dest: `copy.${name}` } });
    await js.publish(`${name}.schedule`, "tick", {
      schedule: { specification: { every: "1s" }, target: `${name}.out` },
    });
    const first = await inbox.next(9000);
    const next = fieldsOf(first)["Nats-Schedule-Next"] ?? "";
    expect(fieldsOf(first)["Nats-Scheduler"]).toBe(`${name}.schedule`);
    expect(Date.parse(next)).toBeGreaterThan(Date.now() - 1500);
    const second = await inbox.next(9000);
    expect(
      Date.parse(fieldsOf(second)["Nats-Schedule-Next"] ?? "") - Date.parse(next),
    ).toBeGreaterThanOrEqual(900);
    await js.publish(`${name}.other`, "", { cancelSchedule: { scheduleSubject: `${name}.schedule` } });
    const { state } = await jsm.streams.info(name, { subjects_filter: `${name}.schedule` });
    expect(state.subjects).toBeUndefined();
    inbox.close();
  });

  test("a schedule in the past comes at once", async () => {
    const { js, jsm, wire } = peer();
    const name = await scheduled();
    const inbox = await wire.listen(`copy.${name}`);
    await jsm.streams.update(name, { republish: { src: `${name}.out`, dest: `copy.${name}` } });
    const specification = new Date(Date.now() - 60_000);
    await js.publish(`${name}.schedule`, "late", { schedule: { specification, target: `${name}.out` } });
    expect((await inbox.next(5000)).string()).toBe("late");
    inbox.close();
  });

  test("a schedule sends the last message of another subject", async () => {
    const { js, jsm, wire } = peer();
    const name = await scheduled();
    const inbox = await wire.listen(`copy.${name}`);
    await jsm.streams.update(name, { republish: { src: `${name}.out`, dest: `copy.${name}` } });
    await js.publish(`${name}.data`, "old");
    await js.publish(`${name}.data`, "newest");
    const specification = new Date(Date.now() + 500);
    const schedule = { specification, target: `${name}.out`, source: `${name}.data` };
    await js.publish(`${name}.schedule`, "own", { schedule });
    expect((await inbox.next(9000)).string()).toBe("newest");
    inbox.close();
  });

  /** Headers of a message and its acknowledgement. */
  const refusals: [string, Fields, string][] = [
    [
      "no target",
      { "Nats-Schedule": "@every 1h" },
      '{"error":{"code":400,"err_code":10190,"description":"message schedules target is invalid"},"stream":"<name>","seq":0}',
    ],
    [
      "its own subject as target",
      { "Nats-Schedule": "@every 1h", "Nats-Schedule-Target": "<name>.schedule" },
      '{"error":{"code":400,"err_code":10190,"description":"message schedules target is invalid"},"stream":"<name>","seq":0}',
    ],
    [
      "a target with a wildcard",
      { "Nats-Schedule": "@every 1h", "Nats-Schedule-Target": "<name>.*" },
      '{"error":{"code":400,"err_code":10190,"description":"message schedules target is invalid"},"stream":"<name>","seq":0}',
    ],
    [
      "a target outside the stream",
      { "Nats-Schedule": "@every 1h", "Nats-Schedule-Target": "elsewhere" },
      '{"error":{"code":400,"err_code":10190,"description":"message schedules target is invalid"},"stream":"<name>","seq":0}',
    ],
    [
      "a target",
      { "Nats-Schedule": "@every 1h", "Nats-Schedule-Target": "<name>.out" },
      '{"stream":"<name>","seq":1}',
    ],
    [
      "too often",
      { "Nats-Schedule": "@every 100ms", "Nats-Schedule-Target": "<name>.out" },
      '{"error":{"code":400,"err_code":10189,"description":"message schedules pattern is invalid"},"stream":"<name>","seq":0}',
    ],
    [
      "nothing known",
      { "Nats-Schedule": "tomorrow", "Nats-Schedule-Target": "<name>.out" },
      '{"error":{"code":400,"err_code":10189,"description":"message schedules pattern is invalid"},"stream":"<name>","seq":0}',
    ],
    [
      "a time that is none",
      { "Nats-Schedule": "@at noon", "Nats-Schedule-Target": "<name>.out" },
      '{"error":{"code":400,"err_code":10189,"description":"message schedules pattern is invalid"},"stream":"<name>","seq":0}',
    ],
    [
      "hourly",
      { "Nats-Schedule": "@hourly", "Nats-Schedule-Target": "<name>.out" },
      '{"stream":"<name>","seq":1}',
    ],
    [
      "a cron line",
      { "Nats-Schedule": "0 30 9 * * MON-FRI", "Nats-Schedule-Target": "<name>.out" },
      '{"stream":"<name>","seq":1}',
    ],
    [
      "a cron line of five fields",
      { "Nats-Schedule": "30 9 * * *", "Nats-Schedule-Target": "<name>.out" },
      '{"error":{"code":400,"err_code":10189,"description":"message schedules pattern is invalid"},"stream":"<name>","seq":0}',
    ],
    [
      "a cron line out of range",
      { "Nats-Schedule": "0 99 9 * * *", "Nats-Schedule-Target": "<name>.out" },
      '{"error":{"code":400,"err_code":10189,"description":"message schedules pattern is invalid"},"stream":"<name>","seq":0}',
    ],
    [
      "a time zone",
      {
        "Nats-Schedule": "0 30 9 * * *",
        "Nats-Schedule-Target": "<name>.out",
        "Nats-Schedule-Time-Zone": "Europe/Berlin",
      },
      '{"stream":"<name>","seq":1}',
    ],
    [
      "a time zone that is none",
      {
        "Nats-Schedule": "0 30 9 * * *",
        "Nats-Schedule-Target": "<name>.out",
        "Nats-Schedule-Time-Zone": "Moon/Base",
      },
      '{"error":{"code":400,"err_code":10223,"description":"message schedules time zone is invalid"},"stream":"<name>","seq":0}',
    ],
    [
      "a time zone without a cron line",
      {
        "Nats-Schedule": "@every 1h",
        "Nats-Schedule-Target": "<name>.out",
        "Nats-Schedule-Time-Zone": "UTC",
      },
      '{"error":{"code":400,"err_code":10189,"description":"message schedules pattern is invalid"},"stream":"<name>","seq":0}',
    ],
    [
      "a TTL that is none",
      { "Nats-Schedule": "@every 1h", "Nats-Schedule-Target": "<name>.out", "Nats-Schedule-TTL": "soon" },
      '{"error":{"code":400,"err_code":10191,"description":"message schedules invalid per-message TTL"},"stream":"<name>","seq":0}',
    ],
    [
      "a source with a wildcard",
      {
        "Nats-Schedule": "@every 1h",
        "Nats-Schedule-Target": "<name>.out",
        "Nats-Schedule-Source": "<name>.>",
      },
      '{"error":{"code":400,"err_code":10203,"description":"message schedules source is invalid"},"stream":"<name>","seq":0}',
    ],
    [
      "a source that is the target",
      {
        "Nats-Schedule": "@every 1h",
        "Nats-Schedule-Target": "<name>.out",
        "Nats-Schedule-Source": "<name>.out",
      },
      '{"error":{"code":400,"err_code":10203,"description":"message schedules source is invalid"},"stream":"<name>","seq":0}',
    ],
    [
      "a roll-up of its subject",
      { "Nats-Schedule": "@every 1h", "Nats-Schedule-Target": "<name>.out", "Nats-Schedule-Rollup": "sub" },
      '{"stream":"<name>","seq":1}',
    ],
    [
      "a roll-up of all",
      { "Nats-Schedule": "@every 1h", "Nats-Schedule-Target": "<name>.out", "Nats-Schedule-Rollup": "all" },
      '{"error":{"code":400,"err_code":10192,"description":"message schedules invalid rollup"},"stream":"<name>","seq":0}',
    ],
  ];

  test.each(refusals)("%s", async (_title, fields, expected) => {
    const { wire } = peer();
    const name = await scheduled();
    const entries = Object.entries(fields).map(([key, value]) => [key, value.replaceAll("<name>", name)]);
    const ack = await wire.publish(`${name}.schedule`, "", Object.fromEntries(entries) as Fields);
    expect(ack.replaceAll(name, "<name>")).toBe(expected);
  });
});
