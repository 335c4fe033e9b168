import { describe, expect, test } from "vitest";
import { jetStreamBroker } from "../../fixture/jetstream-broker.ts";
import { modernJetStream, peerOf } from "../../fixture/jetstream-libraries.ts";
import { fresh } from "../../fixture/jetstream-wire.ts";

// What a stream's config may say, and with what words the rest is refused.

const broker = jetStreamBroker();
const second = 1_000_000_000;
const minute = 60 * second;

describe("stream config", () => {
  const peer = peerOf(broker, modernJetStream);

  /** Config beyond name and subjects, and the outcome of a create. */
  const creates: [string, object, string][] = [
    ["no fields", {}, "ok"],
    ["an unknown field", { subject: "a" }, '400/10025 invalid JSON: json: unknown field "subject"'],
    ["a subject that is none", { subjects: ["cfg..a"] }, "500/10052 invalid subject"],
    ["an empty subject", { subjects: [""] }, "500/10052 invalid subject"],
    ["a subject with a blank", { subjects: ["cfg. a"] }, "500/10052 invalid subject"],
    [
      "the same subject twice",
      { subjects: ["cfg.a", "cfg.a"] },
      '500/10052 subject "cfg.a" overlaps with "cfg.a"',
    ],
    [
      "subjects that overlap",
      { subjects: ["cfg.a", "cfg.*"] },
      '500/10052 subject "cfg.a" overlaps with "cfg.*"',
    ],
    ["all subjects", { subjects: [">"] }, "500/10052 capturing all subjects requires no-ack to be true"],
    [
      "the API's subjects",
      { subjects: ["$JS.API.>"] },
      "500/10052 subjects that overlap with jetstream api require no-ack to be true",
    ],
    ["the API's subjects without acks", { subjects: ["$JS.API.STREAM.INFO.none"], no_ack: true }, "ok"],
    ["events", { subjects: ["$JS.EVENT.>"] }, "ok"],
    [
      "all of $JS",
      { subjects: ["$JS.>"] },
      "500/10052 subjects that overlap with jetstream api require no-ack to be true",
    ],
    [
      "system subjects",
      { subjects: ["$SYS.>"] },
      "500/10052 subjects that overlap with system api require no-ack to be true",
    ],
    ["events of an account", { subjects: ["$SYS.ACCOUNT.>"] }, "ok"],
    [
      "an unknown retention",
      { retention: "forever" },
      '400/10025 invalid JSON: can not unmarshal "\\"forever\\""',
    ],
    ["an unknown storage", { storage: "tape" }, '400/10025 invalid JSON: can not unmarshal "\\"tape\\""'],
    ["an unknown discard", { discard: "none" }, '400/10025 invalid JSON: can not unmarshal "\\"none\\""'],
    [
      "an unknown compression",
      { compression: "zip" },
      "400/10025 invalid JSON: unknown compression algorithm",
    ],
    ["compression", { compression: "s2" }, "ok"],
    [
      "zero where none is meant",
      { max_msgs: 0, max_bytes: 0, max_consumers: 0, max_msgs_per_subject: 0 },
      "ok",
    ],
    ["a negative limit", { max_msgs: -5 }, "ok"],
    [
      "a limit that is text",
      { max_msgs: "5" },
      "400/10025 invalid JSON: json: cannot unmarshal string into Go struct field StreamConfigRequest.StreamConfig.max_msgs of type int64",
    ],
    [
      "a limit with a fraction",
      { max_msgs: 1.5 },
      "400/10025 invalid JSON: json: cannot unmarshal number 1.5 into Go struct field StreamConfigRequest.StreamConfig.max_msgs of type int64",
    ],
    ["an age that is too short", { max_age: 1000 }, "500/10052 max age needs to be >= 100ms"],
    ["a negative age", { max_age: -1 }, "500/10052 max age can not be negative"],
    [
      "a window that is too short",
      { duplicate_window: 1000 },
      "500/10052 duplicates window needs to be >= 100ms",
    ],
    ["a negative window", { duplicate_window: -second }, "500/10052 duplicates window can not be negative"],
    [
      "a window longer than the age",
      { max_age: second, duplicate_window: 2 * second },
      "500/10052 duplicates window can not be larger then max age",
    ],
    ["replicas", { num_replicas: 3 }, "500/10074 replicas > 1 not supported in non-clustered mode"],
    ["too many replicas", { num_replicas: 6 }, "500/10052 maximum replicas is 5"],
    ["negative replicas", { num_replicas: -1 }, "400/10133 replicas count cannot be negative"],
    ["a sealed stream", { sealed: true }, "500/10052 stream configuration for create can not be sealed"],
    [
      "a long description",
      { description: "x".repeat(4097) },
      "500/10052 stream description is too long, maximum allowed is 4096",
    ],
    ["the longest description", { description: "x".repeat(4096) }, "ok"],
    [
      "much metadata",
      { metadata: { key: "x".repeat(128 * 1024) } },
      "500/10052 stream metadata exceeds maximum size of 131072 bytes",
    ],
    [
      "metadata that is no text",
      { metadata: { key: 1 } },
      "400/10025 invalid JSON: json: cannot unmarshal number into Go struct field StreamConfigRequest.StreamConfig.metadata of type string",
    ],
    [
      "discard new per subject without discard new",
      { discard_new_per_subject: true, max_msgs_per_subject: 1 },
      "500/10052 discard new per subject requires discard new policy to be set",
    ],
    [
      "discard new per subject without a limit",
      { discard: "new", discard_new_per_subject: true },
      "500/10052 discard new per subject requires max msgs per subject > 0",
    ],
    [
      "discard new per subject",
      { discard: "new", discard_new_per_subject: true, max_msgs_per_subject: 1 },
      "ok",
    ],
    [
      "deny purge with rollups",
      { deny_purge: true, allow_rollup_hdrs: true },
      "500/10052 roll-ups require the purge permission",
    ],
    ["deny delete with rollups", { deny_delete: true, allow_rollup_hdrs: true }, "ok"],
    [
      "mirror direct without a mirror",
      { mirror_direct: true },
      "500/10052 stream has no mirror but does have mirror direct",
    ],
    [
      "a mirror with subjects",
      { mirror: { name: "M" } },
      "400/10034 stream mirrors can not contain subjects",
    ],
    ["a mirror of what is not there", { subjects: [], mirror: { name: "none" } }, "ok"],
    [
      "a mirror with sources",
      { subjects: [], mirror: { name: "M" }, sources: [{ name: "O" }] },
      "400/10031 stream mirrors can not also contain other sources",
    ],
    [
      "a mirror with a name that is none",
      { subjects: [], mirror: { name: "a.b" } },
      "400/10142 mirrored stream name is invalid",
    ],
    [
      "a mirror with a start and a time",
      { subjects: [], mirror: { name: "M", opt_start_seq: 1, opt_start_time: "2020-01-01T00:00:00Z" } },
      "ok",
    ],
    [
      "a mirror with a filter that is none",
      { subjects: [], mirror: { name: "M", filter_subject: "a..b" } },
      "500/10049 subject filter 'a..b' for the mirror invalid subject",
    ],
    [
      "a mirror with filter and transforms",
      {
        subjects: [],
        mirror: { name: "M", filter_subject: "a", subject_transforms: [{ src: "a", dest: "b" }] },
      },
      "400/10150 mirror with multiple subject transforms cannot also have a single subject filter",
    ],
    [
      "a mirror with a transform that is none",
      {
        subjects: [],
        mirror: { name: "M", subject_transforms: [{ src: "a.*", dest: "b.{{wildcard(2)}}" }] },
      },
      "400/10154 mirror transform: invalid mapping destination: wildcard index out of range in {{wildcard(2)}}: [2]",
    ],
    [
      "a mirror with transforms that overlap",
      {
        subjects: [],
        mirror: {
          name: "M",
          subject_transforms: [
            { src: "a.*", dest: "b.>" },
            { src: "a.b", dest: "c" },
          ],
        },
      },
      "400/10154 mirror transform: invalid subject",
    ],
    [
      "a mirror with a first sequence",
      { subjects: [], mirror: { name: "M" }, first_seq: 5 },
      "400/10143 stream mirrors can not have first sequence configured",
    ],
    ["a source of what is not there", { sources: [{ name: "none" }] }, "ok"],
    [
      "a source with a name that is none",
      { sources: [{ name: "a b" }] },
      "400/10141 sourced stream name is invalid",
    ],
    [
      "the same source twice",
      { sources: [{ name: "O" }, { name: "O" }] },
      "400/10140 duplicate source configuration detected",
    ],
    [
      "the same source with other filters",
      {
        sources: [
          { name: "O", filter_subject: "a" },
          { name: "O", filter_subject: "b" },
        ],
      },
      "ok",
    ],
    [
      "a source with a filter that is none",
      { sources: [{ name: "O", filter_subject: "a..b" }] },
      "500/10049 subject filter 'a..b' for the source: invalid subject",
    ],
    [
      "a source with filter and transforms",
      { sources: [{ name: "O", filter_subject: "a", subject_transforms: [{ src: "a", dest: "b" }] }] },
      "400/10144 source with multiple subject transforms cannot also have a single subject filter",
    ],
    [
      "a source with a transform that is none",
      { sources: [{ name: "O", subject_transforms: [{ src: "a.*", dest: "b.{{wildcard(2)}}" }] }] },
      "400/10146 source transform: invalid mapping destination: wildcard index out of range in {{wildcard(2)}}: [2]",
    ],
    [
      "a source with transforms that overlap",
      {
        sources: [
          {
            name: "O",
            subject_transforms: [
              { src: "a.*", dest: "b.>" },
              { src: "a.b", dest: "c" },
            ],
          },
        ],
      },
      "400/10146 source transform: invalid subject",
    ],
    [
      "an external prefix that overlaps",
      { sources: [{ name: "O", external: { api: "$JS.API", deliver: "x" } }] },
      "400/10021 stream external api prefix $JS.API must not overlap with $JS.API",
    ],
    [
      "an external prefix that is none",
      { sources: [{ name: "O", external: { api: "a..b", deliver: "x" } }] },
      '500/10052 stream external api prefix "a..b" must be a valid subject without wildcards',
    ],
    [
      "external deliveries into the stream",
      { sources: [{ name: "O", external: { api: "$JS.hub.API", deliver: "cfg" } }], subjects: ["cfg.>"] },
      "ok",
    ],
    ["a transform", { subject_transform: { src: "cfg.>", dest: "other.>" } }, "ok"],
    ["a transform of everything", { subject_transform: { src: "", dest: "other.>" } }, "ok"],
    [
      "a transform that is none",
      { subject_transform: { src: "cfg.*", dest: "x.{{wildcard(2)}}" } },
      "400/10156 stream transform: invalid mapping destination: wildcard index out of range in {{wildcard(2)}}: [2]",
    ],
    [
      "a transform from a subject that is none",
      { subject_transform: { src: "cfg..a", dest: "x" } },
      "400/10155 stream transform source: invalid subject cfg..a",
    ],
    ["a transform without destination", { subject_transform: { src: "cfg.>" } }, "ok"],
    ["a republish", { republish: { src: ">", dest: "copy.>" } }, "ok"],
    [
      "a republish onto itself",
      { republish: { src: ">", dest: "cfg.>" }, subjects: ["cfg.>"] },
      "500/10052 stream configuration for republish destination forms a cycle",
    ],
    ["a republish of other subjects", { republish: { src: "elsewhere.>", dest: "copy.>" } }, "ok"],
    [
      "a republish that is none",
      { republish: { src: "cfg.*", dest: "copy.{{wildcard(3)}}" } },
      "500/10052 stream configuration for republish with transform from 'cfg.*' to 'copy.{{wildcard(3)}}' not valid",
    ],
    ["a republish without destination", { republish: { src: ">" } }, "ok"],
    [
      "markers without a second",
      { subject_delete_marker_ttl: 1000 },
      "500/10052 subject delete marker TTL must be at least 1 second",
    ],
    ["markers", { subject_delete_marker_ttl: second }, "ok"],
    ["markers and deny purge", { subject_delete_marker_ttl: second, deny_purge: true }, "ok"],
    ["counters", { allow_msg_counter: true }, "ok"],
    [
      "counters and discard new",
      { allow_msg_counter: true, discard: "new" },
      "500/10052 counter stream cannot use discard new",
    ],
    [
      "counters and TTL",
      { allow_msg_counter: true, allow_msg_ttl: true },
      "500/10052 counter stream cannot use message TTLs",
    ],
    [
      "counters of a work queue",
      { allow_msg_counter: true, retention: "workqueue" },
      "500/10052 counter stream can only use limits retention",
    ],
    [
      "counters and schedules",
      { allow_msg_counter: true, allow_msg_schedules: true },
      "500/10052 counter stream cannot use message schedules",
    ],
    ["schedules", { allow_msg_schedules: true }, "ok"],
    [
      "schedules and discard new",
      { allow_msg_schedules: true, discard: "new" },
      "500/10052 message scheduling cannot use discard new",
    ],
    [
      "schedules and sources",
      { allow_msg_schedules: true, sources: [{ name: "O" }] },
      "400/10187 stream source can not also schedule messages",
    ],
    ["schedules and deny purge", { allow_msg_schedules: true, deny_purge: true }, "ok"],
    ["atomic batches", { allow_atomic: true }, "ok"],
    ["fast batches", { allow_batched: true }, "ok"],
    ["asynchronous persistence", { persist_mode: "async" }, "ok"],
    [
      "asynchronous persistence in memory",
      { persist_mode: "async", storage: "memory" },
      "500/10052 async persist mode is only supported on file storage",
    ],
    [
      "asynchronous persistence and batches",
      { persist_mode: "async", allow_atomic: true },
      "500/10052 async persist mode is not supported with atomic batch publish",
    ],
    [
      "an unknown persistence",
      { persist_mode: "never" },
      '400/10025 invalid JSON: can not unmarshal "\\"never\\""',
    ],
    ["consumer limits", { consumer_limits: { inactive_threshold: minute, max_ack_pending: 5 } }, "ok"],
    ["a negative consumer limit", { consumer_limits: { max_ack_pending: -2 } }, "ok"],
    ["a negative threshold", { consumer_limits: { inactive_threshold: -2 } }, "ok"],
    ["a first sequence", { first_seq: 100 }, "ok"],
    ["placement in a cluster", { placement: { cluster: "C" } }, "ok"],
    ["placement by tags", { placement: { tags: ["ssd"] } }, "ok"],
    ["empty placement", { placement: {} }, "ok"],
    [
      "a template owner",
      { template_owner: "T" },
      '400/10025 invalid JSON: json: unknown field "template_owner"',
    ],
    [
      "an application's own field",
      { allow_everything: true },
      '400/10025 invalid JSON: json: unknown field "allow_everything"',
    ],
  ];

  test.each(creates)("%s", async (_title, config, expected) => {
    const { wire } = peer();
    const name = fresh();
    const outcome = await wire.outcome(`STREAM.CREATE.${name}`, { name, subjects: [`${name}.>`], ...config });
    await wire.api(`STREAM.DELETE.${name}`);
    expect(outcome.replaceAll(name, "<name>")).toBe(expected);
  });

  test("pedantic: a value that would be corrected is refused", async () => {
    const { wire } = peer();
    const outcomes: string[] = [];
    for (const config of [{ max_msgs: -5 }, { max_age: second, duplicate_window: 0 }, { num_replicas: 0 }]) {
      const name = fresh();
      const body = { name, subjects: [`${name}.>`], pedantic: true, ...config };
      outcomes.push(await wire.outcome(`STREAM.CREATE.${name}`, body));
    }
    expect(outcomes).toMatchInlineSnapshot(`
      [
        "400/10157 pedantic mode: max_msgs must be set to -1",
        "400/10157 pedantic mode: duplicate window cannot be bigger than max age",
        "ok",
      ]
    `);
  });

  test("what is implied is shown", async () => {
    const { wire } = peer();
    const implied = async (config: object, ...fields: string[]) => {
      const { config: made } = await wire.stream(fresh(), config);
      return Object.fromEntries(fields.map((field) => [field, (made as Record<string, unknown>)[field]]));
    };
    expect([
      await implied({ max_age: second }, "duplicate_window"),
      await implied({ subject_delete_marker_ttl: second }, "allow_msg_ttl", "allow_rollup_hdrs"),
      await implied({ allow_msg_schedules: true }, "allow_msg_ttl", "allow_rollup_hdrs"),
      await implied({ subject_transform: { src: "", dest: "t.>" } }, "subject_transform"),
      await implied({ republish: { src: "", dest: "r.>" } }, "republish"),
      await implied({ placement: {} }, "placement"),
      await implied({ sources: [] }, "sources"),
    ]).toMatchInlineSnapshot(`
      [
        {
          "duplicate_window": 1000000000,
        },
        {
          "allow_msg_ttl": true,
          "allow_rollup_hdrs": true,
        },
        {
          "allow_msg_ttl": false,
          "allow_rollup_hdrs": true,
        },
        {
          "subject_transform": {
            "dest": "t.>",
            "src": "",
          },
        },
        {
          "republish": {
            "dest": "r.>",
            "src": ">",
          },
        },
        {
          "placement": undefined,
        },
        {
          "sources": undefined,
        },
      ]
    `);
  });
});
