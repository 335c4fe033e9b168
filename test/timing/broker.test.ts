/** What a broker in a program takes, on a machine that has nothing else to do. */
import { connect } from "node:net";
import { once } from "node:events";
import { expect, test } from "vitest";
import { createBroker } from "../../src/create-broker.ts";
import { connectRaw } from "../fixture/raw-client.ts";
import { connectFlow } from "../limits/flow.ts";

test("a broker starts in less than 50 ms", async () => {
  const tookMs: number[] = [];
  for (let round = 0; round < 9; round++) {
    const startMs = performance.now();
    const started = await createBroker({ port: 0 });
    tookMs.push(performance.now() - startMs);
    await started.close();
  }
  tookMs.sort((a, b) => a - b);
  expect(tookMs[2]).toBeLessThan(50);
});

test("a broker closes within three seconds of real time although a client takes nothing and the clock stands still", async () => {
  const broker = await createBroker({ port: 0 });
  const deaf = await connectRaw(broker.port, { connect: { verbose: false } });
  deaf.send("SUB a 1\r\n");
  await deaf.untilPong();
  deaf.socket.pause();
  const publisher = await connectFlow({ port: broker.port });
  for (let each = 0; each < 20; each++)
    publisher.socket.write(`PUB a 1000000\r\n${"x".repeat(1_000_000)}\r\n`);
  await publisher.roundTrip();
  broker.clock.freeze();
  const startMs = performance.now();
  await broker.close();
  expect(performance.now() - startMs).toBeLessThan(3_000);
  deaf.close();
});

test("a pair of connections talk on, each answer within a second, while a receiver reads nothing", async () => {
  const broker = await createBroker({ port: 0, maxPending: 8 * 1024 * 1024 });
  const dead = connect({ host: "127.0.0.1", port: broker.port });
  dead.on("error", () => {});
  await once(dead, "data");
  dead.write('CONNECT {"verbose":false}\r\nSUB flow 1\r\n');
  dead.pause();
  const [publisher, bystander] = [
    await connectFlow({ port: broker.port }),
    await connectFlow({ port: broker.port }),
  ];
  let longestMs = 0;
  for (let round = 0; round < 200; round++) {
    publisher.write(`PUB flow 100000\r\n${"x".repeat(100_000)}\r\n`);
    longestMs = Math.max(longestMs, await bystander.roundTrip());
  }
  expect(longestMs).toBeLessThan(1_000);
  for (const each of [publisher, bystander]) each.close();
  dead.destroy();
  await broker.close();
});
