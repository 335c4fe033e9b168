/**
 * The public security advisories of 2026 about nats-server (https://advisories.nats.io), as far as Frond has what they
 * are about: each is tried here as it was reported. docs/security.md has the list, with those that do not apply.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readFileSync } from "node:fs";
import net from "node:net";
import tls from "node:tls";
import { deflateRawSync } from "node:zlib";
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { clientCertificateFromDer } from "../../src/auth/certificate.ts";
import type { ClientCertificate } from "../../src/auth/identity.ts";
import { Users } from "../../src/auth/users.ts";
import { certificates } from "../auth/certificate-fixtures.ts";
import { optionsOf, userOf } from "../auth/auth-options.ts";
import { certificatePath, startBroker } from "../fixture/broker-process.ts";
import { connectRaw, type RawClient } from "../fixture/raw-client.ts";
import { openWebSocket } from "../fixture/raw-websocket.ts";
import { startFrond, type Peer } from "../interop/peer.ts";
import { frame, opcodes } from "../transport/frames.ts";

const ended: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

const megabyte = 1024 * 1024;
const violation = "-ERR 'Authorization Violation'\r\n";

async function broker(config: string): Promise<Peer> {
  const peer = await startFrond(config);
  ended.push(() => peer.stop());
  return peer;
}

async function dial(port: number): Promise<RawClient> {
  const raw = await connectRaw(port);
  ended.push(() => raw.close());
  await raw.line();
  return raw;
}

const portOf = ({ url }: Peer): number => Number(new URL(url).port);

async function login(peer: Peer, user: string, fields: object = {}): Promise<RawClient> {
  const client = await dial(portOf(peer));
  client.send(
    `CONNECT ${JSON.stringify({ user, pass: user, headers: true, verbose: false, ...fields })}\r\n`,
  );
  expect(await client.untilPong()).toEqual([]);
  return client;
}

/** Somebody else is served as ever. */
async function isServed(peer: Peer, user: string): Promise<void> {
  await login(peer, user);
}

async function joinAsLeaf(peer: Peer, fields: object): Promise<RawClient> {
  const leaf = await dial(peer.leafPort);
  leaf.send(
    `CONNECT ${JSON.stringify({ name: "leaf", headers: true, remote_account: "$G", ...fields })}\r\n`,
  );
  expect(await leaf.line()).toContain('"connect_info":true');
  return leaf;
}

const guarded = "authorization { users: [ { user: u, password: u } ] }";

describe("before login", () => {
  const web = `websocket { listen: "127.0.0.1:-1", no_tls: true, compression: true }\n${guarded}`;

  /** A socket that has become a WebSocket, for frames made by hand. */
  async function upgraded(peer: Peer): Promise<net.Socket> {
    const socket = net.connect(peer.websocketPort, "127.0.0.1");
    ended.push(() => void socket.destroy());
    socket.on("error", () => {});
    socket.write(
      "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n" +
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Extensions: permessage-deflate\r\n\r\n",
    );
    let said = "";
    await new Promise<void>((resolve) => {
      socket.on("data", (chunk: Buffer) => {
        said += chunk.toString("latin1");
        if (said.includes("\r\n\r\n")) resolve();
      });
    });
    return socket;
  }

  const closed = (socket: net.Socket): Promise<void> =>
    new Promise((resolve) => (socket.destroyed ? resolve() : socket.once("close", () => resolve())));

  test("2026-02: a compression bomb over WebSocket ends its connection before it has swelled", async () => {
    const peer = await broker(web);
    const bomb = deflateRawSync(Buffer.alloc(256 * megabyte), { level: 9 });
    const socket = await upgraded(peer);
    const before = process.memoryUsage().rss;
    socket.write(frame(opcodes.binary, bomb, { reserved: 4 }));
    await closed(socket);
    expect(process.memoryUsage().rss - before).toBeLessThan(96 * megabyte);
    await isServed(peer, "u");
  });

  test.each([
    ["a length of 2^64 - 1", frame(opcodes.binary, "x", { length: 2n ** 64n - 1n })],
    ["a length of 2^63", frame(opcodes.binary, "x", { length: 2n ** 63n })],
    ["a control frame with a length of 64 bits", frame(opcodes.ping, "x", { length: 2n ** 40n })],
    ["an unknown opcode", frame(11, "x")],
    ["a continuation of nothing", frame(opcodes.continuation, "x")],
    ["no mask", frame(opcodes.binary, "x", { mask: null })],
    ["bytes that do not inflate", frame(opcodes.binary, Buffer.alloc(99, 0xff), { reserved: 4 })],
  ])("2026-03: a WebSocket frame with %s ends its connection alone", async (_what, bytes) => {
    const peer = await broker(web);
    const socket = await upgraded(peer);
    socket.write(bytes);
    await closed(socket);
    await isServed(peer, "u");
  });

  test("2026-11: a WebSocket message without an end is not gathered", async () => {
    const peer = await broker(web);
    const socket = await upgraded(peer);
    const before = process.memoryUsage().rss;
    let isOpen = true;
    void closed(socket).then(() => (isOpen = false));
    const piece = frame(opcodes.binary, Buffer.alloc(megabyte, 0x41));
    for (let sent = 0; isOpen && sent < 128; sent++) {
      await new Promise<void>((resolve) => socket.write(piece, () => resolve()));
    }
    await closed(socket);
    expect(process.memoryUsage().rss - before).toBeLessThan(96 * megabyte);
    await isServed(peer, "u");
  });

  test("2026-27: the path of MQTT over WebSocket is not found, and the broker goes on", async () => {
    const peer = await broker(`${web}\njetstream { store_dir: ${JSON.stringify(newDirectory())} }`);
    const refusal = await openWebSocket(`ws://127.0.0.1:${peer.websocketPort}/mqtt`).catch(
      (error: unknown) => error,
    );
    expect(refusal).toMatchObject({ status: 404 });
    await isServed(peer, "u");
  });

  const leafs = `leafnodes { listen: "127.0.0.1:-1" }\n${guarded}`;
  test.each([
    ["2026-04", "an INFO that asks for compression", 'INFO {"compression":"s2_fast"}\r\n'],
    ["2026-10", "a subscription", "LS+ a\r\n"],
    ["2026-10", "a weight that overflows", "LS+ a q 99999999999999999999\r\n"],
    ["2026-10", "a message without its arguments", "LMSG\r\n"],
    ["2026-10", "a message of a negative size", "LMSG a -1\r\n"],
    ["2026-19", "two INFO", 'INFO {"compression":"s2_auto"}\r\nINFO {"compression":"s2_auto"}\r\nLS+ a\r\n'],
  ])("%s: %s at the leaf port is refused, and the broker goes on", async (_id, _what, text) => {
    const peer = await broker(leafs);
    const stranger = await dial(peer.leafPort);
    stranger.send(text);
    expect(await stranger.rest()).toBe(violation);
    await isServed(peer, "u");
  });

  test.each(["PING\r\n", "SUB > 1\r\n", "LS+ >\r\n", "PUB a 0\r\n\r\n", "LMSG a 0\r\n\r\n", "INFO {}\r\n"])(
    "2026-16: with a no_auth_user, %j at the leaf port is refused like any other stranger",
    async (text) => {
      const peer = await broker(`${leafs}\nno_auth_user: u`);
      const stranger = await dial(peer.leafPort);
      stranger.send(text);
      expect(await stranger.rest()).toBe(violation);
    },
  );

  const webOnly = `websocket { listen: "127.0.0.1:-1", no_tls: true }
    authorization { users: [ { user: w, password: w, allowed_connection_types: ["WEBSOCKET"] }, { user: u, password: u } ] }
    no_auth_user: w`;
  test.each(["PING\r\n", "SUB a 1\r\n", "PUB a 0\r\n\r\n", "CONNECT {}\r\nPING\r\n"])(
    "2026-24: a no_auth_user for WebSocket alone is nobody's over TCP, who begins with %j",
    async (text) => {
      const peer = await broker(webOnly);
      const stranger = await dial(portOf(peer));
      stranger.send(text);
      expect(await stranger.rest()).toBe(violation);
      const web2 = await openWebSocket(`ws://127.0.0.1:${peer.websocketPort}`);
      web2.socket.send("PING\r\n");
      await web2.until("PONG\r\n");
      web2.socket.terminate();
    },
  );

  test("2026-23: a public key that is cut short is refused, and the broker goes on", async () => {
    const key = "UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4";
    const peer = await broker(`authorization { users: [ { nkey: ${key} }, { user: u, password: u } ] }`);
    for (const nkey of [key.slice(0, 20), "U", "UAAA", key.toLowerCase(), `${key}A`]) {
      const stranger = await dial(portOf(peer));
      stranger.send(`CONNECT ${JSON.stringify({ nkey, sig: "AAAA" })}\r\nPING\r\n`);
      expect(await stranger.rest()).toBe(violation);
    }
    await isServed(peer, "u");
  });
});

describe("TLS", () => {
  const file = (name: string): string =>
    readFileSync(fileURLToPath(new URL(`../fixture/certs/${name}`, import.meta.url)), "utf8");

  test.each(["TLSv1.2", "TLSv1.3"] as const)(
    "2026-01: a %s session of one listener opens no other that trusts other authorities",
    async (version) => {
      const server = `cert_file: ${certificatePath("server.pem")}, key_file: ${certificatePath("server-key.pem")}, verify: true`;
      const peer = await broker(
        `tls { ${server}, handshake_first: true, ca_file: ${certificatePath("ca.pem")} }
         websocket { listen: "127.0.0.1:-1", tls { ${server}, ca_file: ${certificatePath("stranger.pem")} } }`,
      );
      const terms = { host: "127.0.0.1", ca: file("ca.pem"), maxVersion: version };
      const known = tls.connect({
        ...terms,
        port: portOf(peer),
        cert: file("client-name.pem"),
        key: file("client-name-key.pem"),
      });
      ended.push(() => void known.destroy());
      const session = await new Promise<Buffer>((resolve, reject) => {
        known.once("session", resolve);
        known.once("error", reject);
      });
      const other = tls.connect({ ...terms, port: peer.websocketPort, session });
      ended.push(() => void other.destroy());
      let answer = "";
      other.on("data", (chunk: Buffer) => (answer += chunk.toString()));
      other.on("secureConnect", () => other.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n"));
      await new Promise<void>((resolve) => {
        other.once("close", () => resolve());
        other.once("error", () => resolve());
      });
      expect(other.isSessionReused()).toBe(false);
      expect(answer).toBe("");
    },
  );

  test("2026-13: a certificate is no other user's whose name has the same parts in another arrangement", () => {
    const der = certificates.find(({ name }) => name === "multi-valued")?.der ?? "";
    const certificate = clientCertificateFromDer(Buffer.from(der, "base64")) as ClientCertificate;
    const found = (name: string): string | null =>
      new Users(optionsOf({ users: [userOf(name, "")] })).byCertificate(certificate, "STANDARD")?.identity
        .user ?? null;
    expect(found("CN=erin,OU=a+OU=b+OU=c,O=Frond,L=Here")).not.toBeNull();
    for (const name of [
      "CN=erin",
      "CN=erin+OU=a",
      "O=Frond",
      "OU=a,OU=b,OU=c",
      "CN=erin+O=Frond+OU=a+OU=b+OU=c+L=Here",
    ])
      expect(found(name)).toBeNull();
  });
});

describe("permissions", () => {
  const config = `authorization { users: [
    { user: wide, password: wide, permissions: { subscribe: { allow: ">", deny: "secret.*" } } },
    { user: queue, password: queue, permissions: { subscribe: { allow: ">", deny: ["secret.a", "secret.a named"] } } },
    { user: one, password: one, permissions: { publish: "a" } },
    { user: u, password: u } ] }`;

  test("2026-17: a wildcard that overlaps a deny without lying in it gets nothing of what is denied", async () => {
    const peer = await broker(config);
    const wide = await login(peer, "wide");
    wide.send("SUB *.a 1\r\nSUB *.a q 2\r\n");
    expect(await wide.untilPong()).toEqual([]);
    const rightful = await login(peer, "u");
    rightful.send("SUB secret.a q 3\r\n");
    await rightful.untilPong();
    const publisher = await login(peer, "u");
    for (let count = 0; count < 20; count++) publisher.send("PUB secret.a 1\r\nx\r\n");
    publisher.send("PUB other.a 1\r\ny\r\n");
    await publisher.untilPong();
    expect(await wide.untilPong()).toEqual(["MSG other.a 1 1", "y", "MSG other.a 2 1", "y"]);
    expect((await rightful.untilPong()).filter((line) => line.startsWith("MSG"))).toHaveLength(20);
  });

  test("2026-18: a deny without a queue holds for every queue, whatever queues are denied by name", async () => {
    const peer = await broker(config);
    const client = await login(peer, "queue");
    client.send("SUB secret.a other 1\r\nSUB secret.a named 2\r\nSUB secret.a 3\r\n");
    expect(await client.untilPong()).toEqual([
      `-ERR 'Permissions Violation for Subscription to "secret.a" using queue "other"'`,
      `-ERR 'Permissions Violation for Subscription to "secret.a" using queue "named"'`,
      `-ERR 'Permissions Violation for Subscription to "secret.a"'`,
    ]);
  });

  test("2026-15: the trace headers of a message publish nothing where its publisher may not", async () => {
    const peer = await broker(config);
    const listener = await login(peer, "u");
    listener.send("SUB > 1\r\n");
    await listener.untilPong();
    const one = await login(peer, "one");
    const headers = "NATS/1.0\r\nNats-Trace-Dest: elsewhere\r\n\r\n";
    one.send(`HPUB a ${headers.length} ${headers.length}\r\n${headers}\r\n`);
    await one.untilPong();
    expect((await listener.untilPong()).filter((line) => line.startsWith("MSG elsewhere"))).toEqual([]);
  });

  test("2026-20: nor do those of a message that comes over a link", async () => {
    const peer = await broker(`leafnodes { listen: "127.0.0.1:-1" }\n${config}`);
    const listener = await login(peer, "u");
    listener.send("SUB > 1\r\n");
    await listener.untilPong();
    const leaf = await joinAsLeaf(peer, { user: "one", pass: "one" });
    const headers = "NATS/1.0\r\nNats-Trace-Dest: elsewhere\r\n\r\n";
    leaf.send(`HMSG a ${headers.length} ${headers.length}\r\n${headers}\r\n`);
    await leaf.untilPong();
    expect((await listener.untilPong()).filter((line) => /^H?MSG elsewhere/.test(line))).toEqual([]);
  });
});

describe("identity", () => {
  const accounts = `accounts { A { jetstream: true, users: [ { user: u, password: u } ] } }`;
  const forged = (json: object): string => `NATS/1.0\r\nNats-Request-Info: ${JSON.stringify(json)}\r\n\r\n`;

  test("2026-08: a leaf speaks for no account but the one that it is bound to", async () => {
    const peer = await broker(
      `leafnodes { listen: "127.0.0.1:-1" }\n${accounts.replace("jetstream: true,", "")}`,
    );
    const service = await login(peer, "u");
    service.send("SUB service 1\r\n");
    await service.untilPong();
    const leaf = await joinAsLeaf(peer, { user: "u", pass: "u" });
    const headers = forged({ acc: "B", user: "root" });
    leaf.send(`HMSG service r ${headers.length} ${headers.length}\r\n${headers}\r\n`);
    await leaf.untilPong();
    expect(await service.untilPong()).toContain('Nats-Request-Info: {"acc":"A","user":"root"}');
  });

  test("2026-09: what the broker tells of who asked is not what the request's header says", async () => {
    const peer = await broker(`jetstream { store_dir: ${JSON.stringify(newDirectory())} }\n${accounts}`);
    const client = await login(peer, "u");
    client.send("SUB $JS.EVENT.ADVISORY.API 1\r\n");
    await client.untilPong();
    const headers = forged({ acc: "B", user: "root" });
    const body = '{"name":"S","subjects":["s"]}';
    client.send(
      `SUB r 2\r\nHPUB $JS.API.STREAM.CREATE.S r ${headers.length} ${headers.length + body.length}\r\n${headers}${body}\r\n`,
    );
    let advisory = "";
    while (!advisory.includes("io.nats.jetstream.advisory.v1.api_audit")) advisory = await client.line();
    expect((JSON.parse(advisory) as { client: object }).client).toMatchObject({ acc: "A", user: "u" });
  });
});

test("2026-12: a restore of one stream cannot make another", async () => {
  const peer = await broker(`jetstream { store_dir: ${JSON.stringify(newDirectory())} }`);
  const client = await login(peer, "");
  client.send("SUB r 1\r\n");
  await client.untilPong();
  const ask = async (subject: string, body: object | null): Promise<Record<string, unknown>> => {
    const text = body === null ? "" : JSON.stringify(body);
    client.send(`PUB ${subject} r ${text.length}\r\n${text}\r\n`);
    const line = await client.line();
    expect(line).toMatch(/^MSG r 1 /);
    return JSON.parse(await client.line()) as Record<string, unknown>;
  };
  const config = { name: "B", subjects: ["b"], storage: "file" };
  const state = { messages: 0, bytes: 0, first_seq: 1, last_seq: 0, consumer_count: 0 };
  expect(await ask("$JS.API.STREAM.RESTORE.A", { config, state })).toMatchObject({
    error: { err_code: 10056 },
  });
  expect(await ask("$JS.API.STREAM.NAMES", null)).toMatchObject({ total: 0 });
});

test("2026-22: a line break in a subject that a request names is refused, and reaches no link", async () => {
  const peer = await broker(
    `leafnodes { listen: "127.0.0.1:-1" }\njetstream { store_dir: ${JSON.stringify(newDirectory())} }`,
  );
  const leaf = await joinAsLeaf(peer, { user: "", pass: "" });
  leaf.send("LS+ >\r\n");
  await leaf.untilPong();
  const client = await login(peer, "");
  client.send("SUB r 1\r\n");
  await client.untilPong();
  const ask = async (subject: string, body: object): Promise<unknown> => {
    const text = JSON.stringify(body);
    client.send(`PUB ${subject} r ${text.length}\r\n${text}\r\n`);
    await client.line();
    return (JSON.parse(await client.line()) as { error?: unknown }).error;
  };
  const evil = "a\r\nLMSG b 0\r\n\r\n";
  const stream = { name: "S", subjects: ["s"] };
  expect(await ask("$JS.API.STREAM.CREATE.S", stream)).toBeUndefined();
  const streams: object[] = [
    { subjects: [evil] },
    { republish: { src: ">", dest: evil } },
    { subject_transform: { src: "s", dest: evil } },
    { subjects: [], mirror: { name: "S", external: { api: evil } } },
    { subjects: [], mirror: { name: "S", external: { api: "$JS.x.API", deliver: evil } } },
    { subjects: [], mirror: { name: "S", filter_subject: evil } },
    { subjects: [], sources: [{ name: "S", subject_transforms: [{ src: "s", dest: evil }] }] },
  ];
  for (const [at, fields] of streams.entries())
    expect
      .soft(
        await ask("$JS.API.STREAM.CREATE.T", { ...stream, name: "T", subjects: [`t${at}`], ...fields }),
        JSON.stringify(fields),
      )
      .toBeDefined();
  const consumers: object[] = [
    { deliver_subject: evil },
    { filter_subject: evil },
    { filter_subjects: ["s", evil] },
    { durable_name: evil },
  ];
  for (const fields of consumers)
    expect
      .soft(
        await ask("$JS.API.CONSUMER.CREATE.S", {
          stream_name: "S",
          config: { ack_policy: "none", ...fields },
        }),
        JSON.stringify(fields),
      )
      .toBeDefined();
  expect.soft(await ask("$JS.API.STREAM.SNAPSHOT.S", { deliver_subject: evil })).toBeDefined();
  // These two are only ever compared with what is subscribed to, or published.
  await ask("$JS.API.STREAM.CREATE.U", { name: "U", subjects: ["u"], republish: { src: evil, dest: "d" } });
  const grouped = { ack_policy: "none", deliver_subject: "d", deliver_group: evil };
  await ask("$JS.API.CONSUMER.CREATE.S", { stream_name: "S", config: grouped });
  // All that has come over the link is whole and known: no operation that somebody has smuggled in.
  for (const line of await leaf.untilPong()) expect.soft(line).not.toMatch(/^LMSG b /);
});

test("2026-14: a password given as a flag is on no page of the monitoring port", async () => {
  const running = await startBroker({ args: ["--user", "u", "--pass", "hunter2-hunter2", "-m", "-1"] });
  ended.push(async () => {
    await running.kill();
  });
  const paths = [
    "",
    "varz",
    "connz?auth=1&subs=1",
    "subsz?subs=1",
    "accountz?acc=$G",
    "accstatz",
    "jsz?config=1",
    "leafz",
    "healthz",
    "debug/vars",
  ];
  for (const path of paths) {
    const answer = await fetch(`http://127.0.0.1:${running.monitorPort}/${path}`);
    expect(await answer.text()).not.toContain("hunter2");
  }
});

test.each(["9223372036854775807", "-1", "-9223372036854775808", "99999999999999999999"])(
  "2026-28: pages of connections from %s on are answered, and the broker goes on",
  async (number) => {
    const peer = await broker(`http: "127.0.0.1:-1"\n${guarded}`);
    await login(peer, "u");
    for (const query of [`offset=${number}&limit=${number}`, `offset=${number}`, `limit=${number}`]) {
      const answer = await fetch(`http://127.0.0.1:${peer.monitorPort}/connz?${query}`);
      expect([200, 400]).toContain(answer.status);
    }
    await isServed(peer, "u");
  },
);

function newDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), "frond-advisories-"));
  ended.push(() => rmSync(directory, { recursive: true, force: true, maxRetries: 5 }));
  return directory;
}
