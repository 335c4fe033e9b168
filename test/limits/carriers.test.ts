/** Back-pressure, and the end of it, over every carrier: whoever publishes and whoever receives, over whatever. */
import { randomBytes } from "node:crypto";
import { connect as connectTcp } from "node:net";
import { connect as connectTls } from "node:tls";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, expect, test } from "vitest";
import { WebSocket, createWebSocketStream } from "ws";
import { connectFlowOver, flood, type FlowClient } from "./flow.ts";
import { run, type Running } from "./running.ts";
import { eventually } from "../fixture/waiting.ts";

const mebibyte = 1024 * 1024;
const certificate = (name: string): string =>
  fileURLToPath(new URL(`../fixture/certs/${name}`, import.meta.url));

let broker: Running;
const clients: FlowClient[] = [];

beforeEach(async () => {
  broker = await run({
    maxPending: 4 * mebibyte,
    // Out of the way, however long the machine takes.
    writeDeadline: "10m",
    tls: {
      certFile: certificate("server.pem"),
      keyFile: certificate("server-key.pem"),
      handshakeFirst: "300ms",
    },
    allowNonTls: true,
    websocket: { port: 0, compression: true },
  });
});

afterEach(async () => {
  for (const client of clients.splice(0)) client.close();
  await broker.stop();
});

type Carrier = "tcp" | "tls" | "websocket" | "compressed";

async function client(carrier: Carrier): Promise<FlowClient> {
  const { client: tcp, websocket } = broker.server.addresses;
  const to = { host: "127.0.0.1", port: tcp?.port ?? 0 };
  const overWebSocket = (perMessageDeflate: boolean): ReturnType<typeof createWebSocketStream> =>
    createWebSocketStream(new WebSocket(`ws://127.0.0.1:${websocket?.port}`, { perMessageDeflate }));
  const carriers = {
    tcp: () => connectTcp(to),
    tls: () => connectTls({ ...to, rejectUnauthorized: false }),
    websocket: () => overWebSocket(false),
    compressed: () => overWebSocket(true),
  };
  const connected = await connectFlowOver(carriers[carrier]());
  clients.push(connected);
  return connected;
}

test.each<[Carrier, Carrier]>([
  ["tls", "tls"],
  ["tcp", "tls"],
  ["tls", "websocket"],
  ["websocket", "tcp"],
  ["websocket", "websocket"],
  ["tcp", "compressed"],
  ["compressed", "tls"],
])("from %s to %s nothing is lost or damaged", async (from, to) => {
  for (const payloadBytes of [100, 30_000]) {
    const receivers = [await client(to), await client(to)];
    for (const each of receivers) {
      each.write("SUB flow 1\r\n");
      await each.roundTrip();
    }
    receivers[0]?.setPace({ burstBytes: mebibyte, pauseMs: 20 });
    const publisher = await client(from);
    const count = Math.ceil((6 * mebibyte) / (payloadBytes + 60));
    await flood(publisher, { subject: "flow", publisher: "me", count, payloadBytes });
    for (const each of receivers) {
      await each.until(() => each.received >= count, `${count} messages of ${payloadBytes} bytes`);
      expect(each.fault).toBeNull();
      each.close();
    }
    publisher.close();
  }
  expect(broker.server.broker.stats.slowConsumers).toBe(0);
});

test.each<[Carrier]>([["tls"], ["websocket"], ["compressed"]])(
  "a dead receiver over %s is cut",
  async (carrier) => {
    const dead = await client(carrier);
    dead.write("SUB flow 1\r\n");
    await dead.roundTrip();
    dead.stopReading();
    const publisher = await client("tcp");
    // Nothing that compression makes small.
    const noise = randomBytes(100_000);
    for (let each = 0; each < 400 && broker.reasons().length === 0; each++) {
      publisher.write("PUB flow 100000\r\n");
      publisher.socket.write(noise);
      publisher.write("\r\n");
      await publisher.roundTrip();
    }
    await eventually(() => broker.reasons().length > 0);
    expect(broker.reasons()).toEqual(["Slow Consumer (Pending Bytes)"]);
  },
);

test.each<[Carrier]>([["tcp"], ["tls"], ["websocket"]])(
  "a publisher over %s that goes while it is held back has said all it said",
  async (carrier) => {
    const receiver = await client("tcp");
    receiver.write("SUB flow 1\r\n");
    await receiver.roundTrip();
    receiver.setPace({ burstBytes: mebibyte, pauseMs: 20 });
    const publisher = await client(carrier);
    const count = 10_000;
    await flood(publisher, { subject: "flow", publisher: "me", count, payloadBytes: 1_000 });
    publisher.socket.end();
    await receiver.until(() => receiver.received >= count, "all messages");
    expect([receiver.fault, receiver.received]).toEqual([null, count]);
  },
);
