import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { optionsFromObject } from "../../src/config/embedding.ts";
import { defaultJetStreamLimits } from "../../src/config/jetstream-defaults.ts";
import { diffOptions } from "../../src/config/reload.ts";
import { ConfigError } from "../../src/config/grammar/diagnostics.ts";
import { load, problemsOf } from "./helper.ts";

function jetstream(text: string) {
  return load(text).options.jetstream;
}

function accountLimits(text: string, name: string) {
  return load(text).options.accounts.find((account) => account.name === name)?.jetstream;
}

describe("on and off", () => {
  test.each(["jetstream: true", "jetstream: enabled", "jetstream: ENABLE", "jetstream {}"])("%j", (text) => {
    expect(jetstream(text)).not.toBeNull();
  });

  test.each(["", "jetstream: false", "jetstream: disabled", "jetstream { enabled: false, store_dir: /tmp }"])(
    "%j",
    (text) => expect(jetstream(text)).toBeNull(),
  );

  test("by flag, over the file", () => {
    expect(load("jetstream: false", { flags: { jetstream: true } }).options.jetstream).not.toBeNull();
    expect(load("jetstream: true", { flags: { jetstream: false } }).options.jetstream).toBeNull();
  });
});

describe("keys and their other spellings", () => {
  const cases: [string, object][] = [
    ["store_dir: /d", { storeDir: "/d" }],
    ["storedir: /d", { storeDir: "/d" }],
    ["store: /d", { storeDir: "/d" }],
    ["max_mem: 1M", { maxMemoryBytes: 1_000_000 }],
    ['max_memory_store: "1M"', { maxMemoryBytes: 1_048_576 }],
    ["max_mem_store: 1MB", { maxMemoryBytes: 1_048_576 }],
    ['max_file: "2G"', { maxStoreBytes: 2_147_483_648 }],
    ['max_file_store: "3T"', { maxStoreBytes: 3_298_534_883_328 }],
    ["sync_interval: always", { syncIntervalMs: 0 }],
    ["sync: 10s", { syncIntervalMs: 10_000 }],
    ["domain: hub", { domain: "hub" }],
    ["unique_tag: ' AZ:'", { uniqueTag: "az:" }],
    ["strict: false", { strict: false }],
    ["request_queue_limit: 5", { requestQueueMax: 5 }],
    ["limits { max_ack_pending: 7 }", { limits: { maxAckPending: 7 } }],
    ["limits { max_request_batch: 8 }", { limits: { maxRequestBatch: 8 } }],
    ["limits { duplicate_window: 60s }", { limits: { duplicateWindowMs: 60_000 } }],
    [
      "limits { batch { max_msgs: 3, timeout: 5s } }",
      { limits: { batch: { maxMessages: 3, timeoutMs: 5_000 } } },
    ],
    [
      "limits { batch { max_inflight_per_stream: 1, max_inflight_total: 0 } }",
      { limits: { batch: { maxInflightPerStream: 1, maxInflightTotal: 1_000 } } },
    ],
  ];
  test.each(cases)("%j", (text, expected) => {
    expect(jetstream(`jetstream { ${text} }`)).toMatchObject(expected);
  });

  test("what is acknowledged is on disk unless somebody says otherwise", () => {
    expect(jetstream("jetstream {}")).toMatchObject({ syncIntervalMs: 0, strict: true, domain: null });
  });

  test("less than nothing is as much as there usually is", () => {
    const usual = jetstream("jetstream {}");
    expect(jetstream("jetstream { max_memory_store: -1, max_file_store: -1 }")).toEqual(usual);
    expect(jetstream("jetstream { max_memory_store: 0 }")).toMatchObject({ maxMemoryBytes: 0 });
  });

  test("a directory of its own where none was named, and a word about that", () => {
    const { options, warnings } = load("jetstream {}");
    expect(options.jetstream?.storeDir).toBe(join(tmpdir(), "frond"));
    expect(warnings).toEqual([expect.stringContaining("Temporary storage directory used")]);
    expect(load("jetstream {}", { flags: { storeDir: "/d" } })).toMatchObject({
      options: { jetstream: { storeDir: "/d" } },
      warnings: [],
    });
  });

  test("the directory may stand beside the block, but once", () => {
    expect(jetstream("store_dir: /d\njetstream {}")?.storeDir).toBe("/d");
    expect(problemsOf("store_dir: /d\njetstream { store_dir: /e }")).toEqual([
      "2:13: Duplicate 'store_dir' configuration",
    ]);
  });
});

describe("what is wrong", () => {
  const cases: [string, string][] = [
    ["jetstream: perhaps", "1:1: Expected 'enabled' or 'disabled' for string value, got 'perhaps'"],
    ["jetstream: 1", "1:1: Expected map, bool or string to define JetStream, got an integer"],
    ["jetstream { foo: 1 }", '1:13: unknown field "foo"'],
    ['jetstream { max_file: "10GB" }', "max_file_store strconv.ParseInt"],
    ['jetstream { max_file: "10g" }', "max_file_store sizes defined as strings must end in K, M, G, T"],
    ["jetstream { max_mem: true }", "max_mem_store must be int64 or string"],
    ["jetstream { domain: a.b }", "invalid domain name"],
    ["jetstream { domain: ACK }", 'invalid domain name: "ACK" is reserved'],
    ["jetstream { key: secret }", '"key" is not supported by Frond yet'],
    ["jetstream { limits { foo: 1 } }", 'unknown field "foo"'],
    ["accounts { A { jetstream { max_streams: many } } }", '"max_streams" must be an integer'],
    ["accounts { A { jetstream { foo: 1 } } }", 'unknown field "foo"'],
    ["jetstream {}\nsystem_account: S\naccounts { S { jetstream: true } }", "system account"],
  ];
  test.each(cases)("%j", (text, problem) => {
    expect(problemsOf(text)).toEqual([expect.stringContaining(problem)]);
  });
});

describe("accounts", () => {
  test("without any of one's own it is for everybody", () => {
    expect(accountLimits("jetstream {}", "$G")).toEqual(defaultJetStreamLimits);
    expect(accountLimits("jetstream {}", "$SYS")).toBeNull();
    expect(accountLimits("", "$G")).toBeNull();
  });

  test("where there are some, those that ask for it have it", () => {
    const text = "jetstream {}\naccounts { A { jetstream: enabled }, B {}, C { jetstream: disabled } }";
    expect(accountLimits(text, "A")).toEqual(defaultJetStreamLimits);
    for (const name of ["$G", "B", "C"]) expect(accountLimits(text, name)).toBeNull();
  });

  test("limits", () => {
    const limits = "max_mem: 1, max_file: 2, max_streams: 3, max_consumers: 4, max_ack_pending: 5";
    const more = "mem_max_stream_bytes: 6, disk_max_stream_bytes: 7, max_bytes_required: true";
    expect(accountLimits(`jetstream {}\naccounts { A { jetstream { ${limits}, ${more} } } }`, "A")).toEqual({
      maxMemoryBytes: 1,
      maxStoreBytes: 2,
      maxStreams: 3,
      maxConsumers: 4,
      maxAckPending: 5,
      memoryStreamBytesMax: 6,
      storeStreamBytesMax: 7,
      maxBytesRequired: true,
    });
  });
});

describe("embedded", () => {
  test("without a directory nothing is kept", () => {
    const { options, warnings } = optionsFromObject({ jetstream: true });
    expect(options.jetstream?.storeDir).toBeNull();
    expect(warnings).toEqual([]);
    expect(optionsFromObject({ jetstream: false }).options.jetstream).toBeNull();
  });

  test("accounts", () => {
    const { options } = optionsFromObject({
      jetstream: { syncInterval: "always" },
      accounts: {
        A: { jetstream: true },
        B: {
          jetstream: {
            maxMemory: 1,
            maxFile: 2,
            maxStreams: 3,
            maxConsumers: 4,
            maxAckPending: 5,
            memoryMaxStreamBytes: 6,
            fileMaxStreamBytes: 7,
            maxBytesRequired: true,
          },
        },
      },
    });
    const limits = Object.fromEntries(options.accounts.map(({ name, jetstream: own }) => [name, own]));
    expect(limits["A"]).toEqual(defaultJetStreamLimits);
    expect(limits["B"]).toMatchObject({ maxMemoryBytes: 1, storeStreamBytesMax: 7, maxBytesRequired: true });
    expect(limits["$G"]).toBeNull();
  });
});

describe("a reload", () => {
  const before = load('jetstream { store_dir: /d, max_mem: 10, max_file: "1G", domain: a }').options;
  const differenceTo = (text: string) => diffOptions(before, load(text).options);

  test("may allow more", () => {
    const { changes } = differenceTo('jetstream { store_dir: /d, max_mem: 11, max_file: "1G", domain: a }');
    expect(changes.map(({ option }) => option)).toEqual(["jetstream.maxMemoryBytes"]);
  });

  test("may switch it on and off, and change its limits", () => {
    const optionsOf = (from: string, to: string): string[] =>
      diffOptions(load(from).options, load(to).options).changes.map(({ option }) => option);
    const on = "jetstream { store_dir: /d }";
    expect(optionsOf("jetstream: false", on)).toContain("jetstream");
    expect(optionsOf(on, "jetstream: false")).toContain("jetstream");
    const limits = "max_ack_pending: 1, max_request_batch: 2, duplicate_window: '1m', batch { max_msgs: 3 }";
    expect(optionsOf(on, `jetstream { store_dir: /d, limits { ${limits} } }`)).toEqual(["jetstream.limits"]);
  });

  const refused: [string, string][] = [
    ['jetstream { store_dir: /e, max_mem: 10, max_file: "1G", domain: a }', "StoreDir"],
    ['jetstream { store_dir: /d, max_mem: 9, max_file: "1G", domain: a }', "JetStreamMaxMemory"],
    ['jetstream { store_dir: /d, max_mem: 10, max_file: "1M", domain: a }', "JetStreamMaxStore"],
    ['jetstream { store_dir: /d, max_mem: 10, max_file: "1G", domain: b }', "JetStreamDomain"],
  ];
  test.each(refused)("to %j is refused", (text, name) => {
    let problems: readonly string[] = [];
    try {
      differenceTo(text);
    } catch (error) {
      problems = (error as ConfigError).diagnostics;
    }
    expect(problems).toEqual([expect.stringContaining(`config reload not supported for ${name}:`)]);
  });
});
