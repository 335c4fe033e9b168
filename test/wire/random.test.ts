/**
 * Random conversations with Frond and with the real nats-server, side by side: whatever three clients say, both
 * servers must answer alike. `FROND_SEED` repeats one; `FROND_LONG=1` has many more.
 */
import { expect } from "vitest";
import { createBroker } from "../../src/create-broker.ts";
import { newsOf, startNatsServer } from "../auth/reference-server.ts";
import { framesOf } from "../client/simulation/frames.ts";
import { SocketPeer } from "../client/socket-peer.ts";
import { Random, seedFromEnvironment } from "../fuzz/random.ts";
import { natsServer, testWith } from "../fixture/needs.ts";

const isLong = process.env["FROND_LONG"] === "1";
const scripts = isLong ? 4_000 : 120;
const clients = 3;

const limits = "max_payload: 60, max_pending: 10000, max_control_line: 300, max_subscriptions: 4";
const configs = [
  limits,
  `${limits}, max_subscription_tokens: 3`,
  `${limits}, mappings = { "m.*": "a.$1", "gone": [ { destination: "gone", weight: 0% } ] }`,
  `${limits}, no_auth_user: g, authorization { users: [
    { user: g, password: g, permissions: { publish: { deny: ["a.b", "no.>"] }, subscribe: { deny: ["a.c", "a.> q"] } } },
    { user: u, password: p, permissions: { publish: ["a.>", "in.1"], subscribe: ["a.>", "in.*", "b q"], allow_responses: true } },
    { user: v, password: p } ] }`,
  `${limits}, authorization { users: [
    { user: u, password: p, permissions: { subscribe: { allow: ["a.>", "in.>"], deny: "a.c" }, allow_responses: { max: 2, expires: "1m" } } },
    { user: v, password: p } ] }`,
];

const subjects = [
  "a",
  "a.b",
  "a.c",
  "a.b.c",
  "b",
  "in.1",
  "in.2",
  "m.b",
  "gone",
  "no.x",
  "a.*",
  "*",
  ">",
  "a.>",
];
// Left out because the servers differ on purpose: zeros before a size, which Frond does not repeat; what follows an
// -ERR of the client in one read, which nats-server still does; and a.> where a.* is allowed, which it lets pass.
const oddSubjects = [
  "a..b",
  ".a",
  "a.",
  "a.>.b",
  "a*",
  "_R_.x",
  "$JS.ACK.x",
  "_GR_.x",
  "$NRG.x",
  "a\x01",
  "é",
  "x".repeat(280),
];
const sids = ["1", "2", "3", "x"];

const nats = natsServer("2.15.0");
testWith(
  nats,
  "answers as nats-server does",
  async ({ skip }) => {
    const seed = seedFromEnvironment();
    console.log(`FROND_SEED=${seed}`);
    const random = new Random(seed);
    for (const config of configs) {
      const [broker, server] = [
        await createBroker({ port: 0, config }),
        await startNatsServer(nats.path, config),
      ];
      try {
        for (let script = 0; script < scripts / configs.length; script++) {
          const blocks = Array.from({ length: 3 + random.below(8) }, () => someBlock(random, config));
          const said = JSON.stringify(blocks);
          const [ours, theirs] = [await hear(broker.port, blocks), await hear(server.port, blocks)];
          try {
            for (const [at, block] of theirs.entries())
              expect({ config, said, at, heard: ours[at] }).toEqual({ config, said, at, heard: block });
          } catch (error) {
            const news = newsOf(nats.version, error as Error);
            if (news === null) throw error;
            skip(news);
          }
        }
      } finally {
        await Promise.all([broker.close(), server.stop()]);
      }
    }
  },
  { timeout: isLong ? 900_000 : 180_000 },
);

interface Block {
  readonly client: number;
  readonly text: string;
}

/** What each client heard after each block: messages sorted, since their order is the server's own affair. */
async function hear(port: number, blocks: readonly Block[]): Promise<string[][][]> {
  const peers: (SocketPeer | null)[] = Array.from({ length: clients }, () => null);
  const heard: string[][][] = [];
  try {
    for (const { client, text } of blocks) {
      const speaker = (peers[client] ??= await SocketPeer.open(port, null));
      speaker.send(Buffer.from(`${text}PING\r\n`, "latin1"));
      await speaker.nextPong();
      const now: string[][] = [];
      for (const [at, peer] of peers.entries()) {
        // A fence may be an operation too many for one that has said nothing yet.
        if (peer !== null && at !== client && !peer.closed) await peer.fence().catch(() => {});
        now.push(peer === null ? [] : shown(peer));
        if (peer?.closed === true) peers[at] = null;
      }
      heard.push(now);
    }
  } finally {
    for (const peer of peers) peer?.close();
  }
  return heard;
}

function shown(peer: SocketPeer): string[] {
  const frames = framesOf(peer.received(), true).map(({ text }) => text);
  // nats-server complains twice of a publish that its read buffer has cut.
  const again = (text: string, at: number): boolean =>
    text === "-ERR 'Invalid Publish Subject'\r\n" && frames[at - 1] === text;
  const lines = frames.filter((text, at) => !/^(INFO|PING|PONG)/.test(text) && !again(text, at));
  const isMessage = (text: string): boolean => /^H?MSG/.test(text);
  return [
    ...lines.filter((text) => !isMessage(text)),
    // Which of several subscriptions hears that nobody is there is the server's own affair, too.
    ...lines
      .filter(isMessage)
      .map((text) => text.replace(/^(HMSG \S+) \S+ (.*\r\nNATS\/1\.0 503)/, "$1 ? $2"))
      .sort(),
    ...(peer.closed ? ["closed"] : []),
  ];
}

function someBlock(random: Random, config: string): Block {
  const count = 1 + random.below(6);
  const client = random.below(clients);
  const connects = random.chance(40) ? connectLine(random) : "";
  const lines = Array.from({ length: count }, () => someLine(random, client));
  // Where somebody fails to prove who it is, nats-server tells its account, which Frond does not yet.
  const listens = (line: string): string => line.replace(/^(sub\s+)>(?=\s)/i, "$1*");
  return { client, text: connects + lines.map(config.includes("authorization") ? listens : String).join("") };
}

function connectLine(random: Random): string {
  const users = [{}, {}, { user: "u", pass: "p" }, { user: "v", pass: "p" }, { user: "g", pass: "g" }];
  const fields = {
    ...(random.chance(80) && { verbose: random.chance(30) }),
    ...(random.chance(80) && { pedantic: random.chance(20) }),
    ...(random.chance(30) && { echo: random.chance(50) }),
    ...(random.chance(70) && { headers: random.chance(90) }),
    ...(random.chance(30) && { no_responders: random.chance(90) }),
    ...(random.chance(30) && { protocol: random.pick([0, 1, 1, 1, 2, -1]) }),
    ...random.pick(users),
    ...(random.chance(3) && { account: "x" }),
    ...(random.chance(3) && { Verbose: null, NAME: random.pick(["n", 1, null]) }),
  };
  return `CONNECT ${JSON.stringify(fields)}\r\n`;
}

function someLine(random: Random, client: number): string {
  const gap = (): string => (random.chance(90) ? " " : random.pick(["  ", "\t", " \t "]));
  const end = random.chance(90) ? "\r\n" : "\n";
  const name = (word: string): string => (random.chance(90) ? word : word.toLowerCase());
  const subject = (): string => random.pick(random.chance(90) ? subjects : oddSubjects);
  const reply = random.chance(30) ? `${gap()}${random.pick(["in.1", "in.2", "b", subject()])}` : "";
  const payload = "x".repeat(random.pick([0, 1, 5, 60, 61]));
  switch (random.below(16)) {
    case 0:
    case 1:
    case 2:
    case 3: {
      if (random.chance(2)) return `SUB a _sys_ 1${end}`;
      // A group of one: which of several members is taken is chance.
      const sid = random.pick(sids);
      const queue = client === 0 && sid === "x" ? `${gap()}q` : "";
      return `${name("SUB")}${gap()}${subject()}${queue}${gap()}${sid}${end}`;
    }
    case 4:
    case 5: {
      const max = random.chance(50)
        ? `${gap()}${random.pick(["0", "1", "2", "3", "-1", "x", "1234567890"])}`
        : "";
      return `${name("UNSUB")}${gap()}${random.pick(sids)}${max}${end}`;
    }
    case 6:
    case 7: {
      const headers = random.pick(["NATS/1.0\r\n\r\n", "NATS/1.0\r\nA: b\r\n\r\n", "odd", ""]);
      const size = headers.length + payload.length;
      return `${name("HPUB")}${gap()}${subject()}${reply}${gap()}${headers.length} ${size}${end}${headers}${payload}\r\n`;
    }
    case 8:
      // No PING: its answer is the fence.
      return random.pick(["PONG\r\n", "+OK\r\n", "pongx\n", "INFO {}\r\n", `PUB ${subject()} 0\r\n\r\n`]);
    case 9:
      return random.chance(20) ? hopelessLine(random) : "";
    default:
      return `${name("PUB")}${gap()}${subject()}${reply}${gap()}${payload.length}${end}${payload}\r\n`;
  }
}

function hopelessLine(random: Random): string {
  return random.pick([
    "MSG a 1 0\r\n\r\n",
    "PUB a\r\n",
    "PUB a b c 1\r\n",
    "PUB a -1\r\n",
    "PUB a 2\r\nabcd\r\n",
    "HPUB a 5 3\r\nabc\r\n",
    "SUB a\r\n",
    "SUB\r\n",
    "UNSUB\r\n",
    "UNSUB 1 2 3\r\n",
    "CONNECT x\r\n",
    "INFO x\r\n",
    "NO\r\n",
    "\r\n",
    `SUB ${"a".repeat(400)} 1\r\n`,
  ]);
}
