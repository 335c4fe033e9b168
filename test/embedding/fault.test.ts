/** A mistake of the broker's own stops that broker, and nothing else. */
import { afterEach, expect, test } from "vitest";
import type { Account } from "../../src/broker/account.ts";
import type { Message } from "../../src/protocol/message.ts";
import { Subscription, type Subscriber } from "../../src/broker/subscriber.ts";
import type { Client } from "../../src/client/client.ts";
import type { Connection } from "../../src/transport/connection.ts";
import { connectRaw, type RawClient } from "../fixture/raw-client.ts";
import { run, type Running } from "../limits/running.ts";
import { eventually } from "../fixture/waiting.ts";

const brokers: Running[] = [];
const escaped: unknown[] = [];
const note = (error: unknown): void => void escaped.push(error);

afterEach(async () => {
  for (const broker of brokers.splice(0)) await broker.stop().catch(() => {});
});

async function start(): Promise<Running> {
  const broker = await run();
  brokers.push(broker);
  return broker;
}

async function client(broker: Running): Promise<RawClient> {
  return connectRaw(broker.port, { connect: { verbose: false } });
}

class Mistaken implements Subscriber {
  readonly tier = 0;
  readonly echo = true;
  deliver(_message: Message): boolean {
    throw new Error("a mistake in deliver");
  }
  deniesDelivery(subject: string): boolean {
    if (subject === "plan") throw new Error("a mistake in a plan");
    return false;
  }
  filters(): boolean {
    return false;
  }
  fanOutKey(): null {
    return null;
  }
  formFanOutGroup(): never {
    throw new Error("never formed");
  }
}

function placeMistake(broker: Running, subject: string): void {
  const account = broker.server.broker.accounts.get("$G") as Account;
  account.add(new Subscription(new Mistaken(), subject, null, "1"));
}

/** By what goes wrong: how it is brought about. Gives what the fault says. */
const mistakes: Readonly<Record<string, (broker: Running) => Promise<string>>> = {
  "a delivery": async (broker) => {
    placeMistake(broker, "boom");
    (await client(broker)).send("PUB boom 2\r\nhi\r\n");
    return "a mistake in deliver";
  },
  "a plan": async (broker) => {
    placeMistake(broker, "plan");
    (await client(broker)).send("PUB plan 2\r\nhi\r\n");
    return "a mistake in a plan";
  },
  "a deadline": async (broker) => {
    broker.server.clock.after(1, () => {
      throw new Error("a mistake in a deadline");
    });
    return "a mistake in a deadline";
  },
  "the end of a session": async (broker) => {
    broker.server.broker.observe({
      onClose: () => {
        throw new Error("a mistake at the end");
      },
    });
    (await client(broker)).close();
    return "a mistake at the end";
  },
  "the beginning of a session": async (broker) => {
    broker.server.broker.observe({
      onOpen: () => {
        throw new Error("a mistake at the beginning");
      },
    });
    await connectRaw(broker.port);
    return "a mistake at the beginning";
  },
  "a write at the end of a pass": async (broker) => {
    const raw = await client(broker);
    for (const connection of connectionsOf(broker))
      connection.write = () => {
        throw new Error("a mistake in a write");
      };
    raw.send("PING\r\n");
    return "a mistake in a write";
  },
  "a session that is cut in the middle of a pass": async (broker) => {
    const dead = await client(broker);
    dead.send("SUB big 1\r\n");
    await dead.untilPong();
    broker.server.broker.observe({
      onClose: () => {
        throw new Error("a mistake at a cut");
      },
    });
    for (const { outbound } of connectionsOf(broker))
      outbound.setLimits({ pendingBytesMax: 1, highWaterMarkBytes: 1 });
    dead.socket.pause();
    const publisher = await client(broker);
    for (let each = 0; each < 20; each++) publisher.send(`PUB big 1000000\r\n${"x".repeat(1_000_000)}\r\n`);
    return "a mistake at a cut";
  },
};

function connectionsOf({ server }: Running): Connection[] {
  return [...server.broker.sessions.values()].map((session) => (session as Client).connection);
}

test.each(Object.keys(mistakes))("a mistake in %s", async (name) => {
  process.on("uncaughtException", note);
  process.on("unhandledRejection", note);
  try {
    const [broker, other] = [await start(), await start()];
    const bystander = await client(other);
    const reason = broker.server.closed.then(
      () => "no reason",
      (error: Error) => error.message,
    );
    const expected = await (mistakes[name] as (broker: Running) => Promise<string>)(broker);
    await eventually(() => !broker.server.broker.sessions.size || escaped.length > 0).catch(() => {});
    expect(await reason).toBe(expected);
    expect(escaped).toEqual([]);
    // Whoever closes it is told as well; its port is free.
    await expect(broker.server.close()).rejects.toThrow(expected);
    await expect(connectRaw(broker.port).then(async (raw) => raw.line())).rejects.toThrow("closed");
    bystander.send("SUB a 1\r\nPUB a 2\r\nhi\r\n");
    expect(await bystander.untilPong()).toEqual(["MSG a 1 2", "hi"]);
    bystander.close();
  } finally {
    process.off("uncaughtException", note);
    process.off("unhandledRejection", note);
  }
});
