/**
 * Anything at all is said to a broker over real sockets, while a well-behaved pair of clients goes on as if nothing
 * were. A few seconds of it; `FROND_LONG=1` makes that two minutes.
 */
import { setTimeout as wait } from "node:timers/promises";
import v8 from "node:v8";
import vm from "node:vm";
import { expect, it } from "vitest";
import { Clock } from "../../src/base/clock.ts";
import { silentLog } from "../../src/base/log.ts";
import { optionsFromObject } from "../../src/config/embedding.ts";
import { Server } from "../../src/server/server.ts";
import { messagesIn, SocketPeer } from "../client/socket-peer.ts";
import { Random, seedFromEnvironment } from "./random.ts";
import { hopeless, mutatedStream, split, validOperation } from "./streams.ts";

const isLong = process.env["FROND_LONG"] === "1";
const durationMs = isLong ? 120_000 : 3_000;
const attackersAtOnce = 24;
const memoryGrowthMax = 120 * 1024 * 1024;

const knownErrors = [
  /^Unknown Protocol Operation$/,
  /^Maximum Payload Violation$/,
  /^maximum control line exceeded$/,
  /^Invalid (Publish )?Subject$/,
  /^invalid client protocol$/,
  /^no responders requires headers support$/,
  /^Permissions Violation for (Publish|Subscription) (to|with Reply of) /,
];

it(`survives whatever it is told, for ${durationMs / 1_000} s`, {
  timeout: durationMs + 60_000,
}, async () => {
  const seed = seedFromEnvironment();
  console.log(`FROND_SEED=${seed}`);
  const random = new Random(seed);
  const { options } = optionsFromObject({ port: 0, maxPayload: 8_192, maxPending: 1024 * 1024 });
  const server = new Server(options, new Clock(), silentLog);
  await server.start();
  let fault: unknown = null;
  server.closed.catch((error: unknown) => (fault = error));
  const port = server.addresses.client?.port as number;
  const pair = await Pair.open(port);
  const before = memoryInUse();
  const end = performance.now() + durationMs;
  const counts = new Map<string, number>();
  const errors: string[] = [];
  const attack = async (chance: Random): Promise<void> => {
    while (performance.now() < end && fault === null) {
      const name = chance.pick(Object.keys(attacks));
      counts.set(name, (counts.get(name) ?? 0) + 1);
      const complaint = await (attacks[name] as Attack)(port, chance);
      if (complaint !== null) errors.push(`${name}: ${complaint}`);
    }
  };
  const attackers = Array.from({ length: attackersAtOnce }, async () => attack(random.fork()));
  await Promise.all([...attackers, pair.run(end)]);
  const sent = await pair.finish();
  expect(fault).toBe(null);
  expect(errors).toEqual([]);
  expect(sent).toBeGreaterThan(durationMs / 300);
  for (const name of Object.keys(attacks)) expect([name, (counts.get(name) ?? 0) > 0]).toEqual([name, true]);
  // Everybody who attacked has gone; what is left is the pair.
  for (let turn = 0; server.broker.sessions.size > 0 && turn < 300; turn++) await wait(10);
  expect([...server.broker.sessions.values()].map(({ name }) => name)).toEqual([]);
  expect(server.broker.subscriptionCount).toBe(0);
  expect(memoryInUse() - before).toBeLessThan(memoryGrowthMax);
  await server.close();
});

type Attack = (port: number, random: Random) => Promise<string | null>;

const attacks: Readonly<Record<string, Attack>> = {
  "random bytes": async (port, random) => {
    const peer = await greet(port, random);
    return speak(peer, random, random.bytes(1 + random.below(3_000)), false);
  },
  "nearly valid": async (port, random) => {
    const peer = await greet(port, random);
    return speak(peer, random, mutatedStream(random), false);
  },
  "much that is valid": async (port, random) => {
    const peer = await greet(port, random);
    const text = Array.from({ length: 300 }, () => validOperation(random)).join("");
    return speak(peer, random, Buffer.from(text, "latin1"), false);
  },
  hopeless: async (port, random) => {
    const peer = await greet(port, random);
    return speak(peer, random, hopeless(random), true);
  },
  "half of it": async (port, random) => {
    const peer = await greet(port, random);
    const bytes = Buffer.from(validOperation(random), "latin1");
    const complaint = await speak(peer, random, bytes.subarray(0, random.below(bytes.length)), false);
    await wait(random.below(100));
    return complaint;
  },
  "not a word": async (port, random) => {
    const peer = await SocketPeer.open(port, null);
    await wait(random.below(200));
    if (random.chance(50)) peer.socket.resetAndDestroy();
    else peer.close();
    return null;
  },
  "many at once": async (port, random) => {
    const peers = await Promise.all(Array.from({ length: 40 }, async () => SocketPeer.open(port, null)));
    for (const peer of peers) peer.send(mutatedStream(random));
    await wait(random.below(50));
    for (const peer of peers) peer.close();
    return null;
  },
  "takes and does not read": async (port, random) => {
    const peer = await SocketPeer.open(port, { verbose: false });
    peer.send("SUB glut 1\r\n");
    await peer.fence();
    peer.socket.pause();
    const giver = await SocketPeer.open(port, { verbose: false });
    const message = `PUB glut 8000\r\n${"g".repeat(8_000)}\r\n`;
    for (let sent = 0; sent < 40 && !giver.closed; sent++) giver.send(message.repeat(1 + random.below(10)));
    await wait(100);
    giver.close();
    peer.close();
    return null;
  },
};

async function greet(port: number, random: Random): Promise<SocketPeer> {
  return SocketPeer.open(port, random.chance(50) ? null : { verbose: false, pedantic: false, headers: true });
}

/** @returns what was wrong with the answer; null when nothing was */
async function speak(
  peer: SocketPeer,
  random: Random,
  bytes: Buffer,
  mustClose: boolean,
): Promise<string | null> {
  for (const piece of split(random, bytes)) {
    if (peer.closed) break;
    peer.send(Buffer.from(piece));
    if (random.chance(20)) await new Promise((resolve) => setImmediate(resolve));
  }
  const end = performance.now() + (mustClose ? 8_000 : random.below(30));
  while (!peer.closed && performance.now() < end) await wait(5);
  const isOpen = !peer.closed;
  if (random.chance(30) && isOpen) peer.socket.resetAndDestroy();
  else peer.close();
  if (mustClose && isOpen) return `still open after ${JSON.stringify(bytes.latin1Slice(0, 60))}`;
  for (const [, text] of peer.received().matchAll(/(?:^|\r\n)-ERR '([^\r\n]*)'(?=\r\n)/g))
    if (!knownErrors.some((known) => known.test(text as string))) return `was told ${text}`;
  return null;
}

/** Two clients that want nothing but to be served: one asks, the other answers, and both count. */
class Pair {
  readonly #asker: SocketPeer;
  readonly #answerer: SocketPeer;
  #sent = 0;
  #heard = 0;

  private constructor(asker: SocketPeer, answerer: SocketPeer) {
    this.#asker = asker;
    this.#answerer = answerer;
  }

  static async open(port: number): Promise<Pair> {
    const [asker, answerer] = await Promise.all([SocketPeer.open(port), SocketPeer.open(port)]);
    answerer.send("SUB pair.questions 7\r\n");
    asker.send("SUB pair.answers 8\r\n");
    await Promise.all([asker.fence(), answerer.fence()]);
    return new Pair(asker, answerer);
  }

  async run(endMs: number): Promise<void> {
    while (performance.now() < endMs) {
      const questions = Array.from({ length: 1 + (this.#sent % 7) }, () => `${this.#sent++}`);
      this.#asker.send(
        questions.map((text) => `PUB pair.questions pair.answers ${text.length}\r\n${text}\r\n`).join(""),
      );
      await this.#asker.fence();
      await this.#answerer.fence();
      const asked = messagesIn(this.#answerer.received());
      expect(asked).toEqual(questions.map((text) => `pair.questions 7 ${text}`));
      this.#answerer.send(questions.map((text) => `PUB pair.answers ${text.length}\r\n${text}\r\n`).join(""));
      await this.#answerer.fence();
      await this.#asker.fence();
      const answered = messagesIn(this.#asker.received());
      expect(answered).toEqual(questions.map((text) => `pair.answers 8 ${text}`));
      this.#heard += answered.length;
      await wait(1);
    }
  }

  async finish(): Promise<number> {
    expect(this.#heard).toBe(this.#sent);
    this.#asker.close();
    this.#answerer.close();
    return this.#sent;
  }
}

function memoryInUse(): number {
  v8.setFlagsFromString("--expose-gc");
  (vm.runInNewContext("gc") as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
