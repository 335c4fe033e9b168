/** Rows for the keys of the top level, `tls` and `websocket`. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { once } from "node:events";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { connect as connectTls } from "node:tls";
import { onTestFinished } from "vitest";
import { certificateFile, greeted, tlsBlock } from "./reloadable.ts";
import {
  admits,
  elsewhere,
  hears,
  info,
  live,
  named,
  nothing,
  restart,
  varz,
  type Look,
  type Row,
} from "./rows.ts";

const folder = mkdtempSync(join(tmpdir(), "frond-keys-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
const file = (name: string): string => join(folder, name);
const quoted = (text: string): string => JSON.stringify(text);
const there =
  (name: string): Look =>
  async () =>
    existsSync(file(name));

/** Whether the log file has such a line, of what a client has just done. */
const logged =
  (name: string, pattern: RegExp): Look =>
  async (broker) => {
    const client = await broker.client();
    client.send("PUB a 10\r\n0123456789\r\n");
    await client.untilPong();
    client.close();
    return pattern.test(readFileSync(file(name), "utf8"));
  };
const logTo = (name: string): string => `log_file: ${quoted(file(name))}`;

export const serverRows: Readonly<Record<string, Row>> = {
  listen: restart('"127.0.0.1:-1"', '"localhost:-1"', "Host"),
  host: restart("127.0.0.1", "localhost", "Host"),
  port: restart("-1", "5222", "Port"),
  server_name: restart(null, "other", "ServerName"),
  server_tags: live("a", "b", varz("tags"), [["a"], ["b"]]),
  server_metadata: live("{ a: b }", "{ a: c }", varz("metadata"), [{ a: "b" }, { a: "c" }]),
  client_advertise: live("one:1", "two:2", info("host"), ["one", "two"]),
  pid_file: live(null, quoted(file("pid")), there("pid"), [false, true]),
  ports_file_dir: live(
    null,
    quoted(folder),
    async () => readdirSync(folder).some((name) => name.endsWith(".ports")),
    [false, true],
  ),
  tls: live(null, tlsBlock().slice(4), info("tls_required"), [undefined, true]),
  allow_non_tls: restart("false", "true", "AllowNonTLS", tlsBlock()),
  websocket: restart(null, '{ listen: "127.0.0.1:-1", no_tls: true }', "Websocket"),
  leafnodes: restart(null, '{ listen: "127.0.0.1:-1" }', "LeafNode.Port"),
  cluster: nothing("{ name: a }", "{ name: b }"),
  http: restart('"127.0.0.1:-1"', '"localhost:-1"', "HTTPHost"),
  http_port: restart("-1", "8222", "HTTPPort"),
  https: restart(null, '"127.0.0.1:-1"', "HTTPSPort", `http_port: 0\n${tlsBlock()}`),
  https_port: restart(null, "-1", "HTTPSPort", `http_port: 0\n${tlsBlock()}`),
  http_base_path: restart("/a", "/b", "HTTPBasePath"),
  max_connections: live("10", "20", varz("max_connections"), [10, 20]),
  max_subscriptions: restart("1", "2", "MaxSubs"),
  max_subscription_tokens: restart("1", "2", "MaxSubTokens"),
  max_control_line: live("1000", "2000", varz("max_control_line"), [1000, 2000]),
  max_payload: live("1000", "2000", info("max_payload"), [1000, 2000]),
  max_pending: restart("8mb", "9mb", "MaxPending"),
  max_closed_clients: restart("1", "2", "MaxClosedClients"),
  ping_interval: live('"1m"', '"2m"', varz("ping_interval"), [60e9, 120e9]),
  ping_max: live("3", "4", varz("ping_max"), [3, 4]),
  write_deadline: live('"1s"', '"2s"', varz("write_deadline"), [1e9, 2e9]),
  no_header_support: restart("false", "true", "NoHeaderSupport"),
  no_fast_producer_stall: named("false", "true", "noFastProducerStall"),
  lame_duck_duration: restart('"30s"', '"90s"', "LameDuckDuration"),
  lame_duck_grace_period: restart('"1s"', '"2s"', "LameDuckGracePeriod"),
  authorization: live("{ token: a }", "{ token: b }", admits({ auth_token: "b" }), [false, true]),
  accounts: live(null, "{ A { users: [{ user: u, password: p }] } }", admits({ user: "u", pass: "x" }), [
    true,
    false,
  ]),
  mappings: live("{ a: b }", "{ a: c }", hears("c", "a"), [[], ["MSG"]]),
  no_auth_user: restart("u", "v", "NoAuthUser", "authorization { users: [{ user: u }, { user: v }] }"),
  system_account: restart("A", "B", "SystemAccount", "accounts [A, B]"),
  no_system_account: restart("false", "true", "NoSystemAccount"),
  jetstream: live(
    "disabled",
    "enabled",
    info("jetstream"),
    [undefined, true],
    `store_dir: ${quoted(file("js"))}`,
  ),
  store_dir: restart(quoted(file("one")), quoted(file("two")), "StoreDir", "jetstream: enabled"),
  storedir: restart(quoted(file("one")), quoted(file("two")), "StoreDir", "jetstream: enabled"),
  debug: live("false", "true", logged("debug", /Client connection closed/), [false, true], logTo("debug")),
  trace: live("false", "true", logged("trace", /\[PUB a 10]/), [false, true], logTo("trace")),
  trace_verbose: live("false", "true", logged("verbose", /\[PUB a 10]/), [false, true], logTo("verbose")),
  trace_headers: live("false", "true", logged("headers", /\[PUB a 10]/), [false, true], logTo("headers")),
  max_traced_msg_len: live(
    "3",
    "5",
    logged("traced", /01234\.\.\./),
    [false, true],
    `trace: true\n${logTo("traced")}`,
  ),
  logtime: named("true", "false", "log.time"),
  logtime_utc: named("false", "true", "log.timeUtc"),
  logfile: live(quoted(file("first")), quoted(file("second")), there("second"), [false, true]),
  log_file: live(quoted(file("third")), quoted(file("fourth")), there("fourth"), [false, true]),
  logfile_size_limit: restart("1000", "2000", "LogSizeLimit"),
  log_size_limit: restart("1000", "2000", "LogSizeLimit"),
  logfile_max_num: restart("1", "2", "LogMaxFiles"),
  log_max_num: restart("1", "2", "LogMaxFiles"),
};

/** What a TLS handshake at once, with such settings, ends with: the protocol, or `refused`. */
const handshake =
  (options: object, says: (socket: ReturnType<typeof connectTls>) => unknown): Look =>
  async ({ port }) => {
    const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false, ...options });
    onTestFinished(() => void socket.destroy());
    try {
      await once(socket, "secureConnect");
      // With 1.3 a client learns only afterwards that it is not wanted.
      await once(socket, "data");
      return says(socket);
    } catch {
      return "refused";
    }
  };
const subject: Look = handshake({}, (socket) => String(socket.getPeerCertificate().subject.CN));
const first = "handshake_first: true";
const pem = (name: string): string => quoted(certificateFile(name));
const pair = (name: string): string =>
  `{ cert_file: ${pem(`${name}.pem`)}, key_file: ${pem(`${name}-key.pem`)} }`;
const admitsWith =
  (certificate: string | undefined): Look =>
  async (broker) => {
    try {
      const { client } = await greeted(broker.port, certificate);
      client.send("CONNECT {}\r\n");
      await client.untilPong();
      return true;
    } catch {
      return false;
    }
  };
const serverPair = `cert_file: ${pem("server.pem")}, key_file: ${pem("server-key.pem")}`;
const ca = `ca_file: ${pem("ca.pem")}`;
/** A greeting within the time that a test may take, though nothing was said; null when there was none. */
const greetsFirst: Look = async ({ port }) => {
  const socket = connect({ host: "127.0.0.1", port });
  onTestFinished(() => void socket.destroy());
  const [what] = (await Promise.race([
    once(socket, "data"),
    once(socket, "close").then(() => ["closed"]),
  ])) as [Buffer | string];
  return what === "closed" ? "closed" : "greeted";
};

export const tlsRows: Readonly<Record<string, Row>> = {
  cert_file: elsewhere("test/reload/tls.test.ts"),
  key_file: elsewhere("test/reload/tls.test.ts"),
  ca_file: live(
    pem("ca.pem"),
    pem("stranger.pem"),
    admitsWith("client-name"),
    [true, false],
    `${serverPair}, verify: true`,
  ),
  certs: live(`[${pair("server")}]`, `[${pair("client-name")}]`, subject, ["localhost", "device-8"], first),
  verify: live("false", "true", admitsWith(undefined), [true, false], `${serverPair}, ${ca}`),
  verify_and_map: restart("false", "true", "TLSMap", `${serverPair}, ${ca}`),
  timeout: live('"1s"', '"3s"', varz("tls_timeout"), [1, 3], serverPair),
  handshake_first: live(
    "true",
    "false",
    greetsFirst,
    ["closed", "greeted"],
    `${serverPair}, timeout: "200ms"`,
  ),
  min_version: live(
    '"1.2"',
    '"1.3"',
    handshake({ maxVersion: "TLSv1.2" }, (socket) => socket.getProtocol()),
    ["TLSv1.2", "refused"],
    `${serverPair}, ${first}`,
  ),
  cipher_suites: live(
    "[TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]",
    "[TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384]",
    handshake({ maxVersion: "TLSv1.2" }, (socket) => socket.getCipher().name),
    ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"],
    `${serverPair}, ${first}`,
  ),
  allow_insecure_cipher_suites: nothing("false", "true", serverPair),
  curve_preferences: live(
    "[CurveP256]",
    "[CurveP384]",
    handshake({ ecdhCurve: "P-256" }, () => "done"),
    ["done", "refused"],
    `${serverPair}, ${first}`,
  ),
  pinned_certs: elsewhere("test/reload/access.test.ts"),
  connection_rate_limit: restart("1", "2", "TLSRateLimit", serverPair),
};

export const websocketRows: Readonly<Record<string, Row>> = {
  listen: restart('"127.0.0.1:-1"', '"localhost:-1"', "Websocket.host", "no_tls: true"),
  port: restart("-1", "8080", "Websocket.port", "no_tls: true"),
  host: restart("127.0.0.1", "localhost", "Websocket.host", "no_tls: true"),
  advertise: restart("a:1", "b:1", "Websocket.advertise", "no_tls: true"),
  tls: elsewhere("test/reload/tls.test.ts"),
  no_tls: elsewhere("test/reload/tls.test.ts"),
  same_origin: restart("false", "true", "Websocket.sameOrigin", "no_tls: true"),
  allowed_origins: restart('["http://a"]', '["http://b"]', "Websocket.allowedOrigins", "no_tls: true"),
  trusted_proxies: restart('["10.0.0.1"]', '["10.0.0.2"]', "Websocket.trustedProxies", "no_tls: true"),
  handshake_timeout: restart('"1s"', '"2s"', "Websocket.handshakeTimeoutMs", "no_tls: true"),
  compression: restart("false", "true", "Websocket.compression", "no_tls: true"),
  authorization: restart("{ user: a }", "{ user: b }", "Websocket.authorization", "no_tls: true"),
  jwt_cookie: elsewhere("test/config/listeners.test.ts"),
  user_cookie: restart("a", "b", "Websocket.userCookie", "no_tls: true"),
  pass_cookie: restart("a", "b", "Websocket.passCookie", "no_tls: true"),
  token_cookie: restart("a", "b", "Websocket.tokenCookie", "no_tls: true"),
  no_auth_user: restart("u", "v", "Websocket.noAuthUser", "no_tls: true"),
  headers: restart("{ a: b }", "{ a: c }", "Websocket.headers", "no_tls: true"),
  ping_interval: restart('"1m"', '"2m"', "Websocket.pingIntervalMs", "no_tls: true"),
};
