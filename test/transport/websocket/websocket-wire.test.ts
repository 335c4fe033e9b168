import { once } from "node:events";
import net from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { openWebSocket, type RawWebSocket } from "../../fixture/raw-websocket.ts";
import { TlsHandshaker } from "../../../src/transport/tls/tls-handshaker.ts";
import { frame, opcodes } from "../frames.ts";
import type { Client } from "../../../src/client/client.ts";
import { countParts, Harness, megabyte, serverTls } from "../harness.ts";
import { eventually } from "../../fixture/waiting.ts";

let harness: Harness;
let port: number;
beforeEach(async () => {
  harness = new Harness();
  port = await harness.listenWebSocket();
});
afterEach(async () => {
  await harness.close();
  expect(harness.faults).toEqual([]);
});

const quiet = 'CONNECT {"verbose":false}\r\n';
const reasons = () => harness.closed.map(({ reason }) => reason);
const open = async (path = "", options: Parameters<typeof openWebSocket>[1] = {}) =>
  openWebSocket(`ws://127.0.0.1:${port}${path}`, options);

/** A socket on which the handshake is done and INFO is read, for frames made by hand. */
async function openBare(
  more: Buffer = Buffer.alloc(0),
): Promise<{ socket: net.Socket; received: () => Buffer }> {
  const socket = net.connect({ host: "127.0.0.1", port, noDelay: true });
  let received: Buffer = Buffer.alloc(0);
  socket.on("error", () => {});
  socket.on("data", (data) => (received = Buffer.concat([received, data])));
  const request = `GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${"A".repeat(22)}==\r\nNats-No-Masking: true\r\n\r\n`;
  socket.write(Buffer.concat([Buffer.from(request), more]));
  await eventually(() => received.includes("} \r\n"), "INFO");
  return { socket, received: () => received };
}

async function expectServed(client: RawWebSocket): Promise<void> {
  client.socket.send(`${quiet}SUB served 1\r\nPUB served 2\r\nhi\r\nPING\r\n`);
  await client.until("PONG\r\n");
  expect(client.received()).toContain("MSG served 1 2\r\nhi\r\n");
}

describe("messages", () => {
  test("of the broker are binary, on any path", async () => {
    for (const path of ["", "/", "/nats", "/a/b?c=d"]) {
      const client = await open(path);
      await client.until("\r\n");
      expect(client.received()).toMatch(/^INFO \{.*\} \r\n$/);
      expect(client.allBinary()).toBe(true);
      client.socket.terminate();
    }
  });

  test("may hold several operations, or parts of one, as text or binary", async () => {
    const client = await open();
    client.socket.send(`${quiet}SUB a 1\r\nPUB a 2\r\nhi\r\nPUB a`);
    for (const byte of " 5\r\nhello\r\nPING\r\n")
      client.socket.send(Math.random() < 0.5 ? byte : Buffer.from(byte));
    await client.until("PONG\r\n");
    expect(client.received()).toContain("MSG a 1 2\r\nhi\r\nMSG a 1 5\r\nhello\r\n");
    client.socket.terminate();
  });

  test("may be fragmented, with pings in between", async () => {
    const client = await open();
    const pongs: string[] = [];
    client.socket.on("pong", (data) => pongs.push(data.toString()));
    for (const [index, byte] of Buffer.from(`${quiet}SUB a 1\r\nPUB a 2\r\nhi\r\n`).entries()) {
      client.socket.send(String.fromCharCode(byte), { fin: false });
      if (index % 9 === 0) client.socket.ping(String(index));
    }
    client.socket.send("PING\r\n", { fin: true });
    await client.until("PONG\r\n");
    expect(client.received()).toContain("MSG a 1 2\r\nhi\r\n");
    expect(pongs).toEqual(["0", "9", "18", "27", "36", "45"]);
    client.socket.terminate();
  });

  test("of any size pass both ways", async () => {
    const client = await open();
    client.socket.send(`${quiet}SUB a 1\r\n`);
    await client.until("} \r\n");
    for (const size of [0, 60, 125, 126, 3_000, 65_535, 65_536, 300_000, megabyte]) {
      const payload = `${"x".repeat(size)}`;
      const before = client.received().length;
      client.socket.send(`PUB a ${size}\r\n${payload}\r\nPING\r\n`);
      await eventually(() => client.received().slice(before).endsWith("PONG\r\n"), `${size} bytes`);
      expect(client.received().slice(before) === `MSG a 1 ${size}\r\n${payload}\r\nPONG\r\n`).toBe(true);
    }
    client.socket.terminate();
  });

  test("that come with the request are not lost", async () => {
    const { socket, received } = await openBare(frame(opcodes.binary, `${quiet}PING\r\n`));
    await eventually(() => received().includes("PONG\r\n"), "PONG");
    socket.destroy();
  });

  test("wait while the session does, and then go on in order", async () => {
    let admit = () => {};
    harness.authenticator = {
      ...harness.authenticator,
      required: true,
      authenticate: () =>
        new Promise((resolve) => {
          admit = () => resolve({ account: "$G", user: null, permissions: null });
        }),
    };
    port = await harness.listenWebSocket();
    const client = await open();
    await eventually(() => harness.clients.length === 1, "connected");
    const parts = countParts((harness.clients[0] as Client).connection);
    client.socket.send(quiet);
    for (let count = 0; count < 2_000; count++)
      client.socket.send(`PUB a ${String(count).length}\r\n${count}\r\n`);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([harness.clients[0]?.inMessages, parts()]).toEqual([0, 1]);
    admit();
    client.socket.send("PING\r\n");
    await client.until("PONG\r\n");
    expect(harness.clients[0]?.inMessages).toBe(2_000);
    client.socket.terminate();
  });
});

describe("the end", () => {
  test("a close is answered with its own code", async () => {
    for (const code of [1000, 1001, 4321]) {
      const client = await open();
      client.socket.close(code, "bye");
      expect((await client.closed).code).toBe(code);
    }
    expect(reasons()).toEqual(["Client Closed", "Client Closed", "Client Closed"]);
  });

  test("what is owed comes before the answer to a close", async () => {
    const client = await open();
    client.socket.send(`${quiet}SUB a 1\r\nPUB a 2\r\nhi\r\nPING\r\n`);
    client.socket.close(1000);
    await client.closed;
    expect(client.received()).toContain("MSG a 1 2\r\nhi\r\nPONG\r\n");
  });

  test.each([
    ["an unknown operation", "NONSENSE\r\n", "-ERR 'Unknown Protocol Operation'\r\n", 1002],
    ["too large a payload", `PUB a ${megabyte + 1}\r\n`, "-ERR 'Maximum Payload Violation'\r\n", 1009],
    ["too long a line", `PUB ${"a".repeat(5_000)} 1\r\n`, "-ERR 'maximum control line exceeded'\r\n", 1008],
  ])("after %s comes a last word and then a close frame", async (_name, line, text, code) => {
    const client = await open();
    client.socket.send(quiet + line);
    const { code: said, reason } = await client.closed;
    expect(client.received().endsWith(text)).toBe(true);
    expect([said, reason]).toEqual([code, reasons()[0]]);
  });

  test("a last word reaches a peer that is still sending", async () => {
    const { socket, received } = await openBare();
    socket.write(frame(opcodes.binary, `${quiet}NONSENSE\r\n`));
    for (let count = 0; count < 8; count++) socket.write(frame(opcodes.binary, Buffer.alloc(megabyte)));
    await new Promise((resolve) => socket.once("close", resolve));
    expect(received().toString("latin1")).toContain("-ERR 'Unknown Protocol Operation'\r\n");
  });

  test("of the stream without a close is the end too, and what is owed is sent", async () => {
    const { socket, received } = await openBare();
    socket.end(frame(opcodes.binary, `${quiet}PING\r\n`));
    await once(socket, "close");
    expect(received().toString("latin1")).toContain("PONG\r\n");
    await eventually(() => harness.closed.length === 1, "closed");
    expect(reasons()).toEqual(["Client Closed"]);
  });

  test("may be a reset", async () => {
    const { socket } = await openBare();
    socket.resetAndDestroy();
    await eventually(() => harness.closed.length === 1, "closed");
    expect(["Read Error", "Client Closed"]).toContain(reasons()[0]);
  });

  test("of a peer that does not answer a close comes all the same", async () => {
    const { socket } = await openBare();
    harness.clients[0]?.close("Stale Connection");
    await once(socket, "close");
    await eventually(() => harness.closed.length === 1, "closed");
    expect(reasons()).toEqual(["Stale Connection"]);
  });
});

describe("frames that break the protocol", () => {
  const garbage: [string, Buffer][] = [
    ["without a mask", frame(opcodes.binary, "PING\r\n", { mask: null })],
    ["compressed without negotiation", frame(opcodes.binary, "PING\r\n", { reserved: 4 })],
    ["of an unknown kind", frame(5, "x")],
    ["that continue nothing", frame(opcodes.continuation, "x")],
    ["that are fragments of a ping", frame(opcodes.ping, "x", { fin: false })],
    ["that close for no possible reason", frame(opcodes.close, Buffer.from([0, 1]))],
    ["that close in one byte", frame(opcodes.close, Buffer.from([3]))],
    ["that are no frames", Buffer.from("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
    ["that claim more than a number can hold", frame(opcodes.binary, "", { length: 2n ** 63n })],
  ];

  test.each(garbage)(
    "%s close the connection with a close frame, and disturb nobody",
    async (_name, bytes) => {
      const client = await open();
      const { socket, received } = await openBare();
      const before = received().length;
      socket.write(bytes);
      await once(socket, "close");
      const [opcode, length, high = 0, low = 0] = received().subarray(before);
      expect([opcode, (length ?? 0) >= 2]).toEqual([0x88, true]);
      expect([1002, 1009]).toContain(high * 256 + low);
      await eventually(() => harness.closed.length === 1, "closed");
      await expectServed(client);
      client.socket.terminate();
    },
  );

  test("no masking is never granted", async () => {
    const { socket, received } = await openBare();
    expect(received().toString("latin1").toLowerCase()).not.toContain("nats-no-masking");
    socket.destroy();
  });
});

describe("floods", () => {
  /** Sends the same bytes over and over for a while, as fast as they are taken. */
  async function flood(socket: net.Socket, bytes: Buffer, total: number): Promise<void> {
    const block = Buffer.concat(Array.from({ length: Math.ceil(65_536 / bytes.length) }, () => bytes));
    for (let sent = 0; sent < total && !socket.destroyed; sent += block.length)
      if (!socket.write(block))
        await new Promise((resolve) => {
          socket.once("drain", resolve);
          socket.once("close", resolve);
        });
  }

  test.each([
    ["empty messages", frame(opcodes.binary, "")],
    ["empty fragments", frame(opcodes.continuation, "", { fin: false })],
    ["messages of one byte", frame(opcodes.text, "\n")],
    ["pings", frame(opcodes.ping, "x")],
    ["pongs", frame(opcodes.pong, "")],
    ["random bytes", Buffer.from(Array.from({ length: 5_000 }, (_, at) => (at * 7919) & 0xff))],
  ])("of %s cost no memory, and disturb nobody", async (name, bytes) => {
    const client = await open();
    const { socket } = await openBare();
    if (name === "empty fragments") socket.write(frame(opcodes.binary, "", { fin: false }));
    global.gc?.();
    const before = process.memoryUsage().rss;
    await flood(socket, bytes, 8 * megabyte);
    await expectServed(client);
    expect(process.memoryUsage().rss - before).toBeLessThan(100 * megabyte);
    socket.destroy();
    client.socket.terminate();
  });

  test("of pings from a peer that takes no answer are cut", async () => {
    const { socket } = await openBare();
    socket.pause();
    void flood(socket, frame(opcodes.ping, "x".repeat(125)), 64 * megabyte);
    await eventually(() => harness.closed.length === 1, "cut");
    socket.destroy();
  });

  test("a message that never ends is read as it comes", async () => {
    const { socket, received } = await openBare();
    socket.write(frame(opcodes.binary, "", { length: 2n ** 40n, mask: [0, 0, 0, 0] }));
    socket.write(`${quiet}PING\r\n`);
    await eventually(() => received().includes("PONG\r\n"), "PONG");
    socket.destroy();
  });
});

describe("over TLS", () => {
  test("serves, and tells the session of it", async () => {
    const gate = new TlsHandshaker(serverTls, harness.clock, null);
    port = await harness.listenWebSocket({}, gate);
    const client = await openWebSocket(`wss://127.0.0.1:${port}`, { rejectUnauthorized: false });
    client.socket.send(`${quiet}SUB a 1\r\nPUB a ${megabyte}\r\n${"x".repeat(megabyte)}\r\nPING\r\n`);
    await client.until("PONG\r\n");
    expect(client.received().length).toBeGreaterThan(megabyte);
    expect(harness.clients.at(-1)?.tls).toMatchObject({ version: "1.3", handshakeFirst: true });
    client.socket.close(1000);
    expect((await client.closed).code).toBe(1000);
  });

  test("a client in clear is closed", async () => {
    port = await harness.listenWebSocket({}, new TlsHandshaker(serverTls, harness.clock, null));
    await expect(open()).rejects.toThrow();
  });
});

test("a thousand connections come, are served, and go", async () => {
  const clients: RawWebSocket[] = [];
  for (let round = 0; round < 20; round++) {
    const batch = await Promise.all(Array.from({ length: 50 }, async () => open()));
    for (const client of batch) client.socket.send(`${quiet}SUB all ${clients.push(client)}\r\nPING\r\n`);
    await Promise.all(batch.map(async (client) => client.until("PONG\r\n")));
  }
  clients[0]?.socket.send("PUB all 2\r\nhi\r\n");
  await Promise.all(clients.map(async (client, index) => client.until(`MSG all ${index + 1} 2\r\nhi\r\n`)));
  expect(harness.broker.sessions.size).toBe(1_000);
  for (const { socket } of clients) {
    expect(socket.readyState).toBe(WebSocket.OPEN);
    socket.close(1000);
  }
  await Promise.all(clients.map(async (client) => client.closed));
  await eventually(() => harness.broker.sessions.size === 0, "all are gone");
});
