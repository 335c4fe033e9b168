/**
 * Ten minutes (`FROND_LONG_SECONDS`) of everything at once: what is sent is received, by everybody who keeps up, and
 * the broker holds no more memory at the end than when it was warm. `FROND_SEED` repeats a course.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { nodeLibraries } from "../fixture/node-libraries.ts";
import { Random, seedFromEnvironment } from "../fuzz/random.ts";
import {
  bursts,
  connectionChurn,
  queueGroup,
  requests,
  slowReceivers,
  subscriptionChurn,
  type Actor,
  type Counts,
} from "./actors.ts";
import type { Memory } from "./host.ts";
import { type Host, startHost } from "./host-process.ts";

const seconds = Number(process.env["FROND_LONG_SECONDS"] ?? 600);
const sampleMs = Math.max(250, (seconds * 1_000) / 300);
const mebibyte = 1024 * 1024;

let host: Host;
beforeAll(async () => {
  host = await startHost();
});
afterAll(async () => host.stop());

test(`${seconds} seconds of mixed traffic`, { timeout: seconds * 1_000 + 180_000 }, async () => {
  const seed = seedFromEnvironment();
  console.log(`FROND_SEED=${seed}`);
  const random = new Random(seed);
  const endMs = performance.now() + seconds * 1_000;
  let failed: unknown = null;
  const over = (): boolean => failed !== null || performance.now() >= endMs;
  const actors: Actor[] = [
    bursts,
    queueGroup,
    subscriptionChurn,
    connectionChurn,
    slowReceivers,
    // The fourth shares a global setting with the first.
    ...nodeLibraries.slice(0, 3).map((library, at) => requests(library, `library${at}`)),
  ];
  const acting = Promise.all(
    actors.map(async (actor) =>
      actor({ host, random: random.fork(), over }).catch((error: unknown): Counts => {
        failed ??= error;
        return {};
      }),
    ),
  );
  const samples: Memory[] = [];
  while (!over()) {
    samples.push(await host.memory());
    await sleep(sampleMs);
  }
  const counts = Object.assign({}, ...(await acting)) as Counts;
  if (failed !== null) throw failed;
  expect(host.ended).toBeNull();

  let total = 0;
  for (const [name, { sent, received }] of Object.entries(counts)) {
    console.log(`${name}: ${received}`);
    total += received;
    expect(received, name).toBe(sent);
    expect(sent, name).toBeGreaterThan(0);
  }
  expect(total).toBeGreaterThan(seconds * 1_000);
  const third = Math.floor(samples.length / 3);
  const warm = samples.slice(third, 2 * third);
  const last = samples.slice(-third);
  const shown = (bytes: number): string => `${(bytes / mebibyte).toFixed(1)} MiB`;
  for (const what of ["held", "resident"] as const)
    console.log(
      `${what}: ${shown(low(samples.slice(0, third), what))}, ${shown(low(warm, what))}, ${shown(low(last, what))}`,
    );
  // What waits for slow receivers comes and goes: so a value that a quarter of the samples are below.
  expect(low(last, "held")).toBeLessThan(low(warm, "held") * 1.1 + 2 * mebibyte);
  expect(low(last, "resident")).toBeLessThan(low(warm, "resident") * 1.2 + 20 * mebibyte);

  await sleep(2_000);
  const varz = await monitor<{ connections: number; subscriptions: number }>("varz");
  expect([varz.connections, varz.subscriptions]).toEqual([0, 0]);
  const end = await host.memory();
  console.log(`held by nobody: ${shown(end.held)}`);
  expect(end.held).toBeLessThan(low(warm, "held") * 1.1 + 2 * mebibyte);
});

function low(samples: readonly Memory[], what: keyof Memory): number {
  const sorted = samples.map((sample) => sample[what]).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 4)] ?? 0;
}

async function monitor<T>(path: string): Promise<T> {
  return (await (await fetch(`${host.monitorUrl}/${path}`)).json()) as T;
}
