/** Timeouts and pings, on a clock that the test moves. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { BrokerOptions } from "../../src/config/embedding.ts";
import { connectRaw, type RawClient } from "../fixture/raw-client.ts";
import { connectFlow } from "./flow.ts";
import { run, type Running } from "./running.ts";
import { eventually } from "../fixture/waiting.ts";

let broker: Running;
const open: RawClient[] = [];

async function start(options: BrokerOptions = {}): Promise<void> {
  broker = await run(options);
  broker.clock.freeze();
}

afterEach(async () => {
  for (const each of open.splice(0)) each.close();
  await broker.stop();
});

/** Has read INFO. */
async function stranger(): Promise<RawClient> {
  const raw = await connectRaw(broker.port);
  open.push(raw);
  await raw.line();
  return raw;
}

/** Connected, and silent: it answers no PING. */
async function silent(): Promise<RawClient> {
  const raw = await connectRaw(broker.port, { connect: { verbose: false } });
  open.push(raw);
  return raw;
}

describe("the time to say who one is", () => {
  beforeEach(async () => start({ token: "secret", authTimeout: "5s" }));

  test("ends with a word", async () => {
    const late = await stranger();
    await broker.clock.advance("4999ms");
    expect(broker.reasons()).toEqual([]);
    await broker.clock.advance("1ms");
    expect(await late.rest()).toBe("-ERR 'Authentication Timeout'\r\n");
    expect(broker.reasons()).toEqual(["Authentication Timeout"]);
  });

  test("is each connection's own, and no matter once it has said", async () => {
    const [first, second] = [await stranger(), await stranger()];
    first.send('CONNECT {"auth_token":"secret","verbose":false}\r\n');
    await first.untilPong();
    await broker.clock.advance("3s");
    const third = await stranger();
    await broker.clock.advance("2s");
    expect(await second.rest()).toBe("-ERR 'Authentication Timeout'\r\n");
    await first.untilPong();
    third.send('CONNECT {"auth_token":"secret","verbose":false}\r\n');
    await third.untilPong();
  });

  test("is not lengthened by what comes in pieces", async () => {
    const slow = await stranger();
    for (const piece of ["CON", "NECT {", '"verbose"', ":false,"]) {
      slow.send(piece);
      await broker.clock.advance("1250ms");
    }
    expect(await slow.rest()).toBe("-ERR 'Authentication Timeout'\r\n");
  });
});

describe("pings", () => {
  test("a peer that does not answer is stale after two of them", async () => {
    await start({ pingInterval: "1m", pingMax: 2 });
    const gone = await silent();
    await broker.clock.advance("1900ms");
    await expect(gone.line(50)).rejects.toThrow("not in 50 ms: line");
    // The first comes soon, spread over a fifth.
    await broker.clock.advance("500ms");
    expect(await gone.line()).toBe("PING");
    await broker.clock.advance("1m");
    expect(await gone.line()).toBe("PING");
    expect(broker.reasons()).toEqual([]);
    await broker.clock.advance("1m");
    expect(await gone.rest()).toBe("-ERR 'Stale Connection'\r\n");
    expect(broker.reasons()).toEqual(["Stale Connection"]);
    expect(broker.server.broker.stats.staleConnections).toBe(1);
  });

  test("a peer that publishes is not pinged", async () => {
    await start({ pingInterval: "1m", pingMax: 2 });
    const busy = await silent();
    await broker.clock.advance("3s");
    expect(await busy.line()).toBe("PING");
    busy.send("PONG\r\n");
    for (let minute = 0; minute < 10; minute++) {
      busy.send("PUB a 0\r\n\r\n");
      await busy.untilPong();
      await broker.clock.advance("50s");
    }
    expect(broker.reasons()).toEqual([]);
  });

  test.each([[1], [20]])(
    "%i peers that answer stay, however far the clock is moved at once",
    async (count) => {
      await start({ pingInterval: "30s", pingMax: 2 });
      const clients = await Promise.all(
        Array.from({ length: count }, async () => connectFlow({ port: broker.port })),
      );
      const gone = await silent();
      await broker.clock.advance("1h");
      await gone.rest();
      await Promise.all(clients.map(async (each) => each.roundTrip()));
      expect(broker.reasons()).toEqual(["Stale Connection"]);
      for (const each of clients) each.close();
      await eventually(() => broker.server.broker.sessions.size === 0);
    },
  );

  test("stand still with the clock", async () => {
    await start({ pingInterval: "10ms", pingMax: 1 });
    await silent();
    await new Promise((resolve) => void setTimeout(resolve, 100));
    expect(broker.reasons()).toEqual([]);
    broker.clock.resume();
    await eventually(() => broker.reasons().length === 1);
    expect(broker.reasons()).toEqual(["Stale Connection"]);
  });
});

describe("half-open connections", () => {
  test("what a peer is owed that has said its last is sent", async () => {
    await start();
    const leaving = await silent();
    leaving.send("SUB a 1\r\nPUB a 2\r\nhi\r\nPING\r\n");
    leaving.socket.end();
    expect(await leaving.rest()).toBe("MSG a 1 2\r\nhi\r\nPONG\r\n");
    expect(broker.reasons()).toEqual(["Client Closed"]);
  });

  test("a peer that neither reads nor goes is let go", async () => {
    await start();
    const stuck = await silent();
    stuck.send("SUB a 1\r\n");
    await stuck.untilPong();
    stuck.socket.pause();
    const publisher = await connectFlow({ port: broker.port });
    for (let each = 0; each < 20; each++)
      publisher.socket.write(`PUB a 1000000\r\n${"x".repeat(1_000_000)}\r\n`);
    await publisher.roundTrip();
    stuck.send("nonsense\r\n");
    await eventually(() => broker.reasons().length === 1);
    expect(broker.reasons()).toEqual(["Protocol Violation"]);
    await broker.clock.advance("1s");
    stuck.socket.resume();
    await eventually(() => stuck.socket.destroyed);
    publisher.close();
  });
});
