/** What one connection, one account and all of them together may use, up to the limit and one beyond. */
import { afterEach, describe, expect, test } from "vitest";
import type { BrokerOptions } from "../../src/config/embedding.ts";
import { connectRaw, type RawClient } from "../fixture/raw-client.ts";
import { run, type Running } from "./running.ts";
import { eventually } from "../fixture/waiting.ts";

let broker: Running;
const open: RawClient[] = [];

afterEach(async () => {
  for (const each of open.splice(0)) each.close();
  await broker.stop();
});

async function start(options: BrokerOptions): Promise<void> {
  broker = await run(options);
}

/** Quiet and connected, unless `fields` say otherwise. */
async function client(fields: Readonly<Record<string, unknown>> = {}): Promise<RawClient> {
  const connected = await connectRaw(broker.port, {
    connect: { verbose: false, pedantic: false, headers: true, no_responders: true, ...fields },
  });
  open.push(connected);
  return connected;
}

/** What a connection is told when it sends `text` after its greeting, up to its end. */
async function lastWords(text: string): Promise<string> {
  const raw = await connectRaw(broker.port);
  open.push(raw);
  await raw.line();
  raw.send(text);
  return raw.rest();
}

describe("max_payload", () => {
  test("counts headers and payload, and is exact", async () => {
    await start({ maxPayload: 1_000 });
    const receiver = await client();
    receiver.send("SUB a 1\r\n");
    await receiver.untilPong();
    const publisher = await client();
    publisher.send(`PUB a 1000\r\n${"x".repeat(1_000)}\r\n`);
    publisher.send(`HPUB a 12 1000\r\nNATS/1.0\r\n\r\n${"y".repeat(988)}\r\n`);
    await publisher.untilPong();
    expect([await receiver.line(), await receiver.payload(1_000)]).toEqual([
      "MSG a 1 1000",
      "x".repeat(1_000),
    ]);
    expect(await receiver.line()).toBe("HMSG a 1 12 1000");
    publisher.send("HPUB a 12 1001\r\nNATS/1.0\r\n\r\n");
    expect(await publisher.rest()).toBe("-ERR 'Maximum Payload Violation'\r\n");
    expect(broker.reasons()).toEqual(["Maximum Message Payload Exceeded"]);
  });

  test("is the account's where that is less", async () => {
    await start({
      maxPayload: 1_000,
      accounts: { A: { users: [{ user: "a", password: "pw" }], limits: { maxPayload: 10 } } },
    });
    const publisher = await client({ user: "a", pass: "pw" });
    publisher.send("PUB a 10\r\n0123456789\r\n");
    await publisher.untilPong();
    publisher.send("PUB a 11\r\n");
    expect(await publisher.rest()).toBe("-ERR 'Maximum Payload Violation'\r\n");
  });
});

describe("max_control_line", () => {
  test("is exact, and counts arguments", async () => {
    await start({ maxControlLine: 1_024 });
    const subscriber = await client();
    subscriber.send(`SUB ${"a".repeat(1_022)} 1\r\n`);
    expect(await subscriber.untilPong()).toEqual([]);
    expect(broker.server.broker.subscriptionCount).toBe(1);
    subscriber.send(`SUB ${"a".repeat(1_023)} 2\r\n`);
    expect(await subscriber.rest()).toBe("-ERR 'maximum control line exceeded'\r\n");
    expect(broker.reasons()).toEqual(["Maximum Control Line Exceeded"]);
  });

  test("a line without an end is refused when it is too long", async () => {
    await start({ maxControlLine: 1_024 });
    expect(await lastWords(`PUB ${"a".repeat(100_000)}`)).toBe("-ERR 'maximum control line exceeded'\r\n");
  });

  test("so is one that comes byte by byte", async () => {
    await start({ maxControlLine: 1_024 });
    const raw = await connectRaw(broker.port);
    open.push(raw);
    await raw.line();
    raw.send("SUB ");
    let sent = 0;
    for (; sent < 5_000 && broker.reasons().length === 0; sent++) {
      raw.send("a");
      await new Promise((resolve) => void setImmediate(resolve));
    }
    expect(await raw.rest()).toBe("-ERR 'maximum control line exceeded'\r\n");
    expect(sent).toBeGreaterThan(1_000);
  });

  test("holds before a client has said who it is", async () => {
    await start({ maxControlLine: 1_024, token: "secret" });
    expect(await lastWords(`CONNECT {"name":"${"n".repeat(100_000)}`)).toBe(
      "-ERR 'maximum control line exceeded'\r\n",
    );
  });
});

describe("max_connections", () => {
  test("refuses one too many with a word, after the greeting, and not when others have left", async () => {
    await start({ maxConnections: 3 });
    const clients = [await client(), await client(), await client()];
    for (let attempt = 0; attempt < 3; attempt++) {
      const refused = await connectRaw(broker.port);
      expect(await refused.line()).toMatch(/^INFO /);
      expect(await refused.rest()).toBe("-ERR 'maximum connections exceeded'\r\n");
    }
    expect(broker.reasons()).toEqual(Array.from({ length: 3 }, () => "Maximum Connections Exceeded"));
    expect(broker.server.broker.sessions.size).toBe(3);
    for (const each of clients) each.close();
    await eventually(() => broker.server.broker.sessions.size === 0);
    for (let again = 0; again < 3; again++) await client();
  });

  test("0 refuses everybody", async () => {
    await start({ maxConnections: 0 });
    const refused = await connectRaw(broker.port);
    await refused.line();
    expect(await refused.rest()).toBe("-ERR 'maximum connections exceeded'\r\n");
  });

  test("counts down for every way to leave", async () => {
    await start({ maxConnections: 2, maxPending: 1024 * 1024, writeDeadline: "300ms" });
    const { sessions } = broker.server.broker;
    const leave: readonly ((leaving: RawClient) => void)[] = [
      (leaving) => leaving.close(),
      (leaving) => void leaving.socket.end(),
      (leaving) => void leaving.socket.resetAndDestroy(),
      (leaving) => leaving.send("nonsense\r\n"),
    ];
    for (const each of [...leave, ...leave]) {
      const [stays, leaves] = [await client(), await client()];
      each(leaves);
      await eventually(() => sessions.size === 1);
      stays.close();
      await eventually(() => sessions.size === 0);
    }
  });

  test("of an account", async () => {
    await start({
      accounts: {
        A: { users: [{ user: "a", password: "pw" }], limits: { maxConnections: 2 } },
        B: { users: [{ user: "b", password: "pw" }] },
      },
    });
    const a = { user: "a", pass: "pw", verbose: false };
    const first = await client(a);
    await client(a);
    const third = await connectRaw(broker.port);
    open.push(third);
    await third.line();
    third.send(`CONNECT ${JSON.stringify(a)}\r\nPING\r\n`);
    expect(await third.rest()).toBe("-ERR 'maximum account active connections exceeded'\r\n");
    await client({ user: "b", pass: "pw" });
    first.close();
    await eventually(() => broker.reasons().length === 2);
    await client(a);
  });
});

describe("max_subscriptions", () => {
  test("refuses one too many, which leaves the connection as it is, and counts down", async () => {
    await start({ maxSubscriptions: 2 });
    const subscriber = await client();
    subscriber.send("SUB a 1\r\nSUB b 2\r\nSUB c 3\r\n");
    expect(await subscriber.untilPong()).toEqual(["-ERR 'maximum subscriptions exceeded'"]);
    subscriber.send("UNSUB 1\r\nSUB c 3\r\nPUB c 2\r\nhi\r\n");
    expect(await subscriber.untilPong()).toEqual(["MSG c 3 2", "hi"]);
    // Another connection has a count of its own.
    const other = await client();
    other.send("SUB a 1\r\nSUB b 2\r\n");
    expect(await other.untilPong()).toEqual([]);
  });

  test("of an account", async () => {
    await start({
      accounts: { A: { users: [{ user: "a", password: "pw" }], limits: { maxSubscriptions: 1 } } },
    });
    const subscriber = await client({ user: "a", pass: "pw" });
    subscriber.send("SUB a 1\r\nSUB b 2\r\n");
    expect(await subscriber.untilPong()).toEqual(["-ERR 'maximum subscriptions exceeded'"]);
  });

  test("max_subscription_tokens", async () => {
    await start({ maxSubscriptionTokens: 3 });
    const subscriber = await client();
    subscriber.send("SUB a.b.c 1\r\nSUB a.*.> 2\r\nSUB a.b.c.d 3\r\n");
    expect(await subscriber.untilPong()).toEqual([
      `-ERR 'Permissions Violation for Subscription to "a.b.c.d", too many tokens'`,
    ]);
    expect(broker.server.broker.subscriptionCount).toBe(2);
  });
});
