import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { diffOptions } from "../../src/config/reload.ts";
import { load, refusal, writeFiles } from "./helper.ts";

const directory = writeFiles({ "c.pem": "", "k.pem": "", "d.pem": "" });
const tls = (cert: string, more = ""): string =>
  `tls { cert_file: '${join(directory, cert)}', key_file: '${join(directory, "k.pem")}' ${more} }`;

function difference(before: string, after: string): { changes: string[]; groups: string[] } {
  const { changes, groups } = diffOptions(load(before).options, load(after).options);
  return { changes: changes.map(({ option }) => option), groups: [...groups] };
}

function refused(before: string, after: string): readonly string[] {
  return refusal(() => diffOptions(load(before).options, load(after).options));
}

describe("what may change", () => {
  const cases: [string, string, string[], string[]][] = [
    ["port: 1", "port: 1\nprof_port: 5", [], []],
    ["port: 5222", "port: -1", [], []],
    ["debug: false", "debug: true\nlog_file: x", ["log.debug", "log.file"], ["log"]],
    [
      "trace: false",
      "trace: true\ntrace_headers: true\ntrace_verbose: true\nlogtime: false\nlogtime_utc: true\nmax_traced_msg_len: 5",
      ["log.trace", "log.traceVerbose", "log.traceHeaders", "log.maxTracedBytes", "log.time", "log.timeUtc"],
      ["log"],
    ],
    [
      "max_conn: 5",
      "max_conn: 6\nmax_payload: 5k\nmax_control_line: 1k\nping_interval: '3s'\nping_max: 4\nwrite_deadline: '1s'",
      [
        "limits.maxConnections",
        "limits.maxControlLineBytes",
        "limits.maxPayloadBytes",
        "limits.pingIntervalMs",
        "limits.pingMax",
        "limits.writeDeadlineMs",
      ],
      ["limits"],
    ],
    [
      "authorization { token: a }",
      "authorization { token: b, timeout: 3 }",
      ["authorization", "limits.authTimeoutMs"],
      ["access", "limits"],
    ],
    ["accounts { A {} }", "accounts { A {}, B {} }", ["accounts"], ["access"]],
    ["mappings { a: b }", "mappings { a: c }", ["accounts"], ["access"]],
    [
      "authorization { users: [{user: a}] }",
      "authorization { users: [{user: a, permissions: {publish: x}}] }",
      ["authorization"],
      ["access"],
    ],
    [
      "authorization { users: [{user: a}, {user: b}] }\nno_auth_user: a",
      "authorization { users: [{user: b}] }",
      ["authorization", "noAuthUser"],
      ["access"],
    ],
    [
      "accounts { $SYS {} }",
      "accounts { $SYS {} }\nauthorization { token: t }",
      ["authorization", "noAuthUser"],
      ["access"],
    ],
    [
      tls("c.pem"),
      tls("d.pem", ", verify: true, timeout: 5"),
      ["tls", "limits.authTimeoutMs"],
      ["tls", "limits"],
    ],
    [tls("c.pem"), "port: 4222", ["tls", "limits.authTimeoutMs"], ["tls", "limits"]],
    [
      `websocket { port: 80, ${tls("c.pem")} }`,
      `websocket { port: -1, ${tls("d.pem")} }`,
      ["websocket.tls"],
      ["tls"],
    ],
    [
      "websocket { port: 80, no_tls: true, origins: ['http://a', 'http://b'] }",
      "websocket { port: 80, no_tls: true, origins: ['http://b', 'http://a'] }",
      [],
      [],
    ],
    [
      "pid_file: a",
      "pid_file: b\nports_file_dir: c\nclient_advertise: d\nserver_tags: e\nserver_metadata { f: g }\nno_fast_producer_stall: true",
      ["noFastProducerStall", "clientAdvertise", "serverTags", "serverMetadata", "pidFile", "portsFileDir"],
      ["limits", "identity", "files"],
    ],
  ];
  test.each(cases)("from %j to %j", (before, after, changes, groups) => {
    expect(difference(before, after)).toEqual({ changes, groups });
  });

  test("an invented user is the same again", () => {
    const text = "accounts { $SYS { users: [{user: s, password: p}] } }";
    expect(difference(text, text).changes).toEqual([]);
    expect(difference("port: 4222", text).changes).toEqual(["authorization", "noAuthUser"]);
  });
});

describe("what takes a restart", () => {
  const cases: [string, string, string][] = [
    ["port: 1", "port: 2", "Port: old=1, new=2"],
    ["host: a", "host: b", "Host: old=a, new=b"],
    ["server_name: a", "server_name: b", "ServerName: old=a, new=b"],
    ["port: 1", "port: 1\nserver_name: b", "ServerName: old=, new=b"],
    ["max_subs: 1", "max_subs: 2", "MaxSubs: old=1, new=2"],
    ["max_sub_tokens: 1", "max_sub_tokens: 2", "MaxSubTokens: old=1, new=2"],
    ["max_pending: 8mb", "max_pending: 9mb", "MaxPending: old=8388608, new=9437184"],
    ["max_closed_clients: 1", "max_closed_clients: 2", "MaxClosedClients: old=1, new=2"],
    ["no_header_support: true", "no_header_support: false", "NoHeaderSupport: old=true, new=false"],
    ["lame_duck_duration: '30s'", "lame_duck_duration: '90s'", "LameDuckDuration: old=30s, new=1m30s"],
    ["lame_duck_grace_period: '500ms'", "port: 4222", "LameDuckGracePeriod: old=500ms, new=10s"],
    ["http: 1", "http: 2", "HTTPPort: old=1, new=2"],
    ["port: 4222", "http: 2", "HTTPPort: old=0, new=2"],
    ["http: -1", "port: 4222", "HTTPPort: old=-1, new=0"],
    ["http: 'a:1'", "http: 'b:1'", "HTTPHost: old=a, new=b"],
    ["http: 1\nhttp_base_path: a", "http: 1", "HTTPBasePath: old=/a, new=/"],
    ["allow_non_tls: true", "allow_non_tls: false", "AllowNonTLS: old=true, new=false"],
    [tls("c.pem"), tls("c.pem", ", verify_and_map: true"), "TLSMap: old=false, new=true"],
    [tls("c.pem"), tls("c.pem", ", connection_rate_limit: 5"), "TLSRateLimit: old=0, new=5"],
    ["logfile_size_limit: 1", "logfile_size_limit: 2", "LogSizeLimit: old=1, new=2"],
    ["log_max_num: 1", "log_max_num: 2", "LogMaxFiles: old=1, new=2"],
    ["no_system_account: true", "no_system_account: false", "NoSystemAccount: old=true, new=false"],
    [
      "accounts [A, B]\nsystem_account: A",
      "accounts [A, B]\nsystem_account: B",
      "SystemAccount: old=A, new=B",
    ],
    [
      "authorization { users: [{user: a}] }\nno_auth_user: a",
      "authorization { users: [{user: a}] }",
      "NoAuthUser: old=a, new=",
    ],
    [
      "authorization { users: [{user: a}] }",
      "authorization { users: [{user: a}] }\nno_auth_user: a",
      "NoAuthUser: old=, new=a",
    ],
    ["websocket { port: 80, no_tls: true }", "port: 4222", "Websocket: old=80, new=off"],
    [
      "websocket { port: 80, no_tls: true }",
      "websocket { port: 81, no_tls: true }",
      "Websocket.port: old=80, new=81",
    ],
    [
      "websocket { port: 80, no_tls: true }",
      "websocket { port: 80, no_tls: true, compression: true }",
      "Websocket.compression: old=false, new=true",
    ],
    [
      "websocket { port: 80, no_tls: true, authorization { token: secret1 } }",
      "websocket { port: 80, no_tls: true, authorization { token: secret2 } }",
      "Websocket.authorization",
    ],
    [
      "websocket { port: 80, no_tls: true }",
      `websocket { port: 80, ${tls("c.pem")} }`,
      "Websocket.tls: old=off, new=[false]",
    ],
  ];
  test.each(cases)("from %j to %j", (before, after, text) => {
    expect(refused(before, after)).toEqual([`config reload not supported for ${text}`]);
  });

  test("is said of every change at once", () => {
    expect(refused("port: 1\nhost: a", "port: 2\nhost: b\ndebug: true")).toHaveLength(2);
  });
});
