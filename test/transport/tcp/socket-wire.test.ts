import net from "node:net";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connectRaw } from "../../fixture/raw-client.ts";
import { listenTcp } from "../../../src/transport/tcp/tcp-listener.ts";
import { floodUntilStopped, Harness, megabyte, messageLine } from "../harness.ts";
import { eventually } from "../../fixture/waiting.ts";

let harness: Harness;
let port: number;
beforeEach(async () => {
  harness = new Harness();
  port = await harness.listenTcp();
});
afterEach(async () => {
  await harness.close();
  expect(harness.faults).toEqual([]);
});

const connected = { connect: { verbose: false } };

describe("a connection", () => {
  test("is greeted, and served", async () => {
    const client = await connectRaw(port);
    expect(await client.line()).toMatch(/^INFO \{.*"client_id":1.*\} $/);
    client.send('CONNECT {"verbose":false}\r\nSUB a 1\r\nPUB a 2\r\nhi\r\n');
    expect([await client.line(), await client.line()]).toEqual(["MSG a 1 2", "hi"]);
    client.close();
  });

  test("that only half-closes is answered before it is closed", async () => {
    const client = await connectRaw(port);
    await client.line();
    client.socket.end('CONNECT {"verbose":false}\r\nSUB a 1\r\nPUB a 2\r\nhi\r\nPING\r\n');
    expect(await client.rest()).toBe("MSG a 1 2\r\nhi\r\nPONG\r\n");
    await eventually(() => harness.closed.length === 1, "closed");
    expect(harness.closed).toEqual([{ id: 1, reason: "Client Closed" }]);
  });

  test("that is reset is a read error, or closed", async () => {
    const client = await connectRaw(port, connected);
    client.socket.resetAndDestroy();
    await eventually(() => harness.closed.length === 1, "closed");
    expect(["Read Error", "Client Closed"]).toContain(harness.closed[0]?.reason);
  });

  test("carries messages of any size, both ways and in pieces", async () => {
    const client = await connectRaw(port, connected);
    client.send("SUB a 1\r\n");
    for (const size of [0, 1, 100, 5_000, 70_000, megabyte]) {
      const payload = "x".repeat(size);
      const line = `PUB a ${size}\r\n${payload}\r\n`;
      for (let at = 0; at < line.length; at += 300_007) client.send(line.slice(at, at + 300_007));
      expect(await client.line()).toBe(`MSG a 1 ${size}`);
      expect((await client.payload(size)) === payload).toBe(true);
    }
    client.close();
  });
});

describe("a mistake that closes", () => {
  test("is told to a peer that is still sending", async () => {
    const client = await connectRaw(port, connected);
    const flood = Buffer.alloc(8 * megabyte, "x");
    let received = "";
    client.socket.removeAllListeners("data");
    client.socket.on("data", (text: string) => (received += text));
    client.send("PUB a 999999999\r\n");
    client.socket.write(flood);
    client.socket.write(flood);
    await new Promise((resolve) => client.socket.once("close", resolve));
    expect(received).toContain("-ERR 'Maximum Payload Violation'\r\n");
    await eventually(() => harness.closed.length === 1, "closed");
    expect(harness.closed).toEqual([{ id: 1, reason: "Maximum Message Payload Exceeded" }]);
  });

  test.each([
    ["a payload that is too large", "PUB a 999999999\r\n", "Maximum Payload Violation"],
    ["an unknown operation", "NONSENSE\r\n", "Unknown Protocol Operation"],
    ["a line without an end", "PUB ", "maximum control line exceeded"],
  ])(
    "after %s nothing more is read, and a peer that goes on is reset behind the last words",
    async (_name, line, text) => {
      // So that nothing ends because its time is over.
      harness.clock.freeze();
      const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
      let received = "";
      socket.on("data", (data) => (received += data.toString("latin1")));
      await eventually(() => received.includes("\r\n"), "INFO");
      socket.write(`CONNECT {"verbose":false}\r\n${line}`);
      expect(["ECONNRESET", "EPIPE"]).toContain(await floodUntilStopped(socket, 32 * megabyte));
      expect(received).toMatch(new RegExp(`^INFO .*\\r\\n-ERR '${text}'\\r\\n$`));
    },
  );

  test("ends the socket of a peer that never goes by itself", async () => {
    const socket = net.connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    socket.on("error", () => {});
    await new Promise((resolve) => socket.once("data", resolve));
    socket.write("NONSENSE\r\n");
    await new Promise((resolve) => socket.once("end", resolve));
    const server = harness.clients[0]?.connection;
    expect(server?.closed).toBe(true);
    await eventually(() => {
      if (!socket.destroyed) socket.write("x");
      return socket.destroyed;
    }, "the socket is closed by the other end");
  });
});

describe("the listener", () => {
  test("names the address that it cannot have", async () => {
    const taken = listenTcp("127.0.0.1", port, harness.buffers, harness.connectionContext, () => {});
    await expect(taken).rejects.toThrow(`cannot listen on 127.0.0.1:${port}: the address is in use`);
    const nowhere = listenTcp("192.0.2.1", 0, harness.buffers, harness.connectionContext, () => {});
    await expect(nowhere).rejects.toThrow("cannot listen on 192.0.2.1:0: ");
  });

  test("closes to newcomers, and lets those inside stay until they are let go", async () => {
    const listener = await listenTcp(
      "127.0.0.1",
      0,
      harness.buffers,
      harness.connectionContext,
      (connection) => harness.accept(connection, harness.clientContext("STANDARD")),
    );
    const client = await connectRaw(listener.address.port, connected);
    await listener.close();
    await expect(connectRaw(listener.address.port, connected)).rejects.toThrow();
    await client.untilPong();
    let drained = false;
    void listener.drained.then(() => (drained = true));
    await client.untilPong();
    expect(drained).toBe(false);
    listener.destroy();
    await listener.drained;
    await client.rest();
  });
});

test("a thousand connections come, are served, and go", async () => {
  const clients = await Promise.all(Array.from({ length: 1_000 }, async () => connectRaw(port, connected)));
  for (const [index, client] of clients.entries()) client.send(`SUB all ${index}\r\n`);
  await Promise.all(clients.map(async (client) => client.untilPong()));
  clients[0]?.send("PUB all 2\r\nhi\r\n");
  const lines = await Promise.all(clients.map(messageLine));
  expect(lines).toEqual(clients.map((_, index) => `MSG all ${index} 2`));
  expect(harness.broker.sessions.size).toBe(1_000);
  for (const client of clients) client.close();
  await eventually(() => harness.broker.sessions.size === 0, "all are gone");
});
