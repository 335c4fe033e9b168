/** Store and forward: what a `forward` block sets up, keeps and tells. Both ends are Frond, on one clock. */
import { jetstream, jetstreamManager, type JetStreamManager } from "@nats-io/jetstream";
import { type KvEntry, Kvm } from "@nats-io/kv";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { Clock } from "../../src/base/clock.ts";
import { startTcpProxy, type TcpProxy } from "../fixture/tcp-proxy.ts";
import { type BrokerOptions, createBroker } from "../../src/create-broker.ts";
import { client } from "../interop/leaf-fixture.ts";
import { startFrond, type Peer } from "../interop/peer.ts";

const ended: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

interface Pair {
  readonly hub: Peer;
  readonly edge: Peer;
  readonly proxy: TcpProxy;
  readonly atHub: JetStreamManager;
  readonly atEdge: JetStreamManager;
  publish(subject: string, from: number, through: number): Promise<void>;
}

async function managerOf(peer: Peer): Promise<JetStreamManager> {
  const connection = await client(peer.url);
  ended.push(async () => connection.close());
  return jetstreamManager(connection);
}

async function startHub(clock: Clock, general = "jetstream { domain: hub }"): Promise<Peer> {
  const hub = await startFrond(
    `server_name: hub\n${general}\nleafnodes { listen: "127.0.0.1:-1", no_advertise: true }`,
    clock,
  );
  ended.push(async () => hub.stop());
  return hub;
}

async function startEdge(
  port: number,
  forward: string,
  clock: Clock,
  name = "edge",
  reconnect = "100ms",
): Promise<Peer> {
  const edge = await startFrond(
    `server_name: ${name}\njetstream {}\nhttp: "127.0.0.1:-1"
     leafnodes { reconnect: "${reconnect}", remotes: [{ url: "nats-leaf://127.0.0.1:${port}", forward { ${forward} } }] }`,
    clock,
  );
  ended.push(async () => edge.stop());
  return edge;
}

async function pair(forward: string, clock = new Clock(), reconnect = "100ms"): Promise<Pair> {
  const hub = await startHub(clock);
  const proxy = await startTcpProxy(hub.leafPort);
  ended.push(async () => proxy.close());
  const edge = await startEdge(proxy.port, forward, clock, "edge", reconnect);
  const connection = await client(edge.url);
  ended.push(async () => connection.close());
  const publisher = jetstream(connection);
  return {
    hub,
    edge,
    proxy,
    atHub: await managerOf(hub),
    atEdge: await jetstreamManager(connection),
    publish: async (subject, from, through) => {
      for (let count = from; count <= through; count++) await publisher.publish(subject, `${count}`);
    },
  };
}

/** Looks until it is so, for a while. */
async function eventually(look: () => Promise<void>, msMax = 15_000): Promise<void> {
  for (const startMs = performance.now(); ; ) {
    try {
      return await look();
    } catch (error) {
      if (performance.now() - startMs > msMax) throw error;
      await sleep(50);
    }
  }
}

const countIn = async (manager: JetStreamManager, stream: string): Promise<number> =>
  (await manager.streams.info(stream)).state.messages;

async function payloads(manager: JetStreamManager, stream: string): Promise<string[]> {
  const { state } = await manager.streams.info(stream);
  const found: string[] = [];
  for (let seq = state.first_seq; seq <= state.last_seq; seq++)
    found.push((await manager.streams.getMessage(stream, { seq }))?.string() ?? "");
  return found;
}

interface Forwarded {
  readonly stream: string;
  readonly direction: string;
  readonly as?: string;
  readonly lag?: number;
  readonly problem?: string;
  readonly checked?: string;
}

async function forwarded({ monitorPort }: Peer): Promise<Forwarded[]> {
  const answer = await fetch(`http://127.0.0.1:${monitorPort}/leafz`);
  const { remotes } = (await answer.json()) as { remotes: { forward: Forwarded[] }[] };
  return remotes[0]?.forward ?? [];
}

/** Both ends have been looked at since now, and nothing was left to be copied. */
async function isSettled(edge: Peer): Promise<void> {
  const sinceMs = edge.server?.clock.wallMs() ?? 0;
  await eventually(async () => {
    const [first] = await forwarded(edge);
    expect(first?.lag).toBe(0);
    expect(Date.parse(first?.checked ?? "")).toBeGreaterThan(sinceMs);
  });
}

const numbers = (through: number): string[] => Array.from({ length: through }, (_, at) => `${at + 1}`);

describe("a stream that goes up", () => {
  test("is made, gathered, and kept while the hub is away", async () => {
    const clock = new Clock();
    const { hub, edge, proxy, atHub, atEdge, publish } = await pair(
      'up: [{ stream: READINGS, as: ALL, subjects: "reading.>" }], lag_warning: 10',
      clock,
    );
    await eventually(async () => expect(await countIn(atEdge, "READINGS")).toBe(0));
    await publish("reading.a", 1, 20);
    await eventually(async () => expect(await countIn(atHub, "ALL")).toBe(20));
    const { config } = await atHub.streams.info("ALL");
    expect(config.sources).toMatchObject([{ name: "READINGS", external: { api: "$JS.edge.API" } }]);
    expect(config.duplicate_window ?? 0).toBe(0);
    await isSettled(edge);
    expect(await forwarded(edge)).toMatchObject([
      { stream: "READINGS", direction: "up", as: "ALL", lag: 0, checked: expect.any(String) },
    ]);
    proxy.refuse(true);
    proxy.cut();
    await publish("reading.a", 21, 60);
    await clock.advance("13s");
    await eventually(async () => expect((await forwarded(edge))[0]?.lag).toBe(40));
    expect(edge.output()).toContain("Forward up: the copy of READINGS is 40 messages behind");
    proxy.refuse(false);
    await eventually(async () => expect(await countIn(atHub, "ALL")).toBe(60));
    expect(await payloads(atHub, "ALL")).toEqual(numbers(60));
    await eventually(async () =>
      expect(edge.output()).toContain("Forward up: the copy of READINGS has caught up"),
    );
    expect(edge.output().split("gathers READINGS from now on")).toHaveLength(2);
    expect(hub.output()).not.toContain("another stream than it was");
  });

  test("waits for the stream to be made here", async () => {
    const { edge, atHub, atEdge, publish } = await pair("up: LATER");
    await eventually(async () =>
      expect((await forwarded(edge))[0]?.problem).toBe("there is no stream LATER here yet"),
    );
    await atEdge.streams.add({ name: "LATER", subjects: ["later"] });
    await publish("later", 1, 3);
    await eventually(async () => expect(await payloads(atHub, "LATER")).toEqual(numbers(3)));
    await eventually(async () => expect((await forwarded(edge))[0]).not.toHaveProperty("problem"));
  });

  test("joins those of others in one stream, and comes back when the hub has lost it", {}, async () => {
    const clock = new Clock();
    const hub = await startHub(clock);
    const atHub = await managerOf(hub);
    await atHub.streams.add({ name: "OWN", subjects: ["own"] });
    await atHub.streams.add({ name: "ALL", sources: [{ name: "OWN" }], description: "kept", max_msgs: 1000 });
    const names = ["one", "two", "three"];
    const edges = await Promise.all(
      names.map(async (name) =>
        startEdge(hub.leafPort, `up: [{ stream: HERE, as: ALL, subjects: "at.${name}" }]`, clock, name),
      ),
    );
    for (const [at, edge] of edges.entries()) {
      const connection = await client(edge.url);
      ended.push(async () => connection.close());
      const atEdge = await jetstreamManager(connection);
      await eventually(async () => expect(await countIn(atEdge, "HERE")).toBe(0));
      for (let count = 1; count <= 5; count++)
        await jetstream(connection).publish(`at.${names[at]}`, `${count}`, { msgID: `${count}` });
    }
    await eventually(async () => expect(await countIn(atHub, "ALL")).toBe(15));
    const { config } = await atHub.streams.info("ALL");
    expect(config).toMatchObject({ description: "kept", max_msgs: 1000 });
    expect(config.sources?.map(({ name, external }) => `${name} ${external?.api ?? ""}`).sort()).toEqual([
      "HERE $JS.one.API",
      "HERE $JS.three.API",
      "HERE $JS.two.API",
      "OWN ",
    ]);
    await atHub.streams.delete("ALL");
    await eventually(async () => expect(await countIn(atHub, "ALL")).toBe(15));
  });
});

describe("a stream of the hub that is there already", () => {
  test("with subjects of its own is joined, with a warning; a mirror can not be", {}, async () => {
    const clock = new Clock();
    const hub = await startHub(clock);
    const atHub = await managerOf(hub);
    await atHub.streams.add({ name: "OWN", subjects: ["own", "a"] });
    await atHub.streams.add({ name: "IMAGE", mirror: { name: "OWN" } });
    const edge = await startEdge(
      hub.leafPort,
      "up: [{ stream: A, as: OWN, subjects: b }, { stream: B, as: IMAGE, subjects: c }]",
      clock,
    );
    const problem = "stream IMAGE at the hub is a mirror, and can not gather B";
    await eventually(async () => {
      expect(edge.output()).toContain(
        "stream OWN at the hub gathers A from now on; it takes subjects itself, so what crosses the link by them is there twice: own, a",
      );
      expect((await forwarded(edge)).find(({ stream }) => stream === "B")?.problem).toBe(problem);
    });
    expect(edge.output()).toMatch(new RegExp(`Forward up of B: ${problem}\\. Trying again in \\d\\.\\ds`));
    const connection = await client(edge.url);
    ended.push(async () => connection.close());
    await jetstream(connection).publish("b", "1");
    await eventually(async () => expect(await payloads(atHub, "OWN")).toEqual(numbers(1)));
  });
});

describe("a stream that comes down", () => {
  test("is mirrored here, and can be read while the hub is away", async () => {
    const { hub, edge, proxy, atHub, atEdge } = await pair("down: [RECIPES]");
    const atHubConnection = await client(hub.url);
    ended.push(async () => atHubConnection.close());
    const publisher = jetstream(atHubConnection);
    const publish = async (from: number, through: number): Promise<void> => {
      for (let count = from; count <= through; count++) await publisher.publish("recipe", `${count}`);
    };
    await eventually(async () =>
      expect((await forwarded(edge))[0]?.problem).toBe("stream RECIPES at the hub: stream not found"),
    );
    await atHub.streams.add({ name: "RECIPES", subjects: ["recipe"] });
    await publish(1, 10);
    await eventually(async () => expect(await countIn(atEdge, "RECIPES")).toBe(10));
    proxy.refuse(true);
    proxy.cut();
    await publish(11, 30);
    expect(await payloads(atEdge, "RECIPES")).toEqual(numbers(10));
    proxy.refuse(false);
    await eventually(async () => expect(await countIn(atEdge, "RECIPES")).toBe(30));
    expect(await payloads(atEdge, "RECIPES")).toEqual(numbers(30));
    await eventually(async () =>
      expect((await forwarded(edge))[0]).toMatchObject({ direction: "down", lag: 0 }),
    );
  });

  test("is not put where another stream is", async () => {
    const clock = new Clock();
    const hub = await startHub(clock);
    await (await managerOf(hub)).streams.add({ name: "RECIPES", subjects: ["recipe"] });
    const edge = await startEdge(
      hub.leafPort,
      "down: [RECIPES], up: [{ stream: RECIPES2, as: R, subjects: r }]",
      clock,
    );
    const atEdge = await managerOf(edge);
    await eventually(async () => expect(await countIn(atEdge, "RECIPES")).toBe(0));
    await atEdge.streams.delete("RECIPES");
    await atEdge.streams.add({ name: "RECIPES", subjects: ["mine"] });
    await eventually(async () =>
      expect((await forwarded(edge)).find(({ direction }) => direction === "down")?.problem).toMatch(
        /stream RECIPES here is not a mirror of RECIPES by \$JS\.hub\.API: rename or delete it/,
      ),
    );
  });
});

test("a bucket of the hub is read here while the hub is away, and written there", {}, async () => {
  const { hub, edge, proxy } = await pair("down: KV_config");
  const kvAt = async ({ url }: Peer): Promise<Kvm> => {
    const connection = await client(url);
    ended.push(async () => connection.close());
    return new Kvm(jetstream(connection));
  };
  const atHub = await (await kvAt(hub)).create("config", { history: 3 });
  await atHub.put("discount", "5");
  const edgeStores = await kvAt(edge);
  await eventually(async () => {
    const opened = await edgeStores.open("config");
    expect((await opened.get("discount"))?.string()).toBe("5");
  });
  // This one looks at the stream that is there, and finds out whose mirror it is.
  const atEdge = await edgeStores.create("config");
  const seen: string[] = [];
  const watch = await atEdge.watch();
  const watching = (async () => {
    for await (const entry of watch as AsyncIterable<KvEntry>) seen.push(`${entry.key}=${entry.string()}`);
  })();
  await atEdge.put("discount", "6");
  await eventually(async () => expect(seen).toEqual(["discount=5", "discount=6"]));
  expect((await atHub.get("discount"))?.string()).toBe("6");
  proxy.refuse(true);
  proxy.cut();
  await atHub.put("discount", "7");
  expect((await atEdge.get("discount"))?.string()).toBe("6");
  await expect(atEdge.put("discount", "8")).rejects.toThrow();
  proxy.refuse(false);
  await eventually(async () => expect(seen.at(-1)).toBe("discount=7"));
  expect((await atEdge.get("discount"))?.string()).toBe("7");
  watch.stop();
  await watching;
});

test("a hub behind the hub gathers too", async () => {
  const clock = new Clock();
  const hub = await startHub(clock);
  const middle = await startFrond(
    `server_name: middle\njetstream { domain: middle }
     leafnodes { listen: "127.0.0.1:-1", remotes: [{ url: "nats-leaf://127.0.0.1:${hub.leafPort}" }] }`,
    clock,
  );
  ended.push(async () => middle.stop());
  const forward = 'up: [{ stream: FAR, subjects: "far" }], hub_domain: hub';
  const edge = await startEdge(middle.leafPort, forward, clock);
  const connection = await client(edge.url);
  ended.push(async () => connection.close());
  const atEdge = await jetstreamManager(connection);
  await eventually(async () => expect(await countIn(atEdge, "FAR")).toBe(0));
  for (let count = 1; count <= 5; count++) await jetstream(connection).publish("far", `${count}`);
  const atHub = await managerOf(hub);
  await eventually(async () => expect(await payloads(atHub, "FAR")).toEqual(numbers(5)));
  const atMiddle = await managerOf(middle);
  await expect(atMiddle.streams.info("FAR")).rejects.toThrow(/stream not found/);
});

test("a reload begins to forward, and ends it", async () => {
  const clock = new Clock();
  const hub = await startHub(clock);
  const atHub = await managerOf(hub);
  const options = (forward: object | undefined): BrokerOptions => ({
    port: 0,
    monitor: 0,
    jetstream: { domain: "edge" },
    leafNodes: {
      reconnect: 50,
      remotes: [
        { urls: [`nats-leaf://127.0.0.1:${hub.leafPort}`], ...(forward !== undefined && { forward }) },
      ],
    },
  });
  const edge = await createBroker(options(undefined));
  ended.push(async () => edge.close());
  const connection = await client(edge.url);
  ended.push(async () => connection.close());
  await edge.reload(options({ up: [{ stream: "NEW", subjects: ["new"] }] }));
  await eventually(async () => expect(await countIn(atHub, "NEW")).toBe(0));
  await jetstream(connection).publish("new", "1");
  await eventually(async () => expect(await countIn(atHub, "NEW")).toBe(1));
  await edge.reload(options(undefined));
  await atHub.streams.delete("NEW");
  await sleep(3_000);
  await expect(atHub.streams.info("NEW")).rejects.toThrow(/stream not found/);
});

test("a hub without a domain is said to be one", async () => {
  const clock = new Clock();
  const hub = await startHub(clock, "jetstream {}");
  const edge = await startEdge(hub.leafPort, "up: A, back_off: '1s'", clock);
  await eventually(async () =>
    expect((await forwarded(edge))[0]?.problem).toMatch(/^the hub has no JetStream domain/),
  );
});

test("a hub that was dead for eight hours is caught up with", async () => {
  const clock = new Clock();
  const { edge, proxy, atHub, atEdge, publish } = await pair(
    'up: [{ stream: READINGS, subjects: "reading.>" }], down: [RECIPES]',
    clock,
    "1m",
  );
  await atHub.streams.add({ name: "RECIPES", subjects: ["recipe"] });
  await eventually(async () => expect(await countIn(atEdge, "READINGS")).toBe(0));
  await publish("reading.a", 1, 10);
  await eventually(async () => expect(await countIn(atHub, "READINGS")).toBe(10));
  await eventually(async () => expect(await countIn(atEdge, "RECIPES")).toBe(0));
  await isSettled(edge);
  proxy.refuse(true);
  proxy.cut();
  for (let hour = 0; hour < 8; hour++) {
    await clock.advance("1h");
    await publish("reading.a", 11 + hour * 10, 20 + hour * 10);
  }
  await eventually(async () => expect((await forwarded(edge))[0]?.lag).toBe(80));
  proxy.refuse(false);
  await eventually(async () => {
    await clock.advance("5s");
    expect(await countIn(atHub, "READINGS")).toBe(90);
  });
  expect(await payloads(atHub, "READINGS")).toEqual(numbers(90));
});
