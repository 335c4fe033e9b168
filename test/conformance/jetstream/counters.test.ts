import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { modernJetStream, peerOf } from "../../fixture/jetstream-libraries.ts";
import { type Answer, type Fields, fresh } from "../../fixture/jetstream-wire.ts";
import { eventually } from "../../fixture/waiting.ts";

// Subjects that count.

const broker = jetStreamBroker();

describe("counters", () => {
  const peer = peerOf(broker, modernJetStream);

  async function counting(config: object = {}): Promise<string> {
    const name = fresh();
    await peer().wire.stream(name, { allow_msg_counter: true, allow_direct: true, ...config });
    return name;
  }

  async function count(name: string, by: string, tail = "a"): Promise<string> {
    const text = await peer().wire.publish(`${name}.${tail}`, "", { "Nats-Incr": by });
    return text.replaceAll(name, "<name>");
  }

  test("each message adds to its subject, and the answer has the sum", async () => {
    const { jsm } = peer();
    const name = await counting();
    const answers = [
      await count(name, "1"),
      await count(name, "+41"),
      await count(name, "-50"),
      await count(name, "7", "b"),
    ];
    expect(answers).toEqual([
      '{"stream":"<name>","seq":1,"val":"1"}',
      '{"stream":"<name>","seq":2,"val":"42"}',
      '{"stream":"<name>","seq":3,"val":"-8"}',
      '{"stream":"<name>","seq":4,"val":"7"}',
    ]);
    const stored = await jsm.streams.getMessage(name, { seq: 3 });
    expect(stored?.string()).toBe('{"val":"-8"}');
    expect(stored?.header.get("Nats-Incr")).toBe("-50");
  });

  test("numbers of any size", async () => {
    const name = await counting();
    await count(name, "99999999999999999999999999999999999999");
    expect(await count(name, "1")).toBe(
      '{"stream":"<name>","seq":2,"val":"100000000000000000000000000000000000000"}',
    );
    expect(await count(name, "-100000000000000000000000000000000000001")).toBe(
      '{"stream":"<name>","seq":3,"val":"-1"}',
    );
  });

  test("the sum outlives what a limit takes", async () => {
    const { jsm } = peer();
    const name = await counting({ max_msgs_per_subject: 1 });
    for (let index = 0; index < 5; index++) await count(name, "2");
    expect(await count(name, "0")).toBe('{"stream":"<name>","seq":6,"val":"10"}');
    expect((await jsm.streams.info(name)).state.messages).toBe(1);
  });

  test("many at once", async () => {
    const name = await counting();
    await Promise.all(Array.from({ length: 100 }, () => count(name, "1")));
    expect(await count(name, "0")).toBe('{"stream":"<name>","seq":101,"val":"100"}');
  });

  /** Headers, payload and acknowledgement. */
  const refusals: [string, Fields | undefined, string, string][] = [
    [
      "no increment",
      undefined,
      "",
      '{"error":{"code":400,"err_code":10169,"description":"message counter increment is missing"},"stream":"<name>","seq":0}',
    ],
    [
      "an empty increment",
      { "Nats-Incr": "" },
      "",
      '{"error":{"code":400,"err_code":10169,"description":"message counter increment is missing"},"stream":"<name>","seq":0}',
    ],
    [
      "an increment that is none",
      { "Nats-Incr": "one" },
      "",
      '{"error":{"code":400,"err_code":10171,"description":"message counter increment is invalid"},"stream":"<name>","seq":0}',
    ],
    [
      "an increment with a fraction",
      { "Nats-Incr": "1.5" },
      "",
      '{"error":{"code":400,"err_code":10171,"description":"message counter increment is invalid"},"stream":"<name>","seq":0}',
    ],
    [
      "a hexadecimal increment",
      { "Nats-Incr": "0x10" },
      "",
      '{"error":{"code":400,"err_code":10171,"description":"message counter increment is invalid"},"stream":"<name>","seq":0}',
    ],
    [
      "an increment with blanks",
      { "Nats-Incr": "1 2" },
      "",
      '{"error":{"code":400,"err_code":10171,"description":"message counter increment is invalid"},"stream":"<name>","seq":0}',
    ],
    [
      "an increment with a sign and zeros",
      { "Nats-Incr": "+007" },
      "",
      '{"stream":"<name>","seq":1,"val":"7"}',
    ],
    [
      "a payload",
      { "Nats-Incr": "1" },
      "x",
      '{"error":{"code":400,"err_code":10170,"description":"message counter has payload"},"stream":"<name>","seq":0}',
    ],
    [
      "an expected sequence",
      { "Nats-Incr": "1", "Nats-Expected-Last-Sequence": "0" },
      "",
      '{"error":{"code":400,"err_code":10171,"description":"message counter increment is invalid"},"stream":"<name>","seq":0}',
    ],
    [
      "an expected stream",
      { "Nats-Incr": "1", "Nats-Expected-Stream": "<name>" },
      "",
      '{"error":{"code":400,"err_code":10171,"description":"message counter increment is invalid"},"stream":"<name>","seq":0}',
    ],
    [
      "an expected sequence of the subject",
      { "Nats-Incr": "1", "Nats-Expected-Last-Subject-Sequence": "0" },
      "",
      '{"error":{"code":400,"err_code":10171,"description":"message counter increment is invalid"},"stream":"<name>","seq":0}',
    ],
    [
      "a roll-up",
      { "Nats-Incr": "1", "Nats-Rollup": "sub" },
      "",
      '{"error":{"code":400,"err_code":10171,"description":"message counter increment is invalid"},"stream":"<name>","seq":0}',
    ],
    ["an id", { "Nats-Incr": "1", "Nats-Msg-Id": "x" }, "", '{"stream":"<name>","seq":1,"val":"1"}'],
  ];

  test.each(refusals)("%s", async (_title, fields, data, expected) => {
    const { wire } = peer();
    const name = await counting();
    const entries = Object.entries(fields ?? {}).map(([key, value]) => [
      key,
      value.replaceAll("<name>", name),
    ]);
    const headers = fields === undefined ? undefined : (Object.fromEntries(entries) as Fields);
    const ack = await wire.publish(`${name}.a`, data, headers);
    expect(ack.replaceAll(name, "<name>")).toBe(expected);
  });

  test("a duplicate is not counted", async () => {
    const { wire } = peer();
    const name = await counting();
    const once = { "Nats-Incr": "1", "Nats-Msg-Id": "x" };
    await wire.publish(`${name}.a`, "", once);
    expect(JSON.parse(await wire.publish(`${name}.a`, "", once))).toMatchObject({ duplicate: true, seq: 1 });
    expect(await count(name, "0")).toBe('{"stream":"<name>","seq":2,"val":"1"}');
  });

  test("a stream that sources counters adds them up", async () => {
    const { wire, jsm } = peer();
    const [one, two] = [await counting(), await counting()];
    const sum = fresh();
    const transform = (src: string) => [{ src: `${src}.>`, dest: "total.>" }];
    await wire.stream(sum, {
      subjects: [],
      allow_msg_counter: true,
      allow_direct: true,
      sources: [one, two].map((name) => ({ name, subject_transforms: transform(name) })),
    });
    await count(one, "5");
    await count(two, "7");
    await count(one, "1");
    await eventually(async () => {
      const last = await jsm.streams.getMessage(sum, { last_by_subj: "total.a" });
      expect(last?.json<Answer>()["val"]).toBe("13");
    });
    const stored = await jsm.streams.getMessage(sum, { last_by_subj: "total.a" });
    expect(JSON.parse(stored?.header.get("Nats-Counter-Sources") ?? "")).toEqual({
      [one]: { [`${one}.a`]: "6" },
      [two]: { [`${two}.a`]: "7" },
    });
  });
});
