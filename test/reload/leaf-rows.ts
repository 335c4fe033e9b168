/** Rows for the `leafnodes` block and all below it. */
import { createServer, type AddressInfo, type Server } from "node:net";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { elsewhere, live, nothing, restart, varz, type Look, type Row } from "./rows.ts";

type Rows = Readonly<Record<string, Row>>;

/** Takes connections and says nothing, so that a remote that is dialled is seen here and nowhere else. */
class SilentHub {
  readonly #server: Server = createServer((socket) => {
    this.#count++;
    socket.on("error", () => {});
    this.#server.emit("dialled");
  });
  #count = 0;

  async listen(): Promise<number> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.#server.unref();
    return (this.#server.address() as AddressInfo).port;
  }

  /** How often a remote has dialled since the last look, at least once. */
  readonly dials: Look = async () => {
    if (this.#count === 0) await once(this.#server, "dialled");
    const count = this.#count;
    this.#count = 0;
    return count;
  };
}

const hub = new SilentHub();
export const hubPort = await hub.listen();
const folder = mkdtempSync(join(tmpdir(), "frond-keys-leaf-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
const seed = "SUAIBDPBAUTWCWBKIO6XHQNINK5FWJW4OHLXC3HQ2KFE4PEJUA44CNHTC4";
const credentials = (name: string): string => {
  const path = join(folder, name);
  writeFileSync(path, `-----BEGIN USER NKEY SEED-----\n${seed}\n------END USER NKEY SEED------\n`);
  return JSON.stringify(path);
};

/** A remote that was changed is dialled anew; the two looks see one dial each. */
const again = (from: string | null, to: string | null, beside = url): Row =>
  live(from, to, hub.dials, [1, 1], beside);
const url = `url: "nats-leaf://127.0.0.1:${hubPort}"`;

export const leafRows: Rows = {
  listen: restart('"127.0.0.1:-1"', '"localhost:-1"', "LeafNode.host"),
  port: restart("-1", "7422", "LeafNode.port"),
  host: restart("127.0.0.1", "localhost", "LeafNode.host"),
  authorization: restart("{ user: a, password: p }", "{ user: b, password: p }", "LeafNode.authorization"),
  remotes: elsewhere("test/reload/leaf-rows.ts"),
  reconnect: restart("1", "2", "LeafNode.ReconnectInterval"),
  dial_timeout: restart('"1s"', '"2s"', "LeafNode.DialTimeout"),
  tls: elsewhere("test/reload/tls.test.ts"),
  advertise: restart("a:1", "b:1", "LeafNode.advertise"),
  no_advertise: restart("false", "true", "LeafNode.isAdvertised"),
  min_version: restart("2.8.0", "2.9.0", "LeafNode.minVersion"),
  compression: nothing('"off"', '"off"'),
  isolate_leafnode_interest: restart("false", "true", "LeafNode.IsolateLeafnodeInterest"),
  write_deadline: live('"1s"', '"2s"', varz("leaf.write_deadline"), [1e9, 2e9]),
  ping_interval: restart('"1s"', '"2s"', "LeafNode.PingInterval"),
  ping_max: restart("2", "3", "LeafNode.MaxPingsOut"),
};

const key = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";

export const leafAuthorizationRows: Rows = {
  user: restart("a", "b", "LeafNode.authorization", "password: p"),
  username: restart("a", "b", "LeafNode.authorization", "password: p"),
  pass: restart("a", "b", "LeafNode.authorization", "user: u"),
  password: restart("a", "b", "LeafNode.authorization", "user: u"),
  nkey: restart(null, key, "LeafNode.authorization"),
  account: restart("A", "B", "LeafNode.authorization", "user: u, password: p"),
  timeout: live("3", "4", varz("leaf.auth_timeout"), [3, 4], "user: u, password: p"),
  users: restart("[{ user: a }]", "[{ user: b }]", "LeafNode.authorization"),
};

export const leafUserRows: Rows = {
  user: restart("a", "b", "LeafNode.authorization"),
  username: restart("a", "b", "LeafNode.authorization"),
  pass: restart("a", "b", "LeafNode.authorization", "user: u"),
  password: restart("a", "b", "LeafNode.authorization", "user: u"),
  account: restart("A", "B", "LeafNode.authorization", "user: u"),
};

export const remoteRows: Rows = {
  url: again(`"nats-leaf://127.0.0.1:${hubPort}"`, `"nats-leaf://localhost:${hubPort}"`, ""),
  account: again("A", "B"),
  creds: again(null, credentials("a.creds")),
  nkey: again(null, seed),
  tls: again(null, "{ insecure: true }"),
  hub: again("false", "true"),
  deny_imports: again("a", "b"),
  deny_exports: again("a", "b"),
  no_randomize: again("false", "true"),
  ignore_discovered_servers: again("false", "true"),
  ws_compression: again("false", "true"),
  ws_no_masking: again("false", "true"),
  isolate_leafnode_interest: again("false", "true"),
  request_isolation: again("false", "true"),
  compression: nothing('"off"', '"off"', url),
  first_info_timeout: again('"20s"', '"30s"'),
  dial_timeout: again('"1s"', '"2s"'),
  forward: again(null, "{ up: [S] }"),
  disabled: live("false", "true", varz("leaf.remotes"), [[expect1()], undefined], url),
};

function expect1(): object {
  return { local_account: "$G", urls: [`127.0.0.1:${hubPort}`] };
}

export const forwardRows: Rows = {
  up: again("[S]", "[T]", ""),
  down: again("[S]", "[T]", "hub_domain: hub"),
  replicas: again("1", "3", "up: [S]"),
  hub_domain: again("a", "b", "up: [S]"),
  back_off: again('"1s"', '"2s"', "up: [S]"),
  lag_warning: again("1", "2", "up: [S]"),
};

export const forwardStreamRows: Rows = {
  stream: again("S", "T", ""),
  as: again("S", "T", "stream: U"),
  subjects: again("[a]", "[b]", "stream: S"),
};

/** Frond compresses nothing, whatever is asked for. */
export const compressionRows: Rows = {
  mode: nothing("s2_fast", "s2_best"),
  rtt_thresholds: nothing("[10ms]", "[20ms]"),
};
