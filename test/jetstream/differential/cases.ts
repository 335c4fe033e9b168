import type { Operation } from "./operation.ts";

/** What was told of in reports, each in as few operations as it takes. Both brokers must answer alike. */
export interface Case {
  readonly title: string;
  readonly operations: readonly Operation[];
}

export function ask(subject: string, body?: unknown): Operation {
  return { do: "ask", subject, body };
}

/** @param headers lines without their ends */
export function publish(subject: string, payload = "x", headers: readonly string[] = []): Operation {
  const header = headers.length === 0 ? "" : `NATS/1.0\r\n${headers.join("\r\n")}\r\n\r\n`;
  return { do: "publish", subject, payload, header };
}

export function create(name: string, config: object = {}): Operation {
  return ask(`STREAM.CREATE.${name}`, { name, subjects: [`${name.toLowerCase()}.>`], ...config });
}

/** @param name durable unless `config` has another */
export function consumer(stream: string, name: string, config: object = {}, action = ""): Operation {
  const { filter_subject: filter } = config as { filter_subject?: string };
  return ask(`CONSUMER.CREATE.${stream}.${name}${filter === undefined ? "" : `.${filter}`}`, {
    stream_name: stream,
    config: { durable_name: name, name, ack_policy: "explicit", ...config },
    ...(action !== "" && { action }),
  });
}

export function fetch(stream: string, name: string, batch: number): Operation {
  return { do: "fetch", stream, consumer: name, body: { batch, no_wait: true } as { batch: number } };
}

export function wait(ms: number): Operation {
  return { do: "wait", ms };
}

export function info(stream: string, ...consumers: readonly string[]): Operation[] {
  return [ask(`STREAM.INFO.${stream}`), ...consumers.map((name) => ask(`CONSUMER.INFO.${stream}.${name}`))];
}

/**
 * Without files: a nats-server that removes a stream and makes one of the same name at once may find the files of the
 * one before.
 */
const inMemory = { storage: "memory" };

const words = ["foo", "bar", "baz", "biz", "faz", "foo", "biz"].map((word) => publish(`s.${word}`));
const started = { deliver_policy: "by_start_time", opt_start_time: "2020-01-01T00:00:00Z" };
const policies = [
  started,
  { deliver_policy: "all" },
  { deliver_policy: "new" },
  { deliver_policy: "last" },
  { deliver_policy: "last_per_subject" },
  { deliver_policy: "by_start_sequence", opt_start_seq: 3 },
  { deliver_policy: "by_start_sequence", opt_start_seq: 30 },
];

const starts: readonly Case[] = policies.flatMap((policy) =>
  [[], [1], [1, 2, 3], [3, 7]].map((removed) => ({
    title: `positions of new filtered consumers, ${Object.values(policy).join(" ")}, without ${removed.join(",") || "gaps"}`,
    operations: [
      create("S", inMemory),
      ...words,
      ...removed.map((seq) => ask("STREAM.MSG.DELETE.S", { seq })),
      ...["foo", "bar", "baz", "biz", "faz", "none", "*", ">"].map((word, index) =>
        consumer("S", `c${index}`, { filter_subject: `s.${word}`, ...policy }),
      ),
      consumer("S", "two", { filter_subjects: ["s.baz", "s.faz"], ...policy }),
      consumer("S", "unfiltered", policy),
      publish("s.faz"),
      fetch("S", "c4", 2),
      fetch("S", "two", 1),
      ...info("S", "c0", "c1", "c2", "c3", "c4", "c5", "two", "unfiltered"),
    ],
  })),
);

const pairs = Array.from({ length: 10 }, () => [publish("s.adam"), publish("s.eve")]).flat();
const purges = [
  { filter: "s.adam" },
  { filter: "s.eve" },
  { filter: "s.*" },
  {},
  { filter: "s.adam", seq: 10 },
  { filter: "s.adam", seq: 11 },
  { filter: "s.adam", keep: 2 },
  { filter: "s.eve", keep: 1 },
  { seq: 10 },
  { keep: 3 },
  { filter: "s.none" },
];
const handled = [
  { what: "nothing delivered", count: 0, acks: false },
  { what: "three delivered, one acknowledged", count: 3, acks: true },
  { what: "five delivered", count: 5, acks: false },
];

/**
 * A consumer that wants more than was purged, and has some of that out: nats-server shows a floor of its own sequences
 * beyond what is still out. So it is left out.
 */
function shownAfter(count: number): string[] {
  return count === 0 ? ["adam", "eve", "all", "wide", "both"] : ["adam", "eve"];
}

const purged: readonly Case[] = purges.flatMap((body) =>
  handled.map(({ what, count, acks }) => ({
    title: `positions after a purge of ${JSON.stringify(body)}, ${what}`,
    operations: [
      create("S", inMemory),
      ...pairs,
      consumer("S", "adam", { filter_subject: "s.adam" }),
      consumer("S", "eve", { filter_subject: "s.eve" }),
      consumer("S", "all"),
      consumer("S", "wide", { filter_subject: "s.*" }),
      consumer("S", "both", { filter_subjects: ["s.adam", "s.other"] }),
      ...["adam", "eve", "all", "wide", "both"].flatMap((name): Operation[] => [
        ...(count === 0 ? [] : [fetch("S", name, count)]),
        ...(acks ? [{ do: "ack", back: 2, text: "" } as const] : []),
      ]),
      ask("STREAM.PURGE.S", body),
      ...info("S", ...shownAfter(count)),
      publish("s.adam"),
      publish("s.eve"),
      fetch("S", "adam", 2),
      fetch("S", "all", 2),
      ...info("S", ...shownAfter(count)),
    ],
  })),
);

const threshold = { inactive_threshold: 5_000_000_000 };
const named = { durable_name: undefined, name: "e" };

const requests: readonly Case[] = [
  ...[
    { what: "a named ephemeral", config: { ...named } },
    { what: "a named ephemeral with its threshold", config: { ...named, ...threshold } },
    { what: "a durable", config: {} },
    { what: "a push consumer", config: { ...named, deliver_subject: "push.e" } },
    { what: "one with a limit of its own", config: { ...named, max_ack_pending: 7 } },
  ].map(({ what, config }) => ({
    title: `creating ${what} again with the action "create"`,
    operations: [
      create("S", inMemory),
      consumer("S", "e", config, "create"),
      consumer("S", "e", config, "create"),
      consumer("S", "e", config),
      consumer("S", "e", { ...config, ...threshold }, "create"),
      consumer("S", "e", { ...config, inactive_threshold: 300_000_000_000 }, "create"),
      consumer("S", "e", config, "update"),
      consumer("S", "e", { ...config, max_deliver: 3 }, "create"),
      ask("CONSUMER.INFO.S.e"),
    ],
  })),
  {
    title: "null in lists of sources and transforms",
    operations: [
      create("A", { sources: [null] }),
      create("A", { sources: null }),
      create("B", { subjects: [], sources: [{ name: "A" }, null] }),
      create("B", { sources: [{ name: "A", subject_transforms: [null] }] }),
      ask("STREAM.INFO.B"),
      create("C", { mirror: { name: "A", subject_transforms: [null] }, subjects: [] }),
      create("D", { subjects: [null] }),
      create("E", {
        subject_transform: null,
        republish: null,
        placement: null,
        mirror: null,
        consumer_limits: null,
      }),
      consumer("E", "c", { filter_subjects: [null] }),
      consumer("E", "d", { backoff: [null], priority_groups: [null] }),
      create("F", { metadata: { a: null } }),
    ],
  },
  {
    title: "where a stream is to be placed",
    operations: [
      create("A", { placement: { preferred: "x" } }),
      create("A", { placement: { cluster: "x" } }),
      create("B", { placement: { tags: ["x"] } }),
      create("C", { placement: {} }),
      ask("STREAM.UPDATE.C", { name: "C", subjects: ["c.>"], placement: { preferred: "x" } }),
      create("D", { placement: { preferred: "" } }),
    ],
  },
  ...[
    "account-hash()",
    "Account-Hash()",
    "account-hash-import()",
    "account-hash-leaf-remote()",
    "account-hash(1)",
    "accounthash()",
  ].map((call) => ({
    title: `{{${call}}} in transforms of a stream`,
    operations: [
      create("A", { subject_transform: { src: "a.*", dest: `b.{{${call}}}.{{wildcard(1)}}` } }),
      create("B", { republish: { src: "b.*", dest: `x.{{${call}}}.{{wildcard(1)}}` } }),
      create("C", {
        sources: [{ name: "A", subject_transforms: [{ src: "a.*", dest: `y.{{${call}}}.{{wildcard(1)}}` }] }],
      }),
      create("D", {
        subjects: [],
        mirror: { name: "A", subject_transforms: [{ src: "a.*", dest: `y.{{${call}}}.{{wildcard(1)}}` }] },
      }),
    ],
  })),
];

const restart: Operation = { do: "restart", how: "stop" };
const ack: Operation = { do: "ack", back: 0, text: "" };
const spread = ["a", "b", "a", "b", "a", "b"].map((word) => publish(`s.${word}`));
const messages = (stream: string, through: number): Operation[] =>
  Array.from({ length: through }, (_, at) => ask(`STREAM.MSG.GET.${stream}`, { seq: at + 1 }));

const acks: readonly Case[] = ["workqueue", "interest", "limits"].flatMap((retention) => [
  {
    title: `AckAll of a filtered consumer, ${retention}`,
    operations: [
      create("S", { ...inMemory, retention }),
      consumer("S", "a", { ack_policy: "all", filter_subject: "s.a" }),
      consumer("S", "b", { ack_policy: "all", filter_subject: "s.b" }),
      ...spread,
      fetch("S", "a", 3),
      fetch("S", "b", 1),
      { do: "ack", back: 1, text: "" },
      ...info("S", "a", "b"),
      ack,
      ...info("S", "a", "b"),
      ...messages("S", 6),
      fetch("S", "b", 5),
      ack,
      ...info("S", "a", "b"),
    ],
  },
  {
    title: `a create that is refused leaves the consumer as it was, ${retention}`,
    operations: [
      create("S", { ...inMemory, retention }),
      consumer("S", "a", { filter_subject: "s.a", max_deliver: 4 }),
      consumer("S", "b", { filter_subject: "s.b" }),
      ...spread,
      fetch("S", "a", 1),
      consumer("S", "a", { filter_subject: "s.a", ack_policy: "none" }),
      consumer("S", "a", { filter_subject: "s.a", deliver_policy: "new" }),
      consumer("S", "a", { filter_subject: "s.a", max_waiting: 3 }),
      consumer("S", "a", { filter_subject: "s.a", deliver_subject: "push.a" }),
      consumer("S", "a", { filter_subject: "s.a", backoff: [1, 2, 3, 4, 5, 6] }),
      consumer("S", "a", { filter_subject: "s.a", sample_freq: "often" }),
      consumer("S", "a", { filter_subject: "s.a", max_deliver: 3 }, "create"),
      ...info("S", "a", "b"),
      ack,
      fetch("S", "a", 5),
      ...info("S", "a", "b"),
    ],
  },
]);

const ttl = (value: string): string[] => [`Nats-TTL: ${value}`];
const withTtl = { allow_msg_ttl: true };
const update = (name: string, config: object = {}): Operation =>
  ask(`STREAM.UPDATE.${name}`, { name, subjects: [`${name.toLowerCase()}.>`], ...config });

const ttls: readonly Case[] = [
  {
    title: "TTLs after a restart, in a mirror and in a source, with and without markers",
    operations: [
      create("TTLA", { ...withTtl, subject_delete_marker_ttl: 2_000_000_000 }),
      create("TTLB", { subjects: [], mirror: { name: "TTLA" }, ...withTtl }),
      create("TTLC", { subjects: [], sources: [{ name: "TTLA" }], ...withTtl }),
      create("TTLD", { subjects: [], mirror: { name: "TTLA" } }),
      create("TTLE", {
        subjects: [],
        sources: [{ name: "TTLA" }],
        subject_delete_marker_ttl: 3_000_000_000,
        ...withTtl,
      }),
      publish("ttla.1", "stays"),
      publish("ttla.2", "goes", ttl("2")),
      publish("ttla.3", "later", ttl("1h")),
      publish("ttla.4", "never", ttl("never")),
      ...info("TTLB"),
      ...info("TTLC"),
      ...info("TTLD"),
      restart,
      wait(2_600),
      // Headers of what is sourced have a part that is made up by chance.
      ...["TTLA", "TTLB", "TTLD"].flatMap((name) => [...info(name), ...messages(name, 6)]),
      ...["TTLC", "TTLE"].flatMap((name) => info(name)),
      wait(3_000),
      ...["TTLA", "TTLB", "TTLC", "TTLD", "TTLE"].flatMap((name) => info(name)),
    ],
  },
  {
    title: "TTLs that are over when they are switched on in a mirror and in a source",
    operations: [
      create("ONA", withTtl),
      create("ONB", { subjects: [], mirror: { name: "ONA" } }),
      create("ONC", { subjects: [], sources: [{ name: "ONA" }] }),
      publish("ona.1", "stays"),
      publish("ona.2", "goes", ttl("1")),
      publish("ona.3", "later", ttl("4")),
      wait(1_800),
      ...info("ONA"),
      ...info("ONB"),
      ...info("ONC"),
      update("ONB", { subjects: [], mirror: { name: "ONA" }, ...withTtl }),
      update("ONC", { subjects: [], sources: [{ name: "ONA" }], ...withTtl }),
      wait(1_000),
      ...info("ONB"),
      ...info("ONC"),
      wait(3_000),
      ...info("ONB"),
      ...info("ONC"),
    ],
  },
  {
    title: "the marker of a subject whose last message goes by age, and another that comes",
    operations: [
      create("AGE", { max_age: 2_000_000_000, subject_delete_marker_ttl: 9_000_000_000 }),
      publish("age.1"),
      publish("age.2"),
      wait(500),
      publish("age.2"),
      wait(2_900),
      publish("age.1", "again"),
      ...messages("AGE", 6),
      wait(3_000),
      ...info("AGE"),
      ...messages("AGE", 8),
    ],
  },
];

const names = [
  "Nats-Msg-Id",
  "Nats-Expected-Stream",
  "Nats-Expected-Last-Sequence",
  "Nats-Expected-Last-Subject-Sequence",
  "Nats-Expected-Last-Msg-Id",
  "Nats-TTL",
  "Nats-Rollup",
];
const right: Readonly<Record<string, string>> = {
  "Nats-Msg-Id": "id",
  "Nats-Expected-Stream": "S",
  "Nats-Expected-Last-Sequence": "1",
  "Nats-Expected-Last-Subject-Sequence": "1",
  "Nats-Expected-Last-Msg-Id": "first",
  "Nats-TTL": "5",
  "Nats-Rollup": "sub",
};

function spellings(name: string): string[][] {
  const value = right[name] as string;
  const bad = name === "Nats-TTL" ? "soon" : "99";
  return [
    [`${name}: ${value}`],
    [`${name}:${value}`],
    [`${name}:   ${value}`],
    [`${name}: ${value} `],
    [`${name}: ${value}\t`],
    [`${name}:\t${value}`],
    [`${name} : ${value}`],
    [` ${name}: ${value}`],
    [`\t${name}: ${value}`],
    [`${name.toLowerCase()}: ${value}`],
    [`${name.toUpperCase()}: ${value}`],
    [`${name}: ${value}`, `${name}: ${bad}`],
    [`${name}: ${bad}`, `${name}: ${value}`],
    [`${name}:`],
    [`${name}: `],
    [`${name}: ${value}`, ` more`],
    [`Other: a`, ` ${name}: ${bad}`],
    [`${name}: ${bad}`],
    [`${name}: -1`],
    [`${name}: 01`],
    [`${name}: +1`],
    [`${name}: 1e0`],
    [`${name}: 18446744073709551616`],
    [`${name}x: ${bad}`],
    [`x${name}: ${bad}`, `${name}: ${value}`],
  ];
}

const headers: readonly Case[] = names.map((name) => ({
  title: `spellings of ${name}`,
  operations: spellings(name).flatMap((lines, index) => {
    const stream = `H${names.indexOf(name)}I${index}`;
    const subject = `${stream.toLowerCase()}.a`;
    const sent = lines.map((line) => line.replace(/: S$/, `: ${stream}`));
    return [
      create(stream, { ...inMemory, ...withTtl, allow_rollup_hdrs: true }),
      publish(subject, "1", ["Nats-Msg-Id: first"]),
      publish(subject, "2", sent),
      publish(subject, "3", sent),
      ...messages(stream, 3),
    ];
  }),
}));

const created: readonly Case[] = [
  {
    title: "the time of creation survives a restart and an update",
    operations: [
      create("CRS"),
      consumer("CRS", "c"),
      publish("crs.a"),
      { do: "times", subjects: ["STREAM.INFO.CRS", "CONSUMER.INFO.CRS.c"] },
      update("CRS", { max_msgs: 5 }),
      consumer("CRS", "c", { max_deliver: 3 }),
      { do: "times", subjects: ["STREAM.INFO.CRS", "CONSUMER.INFO.CRS.c"] },
      restart,
      { do: "times", subjects: ["STREAM.INFO.CRS", "CONSUMER.INFO.CRS.c"] },
    ],
  },
];

export const cases: readonly Case[] = [
  ...starts,
  ...purged,
  ...requests,
  ...acks,
  ...ttls,
  ...headers,
  ...created,
];
