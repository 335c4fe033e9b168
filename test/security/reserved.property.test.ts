/**
 * Users with random permissions try to reach random reserved subjects by everything that the broker publishes on their
 * behalf, while an observer hears all that arrives there. Nobody gets there but by a publish that it is allowed.
 * `FROND_SEED` repeats a run; `FROND_LONG=1` has many more.
 */
import { afterEach, expect, it } from "vitest";
import { Clock } from "../../src/base/clock.ts";
import { isRequestSubject, isReservedReply } from "../../src/subjects/reserved.ts";
import { isCoveredBy } from "../../src/subjects/subject.ts";
import { connectRaw, type RawClient } from "../fixture/raw-client.ts";
import { Random, seedFromEnvironment } from "../fuzz/random.ts";
import { type Peer, startFrond } from "../interop/peer.ts";

const rounds = process.env["FROND_LONG"] === "1" ? 300 : 12;
const usersEach = 3;

interface Rules {
  readonly allow: readonly string[] | null;
  readonly deny: readonly string[];
}

interface Attempt {
  /** Names of streams, consumers and subjects that no other attempt has. */
  readonly id: string;
  readonly target: string;
  /** What the user says, as a client. */
  say(subject: string, body?: string | object, reply?: string): void;
  /** What it says over a link that it has logged in for. */
  sayAsLeaf(subject: string, reply?: string): void;
  /** Waits until all that was said is done. */
  settle(): Promise<void>;
}

const ended: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

/** Each is told apart by the id, so that what the observer hears can be told from what the broker says itself. */
const targets: readonly ((id: string) => string)[] = [
  (id) => `$JS.API.STREAM.DELETE.${id}`,
  (id) => `$JS.API.STREAM.PURGE.${id}`,
  (id) => `$JS.hub.API.STREAM.DELETE.${id}`,
  (id) => `$JS.other.API.STREAM.DELETE.${id}`,
  (id) => `$JS.ACK.${id}.c.1.1.1.1.0`,
  (id) => `$JS.FC.${id}.c.x`,
  (id) => `$JS.SNAPSHOT.RESTORE.${id}.x`,
  (id) => `$JS.EVENT.ADVISORY.${id}`,
  (id) => `$SYS.REQ.SERVER.${id}.KICK`,
  (id) => `$SYS._INBOX.${id}`,
  (id) => `$FROND.DLQ.REDRIVE.${id}.c`,
  (id) => `_R_.${id}.x`,
  (id) => `_GR_.a.b.${id}`,
  (id) => `$GR.a.${id}`,
  (id) => `$NRG.${id}`,
];

const patterns = [
  ">",
  "$JS.>",
  "$JS.API.>",
  "$JS.API.STREAM.DELETE.*",
  "$JS.*.API.>",
  "$JS.ACK.>",
  "$JS.FC.>",
  "$SYS.>",
  "$FROND.>",
  "_R_.>",
  "_GR_.>",
  "$NRG.>",
  "svc",
];
/** Without these nobody would come far. */
const needed = ["free.>", "alias.>", "svc", "$JS.API.STREAM.CREATE.*", "$JS.API.CONSUMER.>", "$JS.API.INFO"];

const create = (attempt: Attempt, config: object): void =>
  attempt.say(`$JS.API.STREAM.CREATE.${attempt.id}`, {
    name: attempt.id,
    subjects: [`free.${attempt.id}.>`],
    storage: "memory",
    ...config,
  });

const consume = ({ say, id }: Attempt, name: string, config: object): void =>
  say(`$JS.API.CONSUMER.CREATE.${id}.${name}`, {
    stream_name: id,
    config: { durable_name: name, ack_policy: "explicit", ...config },
  });

/** What `{{wildcard(n)}}` makes of the tokens of the target. */
const pieces = (target: string): string =>
  target
    .split(".")
    .map((_, at) => `{{wildcard(${at + 1})}}`)
    .join(".");

type Means = (attempt: Attempt) => Promise<void> | void;

/** The ways that a message may take to a reserved subject with the permission for it, and those on somebody's behalf. */
const directly: Record<string, Means> = {
  publish: ({ say, target }) => say(target),
  "publish as a leaf": ({ sayAsLeaf, target }) => sayAsLeaf(target),
};

const onBehalf: Record<string, Means> = {
  "reply to a service": ({ say, target }) => say("svc", "", target),
  "reply to the API": ({ say, target }) => say("$JS.API.INFO", "", target),
  "reply to a stream": async (attempt) => {
    create(attempt, {});
    await attempt.settle();
    attempt.say(`free.${attempt.id}.x`, "", attempt.target);
  },
  "reply to a pull, an ack and a direct get": async (attempt) => {
    const { say, id, target } = attempt;
    create(attempt, { allow_direct: true });
    await attempt.settle();
    consume(attempt, "k", {});
    say(`free.${id}.x`, "body");
    await attempt.settle();
    say(`$JS.API.CONSUMER.MSG.NEXT.${id}.k`, "", target);
    say(`$JS.ACK.${id}.k.1.1.1.1.0`, "+NXT", target);
    say(`$JS.API.DIRECT.GET.${id}`, { seq: 1 }, target);
    say(`$JS.API.CONSUMER.RESET.${id}.k`, "", target);
  },
  "replies over a link": async (attempt) => {
    create(attempt, {});
    await attempt.settle();
    for (const subject of ["svc", "$JS.API.INFO", `free.${attempt.id}.x`])
      attempt.sayAsLeaf(subject, attempt.target);
  },
  republish: async (attempt) => {
    const { say, id, target } = attempt;
    create(attempt, { republish: { src: `free.${id}.x`, dest: target } });
    await attempt.settle();
    say(`free.${id}.x`);
  },
  "a transform in republish": async (attempt) => {
    const { say, target } = attempt;
    const stars = target.split(".").map(() => "*");
    const subject = ["free", attempt.id, ...stars].join(".");
    create(attempt, { republish: { src: subject, dest: pieces(target) } });
    await attempt.settle();
    say(["free", attempt.id, ...target.split(".")].join("."));
  },
  "a transform of the stream, republished": async (attempt) => {
    const { say, id, target } = attempt;
    const subjects = [`free.${id}.x`];
    const transform = { src: subjects[0], dest: target };
    create(attempt, { subjects, subject_transform: transform, republish: { src: ">", dest: ">" } });
    await attempt.settle();
    say(`free.${id}.x`);
  },
  "a deliver subject": async (attempt) => {
    const { say, id, target } = attempt;
    create(attempt, {});
    await attempt.settle();
    consume(attempt, "k", { deliver_subject: target });
    consume(attempt, "f", { deliver_subject: target, flow_control: true, idle_heartbeat: 100_000_000 });
    say(`free.${id}.x`);
  },
  "a deliver subject by an update": async (attempt) => {
    const { say, id, target } = attempt;
    create(attempt, {});
    await attempt.settle();
    consume(attempt, "k", { deliver_subject: `free.nobody.${id}` });
    await attempt.settle();
    consume(attempt, "k", { deliver_subject: target });
    say(`free.${id}.x`);
  },
  "a snapshot": async (attempt) => {
    create(attempt, {});
    await attempt.settle();
    attempt.say(`$JS.API.STREAM.SNAPSHOT.${attempt.id}`, { deliver_subject: attempt.target });
  },
  "a schedule": async (attempt) => {
    const { say, id, target } = attempt;
    create(attempt, { subjects: [`free.${id}.>`, target], no_ack: true, allow_msg_schedules: true });
    await attempt.settle();
    const schedule = `NATS/1.0\r\nNats-Schedule: @at 2020-01-01T00:00:00Z\r\nNats-Schedule-Target: ${target}\r\n\r\n`;
    say(`free.${id}.x`, schedule);
  },
  "a dead letter": async (attempt) => {
    const { say, id, target } = attempt;
    create(attempt, {});
    await attempt.settle();
    consume(attempt, "k", { metadata: { "frond.dead_letter": target } });
    say(`free.${id}.x`);
    await attempt.settle();
    say(`$JS.API.CONSUMER.MSG.NEXT.${id}.k`, "", "free.pulled");
    await attempt.settle();
    say(`$JS.ACK.${id}.k.1.1.1.1.0`, "+TERM");
  },
  "a forged dead letter": async (attempt) => {
    const { say, id, target } = attempt;
    create(attempt, { subjects: [`free.${id}.>`, target], no_ack: true });
    await attempt.settle();
    consume(attempt, "k", { metadata: { "frond.dead_letter": `free.${id}.dead` } });
    const origin = ["Stream: " + id, "Consumer: k", "Subject: " + target];
    say(
      `free.${id}.dead`,
      `NATS/1.0\r\n${origin.map((line) => `Frond-Dead-Letter-${line}\r\n`).join("")}\r\n`,
    );
    await attempt.settle();
    say(`$FROND.DLQ.REDRIVE.${id}.k`, { force: true }, "free.answer");
  },
  "the API of a source": async (attempt) => {
    const external = { api: attempt.target, deliver: attempt.target };
    create(attempt, { subjects: undefined, sources: [{ name: "S", external }] });
    await attempt.settle();
  },
  "the deliver subject of a source's consumer": (attempt) => {
    const consumer = { name: "c", deliver_subject: attempt.target };
    create(attempt, { subjects: undefined, sources: [{ name: "S", consumer }] });
  },
};

/** A mapping takes the permission of what it leads to. */
const byMapping: Record<string, Means> = {
  "a mapping": ({ say, id }) => say(`alias.${id}`),
  "a mapping over a link": ({ sayAsLeaf, id }) => sayAsLeaf(`alias.${id}`),
};

it("nobody reaches a reserved subject but by a publish that it is allowed", {
  timeout: 600_000,
}, async () => {
  const seed = seedFromEnvironment();
  console.log(`FROND_SEED=${seed}`);
  const random = new Random(seed);
  let arrivedCount = 0;
  for (let round = 0; round < rounds; round++) {
    const users = Array.from({ length: usersEach }, () => someRules(random));
    const world = await World.open(users);
    for (const [at, rules] of users.entries())
      arrivedCount += await tryAll(world, `u${at}`, rules, random, seed);
    await world.close();
  }
  // Otherwise nothing was observed at all.
  expect(arrivedCount).toBeGreaterThan(rounds);
});

/** @returns how often it arrived where it was allowed to */
async function tryAll(
  world: World,
  user: string,
  rules: Rules,
  random: Random,
  seed: number,
): Promise<number> {
  const tried: { means: string; id: string; target: string; mayArrive: boolean }[] = [];
  const all = { ...directly, ...byMapping, ...onBehalf };
  for (const [means, use] of Object.entries(all)) {
    const id = `X${world.nextId()}`;
    const target = means in byMapping ? `$JS.API.STREAM.DELETE.${id}` : random.pick(targets)(id);
    // Replies of service imports cross every link, as in nats-server.
    const isFree = means === "publish as a leaf" && target.startsWith("_R_.");
    const mayArrive = means in onBehalf ? isEarned(means, target) : isFree || isAllowed(rules, target);
    tried.push({ means, id, target, mayArrive });
    await use(await world.attempt(user, id, target));
  }
  const arrived = await world.arrived();
  for (const each of tried) {
    const isThere = arrived.some((subject) => isReached(subject, each));
    if (isThere && !each.mayArrive)
      throw new Error(`arrived: ${JSON.stringify({ seed, user, rules, ...each })}`);
  }
  return tried.filter(({ target, mayArrive }) => mayArrive && arrived.includes(target)).length;
}

/** What a consumer delivers is seen with the subject that it was stored with; a source asks below its API's prefix. */
function isReached(
  subject: string,
  { id, target }: { readonly id: string; readonly target: string },
): boolean {
  return subject === target || subject.startsWith(`${target}.`) || subject === `free.${id}.x`;
}

function someRules(random: Random): Rules {
  const some = (percent: number): string[] => patterns.filter(() => random.chance(percent));
  return {
    allow: random.chance(40) ? null : [...needed, ...some(25)],
    deny: some(20).filter((each) => each !== ">"),
  };
}

function isAllowed({ allow, deny }: Rules, subject: string): boolean {
  const covers = (pattern: string): boolean => isCoveredBy(subject, pattern);
  return (allow === null || allow.some(covers)) && !deny.some(covers);
}

/**
 * What is reserved as a destination alone may be answered to. Over a link so may acks and their like, by those who have
 * `allow_responses`; requests never.
 */
function isEarned(means: string, target: string): boolean {
  if (means === "replies over a link") return !isRequestSubject(target);
  return means.startsWith("reply to") && !isReservedReply(target);
}

class World {
  readonly #peer: Peer;
  readonly #clock: Clock;
  readonly #observer: RawClient;
  readonly #heard: string[] = [];
  readonly #connections = new Map<string, { client: RawClient; leaf: RawClient }>();
  static #ids = 0;

  private constructor(peer: Peer, clock: Clock, observer: RawClient) {
    this.#peer = peer;
    this.#clock = clock;
    this.#observer = observer;
  }

  static async open(rules: readonly Rules[]): Promise<World> {
    const users = rules.map(
      ({ allow, deny }, at) =>
        `{ user: u${at}, password: p, permissions: { publish: {
          ${allow === null ? "" : `allow: ${JSON.stringify(allow)},`} deny: ${JSON.stringify(deny)} }, subscribe: ">" } }`,
    );
    const clock = new Clock();
    const peer = await startFrond(
      `jetstream { domain: hub }
      leafnodes { listen: "127.0.0.1:-1" }
      accounts { A { jetstream: enabled, mappings { "alias.*": "$JS.API.STREAM.DELETE.$1" }, users: [
        { user: observer, password: p }
        { user: service, password: p, permissions: { publish: { deny: ">" }, subscribe: "svc", allow_responses: true } }
        ${users.join("\n")} ] } }`,
      clock,
    );
    ended.push(() => peer.stop());
    const observer = await connect(peer, "observer");
    const spaces = ["$JS.>", "$SYS.>", "$FROND.>", "_R_.>", "_GR_.>", "$GR.>", "$NRG.>"];
    observer.send(spaces.map((space, at) => `SUB ${space} ${at}\r\n`).join(""));
    const free = await connect(peer, "observer");
    // Somebody has to listen, or nothing is delivered.
    free.send("SUB free.to.> 1\r\nSUB free.pulled 2\r\n");
    await Promise.all([observer.untilPong(), free.untilPong()]);
    const world = new World(peer, clock, observer);
    await world.#serve();
    return world;
  }

  nextId(): number {
    return ++World.#ids;
  }

  async close(): Promise<void> {
    await this.#peer.stop();
    for (const end of ended.splice(0)) await end();
  }

  async attempt(user: string, id: string, target: string): Promise<Attempt> {
    const { client, leaf } = await this.#connectionsOf(user);
    // A consumer delivers only where somebody listens on the very subject.
    this.#observer.send(`SUB ${target} ${id}\r\n`);
    this.#heard.push(...(await this.#observer.untilPong()));
    return {
      id,
      target,
      say: (subject, body = "", reply = "") => {
        const text = typeof body === "string" ? body : JSON.stringify(body);
        const isBlock = text.startsWith("NATS/1.0\r\n");
        const sizes = isBlock ? `${text.length} ${text.length}` : `${text.length}`;
        client.send(`${isBlock ? "HPUB" : "PUB"} ${subject} ${reply} ${sizes}\r\n${text}\r\n`);
      },
      sayAsLeaf: (subject, reply = "") => leaf.send(`LMSG ${subject} ${reply} 0\r\n\r\n`),
      settle: async () => {
        await client.untilPong();
      },
    };
  }

  /** Everything that the observer has heard by now: subjects. */
  async arrived(): Promise<string[]> {
    for (const { client, leaf } of this.#connections.values())
      await Promise.all([client.untilPong(), leaf.untilPong().catch(() => [])]);
    await this.#clock.advance("3s");
    for (let fence = 0; fence < 2; fence++) this.#heard.push(...(await this.#observer.untilPong()));
    const lines = this.#heard.splice(0);
    this.#connections.clear();
    return lines.map((line) => /^H?MSG (\S+)/.exec(line)?.[1] ?? "");
  }

  /** Answers everything with what may be a request: to the reply, whatever it is. */
  async #serve(): Promise<void> {
    const service = await connect(this.#peer, "service");
    service.send("SUB svc 1\r\n");
    await service.untilPong();
    service.socket.on("data", (text: string) => {
      for (const [, reply] of text.matchAll(/MSG svc 1 (\S+) \d+\r\n/g))
        service.send(`PUB ${reply} 0\r\n\r\n`);
    });
  }

  async #connectionsOf(user: string): Promise<{ client: RawClient; leaf: RawClient }> {
    const known = this.#connections.get(user);
    // A link that says what it may not is cut.
    if (known !== undefined && !known.leaf.socket.destroyed && !known.leaf.socket.readableEnded) return known;
    const made = {
      client: known?.client ?? (await connect(this.#peer, user)),
      leaf: await link(this.#peer, user),
    };
    this.#connections.set(user, made);
    return made;
  }
}

async function connect(peer: Peer, user: string): Promise<RawClient> {
  const port = Number(new URL(peer.url).port);
  const raw = await connectRaw(port, { connect: { user, pass: "p", verbose: false, headers: true } });
  ended.push(() => raw.close());
  return raw;
}

async function link(peer: Peer, user: string): Promise<RawClient> {
  const raw = await connectRaw(peer.leafPort);
  ended.push(() => raw.close());
  await raw.line();
  const fields = {
    version: "2.15.3",
    name: "",
    server_id: "L",
    headers: true,
    protocol: 1,
    remote_account: "L",
  };
  raw.send(`CONNECT ${JSON.stringify({ user, pass: "p", ...fields })}\r\n`);
  await raw.untilPong();
  return raw;
}
