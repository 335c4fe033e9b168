/**
 * Frond at both ends, with streams on disk that cross the link both ways, and one end or the other killed while they do.
 * `FROND_SEED` repeats a course, as far as processes do.
 */
import { jetstream, jetstreamManager, type JetStreamManager } from "@nats-io/jetstream";
import type { NatsConnection } from "@nats-io/transport-node";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, expect, test } from "vitest";
import { type BrokerProcess, freePort, startBroker } from "../fixture/broker-process.ts";
import { Random, seedFromEnvironment } from "../fuzz/random.ts";
import { client } from "./leaf-fixture.ts";
import { eventually, handled } from "../fixture/waiting.ts";

const rounds = 4;
const batchSize = 150;

const cleanups: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

class End {
  readonly #config: string;
  readonly #port: number;
  #process: BrokerProcess | null = null;
  readonly acknowledged: string[] = [];
  connection!: NatsConnection;

  constructor(config: string, port: number) {
    this.#config = config;
    this.#port = port;
  }

  async start(): Promise<void> {
    this.#process = await startBroker({ config: this.#config, port: this.#port });
    this.connection ??= await client(this.#process.url, {
      reconnect: true,
      maxReconnectAttempts: -1,
      reconnectTimeWait: 50,
    });
    // The client has to find out first; what is asked meanwhile may be lost.
    await eventually(async () => {
      await this.connection.request("$JS.API.INFO", "", { timeout: 500 });
    });
  }

  async kill(): Promise<void> {
    await this.#process?.kill();
  }

  /** What was not acknowledged is sent again, under the same id, until it is. */
  async publish(subject: string, from: number): Promise<void> {
    let left = Array.from({ length: batchSize }, (_, at) => `${subject}${from + at}`);
    this.acknowledged.push(...left);
    for (let attempt = 0; left.length > 0 && attempt < 100; attempt++) {
      const results = await Promise.all(
        left.map(async (id) =>
          jetstream(this.connection)
            .publish(subject, id, { msgID: id, timeout: 1_000 })
            .then(
              () => null,
              () => id,
            ),
        ),
      );
      left = results.filter((id) => id !== null);
      if (left.length > 0) await sleep(100);
    }
    expect(left).toEqual([]);
  }

  async manager(): Promise<JetStreamManager> {
    return jetstreamManager(this.connection);
  }

  async ids(stream: string): Promise<string[]> {
    const manager = await this.manager();
    const { state } = await manager.streams.info(stream);
    const found: string[] = [];
    for (let seq = state.first_seq; seq <= state.last_seq; seq++)
      found.push((await manager.streams.getMessage(stream, { seq }))?.string() ?? "");
    return found;
  }
}

test("nothing is missing, and nothing is there twice", async () => {
  const seed = seedFromEnvironment();
  console.log(`FROND_SEED=${seed}`);
  const random = new Random(seed);
  const folder = mkdtempSync(join(tmpdir(), "frond-kills-"));
  cleanups.push(() => rmSync(folder, { recursive: true, force: true }));
  const leafPort = await freePort();
  const streamsIn = (name: string): string =>
    `server_name: ${name}\njetstream { store_dir: ${JSON.stringify(join(folder, name))}, domain: ${name} }\n`;
  const hub = new End(`${streamsIn("hub")}leafnodes { listen: "127.0.0.1:${leafPort}" }`, await freePort());
  const remote = `url: "nats-leaf://127.0.0.1:${leafPort}", forward { up: [{ stream: UP, subjects: up }], down: DOWN }`;
  const edge = new End(
    `${streamsIn("edge")}leafnodes { reconnect: "100ms", remotes: [{ ${remote} }] }`,
    await freePort(),
  );
  for (const end of [hub, edge]) {
    await end.start();
    cleanups.push(async () => end.kill());
    cleanups.push(async () => end.connection.close());
  }
  await (await hub.manager()).streams.add({ name: "DOWN", subjects: ["down"] });
  for (let round = 0; round < rounds; round++) {
    const publishing = handled(
      Promise.all([edge.publish("up", round * batchSize), hub.publish("down", round * batchSize)]),
    );
    await sleep(random.below(200));
    const victim = random.pick([hub, edge]);
    await victim.kill();
    await sleep(random.below(500));
    await victim.start();
    await publishing;
  }
  for (const [origin, copy, stream] of [[edge, hub, "UP"] as const, [hub, edge, "DOWN"] as const]) {
    const kept = await origin.ids(stream);
    expect(new Set(kept).size).toBe(kept.length);
    expect([...kept].sort()).toEqual([...origin.acknowledged].sort());
    const isThere = async (): Promise<boolean> =>
      (await (await copy.manager()).streams.info(stream)).state.messages >= kept.length;
    // What is missing is shown by the lists.
    await eventually(isThere, "all is there").catch(() => {});
    expect(await copy.ids(stream)).toEqual(kept);
  }
});
