import { once } from "node:events";
import { readFileSync } from "node:fs";
import net from "node:net";
import { constants, deflateRawSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connectRaw } from "../../fixture/raw-client.ts";
import { openWebSocket } from "../../fixture/raw-websocket.ts";
import { TlsHandshaker } from "../../../src/transport/tls/tls-handshaker.ts";
import type { WebSocketSettings } from "../../../src/transport/websocket/websocket-listener.ts";
import { frame, opcodes } from "../frames.ts";
import type { Client } from "../../../src/client/client.ts";
import { certificateFile, countParts, floodUntilStopped, Harness, megabyte, serverTls } from "../harness.ts";
import { eventually } from "../../fixture/waiting.ts";

let harness: Harness;
beforeEach(() => {
  harness = new Harness();
});
afterEach(async () => {
  await harness.close();
  expect(harness.faults).toEqual([]);
});

const quiet = 'CONNECT {"verbose":false}\r\n';
const reasons = () => harness.closed.map(({ reason }) => reason);
const offer = { perMessageDeflate: { threshold: 0 } };
const url = (port: number, path = "") => `ws://127.0.0.1:${port}${path}`;

async function refusalOf(address: string, options = {}): Promise<number> {
  const opened = await openWebSocket(address, options).catch((error: unknown) => error);
  if (opened instanceof Error && "status" in opened) return opened.status as number;
  throw new Error("it was not refused");
}

describe("the request", () => {
  test("tells who the client is, and what it offers", async () => {
    const port = await harness.listenWebSocket({ userCookie: "who", passCookie: "secret" });
    const headers = { Cookie: "who=ann; secret=x; other=y", "X-Forwarded-For": "192.0.2.7" };
    const client = await openWebSocket(url(port), { headers });
    await client.until("\r\n");
    expect(harness.offered).toEqual([{ user: "ann", password: "x" }]);
    expect(harness.clients[0]?.address).toBe("127.0.0.1");
    expect(client.received()).toContain('"client_ip":"127.0.0.1"');
    client.socket.terminate();
  });

  test("from a trusted proxy tells the client's address, by the proxies of now", async () => {
    let terms: Partial<WebSocketSettings> = { trustedProxies: ["127.0.0.0/8"] };
    const port = await harness.listenWebSocket(() => terms);
    const headers = { "X-Forwarded-For": "203.0.113.1, 192.0.2.7" };
    const believed = await openWebSocket(url(port), { headers });
    await believed.until('"client_ip":"192.0.2.7"');
    terms = { trustedProxies: ["10.0.0.1"] };
    const ignored = await openWebSocket(url(port), { headers });
    await ignored.until('"client_ip":"127.0.0.1"');
    believed.socket.terminate();
    ignored.socket.terminate();
  });

  test("is answered with the configured headers, and no subprotocol", async () => {
    const port = await harness.listenWebSocket({ headers: { "X-Served-By": "the broker" } });
    const client = await openWebSocket(url(port));
    expect(client.headers["x-served-by"]).toBe("the broker");
    expect(client.headers["sec-websocket-protocol"]).toBeUndefined();
    client.socket.terminate();
  });

  test("is answered by the rules of now", async () => {
    let terms: Partial<WebSocketSettings> = { headers: { "X-Version": "1" } };
    const port = await harness.listenWebSocket(() => terms);
    const before = await openWebSocket(url(port), offer);
    terms = { headers: { "X-Version": "2" }, compression: true, allowedOrigins: ["https://good.test"] };
    const after = await openWebSocket(url(port), offer);
    expect([before.headers["x-version"], after.headers["x-version"]]).toEqual(["1", "2"]);
    expect([before.socket.extensions, after.socket.extensions]).toEqual(["", "permessage-deflate"]);
    expect(await refusalOf(url(port), { origin: "https://evil.test" })).toBe(403);
    before.socket.send(`${quiet}PING\r\n`);
    await before.until("PONG\r\n");
    before.socket.terminate();
    after.socket.terminate();
  });

  test("is refused where a rule says so, and the log is told why", async () => {
    const port = await harness.listenWebSocket({ allowedOrigins: ["https://good.test"] });
    expect(await refusalOf(url(port), { origin: "https://evil.test" })).toBe(403);
    expect(await refusalOf(url(port, "/leafnode"))).toBe(404);
    expect(await refusalOf(url(port, "/x/mqtt"))).toBe(404);
    expect(harness.notes).toEqual([
      "origin not allowed: not in the allowed list",
      "leafnode websocket endpoint not enabled",
      "mqtt websocket endpoint not enabled",
    ]);
    const client = await openWebSocket(url(port), { origin: "https://good.test" });
    client.socket.terminate();
  });

  test("may name other protocols beside, since its headers are lists", async () => {
    const port = await harness.listenWebSocket();
    const client = await connectRaw(port);
    client.send(
      upgradeRequest({
        Upgrade: "h2c, websocket",
        Connection: "keep-alive, Upgrade",
        "Sec-WebSocket-Version": "13, 8",
      }),
    );
    expect(await client.line()).toBe("HTTP/1.1 101 Switching Protocols");
    await eventually(() => harness.clients.length === 1, "there is a client");
    client.close();
  });

  test("is read no further once it is refused", async () => {
    harness.clock.freeze();
    const port = await harness.listenWebSocket();
    const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    let received = "";
    socket.on("data", (data) => (received += data.toString("latin1")));
    socket.write(upgradeRequest({ "Sec-WebSocket-Key": "short" }));
    expect(["ECONNRESET", "EPIPE"]).toContain(await floodUntilStopped(socket, 32 * megabyte));
    expect(received).toMatch(/^HTTP\/1\.1 400 /);
  });

  test.each([
    ["for a page", "GET / HTTP/1.1\r\nHost: x\r\n\r\n"],
    ["to become a WebSocket", upgradeRequest({})],
    ["that is no HTTP", "INFO {}\r\n"],
  ])("%s in clear on a port for TLS is answered in clear, with what to do", async (_name, text) => {
    const port = await harness.listenWebSocket({}, new TlsHandshaker(serverTls, harness.clock, null));
    const client = await connectRaw(port);
    client.send(text);
    expect(await client.rest()).toMatch(
      /^HTTP\/1\.1 400 Bad Request\r\n[^]*\r\n\r\nThis port takes HTTPS, and the request came over HTTP: use https:\/\/ or wss:\/\/\n$/,
    );
  });

  test("with a certificate that is not pinned is refused with the reason", async () => {
    const terms = { ...serverTls, verify: true, caFile: certificateFile("ca.pem") };
    const port = await harness.listenWebSocket({}, new TlsHandshaker(terms, harness.clock, () => false));
    const [cert, key] = ["client-name.pem", "client-name-key.pem"].map((name) =>
      readFileSync(certificateFile(name)),
    );
    const opened = openWebSocket(`wss://127.0.0.1:${port}`, { cert, key, rejectUnauthorized: false });
    await expect(opened).rejects.toMatchObject({ status: 400 });
  });

  test("that never begins on a port for TLS is not waited for", async () => {
    harness.clock.freeze();
    const port = await harness.listenWebSocket({}, new TlsHandshaker(serverTls, harness.clock, null));
    const client = await connectRaw(port);
    const rest = client.rest();
    let isOver = false;
    void rest.then(() => (isOver = true));
    await eventually(() => {
      void harness.clock.advance("2s");
      return isOver;
    }, "it is let go");
    expect(await rest).toBe("");
  });

  test.each([
    ["for a page", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "400 Bad Request"],
    ["with a body", "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "405 Method Not Allowed"],
    ["for an old version", upgradeRequest({ "Sec-WebSocket-Version": "8" }), "400 Bad Request"],
    ["with a bad key", upgradeRequest({ "Sec-WebSocket-Key": "short" }), "400 Bad Request"],
    [
      "with an extension that makes no sense",
      upgradeRequest({ "Sec-WebSocket-Extensions": "permessage-deflate; server_max_window_bits=99" }),
      "400 Bad Request",
    ],
    ["that is no HTTP", "SSH-2.0-OpenSSH_9.6\r\n\r\n", "400 Bad Request"],
    ["with endless headers", `GET / HTTP/1.1\r\nX: ${"x".repeat(20_000)}`, "400 Bad Request"],
  ])("%s is refused, and the socket closed", async (_name, text, status) => {
    const port = await harness.listenWebSocket({ compression: true });
    const client = await connectRaw(port);
    client.send(text);
    const answer = await client.rest();
    expect(answer.split("\r\n", 1)).toEqual([`HTTP/1.1 ${status}`]);
    if (text.startsWith("GET") && text.includes("\r\n\r\n"))
      expect(answer).toMatch(/sec-websocket-version: 13\r\n/i);
    const good = await openWebSocket(url(port));
    good.socket.terminate();
  });

  test("must come in time", async () => {
    harness.clock.freeze();
    const clear = await harness.listenWebSocket({ handshakeTimeoutMs: 500 });
    const byDefault = await harness.listenWebSocket();
    const secure = await harness.listenWebSocket(
      { handshakeTimeoutMs: 500 },
      new TlsHandshaker(serverTls, harness.clock, null),
    );
    const silent = await connectRaw(clear);
    const slow = await connectRaw(clear);
    slow.send("GET / HTTP/1.1\r\nHost: x\r\n");
    const patient = await connectRaw(byDefault);
    const encrypted = await connectRaw(secure, { tls: { rejectUnauthorized: false } });
    await once(encrypted.socket, "secureConnect");
    const half = await connectRaw(secure);
    await new Promise((resolve) => setTimeout(resolve, 50));
    await harness.clock.advance("600ms");
    expect([await silent.rest(), await slow.rest(), await encrypted.rest()]).toEqual(["", "", ""]);
    await harness.clock.advance("2s");
    expect(await half.rest()).toBe("");
    expect(patient.socket.destroyed).toBe(false);
    await harness.clock.advance("8s");
    expect(await patient.rest()).toBe("");
  });

  test("does not limit the time of the connection", async () => {
    harness.clock.freeze();
    const port = await harness.listenWebSocket({ handshakeTimeoutMs: 500 });
    const client = await openWebSocket(url(port));
    client.socket.send(`${quiet}PING\r\n`);
    await client.until("PONG\r\n");
    await harness.clock.advance("1s");
    client.socket.send("SUB a 1\r\nPUB a 2\r\nhi\r\n");
    await client.until("MSG a 1 2\r\nhi\r\n");
    client.socket.terminate();
  });
});

function upgradeRequest(change: Readonly<Record<string, string>> = {}): string {
  const headers = {
    Host: "x",
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": `${"A".repeat(22)}==`,
    ...change,
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `GET / HTTP/1.1\r\n${lines.join("")}\r\n`;
}

describe("compression", () => {
  test("is used when both sides want it, without memory between messages", async () => {
    const port = await harness.listenWebSocket({ compression: true });
    const client = await openWebSocket(url(port), offer);
    const extensions = client.headers["sec-websocket-extensions"] ?? "";
    for (const word of ["permessage-deflate", "server_no_context_takeover", "client_no_context_takeover"])
      expect(extensions).toContain(word);
    const payload = "x".repeat(500_000);
    client.socket.send(`${quiet}SUB a 1\r\nPUB a ${payload.length}\r\n${payload}\r\nPING\r\n`);
    await client.until("PONG\r\n");
    expect(client.received()).toContain(`MSG a 1 ${payload.length}\r\n${payload}\r\n`);
    client.socket.close(1000);
    expect((await client.closed).code).toBe(1000);
    expect(reasons()).toEqual(["Client Closed"]);
  });

  test("is not used when one side does not want it", async () => {
    const compressing = await harness.listenWebSocket({ compression: true });
    const plain = await harness.listenWebSocket();
    const clients = [await openWebSocket(url(compressing)), await openWebSocket(url(plain), offer)];
    for (const client of clients) {
      expect(client.headers["sec-websocket-extensions"]).toBeUndefined();
      client.socket.terminate();
    }
  });

  test("keeps compressed and plain messages in order, one large and many small", async () => {
    const port = await harness.listenWebSocket({ compression: true });
    const client = await openWebSocket(url(port), { perMessageDeflate: { threshold: 100 } });
    client.socket.send(`${quiet}SUB a 1\r\n`);
    let expected = "";
    for (let count = 0; count < 3_000; count++) {
      const payload = count % 50 === 0 ? String(count).repeat(10_000) : String(count);
      client.socket.send(`PUB a ${payload.length}\r\n${payload}\r\n`, { compress: count % 3 > 0 });
      expected += `MSG a 1 ${payload.length}\r\n${payload}\r\n`;
    }
    client.socket.send("PING\r\n");
    await client.until("PONG\r\n");
    expect(client.received().includes(expected)).toBe(true);
    client.socket.terminate();
  });

  test("takes several large operations in one message", async () => {
    const port = await harness.listenWebSocket({ compression: true });
    const client = await openWebSocket(url(port), offer);
    const payload = "z".repeat(megabyte);
    const one = `PUB a ${payload.length}\r\n${payload}\r\n`;
    client.socket.send(`${quiet}SUB a 1\r\n${one.repeat(5)}PING\r\n`);
    await client.until("PONG\r\n");
    expect(client.received().split(payload)).toHaveLength(6);
    client.socket.terminate();
  });

  test("leaves fragments and control frames alone", async () => {
    const port = await harness.listenWebSocket({ compression: true });
    const client = await openWebSocket(url(port), offer);
    const pongs: string[] = [];
    client.socket.on("pong", (data) => pongs.push(data.toString()));
    const text = `${quiet}SUB a 1\r\nPUB a 300\r\n${"y".repeat(300)}\r\nPING\r\n`;
    client.socket.send(text.slice(0, 200), { fin: false });
    client.socket.ping("between");
    client.socket.send(text.slice(200), { fin: true });
    await client.until("PONG\r\n");
    await eventually(() => pongs.length === 1, "a pong");
    expect(client.received()).toContain(`MSG a 1 300\r\n${"y".repeat(300)}\r\n`);
    client.socket.terminate();
  });

  /** A socket with compression negotiated and INFO read, for frames made by hand. */
  async function openBare(port: number): Promise<net.Socket> {
    const socket = net.connect({ host: "127.0.0.1", port });
    socket.on("error", () => {});
    socket.on("data", () => {});
    socket.write(upgradeRequest({ "Sec-WebSocket-Extensions": "permessage-deflate" }));
    await once(socket, "data");
    return socket;
  }

  const bomb = deflateRawSync(Buffer.alloc(300 * megabyte), { level: 9 });
  const sync = Buffer.concat([bomb, Buffer.from([0, 0, 0, 0xff, 0xff])]);
  test.each([
    ["a small message that swells to a huge one", [frame(opcodes.binary, bomb, { reserved: 4 })]],
    [
      "many fragments that do together",
      [
        frame(opcodes.binary, sync.subarray(0, 1000), { reserved: 4, fin: false }),
        ...Array.from({ length: Math.ceil(sync.length / 1000) }, (_, at) =>
          frame(opcodes.continuation, sync.subarray((at + 1) * 1000, (at + 2) * 1000), { fin: false }),
        ),
      ],
    ],
    ["bytes that cannot be inflated", [frame(opcodes.binary, Buffer.alloc(100, 0xff), { reserved: 4 })]],
    ["a large message that is not compressed", [frame(opcodes.binary, Buffer.alloc(9 * megabyte))]],
    ["the claim of a huge one", [frame(opcodes.binary, "", { reserved: 4, length: 2n ** 40n })]],
  ])("of %s ends that connection only", async (_name, frames) => {
    const port = await harness.listenWebSocket({ compression: true });
    const other = await openWebSocket(url(port), offer);
    const socket = await openBare(port);
    const before = process.memoryUsage().rss;
    for (const bytes of frames) socket.write(bytes);
    // Perhaps by a reset.
    await new Promise((resolve) => socket.once("close", resolve));
    await eventually(() => harness.closed.length === 1, "closed");
    expect(["Maximum Message Payload Exceeded", "Read Error"]).toContain(reasons()[0]);
    expect(process.memoryUsage().rss - before).toBeLessThan(60 * megabyte);
    other.socket.send(`${quiet}PING\r\n`);
    await other.until("PONG\r\n");
    other.socket.terminate();
  });

  test("does not pile up what it inflates while the session waits", async () => {
    let admit = () => {};
    harness.authenticator = {
      ...harness.authenticator,
      required: true,
      authenticate: () =>
        new Promise((resolve) => {
          admit = () => resolve({ account: "$G", user: null, permissions: null });
        }),
    };
    const port = await harness.listenWebSocket({ compression: true });
    const socket = await openBare(port);
    let received = "";
    socket.on("data", (data) => (received += data.toString("latin1")));
    const parts = countParts((harness.clients[0] as Client).connection);
    const deflated = (text: string) => {
      const bytes = deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
      return frame(opcodes.binary, bytes, { reserved: 4 });
    };
    const publish = deflated(`PUB a 900000\r\n${"z".repeat(900_000)}\r\n`);
    // All in one chunk: when CONNECT is inflated, the rest has been read already.
    socket.write(
      Buffer.concat([deflated(quiet), ...Array.from({ length: 40 }, () => publish), deflated("PING\r\n")]),
    );
    await eventually(() => parts() > 0, "CONNECT");
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect([harness.clients[0]?.inMessages, parts()]).toEqual([0, 1]);
    const before = process.memoryUsage().rss;
    admit();
    await eventually(() => received.includes("PONG\r\n"), "PONG");
    expect(harness.clients[0]?.inMessages).toBe(40);
    expect(process.memoryUsage().rss - before).toBeLessThan(60 * megabyte);
    socket.destroy();
  });
});
