import { describe, expect, test } from "vitest";
import { ApiError } from "../../../../src/jetstream/api-error.ts";
import { consumerMetadata, streamMetadata, withVersions } from "../../../../src/jetstream/metadata.ts";
import type { StreamConfig } from "../../../../src/jetstream/stream/config/stream-config.ts";
import { checkStreamConfig } from "../../../../src/jetstream/stream/config/stream-config-check.ts";
import type { RequestedStreamConfig } from "../../../../src/jetstream/stream/config/requested-config.ts";
import { checkUpdate } from "../../../../src/jetstream/stream/config/stream-config-update.ts";

const second = 1_000_000_000;

/** Streams that are there already. */
function surroundings(...others: StreamConfig[]) {
  return {
    find: (name: string) => others.find((other) => other.name === name),
    duplicateWindowMax: 0,
    streamBytesMax: () => 0,
    maxBytesRequired: false,
  };
}

function check(config: RequestedStreamConfig, pedantic = false, ...others: StreamConfig[]): StreamConfig {
  return checkStreamConfig({ name: "S", ...config }, surroundings(...others), pedantic);
}

function refusal(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof ApiError) return `${error.errCode} ${error.message}`;
    throw error;
  }
  return "ok";
}

test("a configuration is written in nats-server's order, without what it leaves out", () => {
  expect(JSON.stringify(check({ metadata: { b: "1", a: "2" } }))).toBe(
    '{"name":"S","subjects":["S"],"retention":"limits","max_consumers":-1,"max_msgs":-1,"max_bytes":-1,"max_age":0,' +
      '"max_msgs_per_subject":-1,"max_msg_size":-1,"discard":"old","storage":"file","num_replicas":1,' +
      '"duplicate_window":120000000000,"compression":"none","allow_direct":false,"mirror_direct":false,"sealed":false,' +
      '"deny_delete":false,"deny_purge":false,"allow_rollup_hdrs":false,"consumer_limits":{},"allow_msg_ttl":false,' +
      '"metadata":{"a":"2","b":"1"}}',
  );
});

test("what is asked for is left as it is", () => {
  const asked = Object.freeze({ name: "S", max_msgs: 0, republish: Object.freeze({ dest: "r.>" }) });
  expect(checkStreamConfig(asked, surroundings(), false).republish).toEqual({ src: ">", dest: "r.>" });
  expect(asked).toEqual({ name: "S", max_msgs: 0, republish: { dest: "r.>" } });
});

describe("streams that copy each other", () => {
  const stream = (name: string, config: RequestedStreamConfig = {}) =>
    checkStreamConfig({ name, ...config }, surroundings(), false);

  test("in a circle", () => {
    const first = stream("A", { subjects: ["a"], sources: [{ name: "S" }] });
    expect(refusal(() => check({ subjects: ["s"], sources: [{ name: "A" }] }, false, first))).toBe(
      "10052 detected cycle",
    );
    expect(refusal(() => check({ mirror: { name: "A" } }, false, first))).toBe("10052 detected cycle");
    const filtered = stream("A", { subjects: ["a"], sources: [{ name: "S", filter_subject: "x" }] });
    expect(refusal(() => check({ subjects: ["s"], sources: [{ name: "A" }] }, false, filtered))).toBe("ok");
  });

  test("larger messages than may be stored", () => {
    const origin = stream("A", { max_msg_size: 10 });
    expect(refusal(() => check({ mirror: { name: "A" }, max_msg_size: 9 }, false, origin))).toMatch(/^10030/);
    expect(refusal(() => check({ sources: [{ name: "A" }], max_msg_size: 9 }, false, origin))).toMatch(
      /^10046/,
    );
  });

  test("a mirror reads for its origin where that may be read so", () => {
    const origin = stream("A", { allow_direct: true });
    expect(check({ mirror: { name: "A" } }, false, origin).mirror_direct).toBe(true);
    expect(refusal(() => check({ mirror: { name: "A" } }, true, origin))).toMatch(/^10157 pedantic mode/);
  });
});

describe("pedantic", () => {
  const cases: [RequestedStreamConfig, string][] = [
    [{ max_msgs: -2 }, "10157 pedantic mode: max_msgs must be set to -1"],
    [{ max_age: second }, "10157 pedantic mode: duplicate window cannot be bigger than max age"],
    [{ republish: { dest: "r.>" } }, "10157 pedantic mode: republish source can not be empty"],
    [
      { subject_delete_marker_ttl: second },
      "10052 subject delete marker cannot be set if message TTLs are disabled",
    ],
    [{ allow_msg_schedules: true }, "10052 message scheduling cannot be set if roll-ups are disabled"],
  ];
  test.each(cases)("%j", (config, problem) => {
    expect(refusal(() => check(config, true))).toBe(problem);
    expect(refusal(() => check(config))).toBe("ok");
  });
});

describe("updates", () => {
  const update = (old: RequestedStreamConfig, next: RequestedStreamConfig) =>
    checkUpdate(check(old), check(next));

  const refused: [RequestedStreamConfig, RequestedStreamConfig, string][] = [
    [{}, { name: "T" }, "10052 stream configuration name must match original"],
    [{}, { storage: "memory" }, "10052 stream configuration update can not change storage type"],
    [{}, { num_replicas: 3 }, "10074 replicas > 1 not supported in non-clustered mode"],
    [
      {},
      { retention: "workqueue" },
      "10052 stream configuration update can not change retention policy to/from workqueue",
    ],
    [{ sealed: true }, {}, "10052 stream configuration update can not unseal a sealed stream"],
    [{ deny_delete: true }, {}, "10052 stream configuration update can not cancel deny message deletes"],
    [{ deny_purge: true }, {}, "10052 stream configuration update can not cancel deny purge"],
    [{ allow_msg_ttl: true }, {}, "10052 message TTL status can not be disabled"],
    [{ allow_msg_schedules: true }, {}, "10052 message schedules can not be disabled"],
    [
      {},
      { allow_msg_counter: true },
      "10052 stream configuration update can not change message counter setting",
    ],
    [{}, { persist_mode: "async" }, "10052 stream configuration update can not change persist mode"],
    [{}, { mirror: { name: "A" } }, "10055 stream mirror configuration can not be updated"],
  ];
  test.each(refused)("from %j to %j", (old, next, problem) => {
    expect(refusal(() => update(old, next))).toBe(problem);
  });

  test("a mirror may become a stream of its own", () => {
    expect(update({ mirror: { name: "A" } }, { subjects: ["s"] }).mirror).toBeUndefined();
  });

  test("sealing changes more than was asked for", () => {
    expect(
      update({ max_age: 200 * second, allow_rollup_hdrs: true }, { sealed: true, allow_rollup_hdrs: true }),
    ).toMatchObject({
      sealed: true,
      max_age: 0,
      discard: "new",
      deny_delete: true,
      deny_purge: true,
      allow_rollup_hdrs: false,
    });
  });
});

describe("metadata", () => {
  const levels: [RequestedStreamConfig, string][] = [
    [{}, "0"],
    [{ allow_msg_ttl: true }, "1"],
    [{ subject_delete_marker_ttl: second }, "1"],
    [{ allow_msg_counter: true }, "2"],
    [{ allow_atomic: true, allow_msg_ttl: true }, "2"],
    [{ persist_mode: "async" }, "2"],
    [{ allow_batched: true, allow_atomic: true }, "4"],
  ];
  test.each(levels)("the level that %j needs", (config, level) => {
    expect(streamMetadata(config)).toEqual({ "_nats.req.level": level });
  });

  test("of consumers", () => {
    expect(consumerMetadata({})).toEqual({ "_nats.req.level": "0" });
    expect(consumerMetadata({ pause_until: "2030-01-01T00:00:00Z" })["_nats.req.level"]).toBe("1");
    expect(consumerMetadata({ priority_groups: ["a"] })["_nats.req.level"]).toBe("1");
    expect(consumerMetadata({ ack_policy: "flow_control" })["_nats.req.level"]).toBe("4");
  });

  test("what the server says of itself is not taken from a client", () => {
    const kept = streamMetadata({
      metadata: { own: "1", "_nats.ver": "9", "_nats.level": "9", "_nats.req.level": "9" },
    });
    expect(kept).toEqual({ own: "1", "_nats.req.level": "0" });
    expect(withVersions({ metadata: kept }).metadata).toEqual({
      own: "1",
      "_nats.req.level": "0",
      "_nats.ver": "2.14.0",
      "_nats.level": "4",
    });
  });
});
