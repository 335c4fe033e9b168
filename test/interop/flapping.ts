/**
 * Streams in both directions over a link that is cut, stalled, half-open and refused at random, to an edge that is
 * started anew now and then, while both ends are published to.
 */
import { jetstream, jetstreamManager, type JetStreamClient, type JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { startTcpProxy, type TcpProxy } from "../fixture/tcp-proxy.ts";
import type { Random } from "../fuzz/random.ts";
import { client } from "./leaf-fixture.ts";
import { type Peer, type PeerKind, startPeer } from "./peer.ts";
import { eventually, handled } from "../fixture/waiting.ts";

export interface Flapped {
  /** What was done to the link, and how often. */
  readonly faults: Readonly<Record<string, number>>;
  /** Of each direction: what was acknowledged, what the origin has, and what the copy has, in order. */
  readonly up: Copied;
  readonly down: Copied;
  /** The most that waited for the link at either end of Frond's, in bytes. */
  readonly pendingBytesMax: number;
  /** Of this process, in equal intervals. */
  readonly rssBytes: readonly number[];
}

export interface Copied {
  readonly acknowledged: readonly string[];
  readonly origin: readonly string[];
  readonly copy: readonly string[];
}

const batchSize = 20;
const caughtUpMsMax = 120_000;
const payloadBytes = 1_024;

export async function flap(hubKind: PeerKind, runMs: number, random: Random): Promise<Flapped> {
  const cleanups: (() => Promise<unknown> | void)[] = [];
  try {
    return await run(hubKind, runMs, random, cleanups);
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
}

/** An end of the link, with a client that is made anew with it. */
class End {
  readonly #start: () => Promise<Peer>;
  peer!: Peer;
  connection!: NatsConnection;
  manager!: JetStreamManager;
  js!: JetStreamClient;

  constructor(start: () => Promise<Peer>) {
    this.#start = start;
  }

  async start(): Promise<void> {
    this.peer = await this.#start();
    this.connection = await client(this.peer.url);
    this.manager = await jetstreamManager(this.connection);
    this.js = jetstream(this.connection);
  }

  async stop(): Promise<void> {
    await this.connection.close();
    await this.peer.stop();
  }

  get pendingBytes(): number {
    let bytes = 0;
    for (const session of this.peer.server?.broker.sessions.values() ?? [])
      if (session.kind === "Leafnode") bytes = Math.max(bytes, session.pendingBytes);
    return bytes;
  }
}

async function run(
  hubKind: PeerKind,
  runMs: number,
  random: Random,
  cleanups: (() => Promise<unknown> | void)[],
): Promise<Flapped> {
  const folder = mkdtempSync(join(tmpdir(), "frond-flap-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  const streamsIn = (name: string): string =>
    `server_name: ${name}\nmax_pending: 8mb\nping_interval: "1s"\nping_max: 2\n` +
    `jetstream { store_dir: ${JSON.stringify(join(folder, name))}, domain: ${name} }\n`;
  const hub = new End(async () =>
    startPeer(hubKind, `${streamsIn("hub")}leafnodes { listen: "127.0.0.1:-1", no_advertise: true }`),
  );
  await hub.start();
  cleanups.push(async () => hub.stop());
  const proxy = await startTcpProxy(hub.peer.leafPort);
  cleanups.push(async () => proxy.close());
  const remote = `url: "nats-leaf://127.0.0.1:${proxy.port}", forward { up: [{ stream: UP, subjects: up }], down: DOWN }`;
  const edge = new End(async () =>
    startPeer("frond", `${streamsIn("edge")}leafnodes { reconnect: "100ms", remotes: [{ ${remote} }] }`),
  );
  await hub.manager.streams.add({ name: "DOWN", subjects: ["down"] });
  await edge.start();
  cleanups.push(async () => edge.stop());
  const endMs = performance.now() + runMs;
  const over = (): boolean => performance.now() >= endMs;
  let pendingBytesMax = 0;
  const rssBytes: number[] = [];
  const watching = (async () => {
    for (let at = 0; !over(); at++) {
      pendingBytesMax = Math.max(pendingBytesMax, hub.pendingBytes, edge.pendingBytes);
      if (at % 10 === 0) rssBytes.push(process.memoryUsage().rss);
      await sleep(50);
    }
  })();
  const publishing = handled(Promise.all([publish(edge, "up", over), publish(hub, "down", over)]));
  const faults = await breakLink(proxy, edge, random, over);
  const [up, down] = await publishing;
  await watching;
  proxy.refuse(false);
  proxy.flow();
  return {
    faults,
    up: await copied(up, edge, hub, "UP"),
    down: await copied(down, hub, edge, "DOWN"),
    pendingBytesMax,
    rssBytes,
  };
}

/** What is not acknowledged is sent again, under the same id. @returns what was acknowledged */
async function publish(end: End, subject: string, over: () => boolean): Promise<string[]> {
  const acknowledged: string[] = [];
  const body = "x".repeat(payloadBytes);
  for (let count = 0; !over(); ) {
    const batch = Array.from({ length: batchSize }, () => `${subject}${++count}`);
    for (let left = batch; left.length > 0; ) {
      const results = await Promise.all(
        left.map(async (id) =>
          end.js.publish(subject, `${id} ${body}`, { msgID: id, timeout: 2_000 }).then(
            () => null,
            () => id,
          ),
        ),
      );
      left = results.filter((id) => id !== null);
      if (left.length > 0) await sleep(50);
    }
    acknowledged.push(...batch);
    await sleep(10);
  }
  return acknowledged;
}

async function breakLink(
  proxy: TcpProxy,
  edge: End,
  random: Random,
  over: () => boolean,
): Promise<Record<string, number>> {
  const faults: Record<string, () => Promise<void> | void> = {
    cut: () => proxy.cut(),
    refuse: async () => {
      proxy.refuse(true);
      proxy.cut();
      await sleep(200 + random.below(1300));
      proxy.refuse(false);
    },
    stall: async () => {
      proxy.stall(random.pick(["up", "down", "both"] as const));
      await sleep(100 + random.below(1400));
      proxy.flow();
    },
    swallow: async () => {
      proxy.swallow();
      await sleep(100 + random.below(900));
      proxy.flow();
      proxy.cut();
    },
    restart: async () => {
      await edge.stop();
      await edge.start();
    },
  };
  const counts: Record<string, number> = {};
  while (!over()) {
    await sleep(100 + random.below(1400));
    const name = random.pick(Object.keys(faults));
    counts[name] = (counts[name] ?? 0) + 1;
    await faults[name]?.();
  }
  return counts;
}

async function copied(acknowledged: string[], from: End, to: End, stream: string): Promise<Copied> {
  const wanted = (await from.manager.streams.info(stream)).state.messages;
  const isThere = async (): Promise<boolean> =>
    (await to.manager.streams.info(stream)).state.messages >= wanted;
  // What is missing is shown by the lists.
  await eventually(isThere, "all is there", caughtUpMsMax).catch(() => {});
  return { acknowledged, origin: await ids(from, stream), copy: await ids(to, stream) };
}

/** Of all that a stream has, in order. */
async function ids({ js, manager }: End, stream: string): Promise<string[]> {
  const found: string[] = [];
  if ((await manager.streams.info(stream)).state.messages === 0) return found;
  const consumer = await js.consumers.get(stream);
  for await (const message of await consumer.consume({ max_messages: 500 })) {
    found.push(message.string().split(" ")[0] ?? "");
    if (message.info.pending === 0) break;
  }
  return found;
}
