/** As over sockets, but without them: a hundred times as much, and a fault is thrown where it happens. */
import { expect, it } from "vitest";
import { framesOf } from "../client/simulation/frames.ts";
import { World } from "../client/simulation/world.ts";
import { Random, seedFromEnvironment } from "./random.ts";
import { hopeless, mutatedStream, split, validOperation } from "./streams.ts";

const isLong = process.env["FROND_LONG"] === "1";
const durationMs = isLong ? 60_000 : 1_500;

it("any bytes to any client are its own affair", { timeout: durationMs + 30_000 }, async () => {
  const seed = seedFromEnvironment();
  console.log(`FROND_SEED=${seed}`);
  const random = new Random(seed);
  const end = performance.now() + durationMs;
  let streams = 0;
  for (let world = 0; performance.now() < end; world++) {
    streams += play(random);
    // The passes that were begun outside of a read end in a microtask.
    await new Promise((resolve) => setImmediate(resolve));
  }
  expect(streams).toBeGreaterThan(durationMs / 10);
});

/** One broker, some clients that say anything, and one that listens to all of it. */
function play(random: Random): number {
  const world = new World(undefined, { maxPayloadBytes: 8_192 });
  const listener = world.connect();
  world.receive(listener, 'CONNECT {"verbose":false,"headers":true}\r\nSUB > 1\r\nSUB fuzz.* q 2\r\n');
  const streams = 10 + random.below(20);
  for (let count = 0; count < streams; count++) {
    const place = world.connect();
    const { wire } = world.peer(place);
    wire.takesAtOnce = random.chance(80);
    const greeting = random.chance(60) ? 'CONNECT {"verbose":false,"pedantic":false,"headers":true}\r\n' : "";
    const kind = random.below(10);
    const bytes =
      kind < 6
        ? mutatedStream(random)
        : kind < 8
          ? random.bytes(random.below(500))
          : kind < 9
            ? hopeless(random)
            : valid(random);
    for (const piece of split(random, Buffer.concat([Buffer.from(greeting), bytes])))
      world.receive(place, piece.latin1Slice(), random.chance(30));
    if (random.chance(30)) wire.take();
    if (random.chance(30)) world.peer(place).connection.lost("Read Error");
    // It has been sent nothing but frames, whole up to where it ended.
    framesOf(wire.written, true);
  }
  world.receive(listener, "PUB after.all 4\r\nwell\r\n");
  expect(framesOf(world.written(listener), false).at(-1)?.text).toBe("MSG after.all 1 4\r\nwell\r\n");
  for (const { connection } of world.peers) connection.lost("Read Error");
  expect([world.broker.sessions.size, world.broker.subscriptionCount]).toEqual([0, 0]);
  return streams;
}

function valid(random: Random): Buffer {
  return Buffer.from(Array.from({ length: 50 }, () => validOperation(random)).join(""), "latin1");
}
