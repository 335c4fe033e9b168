/** A broker inside a program: several of them, one after the other, with what is wrong said clearly. */
import { fileURLToPath } from "node:url";
import { afterEach, describe, expect, test } from "vitest";
import { ConfigError } from "../../src/config/grammar/diagnostics.ts";
import { createBroker, type BrokerOptions, type EmbeddedBroker } from "../../src/create-broker.ts";
import { connectRaw, type RawClient } from "../fixture/raw-client.ts";
import { openWebSocket } from "../fixture/raw-websocket.ts";
import { connectFlow } from "../limits/flow.ts";

const brokers: EmbeddedBroker[] = [];
afterEach(async () => {
  await Promise.all(brokers.splice(0).map(async (broker) => broker.close()));
});

async function broker(options: BrokerOptions = {}): Promise<EmbeddedBroker> {
  const created = await createBroker({ port: 0, ...options });
  brokers.push(created);
  return created;
}

async function client(port: number, fields: Readonly<Record<string, unknown>> = {}): Promise<RawClient> {
  return connectRaw(port, { connect: { verbose: false, ...fields } });
}

/** Sends itself a message. */
async function works(port: number, fields: Readonly<Record<string, unknown>> = {}): Promise<void> {
  const raw = await client(port, fields);
  raw.send("SUB a 1\r\nPUB a 2\r\nhi\r\n");
  expect(await raw.untilPong()).toEqual(["MSG a 1 2", "hi"]);
  raw.close();
}

describe("starting", () => {
  test("gives the addresses of everything that listens", async () => {
    const started = await broker({ websocket: { port: 0 }, monitor: 0 });
    expect(started.url).toBe(`nats://127.0.0.1:${started.port}`);
    expect(started.websocketUrl).toMatch(/^ws:\/\/127\.0\.0\.1:\d+$/);
    const varz = (await (await fetch(`${started.monitorUrl}/varz`)).json()) as { port: number };
    expect(varz.port).toBe(started.port);
    await works(started.port);
    const plain = await broker();
    expect([plain.websocketUrl, plain.monitorUrl]).toEqual([null, null]);
  });

  test("says which address is taken, and leaves nothing open", async () => {
    const taken = await broker();
    await expect(createBroker({ port: taken.port, monitor: 0, log: {} })).rejects.toThrow(
      `cannot listen on 127.0.0.1:${taken.port}: the address is in use`,
    );
    await works(taken.port);
  });

  test("says which file cannot be written, and leaves nothing open", async () => {
    const taken = await broker();
    const { port } = taken;
    await taken.close();
    const file = fileURLToPath(import.meta.url);
    await expect(createBroker({ port, pidFile: `${file}/x.pid` })).rejects.toThrow(
      `cannot write the pid file ${file}/x.pid: `,
    );
    await expect(createBroker({ port, portsFileDir: `${file}/x` })).rejects.toThrow(file);
    await works((await broker({ port })).port);
  });

  test.each<[BrokerOptions, string]>([
    [{ port: 70_000 }, "options.port"],
    [{ maxPayload: -1 }, "options.maxPayload"],
    [{ pingInterval: "soon" }, "options.pingInterval"],
    [{ users: [{ user: "a", password: 1 as unknown as string }] }, "options.users[0].password"],
    [{ websocket: { port: "x" as unknown as number } }, "options.websocket.port"],
    [{ accounts: { A: { limits: { maxConnections: 1.5 } } } }, 'options.accounts["A"].limits.maxConnections'],
    [{ colour: "red" } as unknown as BrokerOptions, "options.colour"],
  ])("names what is wrong with %j", async (options, name) => {
    const failure = await createBroker(options).then(
      () => null,
      (error: unknown) => error,
    );
    expect(failure).toBeInstanceOf(ConfigError);
    expect((failure as ConfigError).message).toContain(name);
  });

  test("names all that is wrong at once", async () => {
    const wrong = createBroker({ maxPayload: -1, pingInterval: "soon" });
    await expect(wrong).rejects.toThrow(/maxPayload[^]*pingInterval/);
  });
});

describe("several brokers", () => {
  test("in one process share nothing", async () => {
    const all = await Promise.all([1, 2, 3].map(async () => broker()));
    const listeners = await Promise.all(all.map(async ({ port }) => client(port)));
    for (const each of listeners) each.send("SUB > 1\r\n");
    await Promise.all(listeners.map(async (each) => each.untilPong()));
    const [first] = listeners as [RawClient];
    first.send("PUB only.here 2\r\nhi\r\n");
    expect(await Promise.all(listeners.map(async (each) => each.untilPong()))).toEqual([
      ["MSG only.here 1 2", "hi"],
      [],
      [],
    ]);
    await all[0]?.close();
    await works(all[1]?.port ?? 0);
    for (const each of listeners) each.close();
  });

  test("one after the other on the same port", async () => {
    const { port, close } = await broker();
    await works(port);
    await close();
    for (let round = 0; round < 5; round++) {
      const again = await createBroker({ port });
      await works(port);
      const left = await client(port);
      await again.close();
      await left.rest();
    }
  });
});

describe("closing", () => {
  test("sends clients what they are owed, and tells them", async () => {
    const closing = await broker();
    const [subscriber, publisher] = [await client(closing.port), await client(closing.port)];
    subscriber.send("SUB a 1\r\n");
    await subscriber.untilPong();
    publisher.send("PUB a 2\r\nhi\r\n");
    await publisher.untilPong();
    await closing.close();
    expect(await subscriber.rest()).toBe("MSG a 1 2\r\nhi\r\n");
    await publisher.rest();
    await expect(closing.closed).resolves.toBeUndefined();
  });

  test("tells clients over WebSocket why, in the close frame", async () => {
    const closing = await broker({ websocket: { port: 0 } });
    const { until, closed } = await openWebSocket(closing.websocketUrl ?? "");
    await until("INFO");
    await closing.close();
    expect(await closed).toEqual({ code: 1001, reason: "Server Shutdown" });
  });

  test("waits only a moment for those who do not listen, even if the clock stands still", async () => {
    const closing = await broker();
    const deaf = await client(closing.port);
    deaf.send("SUB a 1\r\n");
    await deaf.untilPong();
    deaf.socket.pause();
    const publisher = await connectFlow({ port: closing.port });
    for (let each = 0; each < 20; each++)
      publisher.socket.write(`PUB a 1000000\r\n${"x".repeat(1_000_000)}\r\n`);
    await publisher.roundTrip();
    closing.clock.freeze();
    await closing.close();
    await publisher.untilClosed();
    deaf.close();
  });

  test("may be asked for twice, and while it starts to be used", async () => {
    const closing = await broker();
    const pending = connectRaw(closing.port).then(
      async (raw) => raw.rest(),
      () => "",
    );
    await Promise.all([closing.close(), closing.close()]);
    await closing.close();
    await pending;
  });

  test("leaves no handle behind", async () => {
    const open = (): number =>
      process.getActiveResourcesInfo().filter((name) => name.startsWith("TCP")).length;
    const before = open();
    for (let round = 0; round < 3; round++) {
      const one = await createBroker({ port: 0, websocket: { port: 0 }, monitor: 0, token: "t" });
      const [raw, second] = [await client(one.port, { auth_token: "t" }), await connectRaw(one.port)];
      await (await fetch(`${one.monitorUrl}/connz`, { headers: { connection: "close" } })).text();
      await one.close();
      await Promise.all([raw.rest(), second.rest()]);
    }
    await new Promise((resolve) => void setTimeout(resolve, 50));
    expect(open()).toBeLessThanOrEqual(before);
  });
});

describe("reload", () => {
  test("takes over what may change, and names what may not", async () => {
    const running = await broker({ maxPayload: 100, token: "old" });
    const before = await client(running.port, { auth_token: "old" });
    await running.reload({ maxPayload: 10, token: "old" });
    before.send("PUB a 11\r\n");
    expect(await before.rest()).toBe("-ERR 'Maximum Payload Violation'\r\n");
    const kicked = await client(running.port, { auth_token: "old" });
    await running.reload({ port: running.port, maxPayload: 10, token: "new" });
    expect(await kicked.rest()).toBe("-ERR 'Authorization Violation'\r\n");
    await works(running.port, { auth_token: "new" });
    await expect(running.reload({ maxSubscriptions: 5 })).rejects.toThrow("MaxSubs");
    await expect(running.reload({ port: 1 })).rejects.toThrow("Port");
    await expect(running.reload({ port: 0, maxPayload: "x" as unknown as number })).rejects.toThrow(
      "options.maxPayload",
    );
    await works(running.port, { auth_token: "new" });
  });
});
