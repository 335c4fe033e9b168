/** Those who use the broker during the soak. Each goes on until it is told to stop, and then says what it counted. */
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { Msg, NatsConnection } from "@nats-io/nats-core";
import { WebSocket, createWebSocketStream } from "ws";
import type { ClientLibrary } from "../fixture/client-library.ts";
import type { Random } from "../fuzz/random.ts";
import { type FlowClient, connectFlow, connectFlowOver, flood } from "../limits/flow.ts";
import type { Host } from "./host-process.ts";

export interface Stage {
  readonly host: Host;
  readonly random: Random;
  /** Whether the actors are to come to an end. */
  readonly over: () => boolean;
}

/** Sent and received, which must be equal; a name for each pair. */
export type Counts = Readonly<Record<string, { readonly sent: number; readonly received: number }>>;

export type Actor = (stage: Stage) => Promise<Counts>;

const payloadSizes = [16, 40, 128, 700, 2_500, 9_000, 70_000];
const catchUpMs = 60_000;

async function receiver(stage: Stage, subject: string, sid: string, queue = ""): Promise<FlowClient> {
  const client = await connectFlow({ port: stage.host.port });
  client.write(`SUB ${subject} ${queue}${queue === "" ? "" : " "}${sid}\r\n`);
  await client.roundTrip();
  return client;
}

async function overWebSocket(stage: Stage): Promise<FlowClient> {
  const socket = new WebSocket(stage.host.websocketUrl, { perMessageDeflate: false });
  return connectFlowOver(createWebSocketStream(socket));
}

/** Bursts of any size to receivers of every kind, none of which may miss one. */
export const bursts: Actor = async (stage) => {
  const { random } = stage;
  const publishers = await Promise.all([connectFlow({ port: stage.host.port }), overWebSocket(stage)]);
  const viaWebSocket = await overWebSocket(stage);
  viaWebSocket.write("SUB burst.> 9\r\n");
  await viaWebSocket.roundTrip();
  const receivers = [
    await receiver(stage, "burst.a", "1"),
    await receiver(stage, "burst.a", "1"),
    await receiver(stage, "burst.*", "2"),
    await receiver(stage, "burst.>", "2"),
    viaWebSocket,
  ];
  // One that is slow, and keeps up all the same since publishers are held back for it.
  receivers[1]?.setPace({ burstBytes: 300_000, pauseMs: 5 });
  const own = (receiver: FlowClient, name: string): number => receiver.countOf(name);
  const names = ["b0", "b1"] as const;
  const sent = [0, 0];
  while (!stage.over()) {
    const rounds = 1 + random.below(4);
    for (let round = 0; round < rounds; round++)
      await Promise.all(
        publishers.map(async (publisher, at) => {
          const payloadBytes = random.pick(payloadSizes);
          const count = 1 + random.below(Math.ceil(1_000_000 / payloadBytes / 10));
          const from = sent[at] as number;
          sent[at] = from + count;
          await flood(publisher, {
            subject: "burst.a",
            publisher: names[at] as string,
            from,
            count,
            payloadBytes,
          });
        }),
      );
    for (const each of receivers)
      await each.until(
        () => names.every((name, at) => own(each, name) === sent[at]),
        `burst messages ${sent.join(" and ")}`,
      );
    await sleep(random.below(20));
  }
  const counts: Record<string, { sent: number; received: number }> = {};
  for (const [at, each] of receivers.entries()) {
    if (each.fault !== null) throw new Error(`receiver ${at}: ${each.fault}`);
    for (const [place, name] of names.entries())
      counts[`burst ${name} to receiver ${at}`] = { sent: sent[place] as number, received: own(each, name) };
  }
  for (const each of [...receivers, ...publishers]) each.close();
  return counts;
};

/** A queue group whose members come and go: each message is received once, by one that was there. */
export const queueGroup: Actor = async (stage) => {
  const { random } = stage;
  const publisher = await connectFlow({ port: stage.host.port });
  const join = async (): Promise<FlowClient> => receiver(stage, "queue.work", "1", "workers");
  let members = [await join(), await join(), await join()];
  let sent = 0;
  let receivedByThoseWhoLeft = 0;
  const received = (): number => members.reduce((sum, each) => sum + each.received, receivedByThoseWhoLeft);
  while (!stage.over()) {
    const count = 1 + random.below(400);
    const from = sent;
    sent += count;
    const flooding = flood(publisher, {
      subject: "queue.work",
      publisher: "qu",
      from,
      count,
      payloadBytes: random.pick([16, 128, 2_500]),
    });
    if (random.chance(20)) {
      // Leaves in the middle of it, with what it was sent already.
      const [leaving, ...staying] = members as [FlowClient, ...FlowClient[]];
      leaving.write("UNSUB 1\r\n");
      await leaving.roundTrip();
      members = staying;
      receivedByThoseWhoLeft += leaving.received;
      leaving.close();
      members.push(await join());
    }
    await flooding;
    const expected = sent;
    const deadline = performance.now() + catchUpMs;
    while (received() < expected && performance.now() < deadline) await sleep(2);
    if (received() !== expected)
      throw new Error(`queue group: ${received()} of ${expected} messages received`);
  }
  const counts = { "queue group": { sent, received: received() } };
  for (const each of [...members, publisher]) each.close();
  return counts;
};

/** Requests with headers through an official client, each with its answer, and some that nobody answers. */
export function requests(library: ClientLibrary, name: string): Actor {
  return async (stage) => {
    const servers =
      library.transport === "websocket" ? stage.host.websocketUrl : `127.0.0.1:${stage.host.port}`;
    const options = { servers, reconnect: false, name };
    const [service, requester] = [await library.connect(options), await library.connect(options)];
    const subject = `service.${name}`;
    const sizes = [0, 10, 500, 5_000];
    service.subscribe(subject, {
      callback: (_, message: Msg) => {
        const headers = library.headers();
        headers.set("Echo", message.headers?.get("Number") ?? "");
        message.respond(message.data, { headers });
      },
    });
    await service.flush();
    let sent = 0;
    let received = 0;
    while (!stage.over()) {
      const batch = 1 + stage.random.below(30);
      const answers = Array.from({ length: batch }, async () => {
        const number = String(sent++);
        const headers = library.headers();
        headers.set("Number", number);
        const data = new Uint8Array(stage.random.pick(sizes)).fill(sent);
        const answer = await requester.request(subject, data, { timeout: catchUpMs, headers });
        if (answer.headers?.get("Echo") !== number || answer.data.length !== data.length)
          throw new Error(`request ${number} got the answer to ${answer.headers?.get("Echo")}`);
        received++;
      });
      await Promise.all([...answers, unanswered(requester, `nobody.${name}`)]);
      await sleep(stage.random.below(20));
    }
    await Promise.all([service.close(), requester.close()]);
    return { [`requests of ${name}`]: { sent, received } };
  };
}

async function unanswered(requester: NatsConnection, subject: string): Promise<void> {
  const failure = await requester.request(subject, "", { timeout: catchUpMs }).then(
    () => null,
    (error: Error) => error,
  );
  if (
    failure === null ||
    !/503|no responders/i.test(`${(failure as { code?: string }).code} ${failure.name} ${failure.message}`)
  )
    throw new Error(`a request to nobody: ${String(failure)}`);
}

/** Subscriptions that come and go while there are messages for them; some end by themselves. */
export const subscriptionChurn: Actor = async (stage) => {
  const { random } = stage;
  const client = await connectFlow({ port: stage.host.port });
  let sid = 10;
  let expected = 0;
  while (!stage.over()) {
    const first = sid;
    const count = 1 + random.below(300);
    const subjects = Array.from({ length: count }, () => `churn.${random.below(500)}.${random.below(3)}`);
    for (const subject of subjects)
      client.write(`SUB ${random.chance(20) ? `${subject.slice(0, -1)}*` : subject} ${sid++}\r\n`);
    const single = `churn.single.${first}`;
    client.write(`SUB ${single} ${sid}\r\nUNSUB ${sid} 3\r\n`);
    sid++;
    // Five are published, three arrive.
    await flood(client, { subject: single, publisher: "si", from: expected, count: 3, payloadBytes: 20 });
    await flood(client, { subject: single, publisher: "no", count: 2, payloadBytes: 20 });
    expected += 3;
    client.write(`PUB ${random.pick(subjects)}.x 12\r\nno0000000000\r\n`);
    for (let each = first; each < sid - 1; each++) client.write(`UNSUB ${each}\r\n`);
    await client.roundTrip();
    await sleep(random.below(10));
  }
  const counts = { "subscriptions that end by themselves": { sent: expected, received: client.received } };
  if (client.fault !== null) throw new Error(client.fault);
  client.close();
  return counts;
};

/** Connections that come, say something or nothing, and go in every way there is. */
export const connectionChurn: Actor = async (stage) => {
  const { random } = stage;
  let came = 0;
  while (!stage.over()) {
    await Promise.all(Array.from({ length: 1 + random.below(10) }, async () => visit(stage, ++came)));
    await sleep(random.below(200));
  }
  return { "connections that came and went": { sent: came, received: came } };
};

const sayings = [
  "",
  "PING\r\n",
  'CONNECT {"verbose":true}\r\nSUB visit.> 1\r\nPUB visit.a 2\r\nhi\r\n',
  "SUB burst.> 1\r\nSUB queue.* 2\r\n",
  "PUB burst.nobody 1000000\r\nxxxx",
  "nonsense\r\n",
  `SUB ${"x".repeat(10_000)}`,
  "CONNECT {]\r\n",
];

async function visit(stage: Stage, number: number): Promise<void> {
  const { random } = stage;
  const socket = connect({ host: "127.0.0.1", port: stage.host.port });
  socket.on("error", () => {});
  socket.resume();
  const closed = new Promise<void>((resolve) => void socket.once("close", () => resolve()));
  const text = random.pick(sayings);
  const waitMs = random.below(50);
  const way = random.below(3);
  if (number % 7 === 0) {
    const websocket = new WebSocket(stage.host.websocketUrl);
    websocket.on("error", () => {});
    websocket.once("open", () => {
      websocket.send(text);
      setTimeout(() => (way === 0 ? websocket.terminate() : websocket.close()), waitMs);
    });
    await new Promise<void>((resolve) => void websocket.once("close", () => resolve()));
  }
  socket.write(text);
  await sleep(waitMs);
  if (way === 0) socket.destroy();
  else if (way === 1) socket.resetAndDestroy();
  else socket.end();
  await Promise.race([closed, sleep(5_000)]);
  socket.destroy();
}

/** Receivers that stop reading. Each of them is cut, and counted by the broker as such. */
export const slowReceivers: Actor = async (stage) => {
  let came = 0;
  let cut = 0;
  const slowConsumers = async (): Promise<number> => {
    const varz = (await (await fetch(`${stage.host.monitorUrl}/varz`)).json()) as { slow_consumers: number };
    return varz.slow_consumers;
  };
  const publisher = await connectFlow({ port: stage.host.port });
  let from = 0;
  while (!stage.over()) {
    const dead = await receiver(stage, "slow", "1");
    dead.stopReading();
    came++;
    // What is not read by the kernel's own buffers is the broker's to hold, until it is too much.
    for (let rounds = 0; rounds < 200 && (await slowConsumers()) < came; rounds++) {
      await flood(publisher, { subject: "slow", publisher: "sl", from, count: 100, payloadBytes: 10_000 });
      from += 100;
      await publisher.roundTrip();
    }
    cut = await slowConsumers();
    dead.close();
    await sleep(2_000);
  }
  publisher.close();
  return { "slow receivers that were cut": { sent: came, received: cut } };
};
