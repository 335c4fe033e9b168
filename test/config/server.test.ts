import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Options } from "../../src/config/options.ts";
import { loadOptions } from "../../src/config/load.ts";
import { load, problemsOf, refusal, writeFiles } from "./helper.ts";

function optionAt(options: Options, path: string): unknown {
  return path.split(".").reduce<unknown>((value, name) => (value as Record<string, unknown>)[name], options);
}

test("without a word said, everything has nats-server's default", () => {
  const { options, warnings } = loadOptions({ env: {} });
  expect(warnings).toEqual([]);
  const limits = { maxConnections: -1, maxSubscriptions: -1, maxPayloadBytes: -1 };
  expect(options).toEqual({
    serverName: null,
    host: "0.0.0.0",
    port: 4222,
    clientAdvertise: null,
    serverTags: [],
    serverMetadata: {},
    limits: {
      maxConnections: 65_536,
      maxSubscriptions: 0,
      maxSubscriptionTokens: 0,
      maxControlLineBytes: 4096,
      maxPayloadBytes: 1_048_576,
      maxPendingBytes: 67_108_864,
      pingIntervalMs: 120_000,
      pingMax: 2,
      writeDeadlineMs: 10_000,
      authTimeoutMs: 2_000,
    },
    noHeaderSupport: false,
    noFastProducerStall: false,
    lameDuckDurationMs: 120_000,
    lameDuckGracePeriodMs: 10_000,
    maxClosedClients: 10_000,
    tls: null,
    allowNonTls: false,
    websocket: null,
    leafnodes: null,
    jetstream: null,
    authorization: { user: null, password: null, token: null, users: null, nkeys: null },
    accounts: [
      { name: "$G", nkey: null, limits, mappings: [], jetstream: null },
      { name: "$SYS", nkey: null, limits, mappings: [], jetstream: null },
    ],
    systemAccount: "$SYS",
    noAuthUser: null,
    monitor: null,
    log: {
      debug: false,
      trace: false,
      traceVerbose: false,
      traceHeaders: false,
      maxTracedBytes: 0,
      time: true,
      timeUtc: false,
      file: null,
      fileSizeBytesMax: 0,
      fileCountMax: 0,
    },
    pidFile: null,
    portsFileDir: null,
    configFile: null,
    configDigest: null,
  });
});

test("the snapshot is frozen in every part", () => {
  const { options } = load(
    "authorization { users: [{user: a, password: b, permissions: {publish: {allow: [x]}}}] }",
  );
  const unfrozen: string[] = [];
  const walk = (value: unknown, path: string): void => {
    if (typeof value !== "object" || value === null) return;
    if (!Object.isFrozen(value)) unfrozen.push(path);
    for (const [key, part] of Object.entries(value)) walk(part, `${path}.${key}`);
  };
  walk(options, "options");
  expect(unfrozen).toEqual([]);
});

describe("keys, their other spellings and units", () => {
  const cases: [string, string, unknown][] = [
    ["host: 127.0.0.1", "host", "127.0.0.1"],
    ["net: '::1'", "host", "::1"],
    ["port: 5222", "port", 5222],
    ["PORT: 5222", "port", 5222],
    ["port: 0", "port", 4222],
    ["port: -1", "port", 0],
    ["listen: 5222", "port", 5222],
    ["listen: '10.0.0.1:5222'", "host", "10.0.0.1"],
    ["listen: 10.0.0.1:5222", "port", 5222],
    ["listen: '[::1]:5222'", "host", "::1"],
    ["listen: ':5222'", "host", "0.0.0.0"],
    ["listen: 'localhost:-1'", "port", 0],
    ["client_advertise: 'example.com:80'", "clientAdvertise", "example.com:80"],
    ["client_advertise: example.com", "clientAdvertise", "example.com"],
    ["server_name: n1", "serverName", "n1"],
    ["server_tags: 'Region:EU'", "serverTags", ["region:eu"]],
    ["server_tags: [a, ' B ', a, '']", "serverTags", ["a", "b"]],
    ["server_metadata { Site: Hall, a: b }", "serverMetadata", { Site: "Hall", a: "b" }],
    ["max_connections: 5", "limits.maxConnections", 5],
    ["max_conn: 100", "limits.maxConnections", 100],
    ["max_conn: 0", "limits.maxConnections", 0],
    ["max_conn: -1", "limits.maxConnections", 0],
    ["max_subscriptions: 5", "limits.maxSubscriptions", 5],
    ["max_subs: -1", "limits.maxSubscriptions", 0],
    ["max_subscription_tokens: 8", "limits.maxSubscriptionTokens", 8],
    ["max_sub_tokens: 255", "limits.maxSubscriptionTokens", 255],
    ["max_control_line: 2kb", "limits.maxControlLineBytes", 2048],
    ["max_payload: 2MB", "limits.maxPayloadBytes", 2_097_152],
    ["max_payload: 0", "limits.maxPayloadBytes", 1_048_576],
    ["max_pending: 8m", "limits.maxPendingBytes", 8_000_000],
    ["ping_interval: '30s'", "limits.pingIntervalMs", 30_000],
    ["ping_interval: 1m30s", "limits.pingIntervalMs", 90_000],
    ["ping_interval: 5", "limits.pingIntervalMs", 5_000],
    ["ping_max: 3", "limits.pingMax", 3],
    ["write_deadline: '500ms'", "limits.writeDeadlineMs", 500],
    ["write_deadline: 0", "limits.writeDeadlineMs", 10_000],
    ["lame_duck_duration: '45s'", "lameDuckDurationMs", 45_000],
    ["lame_duck_grace_period: '1s'", "lameDuckGracePeriodMs", 1_000],
    ["max_closed_clients: 10", "maxClosedClients", 10],
    ["no_header_support: true", "noHeaderSupport", true],
    ["no_fast_producer_stall: yes", "noFastProducerStall", true],
    ["allow_non_tls: on", "allowNonTls", true],
    ["pid_file: /tmp/a.pid", "pidFile", "/tmp/a.pid"],
    ["pidfile: '/tmp/a.pid'", "pidFile", "/tmp/a.pid"],
    ["ports_file_dir: /tmp", "portsFileDir", "/tmp"],
    ["debug: true", "log.debug", true],
    ["trace: true", "log.trace", true],
    ["trace_verbose: true", "log.trace", true],
    ["trace_verbose: true", "log.traceVerbose", true],
    ["trace_headers: true", "log.trace", true],
    ["trace_headers: true", "log.traceHeaders", true],
    ["trace: true\ntrace_verbose: false", "log.trace", true],
    ["logtime: false", "log.time", false],
    ["logtime_utc: true", "log.timeUtc", true],
    ["logfile: a.log", "log.file", "a.log"],
    ["log_file: a.log", "log.file", "a.log"],
    ["logfile_size_limit: 1GB", "log.fileSizeBytesMax", 2 ** 30],
    ["log_size_limit: 10", "log.fileSizeBytesMax", 10],
    ["logfile_max_num: 3", "log.fileCountMax", 3],
    ["log_max_num: 3", "log.fileCountMax", 3],
    ["max_traced_msg_len: 64", "log.maxTracedBytes", 64],
    ["http: 8222", "monitor", { host: "0.0.0.0", port: 8222, httpsPort: null, basePath: "/" }],
    ["http: '127.0.0.1:8222'", "monitor.host", "127.0.0.1"],
    ["host: 10.0.0.1\nhttp_port: 8222", "monitor.host", "10.0.0.1"],
    ["monitor_port: -1", "monitor.port", 0],
    ["http_port: 0", "monitor", null],
    ["http: 1\nhttp_base_path: nats", "monitor.basePath", "/nats"],
    ["http: 1\nhttp_base_path: '/a//b/../c/'", "monitor.basePath", "/a/c"],
    ["http: 1\nhttp_base_path: '/'", "monitor.basePath", "/"],
    ["system_account: A\naccounts { A {}, B {} }", "systemAccount", "A"],
    ["system: A\naccounts { A {}, B {} }", "systemAccount", "A"],
    ["no_system_account: true", "systemAccount", null],
    ["no_system: true", "systemAccount", null],
    ["no_sys_acc: true", "systemAccount", null],
    ["no_sys_acc: true\naccounts { $SYS {} }", "systemAccount", "$SYS"],
    ["authorization { timeout: 5 }", "limits.authTimeoutMs", 5_000],
    ["authorization { timeout: 0.5 }", "limits.authTimeoutMs", 500],
    ["authorization { timeout: '1m' }", "limits.authTimeoutMs", 60_000],
  ];
  test.each(cases)("%j sets %s to %j", (text, path, expected) => {
    expect(optionAt(load(text).options, path)).toEqual(expected);
  });

  test("a later spelling wins over an earlier one", () => {
    expect(load("max_conn: 1\nmax_connections: 2").options.limits.maxConnections).toBe(2);
    expect(load("listen: 'a:1'\nport: 2").options).toMatchObject({ host: "a", port: 2 });
  });

  test("the file and its digest are kept", () => {
    const file = join(writeFiles({ "a.conf": "a: 1\nport: $a" }), "a.conf");
    const { options } = loadOptions({ file, env: {} });
    expect(options.configFile).toBe(file);
    expect(options.configDigest).toMatch(/^sha256:[\da-f]{64}$/);
  });
});

describe("wrong values are refused with their place", () => {
  const cases: [string, string][] = [
    ["foo: 1", '1:1: unknown field "foo"'],
    ["\n  Foo: 1", '2:3: unknown field "Foo"'],
    ["port: abc", '1:1: "port" must be an integer, not a string'],
    ["port: '1'", '1:1: "port" must be an integer, not a string'],
    ["port: 1.5", '1:1: "port" must be an integer, not a decimal number'],
    ["port: 70000", '1:1: "port" must be a port from -1 to 65535, not 70000'],
    ["host: 5", '1:1: "host" must be a string, not an integer: put quotes around it'],
    ["host: [a]", '1:1: "host" must be a string, not an array'],
    ["debug: 1", '1:1: "debug" must be true or false, not an integer'],
    ["listen: abc", '1:1: could not parse address string "abc"'],
    ["listen: 'a:b'", '1:1: could not parse port "b"'],
    ["listen: [1]", '1:1: "listen" must be a port, or "host:port"'],
    ["http: '::1:80'", '1:1: could not parse address string "::1:80"'],
    ["server_name: 'a b'", "1:1: server name cannot contain spaces"],
    ["server_tags: 5", '1:1: "server_tags" must be a string or an array of strings, not an integer'],
    ["server_metadata: a", '1:1: expected "server_metadata" to be a map, not a string'],
    ["server_metadata { a: 1 }", '1:19: "a" must be a string, not an integer: put quotes around it'],
    ["max_payload: 2147483648", "1:1: max_payload value is too big: it may be at most 2147483647"],
    ["max_payload: -1", "1:1: max_payload value can not be negative"],
    ["max_control_line: 3g", "1:1: max_control_line value is too big: it may be at most 2147483647"],
    ["max_pending: 9e", "1:1: max_pending value is too big"],
    ["max_sub_tokens: 256", "1:1: max_sub_tokens value is too big: it may be at most 255"],
    ["max_sub_tokens: 0", "1:1: max_sub_tokens value must be at least 1; leave it out for no limit"],
    ["max_sub_tokens: -1", "1:1: max_sub_tokens value can not be negative"],
    ["ping_interval: '-5s'", "1:1: ping_interval can not be negative"],
    [
      "ping_interval: true",
      '1:1: "ping_interval" must be a duration in quotes, such as "30s", not a boolean',
    ],
    [
      "lame_duck_duration: 60",
      '1:1: "lame_duck_duration" must be a duration in quotes, such as "30s", not an integer',
    ],
    ["lame_duck_duration: '10s'", "1:1: invalid lame_duck_duration of 10s, minimum is 30 seconds"],
    ["lame_duck_grace_period: '-1s'", "1:1: invalid lame_duck_grace_period, needs to be positive"],
    [
      "lame_duck_grace_period: '2m'",
      "lame duck grace period (2m0s) should be strictly lower than lame duck duration (2m0s)",
    ],
    [
      "max_payload: 2mb\nmax_pending: 1mb",
      "max_payload (2097152) cannot be higher than max_pending (1048576)",
    ],
    ["http: 1\nhttps: 2\nallow_non_tls: true", "can't specify both HTTP (1) and HTTPs (2) ports"],
    ["https: 2", "TLS cert and key required for HTTPS"],
    ["client_advertise: 'a b:1'", 'client_advertise must be host or host:port, not "a b:1"'],
    ["client_advertise: 'a:b'", 'client_advertise must be host or host:port, not "a:b"'],
    ["system_account: X", 'error resolving system account: account missing: "X" is not among the accounts'],
    ["system_account: 5", '1:1: "system_account" must be a string, not an integer: put quotes around it'],
    ["tls {}", "tls needs a certificate: set cert_file and key_file"],
  ];
  test.each(cases)("%j", (text, problem) => {
    expect(problemsOf(text)).toContainEqual(expect.stringContaining(problem));
  });

  test("a duration that is none says how one is written", () => {
    expect(problemsOf("write_deadline: abc")).toEqual([
      expect.stringMatching(
        /^1:1: error parsing write_deadline: invalid duration "abc": write a number and a unit/,
      ),
    ]);
  });

  test("all of them at once, in the order of the file", () => {
    expect(problemsOf("foo: 1\nport: a\nwebsocket { bar: 1, port: b }\nlame_duck_grace_period: 3m")).toEqual([
      '1:1: unknown field "foo"',
      '2:1: "port" must be an integer, not a string',
      '3:13: unknown field "bar"',
      '3:21: "port" must be an integer, not a string',
      expect.stringMatching(/^4:1: "lame_duck_grace_period" must be a duration/),
    ]);
  });

  test("an unknown key that a variable refers to is let pass, at any depth", () => {
    expect(problemsOf("my_port: 5222\nport: $my_port")).toEqual([]);
    expect(problemsOf("websocket { p: 80, port: $p, no_tls: true, other: 1 }")).toEqual([
      '1:44: unknown field "other"',
    ]);
    expect(problemsOf("accounts { p: {publish: a}, A: {users: [{user: u, permissions: $p}]} }")).toEqual([]);
  });

  test("in an included file under that file's name", () => {
    const directory = writeFiles({ "a.conf": "include b.conf", "b.conf": "port: 1\nfoo: 1" });
    expect(refusal(() => loadOptions({ file: join(directory, "a.conf"), env: {} }))).toEqual([
      `${join(directory, "b.conf")}:2:1: unknown field "foo"`,
    ]);
  });
});

describe("warnings", () => {
  test("of the kind that nats-server counts as misuse", () => {
    expect(load("ping_interval: 5")).toMatchObject({
      warnings: [
        '1:1: invalid use of field "ping_interval": ping_interval should be converted to a duration',
      ],
      hasMisuse: true,
    });
    expect(load("authorization { token: t, timeout: 1m }")).toMatchObject({
      warnings: [
        expect.stringMatching(/^1:27: invalid use of field "timeout": timeout of 1000000 seconds is high/),
      ],
      hasMisuse: true,
    });
    expect(load("# nothing\n")).toMatchObject({
      warnings: [" config has no values or is empty"],
      hasMisuse: true,
    });
  });

  test("of the kind that is only good to know", () => {
    expect(load("max_payload: 9mb")).toMatchObject({
      warnings: [expect.stringMatching(/^1:1: max_payload \(9437184\) above 8 MiB/)],
      hasMisuse: false,
    });
    expect(load("authorization { password: p }").warnings).toEqual([
      "1:1: a password without a user protects nothing: anybody can connect",
    ]);
  });
});
