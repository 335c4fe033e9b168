import type { Random } from "../../fuzz/random.ts";

/** Configurations of streams, mostly such as a broker takes. */

export const streamNames = ["S1", "S2", "S3", "S4"] as const;
export const subjects = ["a.1", "a.2", "a.1.x", "b.1", "b.2", "b.3", "c", "d.1.2.3", "nowhere"] as const;
export const filters = [
  ...subjects,
  "a.*",
  "a.>",
  "b.*",
  ">",
  "*.1",
  "*",
  "d.*.2.>",
  "a.1.>",
  "x.>",
] as const;

/** Of mirrors and sources so many percent are of streams that are there: only where both brokers copy alike fast. */
export const copies = Number(process.env["FROND_COPIES"] ?? 0);

const second = 1_000_000_000;

/** Fields of a configuration with values to choose from; `chance` in percent of having the field at all. */
export interface Field {
  readonly name: string;
  readonly chance: number;
  readonly good: readonly unknown[];
  readonly bad: readonly unknown[];
}

const streamFields: readonly Field[] = [
  { name: "description", chance: 5, good: ["text", ""], bad: ["x".repeat(5000)] },
  { name: "retention", chance: 45, good: ["limits", "interest", "workqueue", "interest"], bad: ["often", 1] },
  { name: "max_consumers", chance: 8, good: [-1, 0, 1, 2], bad: [-5, "two"] },
  { name: "max_msgs", chance: 20, good: [-1, 0, 1, 3, 10], bad: [-2, 1.5, "9"] },
  { name: "max_bytes", chance: 15, good: [-1, 0, 200, 1000, 100_000], bad: [-7, 1e30] },
  { name: "max_age", chance: 6, good: [0, second, 3600 * second], bad: [1000, -1, 1_000_000] },
  { name: "max_msgs_per_subject", chance: 25, good: [-1, 0, 1, 2, 5], bad: [-2] },
  { name: "max_msg_size", chance: 8, good: [-1, 0, 10, 1000], bad: [-9, 2 ** 40] },
  { name: "discard", chance: 25, good: ["old", "new"], bad: ["none"] },
  { name: "discard_new_per_subject", chance: 8, good: [true, false], bad: ["yes"] },
  { name: "storage", chance: 50, good: ["file", "memory"], bad: ["tape"] },
  { name: "num_replicas", chance: 5, good: [0, 1], bad: [-1, 2, 3, 6] },
  { name: "no_ack", chance: 2, good: [true, false], bad: [1] },
  { name: "duplicate_window", chance: 15, good: [0, second, 60 * second], bad: [-1, 1000, 1e18] },
  { name: "compression", chance: 8, good: ["none", "s2"], bad: ["zip"] },
  { name: "first_seq", chance: 6, good: [0, 1, 100], bad: [-1, "1"] },
  { name: "allow_direct", chance: 60, good: [true, true, false], bad: [0] },
  { name: "mirror_direct", chance: 4, good: [true, false], bad: [] },
  { name: "sealed", chance: 2, good: [false, true], bad: [] },
  { name: "deny_delete", chance: 6, good: [true, false], bad: [] },
  { name: "deny_purge", chance: 6, good: [true, false], bad: [] },
  { name: "allow_rollup_hdrs", chance: 30, good: [true, true, false], bad: [] },
  { name: "allow_msg_ttl", chance: 25, good: [true, true, false], bad: [] },
  { name: "subject_delete_marker_ttl", chance: 8, good: [0, second, 60 * second], bad: [-1, 1000] },
  { name: "allow_msg_counter", chance: 6, good: [true, false], bad: [] },
  { name: "allow_atomic", chance: 10, good: [true, false], bad: [] },
  { name: "allow_msg_schedules", chance: 8, good: [true, false], bad: [] },
  { name: "allow_batched", chance: 5, good: [true, false], bad: [] },
  { name: "persist_mode", chance: 4, good: ["default", "async"], bad: ["never"] },
  { name: "metadata", chance: 6, good: [{}, { a: "b" }, { "_nats.req.level": "1" }], bad: [{ x: 1 }] },
  { name: "placement", chance: 2, good: [{ tags: [] }], bad: [{ cluster: "x" }] },
  {
    name: "consumer_limits",
    chance: 6,
    good: [{}, { inactive_threshold: 60 * second }, { max_ack_pending: 3 }],
    bad: [{ max_ack_pending: -3 }, { inactive_threshold: -1 }],
  },
  {
    name: "republish",
    chance: 8,
    good: [
      { src: ">", dest: "again.>" },
      { src: "a.*", dest: "again.{{wildcard(1)}}", headers_only: true },
      { dest: "again.>" },
    ],
    bad: [
      { src: "a..b", dest: "again.x" },
      { src: "a.*", dest: "again.$2" },
      { src: ">", dest: "a.>" },
    ],
  },
  {
    name: "subject_transform",
    chance: 6,
    good: [
      { src: "a.*", dest: "a.t.$1" },
      { src: ">", dest: ">" },
      { src: "", dest: "t.>" },
    ],
    bad: [
      { src: "a.*", dest: "x.{{wildcard(3)}}" },
      { src: "a.>.b", dest: "c" },
    ],
  },
];

const subjectSets: readonly (readonly string[])[] = [
  ["a.>"],
  ["a.>", "c"],
  ["b.*"],
  ["b.*", "d.>"],
  ["c"],
  ["a.1", "a.2"],
  ["d.>"],
  [],
  ["*.1"],
];
const badSubjectSets: readonly unknown[] = [
  ["a..b"],
  [""],
  ["a.>", "a.1"],
  ["c", "c"],
  [">"],
  ["$JS.API.>"],
  "a",
  ["x y"],
  [".a"],
  ["$JS.x"],
  ["$SYS.>"],
  ["_INBOX.>"],
];

export function fieldsFrom(random: Random, fields: readonly Field[], more = 1): Record<string, unknown> {
  const found: Record<string, unknown> = {};
  for (const { name, chance, good, bad } of fields) {
    if (!random.chance(chance * more)) continue;
    found[name] = bad.length > 0 && random.chance(4) ? random.pick(bad) : random.pick(good);
  }
  return found;
}

export function streamConfig(random: Random, name: string): Record<string, unknown> {
  const config: Record<string, unknown> = { name, ...fieldsFrom(random, streamFields) };
  const origins = random.below(100);
  if (origins < 12) config["mirror"] = origin(random);
  else if (origins < 24)
    config["sources"] = Array.from({ length: 1 + random.below(2) }, () => origin(random));
  if (config["mirror"] === undefined || random.chance(10)) {
    config["subjects"] = random.chance(4) ? random.pick(badSubjectSets) : random.pick(subjectSets);
  }
  return config;
}

/** The configuration as it was, with some fields changed, as an update sends it. */
export function changedConfig(random: Random, before: Record<string, unknown>): Record<string, unknown> {
  const changed = { ...before, ...fieldsFrom(random, streamFields, 0.4) };
  if (random.chance(15)) changed["subjects"] = random.pick(subjectSets);
  if (random.chance(3)) delete changed["mirror"];
  return changed;
}

function origin(random: Random): Record<string, unknown> {
  const found: Record<string, unknown> = {
    name: random.chance(copies) ? random.pick(streamNames) : "elsewhere",
  };
  if (random.chance(20)) found["opt_start_seq"] = random.pick([0, 1, 2, 5, 100]);
  if (random.chance(20)) found["filter_subject"] = random.pick(filters);
  else if (random.chance(15)) {
    found["subject_transforms"] = [
      { src: random.pick(filters), dest: random.pick(["", "a.from.>", "z", "b.*", "q.{{partition(3,1)}}"]) },
    ];
  }
  if (random.chance(3))
    found["external"] = random.pick([{ api: "$JS.hub.API" }, { api: "" }, { api: "a b" }]);
  return found;
}
