import type { Random } from "../../fuzz/random.ts";
import { type Field, fieldsFrom, filters } from "./streams.ts";

/** Configurations of consumers, mostly such as a broker takes. */

export const consumerNames = ["c1", "c2", "c3"] as const;

const ms = 1_000_000;
const second = 1000 * ms;

const consumerFields: readonly Field[] = [
  { name: "description", chance: 5, good: ["text"], bad: ["x".repeat(5000)] },
  {
    name: "deliver_policy",
    chance: 40,
    good: ["all", "last", "new", "last_per_subject"],
    bad: ["sometimes", "by_start_sequence", "by_start_time"],
  },
  { name: "opt_start_seq", chance: 2, good: [1], bad: [0, -1] },
  { name: "ack_wait", chance: 10, good: [0, 20 * second, 30 * second], bad: [-1, 1] },
  { name: "max_deliver", chance: 15, good: [-1, 0, 1, 2, 3], bad: [-2] },
  { name: "backoff", chance: 5, good: [[60 * second], [30 * second, 60 * second]], bad: [[1, 2], [-1]] },
  { name: "replay_policy", chance: 10, good: ["instant"], bad: ["reverse"] },
  { name: "rate_limit_bps", chance: 2, good: [1_000_000_000], bad: [-1] },
  { name: "sample_freq", chance: 6, good: ["100", "100%", "0", ""], bad: ["often", "-1"] },
  { name: "max_waiting", chance: 8, good: [0, 1, 2, 512], bad: [-1] },
  { name: "max_ack_pending", chance: 20, good: [-1, 0, 1, 2, 5], bad: [-3] },
  { name: "headers_only", chance: 8, good: [true, false], bad: ["yes"] },
  { name: "max_batch", chance: 5, good: [0, 1, 3], bad: [-1] },
  { name: "max_expires", chance: 5, good: [0, second], bad: [-1, 1] },
  { name: "max_bytes", chance: 5, good: [0, 100, 1000], bad: [-1] },
  { name: "inactive_threshold", chance: 15, good: [0, 600 * second], bad: [-1] },
  { name: "num_replicas", chance: 4, good: [0, 1], bad: [-1, 3] },
  { name: "mem_storage", chance: 6, good: [true, false], bad: [] },
  { name: "direct", chance: 1, good: [true, false], bad: [] },
  { name: "pause_until", chance: 4, good: ["2020-01-01T00:00:00Z", "2099-01-01T00:00:00Z"], bad: ["soon"] },
  {
    name: "priority_policy",
    chance: 8,
    good: ["none", "overflow", "pinned_client", "prioritized"],
    bad: ["first"],
  },
  { name: "priority_groups", chance: 8, good: [["g"], ["g", "h"]], bad: [[""], ["x".repeat(20)], ["a b"]] },
  { name: "priority_timeout", chance: 2, good: [second], bad: [-1] },
  { name: "metadata", chance: 6, good: [{}, { k: "v" }], bad: [{ k: 1 }] },
];

const pushFields: readonly Field[] = [
  { name: "deliver_group", chance: 15, good: ["q"], bad: ["", "a b"] },
  { name: "flow_control", chance: 10, good: [true, false], bad: [] },
  { name: "idle_heartbeat", chance: 15, good: [0, second, 5 * second], bad: [-1, 1] },
];

export function consumerConfig(random: Random, name: string): Record<string, unknown> {
  const config: Record<string, unknown> = {
    ack_policy: random.pick(["explicit", "explicit", "explicit", "all", "none", "none"]),
    ...fieldsFrom(random, consumerFields),
  };
  if (random.chance(2)) config["ack_policy"] = random.pick(["maybe", "flow_control", ""]);
  if (random.chance(75)) config["durable_name"] = name;
  else config["name"] = name;
  if (random.chance(5)) config["name"] = name;
  if (random.chance(25)) {
    Object.assign(config, { deliver_subject: `push.${name}` }, fieldsFrom(random, pushFields));
  } else if (random.chance(4)) Object.assign(config, fieldsFrom(random, pushFields, 3));
  Object.assign(config, startOf(random), filterOf(random));
  return config;
}

export function changedConsumer(random: Random, before: Record<string, unknown>): Record<string, unknown> {
  const changed: Record<string, unknown> = { ...before, ...fieldsFrom(random, consumerFields, 0.4) };
  if (random.chance(20)) Object.assign(changed, filterOf(random));
  if (random.chance(5)) changed["deliver_subject"] = "push.other";
  if (random.chance(5)) delete changed["deliver_subject"];
  return changed;
}

function startOf(random: Random): object {
  if (random.chance(10))
    return { deliver_policy: "by_start_sequence", opt_start_seq: random.pick([1, 2, 5, 50]) };
  if (random.chance(5)) return { deliver_policy: "by_start_time", opt_start_time: "2020-01-01T00:00:00Z" };
  return {};
}

function filterOf(random: Random): object {
  if (random.chance(35)) return { filter_subject: random.pick(filters) };
  if (random.chance(20)) {
    return { filter_subjects: Array.from({ length: 1 + random.below(3) }, () => random.pick(filters)) };
  }
  if (random.chance(3)) return { filter_subject: random.pick(["a..b", "a b", ".", ""]) };
  return {};
}
