/** Random traffic: what each client does, read by read, and what the carriers do in between. */
import fc from "fast-check";
import { FakeWire } from "./fake-wire.ts";
import { framesOf } from "./frames.ts";
import { compare, Model } from "./model.ts";
import { World, type Peer } from "./world.ts";

export type Op =
  | {
      readonly op: "pub";
      readonly subject: string;
      readonly reply: string;
      readonly headers: boolean;
      readonly size: number;
      readonly loose: boolean;
    }
  | { readonly op: "sub"; readonly subject: string; readonly queue: string; readonly sid: string }
  | { readonly op: "unsub"; readonly sid: string; readonly max: number }
  | { readonly op: "connect"; readonly fields: Readonly<Record<string, boolean>> }
  | { readonly op: "ping" }
  | { readonly op: "quit" }
  | { readonly op: "too large" };

export type Step =
  | { readonly step: "read"; readonly peer: number; readonly ops: readonly Op[]; readonly stable: boolean }
  | { readonly step: "take"; readonly peer: number }
  | { readonly step: "stall" | "ease" | "lose" | "rejoin"; readonly peer: number };

const subjects = ["a", "a.b", "a.c", "a.b.c", "b", "_INBOX.x.1", "_INBOX.x.2"];
const patterns = [...subjects, "*", ">", "a.*", "a.>", "a.*.c", "*.b", "_INBOX.x.*", "_INBOX.>", "a..b"];
const sids = ["1", "1", "1", "2", "3"];

const subject = fc.constantFrom(...subjects, "a.*", "a..b");
const flag = fc.boolean();

const publish = (sizes: fc.Arbitrary<number>): fc.Arbitrary<Op> =>
  fc.record({
    op: fc.constant("pub" as const),
    subject,
    reply: fc.constantFrom("", "", "", "a.b", "_INBOX.x.1", "b"),
    headers: fc.constantFrom(false, false, true),
    size: sizes,
    loose: fc.constantFrom(false, false, false, true),
  });

const others: fc.Arbitrary<Op> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      op: fc.constant("sub" as const),
      subject: fc.constantFrom(...patterns),
      queue: fc.constantFrom("", "", "", "q", "w"),
      sid: fc.constantFrom(...sids),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      op: fc.constant("unsub" as const),
      sid: fc.constantFrom(...sids),
      max: fc.constantFrom(0, 0, 1, 2, 3, 5),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      op: fc.constant("connect" as const),
      fields: fc
        .record(
          {
            echo: flag,
            verbose: fc.constantFrom(false, false, true),
            pedantic: flag,
            headers: fc.constant(true),
            no_responders: flag,
          },
          { requiredKeys: ["verbose"] },
        )
        .map((fields) => (fields.no_responders === true ? { ...fields, headers: true } : fields)),
    }),
  },
  { weight: 2, arbitrary: fc.constant<Op>({ op: "ping" }) },
);

export const smallSizes = fc.oneof(fc.nat(40), fc.constantFrom(2_040, 2_060, 3_000));
export const anySizes = fc.oneof(
  { weight: 6, arbitrary: fc.nat(60) },
  { weight: 2, arbitrary: fc.integer({ min: 1_900, max: 5_000 }) },
  { weight: 1, arbitrary: fc.constantFrom(4_080, 65_000, 70_000, 600_000) },
);

export interface Setting {
  readonly peers: number;
  readonly sizes: fc.Arbitrary<number>;
  readonly endings: boolean;
  /** Clients stop reading more often. */
  readonly slow?: boolean;
}

export function scripts({ peers, sizes, endings, slow = false }: Setting): fc.Arbitrary<Step[]> {
  const peer = fc.nat(peers - 1);
  const op = fc.oneof({ weight: 3, arbitrary: publish(sizes) }, { weight: 2, arbitrary: others });
  const burst = fc
    .tuple(publish(sizes), fc.integer({ min: 2, max: 6 }))
    .map(([each, times]) => Array.from({ length: times }, () => each));
  const ops = fc
    .array(fc.oneof({ weight: 4, arbitrary: op.map((each) => [each]) }, { weight: 1, arbitrary: burst }), {
      minLength: 1,
      maxLength: 6,
    })
    .map((each) => each.flat());
  const read = fc.record({ step: fc.constant("read" as const), peer, ops, stable: flag });
  const ending = fc.oneof(
    fc.record({ step: fc.constant("lose" as const), peer }),
    fc.record({
      step: fc.constant("read" as const),
      peer,
      ops: fc
        .tuple(ops, fc.constantFrom<Op>({ op: "quit" }, { op: "too large" }), ops)
        .map(([a, b, c]) => [...a, b, ...c]),
      stable: flag,
    }),
  );
  return fc.array(
    fc.oneof(
      { weight: 12, arbitrary: read },
      { weight: 3, arbitrary: fc.record({ step: fc.constantFrom("take" as const), peer }) },
      {
        weight: slow ? 6 : 2,
        arbitrary: fc.record({
          step: slow ? fc.constant("stall" as const) : fc.constantFrom("stall" as const, "ease" as const),
          peer,
        }),
      },
      ...(endings
        ? [
            { weight: 1, arbitrary: ending },
            { weight: 1, arbitrary: fc.record({ step: fc.constant("rejoin" as const), peer }) },
          ]
        : []),
    ),
    { minLength: 3, maxLength: 25 },
  );
}

/** How a client of the simulation begins. */
export interface Beginning {
  readonly holds: boolean;
  readonly fields: Readonly<Record<string, boolean>> | null;
  readonly subscribes: boolean;
}

export const beginning: fc.Arbitrary<Beginning> = fc.record({
  holds: fc.constantFrom(false, false, false, true),
  fields: fc.oneof(
    { weight: 1, arbitrary: fc.constant(null) },
    {
      weight: 6,
      arbitrary: fc.record({
        verbose: fc.constantFrom(false, false, false, true),
        pedantic: fc.constant(false),
        headers: fc.constantFrom(true, true, false),
        echo: fc.constantFrom(true, true, false),
      }),
    },
  ),
  subscribes: fc.constantFrom(true, true, true, false),
});

/** Plays a script, lets everybody read to the end, and compares all that was sent with the model. */
export async function play(
  beginnings: readonly Beginning[],
  script: readonly Step[],
  prepare: (world: World) => void = () => {},
): Promise<void> {
  const world = perform(beginnings, script, prepare);
  await settle(world);
  check(world);
}

/** Plays a script. What was written and not taken waits. */
export function perform(
  beginnings: readonly Beginning[],
  script: readonly Step[],
  prepare: (world: World) => void,
): World {
  const world = new World();
  prepare(world);
  const names = new Names();
  const now = beginnings.map((_, place) => place);
  for (const each of beginnings) join(world, names, each);
  for (const step of script) {
    const place = now[step.peer] as number;
    const peer = world.peer(place);
    if (step.step === "read") world.receive(place, names.text(step.ops), step.stable);
    else if (step.step === "take") peer.wire.take();
    else if (step.step === "stall") peer.wire.takesAtOnce = false;
    else if (step.step === "ease") peer.wire.takesAtOnce = true;
    else if (step.step === "lose") peer.connection.lost("Read Error");
    else if (peer.connection.closed) now[step.peer] = join(world, names, beginnings[step.peer] as Beginning);
  }
  return world;
}

/** Lets everybody read, and time pass for publishers that are held back, until nothing is left to do. */
export async function settle(world: World): Promise<void> {
  const isIdle = ({ wire, connection }: Peer): boolean => !wire.waits && (connection.closed || !wire.paused);
  for (let turn = 0; !world.peers.every(isIdle); turn++) {
    if (turn > 200) throw new Error("never settled");
    world.drain();
    await world.clock.advance(25);
  }
  if (world.pass.backPressure.areAboveHighWaterMark)
    throw new Error("an output still counts as above its mark");
}

export function check(world: World): void {
  const isWhole = (client: number): boolean => {
    const { wire } = world.peer(client);
    return !wire.destroyed && !wire.isCutShort;
  };
  const outputs = world.peers.map(({ wire }, client) => framesOf(wire.written, !isWhole(client)));
  const model = new Model(outputs, isWhole);
  const expected = model.replay(world.journal);
  for (const [client, frames] of outputs.entries()) {
    try {
      compare(frames, expected[client] as string[][], !isWhole(client));
    } catch (error) {
      throw new Error(`client ${client}: ${String(error)}`, { cause: error });
    }
  }
  for (const { connection, client } of world.peers) {
    if (connection.outbound.pendingBytes !== 0) throw new Error(`${client.id} still has something to send`);
  }
}

function join(world: World, names: Names, { holds, fields, subscribes }: Beginning): number {
  const place = world.connect(new FakeWire(holds));
  const ops: Op[] = [];
  if (fields !== null) ops.push({ op: "connect", fields });
  if (subscribes) ops.push({ op: "sub", subject: "a.>", queue: "", sid: "1" });
  if (ops.length > 0) world.receive(place, names.text(ops));
  return place;
}

/** Gives each message a name, at the end of its payload. */
export class Names {
  #last = 0;

  text(ops: readonly Op[]): string {
    return ops.map((op) => this.#line(op)).join("");
  }

  #line(op: Op): string {
    switch (op.op) {
      case "pub":
        return this.#publish(op);
      case "sub":
        return `SUB ${op.subject} ${op.queue === "" ? "" : `${op.queue} `}${op.sid}\r\n`;
      case "unsub":
        return op.max === 0 ? `UNSUB ${op.sid}\r\n` : `UNSUB ${op.sid} ${op.max}\r\n`;
      case "connect":
        return `CONNECT ${JSON.stringify(op.fields)}\r\n`;
      case "ping":
        return "PING\r\n";
      case "quit":
        return "-ERR 'enough'\r\n";
      case "too large":
        return "PUB a 99999999\r\n";
    }
  }

  #publish({ subject: to, reply, headers, size, loose }: Extract<Op, { op: "pub" }>): string {
    const name = `#${++this.#last}`;
    const block = headers ? "NATS/1.0\r\nA: b\r\n\r\n" : "";
    const payload = `${"x".repeat(Math.max(0, size - name.length))}${name}`;
    const sizes = headers ? `${block.length} ${block.length + payload.length}` : `${payload.length}`;
    const words = [headers ? "HPUB" : "PUB", to, ...(reply === "" ? [] : [reply]), sizes];
    return `${words.join(loose ? "  " : " ")}\r\n${block}${payload}\r\n`;
  }
}
