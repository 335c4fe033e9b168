/** The same files, checked by Frond and by a real nats-server: same verdict, and where the text is its own, same text. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { testConfig } from "../../src/config/load.ts";
import type { TestResult } from "../../src/config/load.ts";
import { writeFiles } from "./helper.ts";
import { patienceMs } from "../fixture/waiting.ts";
import { describeWith, natsServer } from "../fixture/needs.ts";

const server = natsServer("2.12.0");

const directory = writeFiles({
  "certs/empty.pem": "",
  "sub/users.conf":
    "users: [{ user: a, password: $2a$11$W2zko751KUvVy59mUTWmpOdWjpEm5qhcCZRd05GjI/sSOT.xtiHyG }]\ninclude more/timeout.conf",
  "sub/more/timeout.conf": "timeout: 2",
});
const file = join(directory, "a.conf");
const env = {
  PATH: process.env["PATH"],
  FROND_TEST_PORT: "4333",
  FROND_TEST_MAP: "{ user: x, password: y }",
};

function verdicts(text: string): {
  reference: string;
  ours: string;
  codes: [number | null, TestResult["exitCode"]];
} {
  writeFileSync(file, text);
  const { stderr, status } = spawnSync(server.path, ["-t", "-c", file], {
    env,
    encoding: "utf8",
    timeout: patienceMs,
  });
  const { lines, exitCode } = testConfig({ file, env }, "nats-server");
  // Its columns start from 0 on the first line, and from 1 on the others.
  const reference = stderr.trim().replace(/(?<=\.conf:1:)\d+(?=: )/g, (column) => String(Number(column) + 1));
  return { reference, ours: lines.join("\n"), codes: [status, exitCode] };
}

const sameText = [
  // Valid: the digest is in the text.
  "port: 4222",
  '{ "port": 4222, "authorization": { "token": "x" } }',
  'port = $FROND_TEST_PORT\nhttp: "0.0.0.0:8222"; server_tags: ["a:b"]\nserver_metadata { a: "<b>" }',
  "authorization $FROND_TEST_MAP",
  "authorization { include 'sub/users.conf' }",
  "max_conn: 0, max_subs: 5, max_control_line: 1KB, max_pending: 64MB, max_payload: 2kib",
  'websocket { port: 80, no_tls: true, compression: true, allowed_origins: ["http://a"], handshake_timeout: "2s" }',
  "trace_headers: true, logtime_utc: yes\nlog_file: '/tmp/x.log'; logfile_size_limit: 1Gb",
  "port: 4222 }",
  "my: { publish: a }\nauthorization { users: [{user: u, permissions: $my}] }",
  'accounts { p: {publish: a}, A: {users: [{user: u, permissions: $p}], mappings { "x.*": "y.{{partition(3,1)}}" }} }',
  'authorization: { default_permissions = { publish: { allow: [ "a", "b.>" ], deny: "c" } }, users: [{ user: "x", password: "y" }] }',
  'authorization { users [ { user: a, permissions { subscribe: ["x q", "y.* z.>"], allow_responses: { max: 5, expires: "1m" } } } ] }',
  "system_account: A\naccounts: { A: { users: [{user: a, pass: b}] } }",
  "jetstream: disabled\nleafnodes {}\ncluster {}\nproxies {}\ngateway {}\nmqtt {}",
  'lame_duck_duration: "1m"\nlame_duck_grace_period: "5s"\nping_interval: "20s"\nwrite_deadline: 1m30s',
  "# only a comment",
  "",
  // Refused.
  "foo: 1",
  "port: 4222\n  foo: 1\n",
  "authorization { user: a, foo: 1 }",
  'authorization { users = [{user: a, password: b, permissions: {foo: "a"}}] }',
  "authorization { users = [{user: a, password: b, permissions: {subscribe: {foo: x}}}] }",
  "authorization { users = [{user: a, password: b, permissions: {allow_responses: 5}}] }",
  "authorization { users = [{user: a, password: b, permissions: {allow_responses: {expires: 5}}}] }",
  "authorization { users = [{user: a, connection_types: [FOO ]}] }",
  "authorization { users: [{nkey: x}] }",
  "authorization { user: a, pass: b, token: c }",
  "accounts { $G {} }",
  "accounts { A { foo: 1 } }",
  "accounts { A { nkey: x } }",
  "accounts { A { limits { foo: 1 } } }",
  "accounts { A: 5 }",
  "accounts [A, A]",
  "mappings { a: { dest: b } }",
  "mappings { a: { dest: b, weight: 101 } }",
  'mappings { a: { dest: b, weight: "x%" } }',
  "mappings { a: { dest: b, weight: 1, foo: 2 } }",
  'mappings { "a": "b.$1" }',
  "mappings { a: [{dest: b, weight: 60}, {dest: c, weight: 50}] }",
  'server_name: "a b"',
  'lame_duck_duration: "10s"',
  'lame_duck_grace_period: "-1s"',
  "listen: abc",
  'listen: "a:b"',
  "cluster { foo: 1 }",
  'cluster { name: "a b" }',
  "cluster { name: _ }",
  "gateway { foo: 1 }",
  "mqtt { foo: 1 }",
  "tls { verify: optional, verify_and_map: true }",
  "leafnodes { ping_interval: 5 }",
  "tls { foo: 1 }",
  "tls { cipher_suites: [] }",
  "tls { cipher_suites: [FOO] }",
  "tls { curve_preferences: [FOO ] }",
  'tls { min_version: "1.1" }',
  'tls { min_version: "1.5" }',
  "tls { pinned_certs: [abc ] }",
  "tls { cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA] }",
  "websocket { foo: 1 }",
  // Let pass at a start, but not here.
  "ping_interval: 5",
  "websocket { ping_interval: 5 }",
];

const sameVerdict = [
  "a: $nowhere",
  "include nope.conf",
  "leafnodes { compression { foo: 1 } }",
  "leafnodes { port: 7422, compression: S2_Fast }",
  "leafnodes { port: 7422, compression { rtt_thresholds: [10ms, 20ms] } }",
  "leafnodes { port: 7422, compression { rtt_thresholds: ['20ms', '10ms'] } }",
  "cluster { port: 6222, routes: [] }",
  "cluster { name: c }",
  "port: abc",
  'debug: "true"',
  "port: 1.5",
  "a: { b: 1 ]",
  "a: 'b",
  'a: "\\q"',
  "a: 2016-05-04",
  "port: 4222 4223",
  "authorization { users: [{user: a},{user: a}] }",
  'authorization { users = [{user: a, permissions: {publish: "a..b"}}] }',
  "authorization { users: [{password: x}] }",
  "authorization { user: a, users: [] }",
  "mappings { a..b: c }",
  "max_payload: 3g",
  "max_sub_tokens: 256",
  "max_sub_tokens: 0",
  'write_deadline: "10x"',
  "lame_duck_duration: 60",
  "websocket { headers { a: 1 } }",
  'tls { cert_file: "/nowhere/a.pem", key_file: "/nowhere/b.pem" }',
  "tls { verify: 5 }",
  "tls { min_version: 1.2 }",
  "authorization { token: t, timeout: 90 }",
  "prof_port: 6060\nsyslog: true\nconnect_error_reports: 5",
];

describeWith(server, "compared with nats-server", () => {
  test.each(sameText)("same text: %j", (text) => {
    const { reference, ours, codes } = verdicts(text);
    expect(ours).toBe(reference);
    expect(codes[1]).toBe(codes[0]);
  });

  test.each(sameVerdict)("same verdict: %j", (text) => {
    const { codes } = verdicts(text);
    expect(codes[1]).toBe(codes[0]);
  });
});
