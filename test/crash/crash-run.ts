/**
 * A broker that is killed again and again while clients publish and consume, and what must be true of it afterwards.
 * Everything random comes from one seed, but for the moment at which the operating system carries a kill out.
 */
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/nats-core";
import { connect } from "@nats-io/transport-node";
import { type BrokerProcess, startBroker } from "../fixture/broker-process.ts";
import { Random } from "../fuzz/random.ts";
import { ConsumerActor } from "./consumer-actor.ts";
import { PublisherActor } from "./publisher-actor.ts";

export interface CrashRun {
  readonly seed: number;
  readonly kills: number;
  /** As in the configuration; null: as it comes. */
  readonly syncInterval: string | null;
}

export const streamName = "CRASH";
export const consumerName = "reader";

const publishers = 3;
const lifeMsMin = 40;
const lifeMsMax = 500;
const secondNs = 1e9;

/** @throws Error with the seed, at the first thing that is not as it must be */
export async function runCrashes(run: CrashRun): Promise<{ readonly stored: number }> {
  const folder = await mkdtemp(join(tmpdir(), "frond-crash-"));
  try {
    return await crashIn(folder, run);
  } catch (error) {
    throw new Error(`with seed ${run.seed}: ${(error as Error).message}`, { cause: error });
  } finally {
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function crashIn(folder: string, { seed, kills, syncInterval }: CrashRun): Promise<{ stored: number }> {
  const random = new Random(seed);
  const sync = syncInterval === null ? "" : `, sync_interval: ${syncInterval}`;
  const config = `jetstream { store_dir: ${JSON.stringify(folder)}${sync} }\n`;
  const actors = Array.from({ length: publishers }, (_, index) => new PublisherActor(index, random));
  const reader = new ConsumerActor(random);
  let broker = await startBroker({ config });
  try {
    await withConnection(broker, createStream);
    for (let kill = 0; kill < kills; kill++) {
      const lifeMs = lifeMsMin + random.below(lifeMsMax - lifeMsMin);
      await live(broker, [...actors, reader], lifeMs);
      broker = await startBroker({ config });
    }
    await settle(broker, actors);
    const stored = await withConnection(broker, (connection) => verifyStream(connection, actors));
    await withConnection(broker, (connection) => reader.verify(connection));
    await broker.stop();
    await checkStore(folder);
    return { stored };
  } finally {
    await broker.kill();
  }
}

interface Actor {
  /** Works until the connection ends, and then returns. */
  work(connection: NatsConnection): Promise<void>;
}

async function live(broker: BrokerProcess, actors: readonly Actor[], lifeMs: number): Promise<void> {
  const connections = await Promise.all(actors.map(async () => open(broker)));
  const work = actors.map(async (actor, at) => actor.work(connections[at] as NatsConnection));
  await sleep(lifeMs);
  await broker.kill();
  await Promise.all(connections.map(async (connection) => connection.close()));
  await Promise.all(work);
}

/** What was not acknowledged is sent once more, under the same id. */
async function settle(broker: BrokerProcess, actors: readonly PublisherActor[]): Promise<void> {
  for (const actor of actors) await withConnection(broker, (connection) => actor.finish(connection));
}

async function createStream(connection: NatsConnection): Promise<void> {
  const manager = await jetstreamManager(connection);
  await manager.streams.add({
    name: streamName,
    subjects: ["crash.>"],
    duplicate_window: 600 * secondNs,
  });
  await manager.consumers.add(streamName, {
    durable_name: consumerName,
    ack_policy: "explicit",
    ack_wait: secondNs,
    max_ack_pending: 10_000,
  });
}

async function verifyStream(connection: NatsConnection, actors: readonly PublisherActor[]): Promise<number> {
  const manager = await jetstreamManager(connection);
  const { state } = await manager.streams.info(streamName);
  if (state.messages === 0) return 0;
  if (state.first_seq !== 1 || state.messages !== state.last_seq)
    throw new Error(`sequences have gaps: ${JSON.stringify(state)}`);
  const idsBySeq = new Map<number, string>();
  const consumer = await jetstream(connection).consumers.get(streamName, { deliver_policy: "all" });
  const messages = await consumer.consume({ max_messages: 1_000 });
  for await (const message of messages) {
    if (message.seq !== idsBySeq.size + 1)
      throw new Error(`message ${message.seq} came where ${idsBySeq.size + 1} was due`);
    const id = message.headers?.get("Nats-Msg-Id") ?? "";
    const text = message.string();
    if (!text.startsWith(`${id} `))
      throw new Error(`message ${message.seq} of id ${id} holds ${text.slice(0, 40)}`);
    idsBySeq.set(message.seq, id);
    if (message.seq === state.last_seq) break;
  }
  if (new Set(idsBySeq.values()).size !== idsBySeq.size) throw new Error("an id is stored twice");
  for (const actor of actors) actor.verify(idsBySeq);
  return state.messages;
}

async function checkStore(folder: string): Promise<void> {
  if ((process.env["FROND_TEST_SERVER"] ?? "") !== "") return;
  const frond = fileURLToPath(new URL("../../bin/frond", import.meta.url));
  await promisify(execFile)(process.execPath, [frond, "store", "check", folder]);
}

async function open(broker: BrokerProcess): Promise<NatsConnection> {
  return connect({ servers: broker.url, reconnect: false });
}

async function withConnection<T>(
  broker: BrokerProcess,
  work: (connection: NatsConnection) => Promise<T>,
): Promise<T> {
  const connection = await open(broker);
  try {
    return await work(connection);
  } finally {
    await connection.close();
  }
}
