/** What peers can make the broker hold is bounded, and given back. The broker is a process of its own. */
import { type Socket, connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { type BrokerOptions, type BrokerProcess, startBroker } from "../fixture/broker-process.ts";
import { connectFlow, connectReceiver, flood } from "./flow.ts";
import { residentOf } from "./resident.ts";
import { describeWith, linux } from "../fixture/needs.ts";
import { handled } from "../fixture/waiting.ts";

const mebibyte = 1024 * 1024;
let broker: BrokerProcess;
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await broker.kill();
});

async function start(
  options: BrokerOptions | string,
  fields: Readonly<Record<string, unknown>> = {},
): Promise<number> {
  broker = await startBroker(typeof options === "string" ? { config: options } : options);
  // Past what a start needs.
  const warm = await connectFlow({ port: broker.port, connect: fields });
  warm.write("SUB warm 1\r\n");
  await flood(warm, { subject: "warm", publisher: "me", count: 10_000, payloadBytes: 1_000 });
  await warm.roundTrip();
  warm.close();
  await sleep(50);
  return residentOf(broker.pid).now;
}

async function openSockets(count: number, text: string): Promise<void> {
  for (let opened = 0; opened < count; opened += 50) {
    await Promise.all(
      Array.from({ length: 50 }, async () => {
        const socket = connect({ host: "127.0.0.1", port: broker.port });
        socket.on("error", () => {});
        sockets.push(socket);
        await new Promise((resolve) => void socket.once("data", resolve));
        await new Promise<void>((resolve) => void socket.write(text, () => resolve()));
      }),
    );
  }
}

/** Has answered everybody who came before. */
async function settled(fields: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const client = await connectFlow({ port: broker.port, connect: fields });
  await client.roundTrip();
  client.close();
}

describeWith(linux(), "memory", () => {
  test.each([[40], [4_000], [60_000]])("of receivers that stall, %i bytes", async (payloadBytes) => {
    const before = await start("max_pending: 8MB");
    const dead = await Promise.all(
      Array.from({ length: 10 }, async (_, at) => connectReceiver(broker.port, "flow", String(at >> 1))),
    );
    for (const each of dead) each.stopReading();
    const publishers = await Promise.all([1, 2].map(async () => connectFlow({ port: broker.port })));
    const count = Math.ceil((20 * mebibyte) / payloadBytes);
    await Promise.all(
      publishers.map(async (each, at) =>
        flood(each, { subject: "flow", publisher: `p${at}`, count, payloadBytes }),
      ),
    );
    await Promise.all(publishers.map(async (each) => each.roundTrip()));
    const grown = residentOf(broker.pid).peak - before;
    expect(grown).toBeLessThan(1.5 * 10 * 8 * mebibyte);
    for (const each of [...dead, ...publishers]) each.close();
  });

  test.each([
    ["has announced a message and not sent it", `PUB a 1000000\r\nx`, 20],
    ["has sent a part of a message", `PUB a 1000000\r\n${"x".repeat(50_000)}`, 60],
    ["has sent a part of a line", `SUB ${"x".repeat(4_000)}`, 20],
  ])("of 300 connections each of which %s", async (_, text, mebibytesMax) => {
    const before = await start("");
    await openSockets(300, text);
    await settled();
    expect(residentOf(broker.pid).peak - before).toBeLessThan(mebibytesMax * mebibyte);
  });

  test("of 300 connections that have not said who they are, and send a message all the same", async () => {
    const fields = { auth_token: "secret" };
    const before = await start("authorization { token: secret, timeout: 60 }", fields);
    await openSockets(300, `PUB a 1000000\r\n${"x".repeat(500_000)}`);
    await settled(fields);
    expect(residentOf(broker.pid).peak - before).toBeLessThan(20 * mebibyte);
  });

  test("of 3,000 connections, and of 3,000 more when those have left", async () => {
    // So small a heap is collected before it grows: what is seen is what is held, however busy the machine is.
    const before = await start({ nodeOptions: "--max-old-space-size=64 --max-semi-space-size=4" });
    const grown: number[] = [];
    for (let round = 0; round < 3; round++) {
      const said = 'CONNECT {"verbose":false}\r\nSUB all 1\r\nPING\r\n';
      await openSockets(3_000, said);
      await settled();
      const got = handled(
        Promise.all(sockets.map(async (socket) => until(socket, "MSG all 1 5\r\nhello\r\n"))),
      );
      const publisher = await connectFlow({ port: broker.port });
      publisher.write("PUB all 5\r\nhello\r\n");
      await got;
      grown.push(residentOf(broker.pid).now - before);
      publisher.close();
      for (const socket of sockets.splice(0)) socket.destroy();
      await settled();
    }
    expect(grown[0]).toBeLessThan(3_000 * 30 * 1024);
    // A little is kept of those who have left.
    expect(Math.max(...grown)).toBeLessThan((grown[0] as number) + 20 * mebibyte);
  });
});

async function until(socket: Socket, text: string): Promise<void> {
  let seen = "";
  await new Promise<void>((resolve, reject) => {
    socket.on("data", (chunk: Buffer) => {
      seen = (seen + chunk.toString("latin1")).slice(-1_000);
      if (seen.includes(text)) resolve();
    });
    socket.once("close", () => reject(new Error(`closed after ${JSON.stringify(seen)}`)));
  });
}
