/** A broker in this process, with a look inside. */
import { Clock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { optionsFromObject, type BrokerOptions } from "../../src/config/embedding.ts";
import { Server } from "../../src/server/server.ts";
import { handled } from "../fixture/waiting.ts";
import { connectFlow, connectReceiver, flood, type FlowClient } from "./flow.ts";

export interface Running {
  readonly server: Server;
  readonly port: number;
  readonly clock: Clock;
  /** Closed when the broker is stopped. Its pauses are on the broker's clock. */
  client(fields?: Readonly<Record<string, unknown>>): Promise<FlowClient>;
  receiver(subject: string, sid?: string): Promise<FlowClient>;
  /** Why connections have ended, oldest first. */
  reasons(): string[];
  stop(): Promise<void>;
}

export async function run(options: BrokerOptions = {}): Promise<Running> {
  const clock = new Clock();
  const server = new Server(optionsFromObject({ port: 0, ...options }).options, clock, silentLog);
  await server.start();
  const port = server.addresses.client?.port ?? 0;
  const clients: FlowClient[] = [];
  const keep = (client: FlowClient): FlowClient => {
    client.wait = async (ms) => new Promise((resolve) => void clock.after(ms, resolve));
    clients.push(client);
    return client;
  };
  return {
    server,
    port,
    clock,
    client: async (fields = {}) => keep(await connectFlow({ port, connect: fields })),
    receiver: async (subject, sid = "1") => keep(await connectReceiver(port, subject, sid)),
    reasons: () => server.broker.closedSessions().map(({ reason }) => reason),
    stop: async () => {
      for (const client of clients) client.close();
      await server.close();
    },
  };
}

/**
 * Carries out `work` while the broker's clock goes by in steps, between which everybody has his turns: however long the
 * machine takes over them, for the broker it was a moment.
 */
export async function steadily(broker: Running, work: () => Promise<unknown>): Promise<void> {
  const { clock } = broker;
  clock.freeze();
  let isDone = false;
  const done = handled(work().finally(() => (isDone = true)));
  for (let turn = 0; !isDone; turn++) {
    await new Promise<void>((resolve) => void setImmediate(resolve));
    if (turn % turnsPerStep === 0) await clock.advance(1);
  }
  await done;
  clock.resume();
}

const turnsPerStep = 4;

const pairName = "pair";
/** A publisher that can go on has said something by the time that the pair has talked so often. */
const quietRounds = 100;

/**
 * Carries out `work` while the broker's clock stands still, and moves it only when nothing else happens, which is when a
 * publisher is stalled. Beside it a pair of connections talk that have nothing to do with the rest: time never moves while
 * they wait for one another, so they would wait for ever if the broker stalled them.
 *
 * @returns for how long publishers were stalled, on the broker's clock, and how often the pair has talked
 */
export async function stalled(
  broker: Running,
  work: () => Promise<unknown>,
): Promise<{ readonly stalledMs: number; readonly pairRounds: number }> {
  const { clock } = broker;
  const talk = await connectPair(broker);
  clock.freeze();
  let isDone = false;
  const done = handled(work().finally(() => (isDone = true)));
  let stalledMs = 0;
  let pairRounds = 0;
  while (!isDone) {
    const before = messagesOf(broker);
    for (let round = 0; round < quietRounds && !isDone; round++, pairRounds++) await talk();
    if (isDone || messagesOf(broker) !== before) continue;
    await clock.advance(stepMs);
    stalledMs += stepMs;
  }
  await done;
  clock.resume();
  return { stalledMs, pairRounds };
}

const stepMs = 50;

/** All that other connections than the pair have published or received so far. */
function messagesOf({ server }: Running): number {
  let count = 0;
  for (const { name, inMessages, outMessages } of server.broker.sessions.values())
    if (name !== pairName) count += inMessages + outMessages;
  return count;
}

/** One connection asks and the other one answers, each time that it is called. */
async function connectPair(broker: Running): Promise<() => Promise<void>> {
  const [asking, answering] = await Promise.all(
    ["pong", "ping"].map(async (subject) => {
      const client = await broker.client({ name: pairName });
      client.write(`SUB ${pairName}.${subject} 1\r\n`);
      await client.roundTrip();
      return client;
    }),
  );
  if (asking === undefined || answering === undefined) throw new Error("not connected");
  let rounds = 0;
  return async () => {
    const once = { from: rounds++, count: 1, payloadBytes: 128 };
    await flood(asking, { subject: `${pairName}.ping`, publisher: "as", ...once });
    await answering.until(() => answering.received >= rounds, "a question");
    await flood(answering, { subject: `${pairName}.pong`, publisher: "an", ...once });
    await asking.until(() => asking.received >= rounds, "an answer");
  };
}
