/** Whole files of the kind that people run, each with the habits of its own school. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadOptions } from "../../src/config/load.ts";
import { refusal, writeFiles } from "./helper.ts";

const hash = "$2a$11$UP3xizk94sWF9SHF/wkklOfBT9jphTGNrhZqz2OHoBdk9yO1kvErG";

test("a shop: accounts, roles by variable, a file for each team, TLS, browsers", () => {
  const directory = writeFiles({
    "nats.conf": `
# Production, one node.
server_name: "shop-eu-1"
server_tags: ["region:eu", "tier:prod"]
listen: "0.0.0.0:4222"
client_advertise: "nats.shop.example:4222"

/* no block comments in this grammar: this line is what people try */
`,
    "shop.conf": `
# Production, one node.
server_name: "shop-eu-1"
server_tags: ["region:eu", "tier:prod"]
listen: "0.0.0.0:4222"                 // all interfaces
client_advertise: "nats.shop.example:4222"
http: "127.0.0.1:8222"

debug:   false
trace:   no
logtime: true
log_file: "/var/log/nats/nats.log"
logfile_size_limit: 1GB
logfile_max_num = 5
pid_file: "/run/nats/nats.pid"

max_connections: 10K
max_payload: 4MB
max_pending: 64MB
max_subscriptions: 1000
ping_interval: "20s"
ping_max: 3
write_deadline: "5s"
lame_duck_duration: "1m"
lame_duck_grace_period: "15s"

TLS_DIR_CERT = $CERT_FILE
tls {
  cert_file: $TLS_DIR_CERT
  key_file:  $KEY_FILE
  timeout:   3
  min_version: "1.3"
}

include 'conf.d/accounts.conf'

websocket {
  port: 8443
  tls {
    cert_file: $TLS_DIR_CERT
    key_file: $KEY_FILE
  }
  same_origin: false
  allowed_origins [
    "https://shop.example"
    "https://admin.shop.example:8443"
  ]
  compression: true
  handshake_timeout: "5s"
  token_cookie: "shop"
}

mappings = {
  "orders.legacy.>": "orders.v1.>"
  "bar.*.*": "baz.{{wildcard(2)}}.{{partition(10,1,2)}}"
  "canary.request": [
    { destination: "canary.v1", weight: 90% }
    { destination: "canary.v2", weight: 10% }
  ]
}
`,
    "conf.d/accounts.conf": `
SERVICE = {
  publish = ["orders.>", "_INBOX.>"]
  subscribe = { allow: ["orders.>", "work.* workers", "_INBOX.>"], deny: "orders.internal.>" }
  allow_responses: { max: 5, expires: "1m" }
}
accounts: {
  SHOP: {
    users: [
      { user: orders, password: ${hash}, permissions: $SERVICE }
      { user: web, password: '${hash}', allowed_connection_types: ["WEBSOCKET"],
        permissions: { publish: { allow: "cart.*.add" }, subscribe: "cart.*.events" } }
    ]
    limits { max_connections: 500, max_payload: 1MB }
  },
  STOCK: {
    users = [{user: "stock", password: "s3cr3t"}]
    default_permissions: { publish: { deny: "$SYS.>" } }
  },
  SYS: { users: [ { user: admin, pass: $ADMIN_PASSWORD } ] }
}
system_account: SYS
no_auth_user: web
`,
    "cert.pem": "",
    "key.pem": "",
  });
  const env = {
    CERT_FILE: `"${join(directory, "cert.pem")}"`,
    KEY_FILE: `"${join(directory, "key.pem")}"`,
    ADMIN_PASSWORD: "'let me in; please'",
  };
  expect(refusal(() => loadOptions({ file: join(directory, "nats.conf"), env }))).toEqual([
    expect.stringMatching(/nats\.conf:8:\d+: /),
  ]);

  const { options, warnings } = loadOptions({ file: join(directory, "shop.conf"), env });
  expect(warnings).toEqual([]);
  expect(options).toMatchObject({
    serverName: "shop-eu-1",
    serverTags: ["region:eu", "tier:prod"],
    host: "0.0.0.0",
    port: 4222,
    clientAdvertise: "nats.shop.example:4222",
    limits: {
      maxConnections: 10_000,
      maxPayloadBytes: 4 * 2 ** 20,
      maxPendingBytes: 64 * 2 ** 20,
      maxSubscriptions: 1000,
      pingIntervalMs: 20_000,
      pingMax: 3,
      writeDeadlineMs: 5_000,
      authTimeoutMs: 4_000,
    },
    lameDuckDurationMs: 60_000,
    lameDuckGracePeriodMs: 15_000,
    tls: { certFile: join(directory, "cert.pem"), minVersion: "TLSv1.3", timeoutMs: 3_000 },
    websocket: {
      host: "0.0.0.0",
      port: 8443,
      compression: true,
      allowedOrigins: ["https://shop.example", "https://admin.shop.example:8443"],
      handshakeTimeoutMs: 5_000,
      tokenCookie: "shop",
    },
    systemAccount: "SYS",
    noAuthUser: "web",
    monitor: { host: "127.0.0.1", port: 8222, basePath: "/" },
    log: {
      debug: false,
      trace: false,
      file: "/var/log/nats/nats.log",
      fileSizeBytesMax: 2 ** 30,
      fileCountMax: 5,
    },
    pidFile: "/run/nats/nats.pid",
  });
  expect(
    options.accounts.map(({ name, limits }) => [name, limits.maxConnections, limits.maxPayloadBytes]),
  ).toEqual([
    ["$G", -1, -1],
    ["SHOP", 500, 2 ** 20],
    ["STOCK", -1, -1],
    ["SYS", -1, -1],
  ]);
  expect(options.accounts[0]?.mappings).toEqual([
    { source: "orders.legacy.>", destinations: [{ subject: "orders.v1.>", weightPercent: 100 }] },
    {
      source: "bar.*.*",
      destinations: [{ subject: "baz.{{wildcard(2)}}.{{partition(10,1,2)}}", weightPercent: 100 }],
    },
    {
      source: "canary.request",
      destinations: [
        { subject: "canary.v1", weightPercent: 90 },
        { subject: "canary.v2", weightPercent: 10 },
      ],
    },
  ]);
  expect(
    options.authorization.users?.map(({ user, account, password }) => [user, account, password]),
  ).toEqual([
    ["orders", "SHOP", hash],
    ["web", "SHOP", hash],
    ["stock", "STOCK", "s3cr3t"],
    ["admin", "SYS", "let me in; please"],
  ]);
  expect(options.authorization.users?.[0]?.permissions).toEqual({
    publish: { allow: ["orders.>", "_INBOX.>"], deny: null },
    subscribe: {
      allow: [
        { subject: "orders.>", queue: null },
        { subject: "work.*", queue: "workers" },
        { subject: "_INBOX.>", queue: null },
      ],
      deny: [{ subject: "orders.internal.>", queue: null }],
    },
    responses: { maxMessages: 5, expiresMs: 60_000 },
  });
});

test("a chart: JSON with everything in it, made by a program", () => {
  const directory = writeFiles({
    "nats.json": JSON.stringify(
      {
        host: "0.0.0.0",
        port: 4222,
        http_port: 8222,
        pid_file: "/var/run/nats/nats.pid",
        lame_duck_grace_period: "10s",
        lame_duck_duration: "30s",
        max_payload: 8_388_608,
        authorization: {
          timeout: 2.5,
          users: [
            { user: "a", password: "b", permissions: { publish: [">"], subscribe: { deny: ["x.>"] } } },
            { user: "ü\n", password: 'q"uo\\te' },
          ],
        },
        jetstream: { enabled: false, store_dir: "/data" },
        cluster: { name: "nats" },
        websocket: { port: 8080, no_tls: true },
      },
      null,
      2,
    ),
  });
  const { options, warnings } = loadOptions({ file: join(directory, "nats.json"), env: {} });
  expect(warnings).toEqual([expect.stringContaining('"cluster" is ignored')]);
  expect(options).toMatchObject({
    port: 4222,
    monitor: { port: 8222 },
    lameDuckDurationMs: 30_000,
    limits: { maxPayloadBytes: 8_388_608, authTimeoutMs: 2_500 },
    websocket: { port: 8080, tls: null },
  });
  expect(options.authorization.users?.map(({ user, password }) => [user, password])).toEqual([
    ["a", "b"],
    ["ü\n", 'q"uo\\te'],
  ]);
});

test("a cluster node: everything that takes it further than one node is named at once", () => {
  const directory = writeFiles({
    "a.conf": `
port: 4222
jetstream {
  store_dir: /data
  max_mem: 1G
}
leafnodes { port: 7422, remotes: [{ url: "nats-leaf://hub:7422" }] }
cluster {
  name: C1
  listen: 0.0.0.0:6222
  routes: [ nats-route://a:6222, nats-route://b:6222 ]
}
mqtt { port: 1883 }
prof_port: 6060
accounts {
  A { jetstream: enabled, exports: [{ service: "a.>" }], users: [{user: a, password: a}] }
  B { imports: [{ service: { account: A, subject: "a.b" } }] }
}
`,
  });
  const file = join(directory, "a.conf");
  const problems = refusal(() => loadOptions({ file, env: {} }));
  expect(
    problems.map((problem) =>
      problem.replace(`${file}:`, "").replace(/ is not supported by Frond yet: .*/, ""),
    ),
  ).toEqual(['11:3: "routes"', '13:1: "mqtt"', '16:27: "exports"', '17:7: "imports"']);
});
