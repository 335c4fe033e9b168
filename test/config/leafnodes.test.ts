import { createUser } from "@nats-io/nkeys";
import { describe, expect, test } from "vitest";
import type { LeafNodeOptions } from "../../src/config/leafnode-options.ts";
import { diffOptions } from "../../src/config/reload.ts";
import { load, problemsOf, refusal } from "./helper.ts";

const optionsOf = (text: string): LeafNodeOptions => load(text).options.leafnodes as LeafNodeOptions;
const remoteOf = (text: string): object =>
  optionsOf(`leafnodes { remotes: [{ ${text} }] }`).remotes[0] as object;
const seed = new TextDecoder().decode(createUser().getSeed());

describe("the listener", () => {
  test("is off without a port", () => {
    for (const text of ["leafnodes {}", "leaf { tls {} }", "leafnodes { remotes: [] }", "port: 4222"])
      expect(load(text).options.leafnodes).toBeNull();
  });

  test("has nats-server's defaults", () => {
    expect(optionsOf("leafnodes { port: 7422 }")).toEqual({
      listener: {
        host: "0.0.0.0",
        port: 7422,
        advertise: null,
        isAdvertised: true,
        tls: null,
        authTimeoutMs: 2_000,
        authorization: null,
        account: "$G",
        minVersion: null,
      },
      remotes: [],
      reconnectMs: 1_000,
      dialTimeoutMs: 1_000,
      isolatesInterest: false,
      writeDeadlineMs: null,
      pingIntervalMs: null,
      pingMax: null,
    });
  });

  test("takes all its keys", () => {
    const { listener, ...rest } = optionsOf(`
      accounts { A {}, B {} }
      leaf { listen: "127.0.0.1:-1", leafnode_advertise: "a:1", minimum_version: "2.10.1", reconnect_interval: 2
        isolate: true, write_deadline: "3s", dial_timeout: "4s", compression: off
        ping_interval: "6s", ping_max: 7
        authorization { account: B, timeout: "5s", users: [{ user: a, password: b, account: A }, { user: c }] } }`);
    expect(listener).toMatchObject({
      port: 0,
      advertise: "a:1",
      minVersion: "2.10.1",
      account: "B",
      authTimeoutMs: 5_000,
      authorization: {
        users: [
          { user: "a", password: "b", account: "A" },
          { user: "c", password: "", account: "$G" },
        ],
        nkeys: [],
      },
    });
    expect(rest).toMatchObject({
      pingIntervalMs: 6_000,
      pingMax: 7,
      reconnectMs: 2_000,
      dialTimeoutMs: 4_000,
      writeDeadlineMs: 3_000,
      isolatesInterest: true,
    });
  });

  test("one user or one nkey, bound to the account", () => {
    const of = (text: string): object | undefined =>
      optionsOf(`accounts { A {} }\nleafnodes { port: 1, authorization { account: A, ${text} } }`).listener
        ?.authorization as object | undefined;
    expect(of("user: u, password: p")).toEqual({
      users: [{ user: "u", password: "p", account: "A" }],
      nkeys: [],
    });
    const nkey = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";
    expect(of(`nkey: ${nkey}`)).toEqual({ users: [], nkeys: [{ nkey, account: "A" }] });
  });
});

describe("a remote", () => {
  test.each([
    ["nats-leaf://h", { scheme: "tcp", host: "h", port: 7422, path: "", user: null, password: null }],
    ["nats://u:p%40@h:1", { scheme: "tcp", port: 1, user: "u", password: "p@" }],
    ["tls://token@[::1]:2", { scheme: "tls", host: "::1", port: 2, user: "token", password: null }],
    ["ws://h", { scheme: "ws", port: 7422, path: "/leafnode" }],
    ["h", { scheme: "tcp", host: "h", port: 7422, path: "" }],
    [" h.example.com:1 ", { scheme: "tcp", host: "h.example.com", port: 1 }],
    ["u:p@127.0.0.1:2", { scheme: "tcp", host: "127.0.0.1", port: 2, user: "u", password: "p" }],
    ["//[::1]:80", { scheme: "tcp", host: "::1", port: 80 }],
    ["ws://h:80", { scheme: "ws", port: 80, path: "/leafnode" }],
    ["wss://h:443/deep/down/", { scheme: "wss", port: 443, path: "/deep/down/leafnode" }],
  ])("url %s", (url, expected) => {
    expect(remoteOf(`url: "${url}"`)).toMatchObject({ urls: [expected] });
  });

  test("takes all its keys", () => {
    expect(
      remoteOf(
        `urls: ["nats-leaf://a", "nats-leaf://b", "nats-leaf://a"], local: "$SYS", seed: ${seed}, hub: true
         deny_import: ["a", "ü.>"], deny_exports: "b", dont_randomize: true, ignore_discovered_servers: true, isolate: true, request_isolation: true
         first_info_timeout: "2s", dial_timeout: "3s", ws_compress: true, ws_no_masking: true
         tls { insecure: true, timeout: 4, handshake_first: true }`,
      ),
    ).toMatchObject({
      urls: [{ host: "a" }, { host: "b" }],
      account: "$SYS",
      nkeySeed: seed,
      isHub: true,
      denyImports: ["a", "\xc3\xbc.>"],
      denyExports: ["b"],
      isRandomized: false,
      ignoresDiscovered: true,
      isolatesInterest: true,
      requestsIsolation: true,
      firstInfoTimeoutMs: 2_000,
      dialTimeoutMs: 3_000,
      websocketCompression: true,
      websocketMasking: false,
      tls: { insecure: true, timeoutMs: 4_000, isHandshakeFirst: true },
    });
  });

  test("that is disabled is none", () => {
    expect(
      load("leafnodes { remotes: [{ url: nats-leaf://a, disabled: true }] }").options.leafnodes,
    ).toBeNull();
  });
});

describe("what is wrong", () => {
  test.each([
    ["leafnodes: 7422", "Expected map to define a leafnode"],
    ["leafnodes { port: 70000 }", '"port" must be a port'],
    ["leafnodes { colour: blue }", 'unknown field "colour"'],
    ["leafnodes { remotes: {} }", 'expected "remotes" to be an array'],
    ["leafnodes { remotes: [{}] }", "a remote leafnode needs a url"],
    ["leafnodes { remotes: [{ url: 'a b' }] }", "error parsing leafnode url"],
    ["leafnodes { compression: S2_SLOW }", 'unsupported compression mode "S2_SLOW"'],
    ["leafnodes { compression: { mode: auto, level: 1 } }", 'unknown field "level"'],
    ["leafnodes { compression: { rtts: ['20ms', '10ms'] } }", "rtts should be in ascending order"],
    ["leafnodes { remotes: [{ url: 'http://hub' }] }", "http:// is not a way to a leafnode port"],
    ["leafnodes { remotes: [{ urls: ['ws://a', 'nats-leaf://b'] }] }", "mix of websocket and non-websocket"],
    ["leafnodes { remotes: [{ url: 'nats-leaf://a', account: X }] }", 'cannot find local account "X"'],
    ["leafnodes { remotes: [{ url: 'nats-leaf://a' }, { url: 'nats-leaf://a' }] }", "duplicate remote"],
    ["leafnodes { remotes: [{ url: 'nats-leaf://a', nkey: SUAX }] }", "is not a valid seed"],
    [`leafnodes { remotes: [{ url: 'nats-leaf://a', nkey: ${seed}, creds: x }] }`, "both creds and nkey"],
    ["leafnodes { remotes: [{ url: 'nats-leaf://a', deny_imports: 'a..b' }] }", "is not a valid subject"],
    [
      "leafnodes { remotes: [{ url: 'nats-leaf://a', proxy { url: 'http://p' } }] }",
      '"proxy" is not supported',
    ],
    ["leafnodes { port: 1, min_version: '2.7.0' }", "the minimum version should be at least 2.8.0"],
    ["leafnodes { port: 1, min_version: 'two' }", "invalid leafnode's minimum version"],
    ["leafnodes { port: 1, compression: maximal }", 'unsupported compression mode "maximal"'],
    ["leafnodes { port: 1, tls {} }", "leafnodes.tls needs a certificate"],
    ["leafnodes { port: 1, advertise: 'a b' }", "leafnodes.advertise must be host or host:port"],
    ["leafnodes { port: 1, authorization { account: X } }", 'cannot find local account "X"'],
    ["leafnodes { port: 1, authorization { users: [{user: a}, {user: a}] } }", 'duplicate user "a"'],
    [
      "leafnodes { port: 1, authorization { user: b, users: [{user: a}] } }",
      "single user/pass and a users array",
    ],
  ])("%s", (text, problem) => {
    expect(problemsOf(text)).toEqual([expect.stringContaining(problem)]);
  });
});

describe("a reload", () => {
  const change = (before: string, after: string): readonly string[] =>
    diffOptions(load(before).options, load(after).options).changes.map(({ option }) => option);
  const refused = (before: string, after: string): readonly string[] =>
    refusal(() => diffOptions(load(before).options, load(after).options));

  test("may change the hubs that are dialled", () => {
    const [one, two] = [
      "leafnodes { remotes: [{ url: nats-leaf://a }] }",
      "leafnodes { remotes: [{ url: nats-leaf://b }] }",
    ];
    expect(change(one, two)).toEqual(["leafnodes.remotes"]);
    expect(change("port: 4222", one)).toEqual(["leafnodes.remotes"]);
    expect(change(one, "port: 4222")).toEqual(["leafnodes.remotes"]);
  });

  test("may not change the listener", () => {
    const listener = "leafnodes { port: 7422, authorization { user: a, password: b } }";
    expect(refused("port: 4222", listener)).toEqual([
      "config reload not supported for LeafNode.Port: old=0, new=7422",
    ]);
    expect(refused(listener, listener.replace("7422", "7423"))).toEqual([
      "config reload not supported for LeafNode.port: old=7422, new=7423",
    ]);
    expect(refused(listener, listener.replace("password: b", "password: c"))).toEqual([
      "config reload not supported for LeafNode.authorization",
    ]);
  });
});
