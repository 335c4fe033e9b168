import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { MonitorBench, testInfo, testOptions } from "./fixture.ts";
import { describeWith, natsServer } from "../fixture/needs.ts";

const server = natsServer("2.14.0");

const config = `
listen: "127.0.0.1:-1"
http: "127.0.0.1:-1"
server_name: test
server_tags: ["a:b"]
server_metadata: {rack: "7"}
max_subscriptions: 1000
websocket { listen: "127.0.0.1:-1", no_tls: true, same_origin: true, allowed_origins: ["http://a"], compression: true, handshake_timeout: "3s" }
accounts {
  A { users: [{user: u, password: p}], mappings: {foo: [{destination: bar, weight: 40%}]} }
}
`;

/** What nats-server shows and Frond does not. */
const leftOut: Readonly<Record<string, string>> = {
  "/varz feature_flags": "switches within nats-server's JetStream",
  "/accountz?acc=A account_detail.imports":
    "requests to the server that accounts import; there are none to import yet",
};

const shown = [
  "/varz",
  "/connz",
  "/connz?auth=1&subs=1",
  "/connz?auth=1&subs=detail",
  "/connz?state=closed&auth=1&subs=detail",
  "/connz?acc=nope",
  "/connz?cid=9999",
  "/subsz",
  "/subsz?subs=1&acc=A&test=foo.x",
  "/subscriptionsz",
  "/accountz",
  "/accountz?acc=A",
  "/accstatz",
  "/routez",
  "/gatewayz",
  "/leafz",
  "/jsz",
  "/healthz",
  "/healthz?leaf-remotes-connected=1",
  "/ipqueuesz",
  "/connz?limit=9223372036854775807&offset=9007199254740993",
];

const refused = [
  "/nope",
  "/varz/",
  "/connz?auth=xx",
  "/connz?subs=2",
  "/connz?subs=%22%01%7f%c3%a9%e2%80%8b%ef%bf%bd%f0%9f%98%80",
  "/connz?offset=--1",
  "/connz?limit=1e3",
  "/connz?limit=0x10",
  "/connz?limit=1_000",
  "/connz?limit=9223372036854775808",
  "/connz?limit=-9223372036854775809",
  "/connz?cid=%2B1",
  "/connz?cid=18446744073709551616",
  "/connz?state=zz",
  "/connz?sort=foo",
  "/connz?sort=stop",
  "/connz?sort=reason&state=any",
  "/connz?auth=xx&limit=xx",
  "/connz?limit=xx&cid=xx&state=xx&sort=xx",
  "/subsz?subs=x",
  "/subsz?test=a.*",
  "/subsz?test=a..b",
  "/subsz?limit=x&offset=y",
  "/accountz?acc=zz",
  "/accstatz?unused=x",
  "/routez?subs=x",
  "/gatewayz?accs=x",
  "/leafz?subs=x",
  "/jsz?leader-only=1",
  "/jsz?config=x&limit=y",
  "/healthz?stream=s",
  "/healthz?account=a&consumer=c",
  "/healthz?consumer=c&details=1",
  "/healthz?js-enabled=x",
  "/healthz?details=x&stream=s",
  "/healthz?leaf-remotes-connected=x",
  "/ipqueuesz?all=x",
  "/raftz",
];

describeWith(server, "beside a real nats-server", () => {
  let folder = "";
  let child: ChildProcess | undefined;
  let url = "";
  const sockets: Socket[] = [];
  const bench = benchLike();

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "frond-monitor-"));
    const file = join(folder, "server.conf");
    writeFileSync(file, config);
    child = spawn(server.path, ["-c", file, "--ports_file_dir", folder], { stdio: "ignore" });
    const ports = await portsOf(folder, child.pid as number);
    url = ports.monitoring[0] as string;
    sockets.push(await subscribe(ports.nats[0] as string));
    const leaving = await subscribe(ports.nats[0] as string);
    leaving.end();
    await once(leaving, "close");
    await sleep(100);
  });

  afterAll(async () => {
    for (const socket of sockets) socket.destroy();
    if (child !== undefined && child.exitCode === null) {
      const ended = once(child, "exit");
      child.kill();
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(shown)("shows the fields of %s, in their order", async (target) => {
    const response = await fetch(url + target);
    const theirs: unknown = await response.json();
    const ours = bench.get(target);
    expect([ours.status, ours.contentType]).toEqual([200, response.headers.get("content-type")]);
    expect(ours.headers).toMatchObject({
      "Access-Control-Allow-Origin": response.headers.get("access-control-allow-origin"),
    });
    const differences = compare(theirs, JSON.parse(ours.body), "");
    expect(differences.filter((path) => leftOut[`${target} ${path}`] === undefined)).toEqual([]);
  });

  it.each(refused)("refuses %s in the same words", async (target) => {
    const response = await fetch(url + target);
    const ours = bench.get(target);
    expect(ours).toMatchObject({
      status: response.status,
      contentType: response.headers.get("content-type"),
      body: await response.text(),
    });
    expect(ours.headers?.["X-Content-Type-Options"] ?? null).toBe(
      response.headers.get("x-content-type-options"),
    );
  });

  it("leaves out nothing that nats-server no longer shows", async () => {
    for (const key of Object.keys(leftOut)) {
      const [target, path] = key.split(" ") as [string, string];
      const response = await fetch(url + target);
      let value: unknown = await response.json();
      for (const name of path.split(".")) value = (value as Record<string, unknown>)[name];
      expect(value, key).toBeDefined();
    }
  });
});

/** The same configuration and the same clients, as far as the monitor can tell. */
function benchLike(): MonitorBench {
  const limits = { maxConnections: -1, maxSubscriptions: -1, maxPayloadBytes: -1 };
  const mapping = { source: "foo", destinations: [{ subject: "bar", weightPercent: 40 }] };
  const bench = new MonitorBench(
    {
      serverTags: ["a:b"],
      serverMetadata: { rack: "7" },
      limits: { ...testOptions.limits, maxSubscriptions: 1_000 },
      configDigest: "sha256:00",
      accounts: [{ name: "A", nkey: null, limits, mappings: [mapping], jetstream: null }],
      websocket: {
        host: "127.0.0.1",
        port: 0,
        advertise: null,
        tls: null,
        compression: true,
        sameOrigin: true,
        allowedOrigins: ["http://a"],
        trustedProxies: [],
        handshakeTimeoutMs: 3_000,
        pingIntervalMs: null,
        headers: {},
        jwtCookie: null,
        userCookie: null,
        passCookie: null,
        tokenCookie: null,
        noAuthUser: null,
        authorization: null,
      },
    },
    { info: () => ({ ...testInfo, auth_required: true }) },
  );
  const client = { name: "n", language: "node", version: "1", authorizedUser: "u", rttMs: 1 };
  const account = bench.account("A", [mapping]);
  for (const leaves of [false, true]) {
    const session = bench.session(client, account);
    session.subscribe("foo.>");
    session.subscribe("foo.*", "q").deliveredMax = 5;
    if (leaves) session.close("Client Closed");
  }
  return bench;
}

async function portsOf(folder: string, pid: number): Promise<{ nats: string[]; monitoring: string[] }> {
  const file = join(folder, `nats-server_${pid}.ports`);
  for (let tries = 0; tries < 100; tries++) {
    if (existsSync(file)) {
      const text = readFileSync(file, "utf8");
      if (text.trim().endsWith("}")) return JSON.parse(text) as { nats: string[]; monitoring: string[] };
    }
    await sleep(50);
  }
  throw new Error("nats-server did not start");
}

async function subscribe(natsUrl: string): Promise<Socket> {
  const socket = connect(Number(new URL(natsUrl).port), "127.0.0.1");
  const options = {
    user: "u",
    pass: "p",
    name: "n",
    lang: "node",
    version: "1",
    verbose: false,
    protocol: 1,
  };
  socket.write(`CONNECT ${JSON.stringify(options)}\r\nSUB foo.> 1\r\nSUB foo.* q 2\r\nUNSUB 2 5\r\nPING\r\n`);
  let text = "";
  for (let reads = 0; reads < 10; reads++) {
    const [chunk] = (await once(socket, "data")) as [Buffer];
    text += chunk.toString("latin1");
    if (text.includes("PONG\r\n")) {
      socket.resume();
      return socket;
    }
  }
  throw new Error(`no PONG: ${text}`);
}

/** Paths of what is missing in `ours`, is of another type, or stands in another order. */
function compare(theirs: unknown, ours: unknown, path: string): string[] {
  if (kindOf(theirs) !== kindOf(ours)) return [path];
  if (Array.isArray(theirs) && Array.isArray(ours)) {
    if (theirs.length === 0) return [];
    return compare(fullest(theirs), fullest(ours), `${path}[]`);
  }
  if (theirs === null || typeof theirs !== "object") return [];
  const left = theirs as Record<string, unknown>;
  const right = ours as Record<string, unknown>;
  // Its keys are paths that were asked for.
  if (path === "http_req_stats") return [];
  const below = Object.keys(left).flatMap((name) =>
    compare(left[name], right[name], path === "" ? name : `${path}.${name}`),
  );
  const ordered = Object.keys(left).filter((name) => name in right);
  const own = Object.keys(right).filter((name) => name in left);
  return ordered.join() === own.join() ? below : [...below, `order of ${path}: ${own.join()}`];
}

/** The element that shows most, since lists come in any order and elements leave out what is empty. */
function fullest(list: readonly unknown[]): unknown {
  const size = (item: unknown): number => Object.keys(item ?? {}).length;
  return list.reduce((best, item) => (size(item) > size(best) ? item : best), list[0]);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}
