import { wsconnect, type NatsConnection, type WsConnectionOptions } from "@nats-io/nats-core";
import { connect as connectWs } from "nats.ws";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connectInProcess, InProcessSocket } from "../../src/transport/in-process.ts";
import { askFor, Harness, megabyte } from "./harness.ts";
import { eventually } from "../fixture/waiting.ts";

let harness: Harness;
const opened: NatsConnection[] = [];
beforeEach(() => {
  harness = new Harness();
});
afterEach(async () => {
  for (const connection of opened.splice(0)) await connection.close();
  await harness.close();
  expect(harness.faults).toEqual([]);
});

const reasons = () => harness.closed.map(({ reason }) => reason);

function connectBare(): InProcessSocket {
  const context = harness.clientContext("IN_PROCESS");
  return connectInProcess(harness.connectionContext(), (connection) => harness.accept(connection, context));
}

const factory: WsConnectionOptions = {
  servers: "ws://in-process:1",
  noAsyncTraces: true,
  wsFactory: async () => ({ socket: connectBare() as unknown as WebSocket, encrypted: false }),
};

async function connect(options: WsConnectionOptions = {}): Promise<NatsConnection> {
  const connection = await wsconnect({ ...factory, ...options });
  opened.push(connection);
  return connection;
}

/** A socket whose events are written down. */
async function openBare(): Promise<{ socket: InProcessSocket; events: string[]; text: () => string }> {
  const socket = connectBare();
  const events: string[] = [];
  let text = "";
  socket.onopen = () => events.push("open");
  socket.onmessage = ({ data }) => (text += Buffer.from(data).toString("latin1"));
  socket.onclose = ({ code, reason, wasClean }) => events.push(`close ${code} ${reason} ${wasClean}`);
  await eventually(() => text.includes("\r\n"), "INFO");
  return { socket, events, text: () => text };
}

describe("the official clients", () => {
  test("publish, subscribe and request without a socket", async () => {
    const one = await connect();
    const other = await connect({ name: "other" });
    const received: string[] = [];
    other.subscribe("greet.*", {
      callback: (_error, message) => {
        received.push(`${message.subject} ${message.string()}`);
        message.respond(`hello ${message.string()}`);
      },
    });
    await other.flush();
    expect((await one.request("greet.ann", "ann")).string()).toBe("hello ann");
    expect(received).toEqual(["greet.ann ann"]);
    expect(harness.clients.map(({ name, address }) => [name, address])).toEqual([
      ["", "in-process"],
      ["other", "in-process"],
    ]);
  });

  test("carry many messages and large ones", async () => {
    const connection = await connect();
    let count = 0;
    let bytes = 0;
    connection.subscribe("a", {
      callback: (_error, message) => {
        count++;
        bytes += message.data.length;
      },
    });
    const small = new Uint8Array(100);
    for (let sent = 0; sent < 20_000; sent++) connection.publish("a", small);
    const large = new Uint8Array(megabyte);
    for (let sent = 0; sent < 10; sent++) connection.publish("a", large);
    await connection.flush();
    await eventually(() => count === 20_010, "all are there");
    expect(bytes).toBe(2_000_000 + 10 * megabyte);
  });

  test("say who they are, and are refused if they are not", async () => {
    harness.authenticator = askFor("secret");
    const connection = await connect({ user: "ann", pass: "secret" });
    await connection.flush();
    await expect(connect({ user: "ann", pass: "wrong" })).rejects.toThrow(/authorization/i);
    expect(reasons()).toEqual(["Authentication Failure"]);
  });

  test("drain and close", async () => {
    const connection = await connect();
    const other = await connect();
    const received: string[] = [];
    other.subscribe("a", { callback: (_error, message) => void received.push(message.string()) });
    await other.flush();
    connection.publish("a", "last words");
    await connection.drain();
    await eventually(() => received.length === 1, "the last words");
    await eventually(() => harness.closed.length === 1, "closed");
    expect([received, reasons()]).toEqual([["last words"], ["Client Closed"]]);
  });

  test("connect again when the broker closes them", async () => {
    const connection = await connect({ reconnectTimeWait: 10 });
    harness.clients[0]?.close("Server Shutdown");
    await eventually(() => harness.clients.length === 2, "connected again");
    await connection.flush();
    expect(harness.broker.sessions.size).toBe(1);
  });

  test("of the older generation do too", async () => {
    const connection = await connectWs(factory as Parameters<typeof connectWs>[0]);
    const subscription = connection.subscribe("a", { max: 1 });
    connection.publish("a", new TextEncoder().encode("hi"));
    for await (const message of subscription) expect(message.string()).toBe("hi");
    await connection.close();
  });
});

describe("the client's end", () => {
  test("opens, greets, serves, and closes as a WebSocket does", async () => {
    const { socket, events, text } = await openBare();
    expect([events, socket.readyState]).toEqual([["open"], socket.OPEN]);
    const bytes = new TextEncoder().encode("SUB a 1\r\nPUB a 2\r\nhi\r\n");
    socket.send('CONNECT {"verbose":false}\r\n');
    socket.send(bytes);
    bytes.fill(0);
    socket.send(new TextEncoder().encode("PING\r\n").buffer as ArrayBuffer);
    expect(socket.bufferedAmount).toBeGreaterThan(0);
    await eventually(() => text().includes("PONG"), "PONG");
    expect([text().includes("MSG a 1 2\r\nhi\r\n"), socket.bufferedAmount]).toEqual([true, 0]);
    socket.send("PUB a 3\r\nbye\r\n");
    socket.close(1000, "done");
    await eventually(() => socket.readyState === socket.CLOSED, "closed");
    expect(events).toEqual(["open", "close 1000 done true"]);
    expect(harness.clients[0]?.inMessages).toBe(2);
    socket.send("dropped");
    socket.close();
  });

  test("hears the last words of a broker that closes", async () => {
    const { socket, events, text } = await openBare();
    socket.send("NONSENSE\r\n");
    await eventually(() => events.length === 2, "closed");
    expect(text().endsWith("-ERR 'Unknown Protocol Operation'\r\n")).toBe(true);
    expect(events[1]).toBe(`close 1002 ${reasons()[0]} true`);
  });

  test("is told when it is cut", async () => {
    const { events } = await openBare();
    harness.clients[0]?.connection.destroy("Stale Connection");
    await eventually(() => events.length === 2, "closed");
    expect(events[1]).toBe("close 1006  false");
  });

  test("may close before it is open", async () => {
    const socket = connectBare();
    expect(() => socket.send("early")).toThrow("not open");
    let closed = false;
    socket.addEventListener("close", () => (closed = true));
    socket.close();
    await eventually(() => closed, "closed");
    expect(reasons()).toEqual(["Client Closed"]);
  });

  test("tells listeners, until they are removed", async () => {
    const socket = connectBare();
    const told: string[] = [];
    const stay = () => void told.push("stay");
    const leave = () => void told.push("leave");
    socket.addEventListener("message", stay);
    socket.addEventListener("message", leave);
    socket.removeEventListener("message", leave);
    await eventually(() => told.length > 0, "told");
    expect(told).toEqual(["stay"]);
    socket.close();
  });

  test("keeps what it sends while the session is not read", async () => {
    const { socket } = await openBare();
    const [client] = harness.clients;
    client?.connection.pauseReading();
    socket.send('CONNECT {"verbose":false}\r\n');
    for (let count = 0; count < 10; count++) socket.send("PUB a 2\r\nhi\r\n");
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([client?.inMessages, socket.bufferedAmount > 100]).toEqual([0, true]);
    client?.connection.resumeReading();
    await eventually(() => client?.inMessages === 10, "taken");
    expect(socket.bufferedAmount).toBe(0);
    socket.close();
  });
});

test("a thousand connections come, are served, and go", async () => {
  const sockets = await Promise.all(Array.from({ length: 1_000 }, openBare));
  for (const [index, { socket }] of sockets.entries())
    socket.send(`CONNECT {"verbose":false}\r\nSUB all ${index}\r\nPING\r\n`);
  await eventually(() => sockets.every(({ text }) => text().includes("PONG")), "all are there");
  sockets[0]?.socket.send("PUB all 2\r\nhi\r\n");
  await eventually(
    () => sockets.every(({ text }, index) => text().includes(`MSG all ${index} 2`)),
    "all are told",
  );
  for (const { socket } of sockets) socket.close();
  await eventually(() => harness.broker.sessions.size === 0, "all are gone");
});
