import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { modernJetStream, peerOf } from "../../fixture/jetstream-libraries.ts";
import { fresh } from "../../fixture/jetstream-wire.ts";

// What a consumer's config may say, and with what words the rest is refused.

const broker = jetStreamBroker();
const second = 1_000_000_000;

describe("consumer config", () => {
  const peer = peerOf(broker, modernJetStream);

  const push = { deliver_subject: "to.me" };
  /** Config of a consumer "c" of the stream, and the outcome of a create. */
  const creates: [string, object, string][] = [
    ["no fields", {}, "ok"],
    ["an unknown field", { colour: "red" }, '400/10025 invalid JSON: json: unknown field "colour"'],
    ["durable", { durable_name: "c" }, "ok"],
    [
      "another durable name",
      { durable_name: "d" },
      "400/10017 consumer name in subject does not match durable name in request",
    ],
    ["another name", { name: "d" }, "ok"],
    [
      "a long description",
      { description: "x".repeat(4097) },
      "400/10107 consumer description is too long, maximum allowed is 4096",
    ],
    [
      "much metadata",
      { metadata: { key: "x".repeat(128 * 1024) } },
      "400/10135 consumer metadata exceeds maximum size of 128KB",
    ],
    [
      "an unknown deliver policy",
      { deliver_policy: "first" },
      '400/10025 invalid JSON: can not unmarshal "\\"first\\""',
    ],
    [
      "an unknown ack policy",
      { ack_policy: "some" },
      '400/10025 invalid JSON: can not unmarshal "\\"some\\""',
    ],
    [
      "an unknown replay policy",
      { replay_policy: "fast" },
      '400/10025 invalid JSON: can not unmarshal "\\"fast\\""',
    ],
    [
      "a sequence for all",
      { opt_start_seq: 5 },
      "400/10094 consumer delivery policy is deliver all, but optional start sequence is also set",
    ],
    [
      "a time for all",
      { opt_start_time: "2020-01-01T00:00:00Z" },
      "400/10094 consumer delivery policy is deliver all, but optional start time is also set",
    ],
    [
      "a sequence for the last",
      { deliver_policy: "last", opt_start_seq: 5 },
      "400/10094 consumer delivery policy is deliver last, but optional start sequence is also set",
    ],
    [
      "a sequence for new",
      { deliver_policy: "new", opt_start_seq: 5 },
      "400/10094 consumer delivery policy is deliver new, but optional start sequence is also set",
    ],
    [
      "a sequence for the last of each",
      { deliver_policy: "last_per_subject", opt_start_seq: 5, filter_subject: ">" },
      "400/10094 consumer delivery policy is deliver last per subject, but optional start sequence is also set",
    ],
    [
      "the last of each without a filter",
      { deliver_policy: "last_per_subject" },
      "400/10094 consumer delivery policy is deliver last per subject, but optional filter subject is not set",
    ],
    [
      "no sequence where it is wanted",
      { deliver_policy: "by_start_sequence" },
      "400/10094 consumer delivery policy is deliver by start sequence, but optional start sequence is not set",
    ],
    [
      "no time where it is wanted",
      { deliver_policy: "by_start_time" },
      "400/10094 consumer delivery policy is deliver by start time, but optional start time is not set",
    ],
    [
      "a time that is none",
      { deliver_policy: "by_start_time", opt_start_time: "now" },
      '400/10025 invalid JSON: parsing time "now" as "2006-01-02T15:04:05Z07:00": cannot parse "now" as "2006"',
    ],
    [
      "a time for a sequence",
      { deliver_policy: "by_start_sequence", opt_start_seq: 1, opt_start_time: "2020-01-01T00:00:00Z" },
      "400/10094 consumer delivery policy is deliver by start sequence, but optional start time is also set",
    ],
    [
      "a negative ack wait",
      { ack_policy: "explicit", ack_wait: -1 },
      "400/10183 consumer ack wait needs to be positive",
    ],
    [
      "an ack wait that is text",
      { ack_policy: "explicit", ack_wait: "30s" },
      "400/10025 invalid JSON: json: cannot unmarshal string into Go struct field ConsumerConfig.config.ack_wait of type time.Duration",
    ],
    [
      "a back-off longer than the deliveries",
      { ack_policy: "explicit", backoff: [second, second], max_deliver: 1 },
      "400/10116 max deliver is required to be > length of backoff values",
    ],
    [
      "a back-off as long as the deliveries",
      { ack_policy: "explicit", backoff: [second, second], max_deliver: 2 },
      "ok",
    ],
    [
      "a negative back-off",
      { ack_policy: "explicit", backoff: [-1] },
      "400/10184 consumer backoff needs to be positive",
    ],
    ["a back-off for none", { backoff: [second] }, "ok"],
    ["deliveries of zero", { max_deliver: 0 }, "ok"],
    ["negative deliveries", { max_deliver: -5 }, "ok"],
    ["a filter that is none", { filter_subject: "a..b" }, "500/10052 invalid subject"],
    ["a filter outside the stream", { filter_subject: "elsewhere" }, "ok"],
    [
      "two kinds of filters",
      { filter_subject: "<name>.a", filter_subjects: ["<name>.b"] },
      "400/10136 consumer cannot have both FilterSubject and FilterSubjects specified",
    ],
    [
      "an empty filter among others",
      { filter_subjects: ["<name>.a", ""] },
      "400/10139 consumer filter in FilterSubjects cannot be empty",
    ],
    [
      "filters that overlap",
      { filter_subjects: ["<name>.a", "<name>.>"] },
      "400/10138 consumer subject filters cannot overlap",
    ],
    [
      "the same filter twice",
      { filter_subjects: ["<name>.a", "<name>.a"] },
      "400/10138 consumer subject filters cannot overlap",
    ],
    [
      "a filter that is none among others",
      { filter_subjects: ["<name>.a", "a..b"] },
      "500/10052 invalid subject",
    ],
    [
      "a rate for a pull",
      { rate_limit_bps: 1000 },
      "400/10086 consumer in pull mode can not have rate limit set",
    ],
    ["a sample", { sample_freq: "50" }, "ok"],
    ["a sample in percent", { sample_freq: "50%" }, "ok"],
    [
      "a sample that is none",
      { sample_freq: "half" },
      '400/10095 failed to parse consumer sampling configuration: strconv.Atoi: parsing "half": invalid syntax',
    ],
    ["a sample beyond all", { sample_freq: "500" }, "ok"],
    [
      "waiting requests of a push",
      { ...push, max_waiting: 5 },
      "400/10080 consumer in push mode can not set max waiting",
    ],
    ["negative waiting requests", { max_waiting: -5 }, "ok"],
    ["acks outstanding of none", { max_ack_pending: 5 }, "ok"],
    [
      "acks outstanding of a push of none",
      { ...push, max_ack_pending: 5 },
      "400/10082 consumer requires ack policy for max ack pending",
    ],
    ["unlimited acks outstanding", { ack_policy: "explicit", max_ack_pending: -1 }, "ok"],
    [
      "flow control of a pull",
      { flow_control: true },
      "400/10089 consumer flow control requires a push based consumer",
    ],
    [
      "flow control without heartbeats",
      { ...push, flow_control: true },
      "400/10108 consumer with flow control also needs heartbeats",
    ],
    [
      "heartbeats of a pull",
      { idle_heartbeat: second },
      "400/10088 consumer idle heartbeat requires a push based consumer",
    ],
    [
      "heartbeats too often",
      { ...push, idle_heartbeat: 1000 },
      "400/10083 consumer idle heartbeat needs to be >= 100ms",
    ],
    ["a batch of a push", { ...push, max_batch: 5 }, "ok"],
    ["a negative batch", { max_batch: -5 }, "ok"],
    ["expires too short", { max_expires: 1000 }, "400/10115 consumer max request expires needs to be >= 1ms"],
    ["bytes of a push", { ...push, max_bytes: 5 }, "ok"],
    [
      "deliveries to a wildcard",
      { deliver_subject: "to.*" },
      "400/10079 consumer deliver subject has wildcards",
    ],
    [
      "deliveries to a subject that is none",
      { deliver_subject: "to..me" },
      "400/10112 invalid push consumer deliver subject",
    ],
    [
      "deliveries into the stream",
      { deliver_subject: "<name>.a" },
      "400/10081 consumer deliver subject forms a cycle",
    ],
    ["a group of a pull", { deliver_group: "g" }, "ok"],
    ["a group of a push", { ...push, deliver_group: "g" }, "ok"],
    ["a group that is none", { ...push, deliver_group: "g g" }, "ok"],
    ["a negative threshold", { inactive_threshold: -1 }, "ok"],
    [
      "more replicas than the stream has",
      { num_replicas: 3 },
      "500/10074 replicas > 1 not supported in non-clustered mode",
    ],
    ["a direct consumer", { direct: true }, "400/10090 consumer direct requires a push based consumer"],
    ["a direct push", { ...push, direct: true }, "ok"],
    ["a pause", { pause_until: "2100-01-01T00:00:00Z" }, "ok"],
    [
      "priority groups without a policy",
      { ack_policy: "explicit", priority_groups: ["g"] },
      "400/10196 consumer can not have priority groups when policy is none",
    ],
    [
      "a priority policy without groups",
      { ack_policy: "explicit", priority_policy: "overflow" },
      "400/10159 Setting PriorityPolicy requires at least one PriorityGroup to be set",
    ],
    [
      "an unknown priority policy",
      { ack_policy: "explicit", priority_policy: "best", priority_groups: ["g"] },
      '400/10025 invalid JSON: unknown priority policy: "best"',
    ],
    [
      "a priority group",
      { ack_policy: "explicit", priority_policy: "overflow", priority_groups: ["g"] },
      "ok",
    ],
    [
      "two priority groups",
      { ack_policy: "explicit", priority_policy: "overflow", priority_groups: ["g", "h"] },
      "ok",
    ],
    [
      "a priority group with a bad name",
      { ack_policy: "explicit", priority_policy: "overflow", priority_groups: ["g h"] },
      "400/10162 Valid priority group name must match A-Z, a-z, 0-9, -_/=)+ and may not exceed 16 characters",
    ],
    [
      "a priority group with a long name",
      { ack_policy: "explicit", priority_policy: "overflow", priority_groups: ["x".repeat(17)] },
      "400/10162 Valid priority group name must match A-Z, a-z, 0-9, -_/=)+ and may not exceed 16 characters",
    ],
    [
      "an empty priority group",
      { ack_policy: "explicit", priority_policy: "overflow", priority_groups: [""] },
      "400/10161 Group name cannot be an empty string",
    ],
    [
      "a priority group of a push",
      { ...push, ack_policy: "explicit", priority_policy: "overflow", priority_groups: ["g"] },
      "400/10178 priority groups can not be used with push consumers",
    ],
    [
      "a pinned client",
      { ack_policy: "explicit", priority_policy: "pinned_client", priority_groups: ["g"] },
      "ok",
    ],
    ["a pinned client without acks", { priority_policy: "pinned_client", priority_groups: ["g"] }, "ok"],
    [
      "a timeout of a pin without a pin",
      {
        ack_policy: "explicit",
        priority_policy: "overflow",
        priority_groups: ["g"],
        priority_timeout: second,
      },
      "ok",
    ],
    ["priorities", { ack_policy: "explicit", priority_policy: "prioritized", priority_groups: ["g"] }, "ok"],
    ["flow control as an ack policy", { ...push, ack_policy: "flow_control" }, "ok"],
    [
      "flow control as an ack policy with all it needs",
      { ...push, ack_policy: "flow_control", flow_control: true, idle_heartbeat: second },
      "ok",
    ],
  ];

  test.each(creates)("%s", async (_title, config, expected) => {
    const { wire } = peer();
    const name = fresh("STREAM");
    await wire.stream(name, { storage: "memory" });
    const body = JSON.stringify({ stream_name: name, config }).replaceAll("<name>", name);
    const outcome = await wire.outcome(`CONSUMER.CREATE.${name}.c`, body);
    await wire.api(`STREAM.DELETE.${name}`);
    expect(outcome.replaceAll(name, "<name>")).toBe(expected);
  });
});
