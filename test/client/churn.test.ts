import { afterEach, expect, it } from "vitest";
import { createBroker, type EmbeddedBroker } from "../../src/create-broker.ts";
import { messagesIn, SocketPeer } from "./socket-peer.ts";
import { eventually } from "../fixture/waiting.ts";

const peerCount = 25;
const rounds = 20;
/** Subscriptions made in each round, by all peers together; half of what there is ends in each. */
const newInRound = 5_000;
const messagesInRound = 400;
const topics = 4_000;

let broker: EmbeddedBroker;
const peers: SocketPeer[] = [];
afterEach(async () => {
  for (const peer of peers.splice(0)) peer.close();
  await broker.close();
});

interface Sub {
  readonly peer: number;
  readonly sid: string;
  readonly pattern: string;
}

/** Who is interested, kept the simplest way: under the subjects that this test publishes to. */
class Interest {
  readonly subs: Sub[] = [];
  readonly #byPattern = new Map<string, Set<Sub>>();

  add(sub: Sub): void {
    this.subs.push(sub);
    const same = this.#byPattern.get(sub.pattern) ?? new Set();
    this.#byPattern.set(sub.pattern, same.add(sub));
  }

  removeAt(place: number): Sub {
    const sub = this.subs[place] as Sub;
    const last = this.subs.pop() as Sub;
    if (last !== sub) this.subs[place] = last;
    this.#byPattern.get(sub.pattern)?.delete(sub);
    return sub;
  }

  /** `t.<topic>.<item>` is matched by itself, by `t.<topic>.*`, `t.*.<item>` and `t.>`. */
  of(topic: number, item: number): Sub[] {
    return [`t.${topic}.${item}`, `t.${topic}.*`, `t.*.${item}`, "t.>"].flatMap((pattern) => [
      ...(this.#byPattern.get(pattern) ?? []),
    ]);
  }
}

it("100,000 subscriptions come and go while messages flow, and each message reaches whom it should", async () => {
  broker = await createBroker({ port: 0 });
  for (let at = 0; at < peerCount; at++) peers.push(await SocketPeer.open(broker.port));
  const publisher = await SocketPeer.open(broker.port);
  const [steadySender, steadyTaker] = [
    await SocketPeer.open(broker.port),
    await SocketPeer.open(broker.port),
  ];
  peers.push(publisher, steadySender, steadyTaker);
  steadyTaker.send("SUB steady.* 1\r\n");
  await steadyTaker.fence();
  const random = randomFrom(20_260_101);
  const interest = new Interest();
  let lastSid = 0;
  let steadySent = 0;
  let expectedInAll = 0;
  for (let round = 0; round < rounds; round++) {
    const lines = Array.from({ length: peerCount }, (): string[] => []);
    for (let ended = interest.subs.length >> 1; ended > 0; ended--) {
      const { peer, sid } = interest.removeAt(random(interest.subs.length));
      lines[peer]?.push(`UNSUB ${sid}\r\n`);
    }
    for (let made = 0; made < newInRound; made++) {
      const sub = { peer: random(peerCount), sid: `${++lastSid}`, pattern: somePattern(random) };
      interest.add(sub);
      lines[sub.peer]?.push(`SUB ${sub.pattern} ${sub.sid}\r\n`);
    }
    // While all that is under way, somebody publishes to the very subjects, and somebody to a steady one.
    const fences = peers.slice(0, peerCount).map((peer, at) => {
      peer.send((lines[at] as string[]).join(""));
      return peer.fence();
    });
    for (let flood = 0; flood < 20; flood++) {
      const noise = Array.from({ length: 20 }, () => `PUB t.${random(topics)}.${random(3)} 5\r\nnoise\r\n`);
      steadySender.send(`${noise.join("")}${steadyMessage(steadySent++)}`);
      await new Promise((resolve) => setImmediate(resolve));
    }
    await Promise.all([...fences, steadySender.fence()]);
    await Promise.all(peers.slice(0, peerCount).map(async (peer) => peer.fence()));
    for (const peer of peers.slice(0, peerCount)) peer.received();

    const expected = Array.from({ length: peerCount }, (): string[] => []);
    const messages: string[] = [];
    for (let sent = 0; sent < messagesInRound; sent++) {
      const [topic, item] = [random(topics), random(3)];
      const payload = `${round}-${sent}`;
      messages.push(`PUB t.${topic}.${item} ${payload.length}\r\n${payload}\r\n`);
      for (const { peer, sid } of interest.of(topic, item)) {
        expected[peer]?.push(`t.${topic}.${item} ${sid} ${payload}`);
        expectedInAll++;
      }
    }
    publisher.send(messages.join(""));
    await publisher.fence();
    await Promise.all(peers.slice(0, peerCount).map(async (peer) => peer.fence()));
    for (const [at, wanted] of expected.entries()) {
      const heard = messagesIn((peers[at] as SocketPeer).received());
      expect(heard.length).toBe(wanted.length);
      expect(heard.sort()).toEqual(wanted.sort());
    }
  }
  await steadyTaker.fence();
  const steady = messagesIn(steadyTaker.received());
  expect(steady).toEqual(Array.from({ length: steadySent }, (_, at) => `steady.x 1 ${at}`));
  expect(lastSid).toBe(100_000);
  expect(expectedInAll).toBeGreaterThan(10_000);
  await leaveAll();
});

async function leaveAll(): Promise<void> {
  for (const peer of peers) peer.close();
  const last = await SocketPeer.open(broker.port, { verbose: false, headers: true, no_responders: true });
  last.send("SUB in 1\r\n");
  // When the last has gone, nobody is left to answer on any subject.
  await eventually(async () => {
    last.received();
    last.send("PUB t.1.1 in 0\r\n\r\n");
    await last.fence();
    return last.received().includes("503");
  }, "nobody who has gone is subscribed");
  last.close();
}

function steadyMessage(at: number): string {
  return `PUB steady.x ${`${at}`.length}\r\n${at}\r\n`;
}

function somePattern(random: (below: number) => number): string {
  const kind = random(1_000);
  if (kind === 0) return "t.>";
  if (kind < 5) return `t.*.${random(3)}`;
  return kind < 300 ? `t.${random(topics)}.*` : `t.${random(topics)}.${random(3)}`;
}

/** xorshift, so that a failure can be seen again. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}
