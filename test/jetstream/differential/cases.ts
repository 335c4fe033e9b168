import type { Operation } from "./operation.ts";

/** What was told of in reports, each in as few operations as it takes. Both brokers must answer alike. */
export interface Case {
  readonly title: string;
  readonly operations: readonly Operation[];
}

export function ask(subject: string, body: unknown = undefined): Operation {
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

export const listen: Operation = { do: "listen" };

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

export const cases: readonly Case[] = [...starts, ...purged, ...requests];
