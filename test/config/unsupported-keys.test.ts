import { describe, expect, test } from "vitest";
import { load, problemsOf } from "./helper.ts";

describe("what changes behaviour when it is missing is refused", () => {
  const cases: [string, string][] = [
    ["jetstream { key: abc }", "key"],
    ["jetstream { cipher: aes }", "cipher"],
    ["cluster { port: 6222, routes: ['nats://a:6222' ] }", "routes"],
    ["gateway { name: g, port: 7222 }", "gateway"],
    ["mqtt { port: 1883 }", "mqtt"],
    ["operator: op.jwt", "operator"],
    ["operators: [a.jwt, b.jwt]", "operators"],
    ["resolver: MEMORY", "resolver"],
    ["resolver { type: full, dir: x }", "resolver"],
    ["resolver_preload { A: x }", "resolver_preload"],
    ["trusted_keys: [OX]", "trusted_keys"],
    ["default_sentinel: x", "default_sentinel"],
    ["proxies { trusted: [{key: x}] }", "proxies"],
    ["proxy_protocol: true", "proxy_protocol"],
    ["ocsp: true", "ocsp"],
    ["ocsp { mode: always }", "ocsp"],
    ["authorization { auth_callout { issuer: A } }", "auth_callout"],
    ["authorization { proxy_required: true }", "proxy_required"],
    ["authorization { users: [{user: a, proxy_required: true}] }", "proxy_required"],
    ["accounts { A { exports: [{ stream: a }] } }", "exports"],
    ["accounts { A { imports: [{ stream: {account: B, subject: a} }] } }", "imports"],
    ["tls { ocsp_peer: true }", "ocsp_peer"],
    ["tls { cert_store: WindowsCurrentUser }", "cert_store"],
    ["tls { verify_cert_and_check_known_urls: true }", "verify_cert_and_check_known_urls"],
  ];
  test.each(cases)("%j", (text, key) => {
    const problem = problemsOf(text).find((candidate) => candidate.includes("is not supported by Frond yet"));
    expect(problem).toMatch(new RegExp(`^1:\\d+: "${key}" is not supported by Frond yet: .+$`));
  });
});

describe("the same switched off or empty is let pass without a word", () => {
  const cases = [
    "jetstream: false",
    "jetstream: disabled",
    "jetstream { enabled: false, store_dir: /tmp }",
    "leafnodes {}",
    "leafnodes { remotes: [] }",
    "cluster {}",
    "gateway {}",
    "mqtt {}",
    "proxies { }",
    "proxy_protocol: false",
    "ocsp: false",
    "ocsp { mode: never }",
    "ocsp_cache: false",
    "syslog: false",
    "prof_port: 0",
    "disable_sublist_cache: false",
    "write_timeout: default",
    "write_timeout: close",
    "feature_flags {}",
    "accounts { A { exports: [], imports: [], jetstream: disabled } }",
    "authorization { proxy_required: false }",
  ];
  test.each(cases)("%j", (text) => {
    expect(load(text).warnings).toEqual([]);
  });
});

describe("what can be left out in peace is named in a warning", () => {
  const cases: [string, string][] = [
    ["syslog: true", '"syslog" is ignored: the log goes to log_file, or else to standard error'],
    [
      "remote_syslog: 'udp://a:514'",
      '"remote_syslog" is ignored: the log goes to log_file, or else to standard error',
    ],
    ["prof_port: 6060", '"prof_port" is ignored:'],
    ["connect_error_reports: 5", '"connect_error_reports" is ignored:'],
    ["reconnect_error_reports: 5", '"reconnect_error_reports" is ignored:'],
    ["disable_sublist_cache: true", '"disable_sublist_cache" is ignored:'],
    ["write_timeout: retry", '"write_timeout" is ignored: a client that misses write_deadline is closed'],
    ["jetstream { store_dir: /tmp, max_buffered_msgs: 5 }", '"max_buffered_msgs" is ignored:'],
    ["feature_flags { a: true }", '"feature_flags" is ignored:'],
    ["default_js_domain { A: b }", '"default_js_domain" is ignored:'],
    ["leafnodes { port: 7422, write_timeout: retry }", '"write_timeout" is ignored'],
    ["leaf { listen: '127.0.0.1:-1', compression: s2_fast }", '"compression" is ignored'],
    ["cluster { name: c, listen: 0.0.0.0:6222, routes: [] }", '"cluster" is ignored: Frond is one node'],
    ["cluster { name: c }", '"cluster" is ignored: Frond is one node'],
    [
      "leaf { port: -1, compression { mode: S2_AUTO, rtt_thresholds: ['0s', 10ms] } }",
      '"compression" is ignored',
    ],
    ["ocsp_cache: true", '"ocsp_cache" is ignored:'],
    ["accounts { A { limits { max_leafs: 3 } } }", '"max_leafs" is ignored:'],
    ["accounts { A { msg_trace: a.b } }", '"msg_trace" is ignored: messages are not traced'],
    [
      "mappings { a: [{dest: b, weight: 50, cluster: west}] }",
      'destinations for cluster "west" are left out: Frond is part of no cluster',
    ],
  ];
  test.each(cases)("%j", (text, warning) => {
    const { warnings, hasMisuse } = load(text);
    expect(warnings).toEqual([expect.stringContaining(warning)]);
    expect(hasMisuse).toBe(false);
  });
});
