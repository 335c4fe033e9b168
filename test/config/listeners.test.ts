import { chmodSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { knowsHybridCurves } from "../../src/config/cipher-suites.ts";
import { load, problemsOf, writeFiles } from "./helper.ts";
import { notRoot, testWith } from "../fixture/needs.ts";

const directory = writeFiles({ "cert.pem": "", "key.pem": "", "ca.pem": "" });
const cert = join(directory, "cert.pem");
const key = join(directory, "key.pem");
const ca = join(directory, "ca.pem");
const pair = `cert_file: '${cert}', key_file: '${key}'`;

describe("tls", () => {
  test("defaults", () => {
    const { tls, limits } = load(`tls { ${pair} }`).options;
    expect(tls).toEqual({
      certFile: cert,
      keyFile: key,
      caFile: null,
      certificates: [],
      verify: false,
      verifyAndMap: false,
      timeoutMs: 2_000,
      handshakeFirst: "after-info",
      minVersion: "TLSv1.2",
      ciphers: null,
      curves: null,
      pinnedCerts: [],
      connectionRateLimit: 0,
    });
    expect(limits.authTimeoutMs).toBe(3_000);
  });

  const cases: [string, object][] = [
    [`ca_file: '${ca}', verify: true`, { caFile: ca, verify: true, verifyAndMap: false }],
    [`ca_file: '${ca}', verify: Optional`, { verify: "optional" }],
    ["verify_and_map: true", { verify: true, verifyAndMap: true }],
    ["verify_and_map: true, verify: false", { verify: true, verifyAndMap: true }],
    ["timeout: 5", { timeoutMs: 5_000 }],
    ["timeout: 0.5", { timeoutMs: 500 }],
    ["timeout: '750ms'", { timeoutMs: 750 }],
    ["timeout: 0", { timeoutMs: 2_000 }],
    ["handshake_first: true", { handshakeFirst: "first" }],
    ["first: 'on'", { handshakeFirst: "first" }],
    ["immediate: no", { handshakeFirst: "after-info" }],
    ["handshake_first: auto", { handshakeFirst: { fallbackMs: 50 } }],
    ["handshake_first: '300ms'", { handshakeFirst: { fallbackMs: 300 } }],
    ["handshake_first: '0s'", { handshakeFirst: "first" }],
    ["min_version: '1.3'", { minVersion: "TLSv1.3" }],
    [`pinned_certs: ['${"AB".repeat(32)}']`, { pinnedCerts: ["ab".repeat(32)] }],
    ["connection_rate_limit: 10", { connectionRateLimit: 10 }],
    ["curve_preferences: [CurveP256, X25519 ]", { curves: "P-256:X25519" }],
    [
      "cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_AES_128_GCM_SHA256]",
      {
        ciphers:
          "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:ECDHE-RSA-AES128-GCM-SHA256",
      },
    ],
    [
      "cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA ], allow_insecure_cipher_suites: true",
      { ciphers: expect.stringMatching(/:AES128-SHA$/) as string },
    ],
    ["insecure: false", { verify: false }],
  ];
  test.each(cases)("{ %s }", (text, expected) => {
    expect(load(`tls { ${pair}, ${text} }`).options.tls).toMatchObject(expected);
  });

  test("several certificates instead of one", () => {
    expect(load(`tls { certs: [{ ${pair} }, { ${pair} }] }`).options.tls).toMatchObject({
      certFile: null,
      certificates: [
        { certFile: cert, keyFile: key },
        { certFile: cert, keyFile: key },
      ],
    });
  });

  test("curves that this OpenSSL lacks are left out with a warning", () => {
    const { options, warnings } = load(`tls { ${pair}, curve_preferences: [X25519MLKEM768, X25519 ] }`);
    const known = knowsHybridCurves();
    expect(options.tls?.curves).toBe(known ? "X25519MLKEM768:X25519" : "X25519");
    expect(warnings).toHaveLength(known ? 0 : 1);
    expect([
      knowsHybridCurves("3.0.15+quic"),
      knowsHybridCurves("3.5.0"),
      knowsHybridCurves("4.0.1"),
    ]).toEqual([false, true, true]);
  });

  const refused: [string, string | RegExp][] = [
    ["foo: 1", 'error parsing tls config, unknown field "foo"'],
    ["verify: 1", '"verify" must be true, false or optional, not an integer'],
    ["verify: maybe", '"verify" must be true, false or optional'],
    [
      "verify: optional, verify_and_map: true",
      "cannot combine 'verify: optional' with options requiring client certificates",
    ],
    [
      "cert_file: /nowhere/a.pem",
      '"cert_file" can not be read: open /nowhere/a.pem: no such file or directory',
    ],
    [`ca_file: '${directory}'`, `"ca_file" can not be read: open ${directory}: is a directory`],
    ["cert_file: ''", '"cert_file" can not be read: no file is named'],
    [`cert_file: '${cert}'`, "missing 'key_file' in TLS configuration"],
    [`key_file: '${key}'`, "missing 'cert_file' in TLS configuration"],
    [
      `${pair}, certs: [{ ${pair} }]`,
      "error parsing tls config, cannot combine 'cert_file' option with 'certs' option",
    ],
    [
      `certs: [{ cert_file: '${cert}' }]`,
      "error parsing certificates config: both 'cert_file' and 'key_file' options are required",
    ],
    [`certs: [{ ${pair}, foo: 1 }]`, 'error parsing tls certs config, unknown field "foo"'],
    ["timeout: abc", "error parsing timeout: invalid duration"],
    ["timeout: -1", "timeout can not be negative"],
    ["handshake_first: maybe", `field "handshake_first"'s value "maybe" is invalid`],
    ["handshake_first: 5", '"handshake_first" must be a string'],
    ["min_version: '1.1'", "error parsing tls config: unsupported TLS version: TLS 1.1"],
    ["min_version: '1.4'", "error parsing tls config: unknown version: 1.4"],
    ["min_version: 1.3", "error parsing tls config: 'min_version' wrong type: put quotes around it"],
    ["cipher_suites: []", "error parsing tls config, 'cipher_suites' cannot be empty"],
    ["cipher_suites: [FOO]", "unrecognized cipher FOO"],
    [
      "cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]",
      "cipher suite TLS_RSA_WITH_RC4_128_SHA is not supported by Frond",
    ],
    [
      "cipher_suites: [TLS_RSA_WITH_AES_128_CBC_SHA]",
      "insecure cipher suites configured without 'allow_insecure_cipher_suites' option set: TLS_RSA_WITH_AES_128_CBC_SHA",
    ],
    ["curve_preferences: []", "error parsing tls config, 'curve_preferences' cannot be empty"],
    ["curve_preferences: [P-256]", "unrecognized curve preference P-256"],
    ["pinned_certs: [abc]", "'pinned_certs' key abc does not look like hex-encoded sha256"],
    ["connection_rate_limit: '5'", '"connection_rate_limit" must be an integer, not a string'],
  ];
  test.each(refused)("refuses { %s }", (text, problem) => {
    expect(problemsOf(`tls { ${text} }`)).toContainEqual(expect.stringContaining(problem as string));
  });

  testWith(notRoot(), "refuses a file that may not be read", () => {
    const secret = join(writeFiles({ "key.pem": "" }), "key.pem");
    chmodSync(secret, 0);
    expect(problemsOf(`tls { cert_file: '${cert}', key_file: '${secret}' }`)[0]).toMatch(
      /permission denied$/,
    );
  });
});

describe("websocket", () => {
  test("is off without a port, whatever else is said", () => {
    expect(load("websocket {}").options.websocket).toBeNull();
    expect(load("websocket { allowed_origins: nonsense, port: 0 }").options.websocket).toBeNull();
  });

  test("defaults", () => {
    expect(load("ws { port: -1, no_tls: true }").options.websocket).toEqual({
      host: "0.0.0.0",
      port: 0,
      advertise: null,
      tls: null,
      compression: false,
      sameOrigin: false,
      allowedOrigins: [],
      trustedProxies: [],
      handshakeTimeoutMs: null,
      pingIntervalMs: null,
      headers: {},
      jwtCookie: null,
      userCookie: null,
      passCookie: null,
      tokenCookie: null,
      noAuthUser: null,
      authorization: null,
    });
  });

  const cases: [string, object][] = [
    ["listen: 'a:81'", { host: "a", port: 81 }],
    ["net: a", { host: "a" }],
    ["advertise: 'x:80'", { advertise: "x:80" }],
    ["compress: true", { compression: true }],
    ["compression: true", { compression: true }],
    ["same_origin: true", { sameOrigin: true }],
    [
      "allowed_origins: ['http://a.b', 'https://c:8443']",
      { allowedOrigins: ["http://a.b", "https://c:8443"] },
    ],
    ["origin: 'http://a.b'", { allowedOrigins: ["http://a.b"] }],
    ["handshake_timeout: 3", { handshakeTimeoutMs: 3_000 }],
    ["handshake_timeout: '1.5s'", { handshakeTimeoutMs: 1_500 }],
    ["ping_interval: '10s'", { pingIntervalMs: 10_000 }],
    ["headers { X-Test: 'a b' }", { headers: { "X-Test": "a b" } }],
    [
      "user_cookie: u, pass_cookie: p, token_cookie: t",
      { userCookie: "u", passCookie: "p", tokenCookie: "t" },
    ],
    [
      "authorization { token: t, timeout: '3s' }",
      { authorization: { user: null, password: null, token: "t", timeoutMs: 3_000 } },
    ],
    [
      "authentication { username: u, pass: p }",
      { authorization: { user: "u", password: "p", token: null, timeoutMs: null } },
    ],
    [`tls { ${pair} }`, { tls: expect.objectContaining({ certFile: cert }) as object }],
  ];
  test.each(cases)("{ %s }", (text, expected) => {
    expect(load(`websocket { port: 80, no_tls: true, ${text} }`).options.websocket).toMatchObject(expected);
  });

  const refused: [string, string][] = [
    ["port: 80", "websocket requires TLS configuration: give it a tls block, or set no_tls to true"],
    ["foo: 1", '1:13: unknown field "foo"'],
    ["listen: x", '1:13: could not parse address string "x"'],
    ["port: 1, no_tls: true, allowed_origins: 'a b'", 'unable to parse allowed origin "a b": it is no URL'],
    [
      "port: 1, no_tls: true, allowed_origins: 'ftp://a'",
      'unable to parse allowed origin "ftp://a": allowed origins must be absolute URLs with http or https scheme',
    ],
    ["allowed_origins: 5", '1:13: "allowed_origins" must be a string or an array of strings, not an integer'],
    ["port: 1, no_tls: true, no_auth_user: a", 'no_auth_user: "a" present, but users/nkeys are not defined'],
    [
      "port: 1, no_tls: true, jwt_cookie: a",
      'websocket: jwt_cookie "a" is not supported by Frond yet: there is no JWT',
    ],
    ["port: 1, no_tls: true, headers { Host: a }", 'websocket: invalid header "Host" not allowed'],
    [
      "port: 1, no_tls: true, headers { Sec-WebSocket-Foo: a }",
      'websocket: invalid header "Sec-WebSocket-Foo", "Sec-WebSocket-" prefix not allowed',
    ],
    ["port: 1, no_tls: true, headers { 'a b': a }", 'websocket: invalid header "a b"'],
    ["headers { a: 1 }", '1:23: "a" must be a string, not an integer: put quotes around it'],
    ["authorization { users: [] }", '1:29: unknown field "users"'],
    ["port: 1, tls {}", "websocket.tls needs a certificate: set cert_file and key_file"],
  ];
  test.each(refused)("refuses { %s }", (text, problem) => {
    expect(problemsOf(`websocket { ${text} }`)).toContainEqual(expect.stringContaining(problem));
  });

  test("its own user or token excludes users elsewhere", () => {
    const users = "authorization { users: [{user: a}] }";
    expect(problemsOf(`${users}\nwebsocket { port: 1, no_tls: true, authorization { user: b } }`)).toEqual([
      "2:36: websocket authentication username not compatible with presence of users/nkeys",
    ]);
    expect(problemsOf(`${users}\nwebsocket { port: 1, no_tls: true, authorization { token: b } }`)).toEqual([
      "2:36: websocket authentication token not compatible with presence of users/nkeys",
    ]);
    expect(
      load(`${users}\nwebsocket { port: 1, no_tls: true, no_auth_user: a }`).options.websocket?.noAuthUser,
    ).toBe("a");
  });
});
