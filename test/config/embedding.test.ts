import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { BrokerOptions } from "../../src/config/broker-options.ts";
import { optionsFromObject } from "../../src/config/embedding.ts";
import type { Options } from "../../src/config/options.ts";
import { load, refusal, writeFiles } from "./helper.ts";

function optionsOf(given: BrokerOptions): Options {
  return optionsFromObject(given, {}).options;
}

/** For what the types already forbid. */
function problems(given: object): readonly string[] {
  return refusal(() => optionsFromObject(given, {}));
}

test("nothing said: the local address, and otherwise the defaults of a file", () => {
  const fromFile = load("host: 127.0.0.1").options;
  expect(optionsOf({})).toEqual({ ...fromFile, configFile: null, configDigest: null });
  expect(optionsFromObject().options.host).toBe("127.0.0.1");
  expect(Object.isFrozen(optionsOf({}).limits)).toBe(true);
});

test("every property is the key of a file by another name", () => {
  const directory = writeFiles({ "c.pem": "", "k.pem": "" });
  const [certFile, keyFile] = [join(directory, "c.pem"), join(directory, "k.pem")];
  const given: Required<Omit<BrokerOptions, "config" | "configFile" | "token" | "user" | "password">> = {
    host: "::1",
    port: 0,
    serverName: "s",
    clientAdvertise: "a:1",
    serverTags: ["a"],
    serverMetadata: { camelCase: "b" },
    users: [
      { user: "u", password: "p", permissions: { publish: "x", allowResponses: { max: 2, expires: 500 } } },
    ],
    noAuthUser: "u",
    authTimeout: 1_500,
    accounts: {
      camelCase: {
        users: [
          {
            user: "v",
            connectionTypes: ["STANDARD"],
            permissions: { subscribe: { deny: ["y q"] }, allowResponses: true },
          },
        ],
        defaultPermissions: { publish: ["z"] },
        mappings: { fooBar: "b" },
        limits: { maxConnections: 1, maxSubscriptions: 2, maxPayload: 3 },
      },
    },
    systemAccount: "camelCase",
    mappings: { "a.*": [{ destination: "b.$1", weight: 50 }], c: { destination: "d", weight: "10%" } },
    jetstream: {
      storeDir: "/s",
      maxMemory: 1_024,
      maxFile: "2G",
      syncInterval: 500,
      domain: "hub",
      strict: false,
      limits: { maxAckPending: 1, maxRequestBatch: 2, duplicateWindow: "1m" },
    },
    tls: {
      certFile,
      keyFile,
      timeout: "3s",
      handshakeFirst: 100,
      minVersion: "1.3",
      verifyAndMap: true,
      connectionRateLimit: 5,
    },
    allowNonTls: true,
    websocket: {
      port: 0,
      tls: { certificates: [{ certFile, keyFile }] },
      allowedOrigins: ["http://a"],
      handshakeTimeout: 1_000,
      pingInterval: "5s",
      headers: { "X-A": "b" },
      noAuthUser: "u",
    },
    leafNodes: {
      port: 0,
      noAdvertise: true,
      authorization: { users: [{ user: "l", password: "p", account: "camelCase" }], timeout: 700 },
      reconnect: 250,
      isolate: true,
      remotes: [
        {
          urls: ["tls://u:p@h:1", "nats-leaf://i"],
          tls: { insecure: true, handshakeFirst: true },
          denyImports: "a.>",
        },
        { urls: ["wss://h/p"], hub: true, websocketNoMasking: true, account: "camelCase" },
      ],
    },
    monitor: { host: "::1", port: 0, basePath: "/x" },
    maxConnections: 10,
    maxSubscriptions: 11,
    maxSubscriptionTokens: 12,
    maxControlLine: 13,
    maxPayload: 14,
    maxPending: 15,
    maxClosedClients: 16,
    pingInterval: 17_000,
    pingMax: 18,
    writeDeadline: "19s",
    noFastProducerStall: true,
    noHeaderSupport: true,
    lameDuckDuration: 30_000,
    lameDuckGracePeriod: "1s",
    log: {
      debug: true,
      trace: true,
      traceVerbose: true,
      traceHeaders: true,
      maxTracedMsgLen: 1,
      logtime: false,
      logtimeUtc: true,
      file: "f",
      fileSizeLimit: 2,
      fileMaxNum: 3,
    },
    pidFile: "p",
    portsFileDir: "d",
  };
  const fromFile = load(`
    host: "::1", port: -1, server_name: s, client_advertise: "a:1", server_tags: a
    server_metadata { camelCase: b }
    authorization {
      users: [{ user: u, password: p, permissions: { publish: x, allow_responses: { max: 2, expires: "500ms" } } }]
      timeout: 1.5
    }
    no_auth_user: u
    accounts { camelCase {
      users: [{ user: v, connection_types: STANDARD, permissions: { subscribe: { deny: "y q" }, allow_responses: true } }]
      default_permissions { publish: z }
      mappings { fooBar: b }
      limits { max_conn: 1, max_subs: 2, max_payload: 3 }
    } }
    system_account: camelCase
    mappings { "a.*": { destination: "b.$1", weight: 50 }, c: { destination: d, weight: 10 } }
    jetstream {
      store_dir: "/s", max_mem: 1024, max_file: "2G", sync_interval: 500ms, domain: hub, strict: false
      limits { max_ack_pending: 1, max_request_batch: 2, duplicate_window: 60s }
    }
    tls {
      cert_file: "${certFile}", key_file: "${keyFile}", timeout: 3, handshake_first: 100ms, min_version: "1.3"
      verify_and_map: true, connection_rate_limit: 5
    }
    allow_non_tls: true
    leafnodes {
      host: "::1", port: -1, no_advertise: true, reconnect: "250ms", isolate: true
      authorization { users: [{ user: l, password: p, account: camelCase }], timeout: "700ms" }
      remotes: [
        { urls: ["tls://u:p@h:1", "nats-leaf://i"], tls { insecure: true, handshake_first: true }, deny_imports: "a.>" }
        { urls: ["wss://h/p"], hub: true, ws_no_masking: true, account: camelCase }
      ]
    }
    websocket {
      port: -1, host: "::1", tls { certs: [{ cert_file: "${certFile}", key_file: "${keyFile}" }] }
      allowed_origins: "http://a", handshake_timeout: 1, ping_interval: 5s, headers { X-A: b }, no_auth_user: u
    }
    http: "[::1]:-1", http_base_path: x
    max_conn: 10, max_subs: 11, max_sub_tokens: 12, max_control_line: 13, max_payload: 14, max_pending: 15
    max_closed_clients: 16, ping_interval: 17s, ping_max: 18, write_deadline: 19s
    no_fast_producer_stall: true, no_header_support: true, lame_duck_duration: 30s, lame_duck_grace_period: 1s
    debug: true, trace: true, trace_verbose: true, trace_headers: true, max_traced_msg_len: 1
    logtime: false, logtime_utc: true, log_file: f, log_size_limit: 2, log_max_num: 3
    pid_file: p, ports_file_dir: d
  `).options;
  expect(optionsOf(given)).toEqual({ ...fromFile, configFile: null, configDigest: null });
});

test("every size may be text with a unit, and units are powers of 1024", () => {
  const withSizes = (size: number | string): BrokerOptions => ({
    maxControlLine: size,
    maxPayload: size,
    maxPending: size,
    jetstream: { maxMemory: size, maxFile: size },
    accounts: {
      A: {
        limits: { maxPayload: size },
        jetstream: { maxMemory: size, maxFile: size, memoryMaxStreamBytes: size, fileMaxStreamBytes: size },
      },
    },
    log: { maxTracedMsgLen: size, fileSizeLimit: size },
  });
  for (const text of ["1M", "1MB", "1 MiB", "1024k", "1048576"])
    expect(optionsOf(withSizes(text))).toEqual(optionsOf(withSizes(1_048_576)));
  expect(problems({ maxPayload: "ten", accounts: { A: { jetstream: { maxFile: "1X" } } } })).toEqual([
    'options.maxPayload: must be bytes, or text such as "10MB", not "ten"',
    'options.accounts["A"].jetstream.maxFile: must be bytes, or text such as "10MB", not "1X"',
  ]);
});

describe("short forms", () => {
  test("one token, or one user", () => {
    expect(optionsOf({ token: "t" }).authorization.token).toBe("t");
    expect(optionsOf({ user: "u", password: "p" }).authorization).toMatchObject({ user: "u", password: "p" });
  });

  test("monitoring as a port, with a host, with HTTPS", () => {
    expect(optionsOf({ monitor: 8222 }).monitor).toEqual({
      host: "127.0.0.1",
      port: 8222,
      httpsPort: null,
      basePath: "/",
    });
    expect(optionsOf({ monitor: 0 }).monitor?.port).toBe(0);
    expect(optionsOf({ monitor: { port: 0, host: "h" } }).monitor).toMatchObject({ host: "h", port: 0 });
    expect(problems({ monitor: { port: 1, https: true } })).toEqual([
      "options.monitor.port: TLS cert and key required for HTTPS",
    ]);
  });

  test("WebSocket without TLS unless a certificate is given, on the host of the broker", () => {
    expect(optionsOf({ host: "h", websocket: { port: 80 } }).websocket).toMatchObject({
      host: "h",
      port: 80,
      tls: null,
    });
    expect(optionsOf({ websocket: { port: 80, host: "i" } }).websocket).toMatchObject({ host: "i" });
  });

  test("no system account", () => {
    expect(optionsOf({ systemAccount: false }).systemAccount).toBeNull();
  });

  test("what is undefined was not said", () => {
    expect(optionsOf({ port: undefined, tls: undefined, log: { debug: undefined } })).toEqual(optionsOf({}));
  });
});

describe("together with a configuration", () => {
  test("the object is written over the text", () => {
    const config =
      "port: 5222\nmax_payload: 1k\nauthorization { timeout: 5, users: [{user: a}] }\nwebsocket { port: 80, no_tls: true }";
    const options = optionsOf({ config, port: 0, users: [{ user: "b" }] });
    expect(options).toMatchObject({
      host: "127.0.0.1",
      port: 0,
      limits: { maxPayloadBytes: 1000, authTimeoutMs: 5_000 },
    });
    expect(options.authorization.users).toMatchObject([{ user: "b" }]);
    expect(options.websocket).toMatchObject({ host: "127.0.0.1", port: 80 });
    expect(options.configDigest).toBe(optionsOf({ config }).configDigest);
    expect(options.configFile).toBeNull();
  });

  test("which may come from a file, with variables", () => {
    const file = join(writeFiles({ "a.conf": "port: $PORT\nhost: 0.0.0.0" }), "a.conf");
    const { options } = optionsFromObject({ configFile: file }, { PORT: "6222" });
    expect(options).toMatchObject({ port: 6222, host: "0.0.0.0", configFile: file });
  });

  test("whose problems name its lines", () => {
    expect(problems({ config: "port: 1\nfoo: 1" })).toEqual(['options.config:2:1: unknown field "foo"']);
    expect(problems({ config: "a: [" })).toEqual([
      expect.stringMatching(/^options\.config:1:5: an array is not closed/),
    ]);
    expect(problems({ config: "", configFile: "x" })).toEqual([
      "options.config and options.configFile exclude each other: give one of them",
    ]);
    expect(problems({ configFile: "/nowhere" })).toEqual(["open /nowhere: no such file or directory"]);
  });
});

describe("what can not be is refused by the name of the property", () => {
  const cases: [object, string][] = [
    [{ prot: 1 }, "options.prot: there is no such option"],
    [{ port: "4222" }, 'options.port: "port" must be an integer, not a string'],
    [{ port: 1.5 }, 'options.port: "port" must be an integer, not a decimal number'],
    [{ port: NaN }, "options.port: NaN is not a value"],
    [{ port: null }, "options.port: null is not a value"],
    [{ port: 70_000 }, 'options.port: "port" must be a port from -1 to 65535, not 70000'],
    [{ host: () => "x" }, "options.host: a function is not a value"],
    [{ pingInterval: "5x" }, 'options.pingInterval: error parsing ping_interval: invalid duration "5x"'],
    [{ pingInterval: -1 }, "options.pingInterval: ping_interval can not be negative"],
    [{ users: {} }, "options.users: must be an array"],
    [{ users: ["a"] }, "options.users[0]: must be an object"],
    [{ users: [{ user: "a" }, { usr: "b" }] }, "options.users[1].usr: there is no such option"],
    [{ users: [{ user: "a" }, { user: "a" }] }, 'options.users[1].user: Duplicate user "a" detected'],
    [{ users: [{ nkey: "x" }] }, "options.users[0].nkey: Not a valid public nkey for a user"],
    [
      { users: [{ user: "a", permissions: { publish: "a b" } }] },
      'options.users[0].permissions.publish: subject "a b"',
    ],
    [{ accounts: [] }, "options.accounts: must be an object"],
    [{ accounts: { $G: {} } }, 'options.accounts["$G"]: "$G" is a Reserved Account'],
    [
      { accounts: { A: { limits: { max: 1 } } } },
      'options.accounts["A"].limits.max: there is no such option',
    ],
    [{ mappings: { a: 5 } }, 'options.mappings["a"]: Expected an entry for the mapping destination'],
    [{ mappings: { a: [{ destination: "b" }] } }, 'Missing weight for mapping destination "b"'],
    [
      { tls: { certFile: "/no" } },
      'options.tls.certFile: "cert_file" can not be read: open /no: no such file',
    ],
    [{ websocket: {}, noAuthUser: "a" }, 'no_auth_user: "a" present, but users/nkeys are not defined'],
    [{ websocket: { port: "x" } }, 'options.websocket.port: "port" must be an integer, not a string'],
    [{ monitor: {} }, "options.monitor: port is missing"],
    [{ monitor: { port: 1, prot: 1 } }, "options.monitor.prot: there is no such option"],
    [{ maxPayload: 10, maxPending: 5 }, "max_payload (10) cannot be higher than max_pending (5)"],
    [{ log: { debug: 1 } }, 'options.log.debug: "debug" must be true or false, not an integer'],
    [{ constructor: 1 }, "options.constructor: there is no such option"],
  ];
  test.each(cases)("%j", (given, problem) => {
    expect(problems(given)).toContainEqual(expect.stringContaining(problem));
  });

  test("all at once", () => {
    expect(problems({ port: "x", host: 5, log: { debug: 1, foo: 2 } })).toHaveLength(4);
  });
});
