/** Links that are cut, stalled, half-open or flapping: interest converges, nothing comes twice, memory is bounded. */
import type { NatsConnection } from "@nats-io/transport-node";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { Clock } from "../../src/base/clock.ts";
import { startTcpProxy, type TcpProxy } from "../fixture/tcp-proxy.ts";
import { client, synced } from "../interop/leaf-fixture.ts";
import { startFrond, type Peer } from "../interop/peer.ts";
import { eventually, patienceMs } from "../fixture/waiting.ts";

const ended: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

interface Pair {
  readonly hub: Peer;
  readonly leaf: Peer;
  readonly proxy: TcpProxy;
  readonly atHub: NatsConnection;
  readonly atLeaf: NatsConnection;
}

async function pair(general = "", clock = new Clock(), reconnect = "50ms"): Promise<Pair> {
  // Or the leaf would find its way past the proxy.
  const hub = await startFrond(`leafnodes { listen: "127.0.0.1:-1", no_advertise: true }\n${general}`, clock);
  ended.push(() => hub.stop());
  const proxy = await startTcpProxy(hub.leafPort);
  ended.push(() => proxy.close());
  const leaf = await startFrond(
    `leafnodes { reconnect: "${reconnect}", remotes: [{ url: "nats-leaf://127.0.0.1:${proxy.port}" }] }\n${general}`,
    clock,
  );
  ended.push(() => leaf.stop());
  const [atHub, atLeaf] = [await client(hub.url), await client(leaf.url)];
  ended.push(() => Promise.all([atHub.close(), atLeaf.close()]).then(() => {}));
  await synced(atHub, atLeaf);
  return { hub, leaf, proxy, atHub, atLeaf };
}

const linksOf = ({ server }: Peer): number =>
  [...(server?.broker.sessions.values() ?? [])].filter(
    ({ kind, account }) => kind === "Leafnode" && account !== null,
  ).length;

describe("a link that is cut", () => {
  test("comes back, and with it the interest of then", async () => {
    const { hub, leaf, proxy, atHub, atLeaf } = await pair();
    const received: string[] = [];
    const leaving = atLeaf.subscribe("leaving");
    atLeaf.subscribe("staying", { callback: (_error, message) => void received.push(message.string()) });
    await synced(atHub, atLeaf);
    proxy.refuse(true);
    proxy.cut();
    await eventually(() => linksOf(hub) === 0 && linksOf(leaf) === 0, "both ends have noticed");
    leaving.unsubscribe();
    atLeaf.subscribe("coming", { callback: (_error, message) => void received.push(message.string()) });
    await expect(atHub.request("staying", "", { timeout: patienceMs })).rejects.toThrow(/no responders/i);
    expect(leaf.output()).toMatch(
      /No leafnode connection to remote server "127\.0\.0\.1:\d+" for account \$G \(attempt 1\): .+ Trying again in 0\.\ds/,
    );
    proxy.refuse(false);
    await synced(atHub, atLeaf);
    atHub.publish("staying", "1");
    atHub.publish("coming", "2");
    await eventually(() => received.length === 2, "both have come");
    await expect(atHub.request("leaving", "", { timeout: patienceMs })).rejects.toThrow(/no responders/i);
    expect(linksOf(hub)).toBe(1);
  });

  test("again and again, with traffic in both directions, ends as it began", async () => {
    const { hub, proxy, atHub, atLeaf } = await pair();
    const seen = { up: new Map<string, number>(), down: new Map<string, number>() };
    const count = (map: Map<string, number>, key: string): void => void map.set(key, (map.get(key) ?? 0) + 1);
    atHub.subscribe("up", { callback: (_error, message) => count(seen.up, message.string()) });
    atLeaf.subscribe("down", { callback: (_error, message) => count(seen.down, message.string()) });
    for (let round = 0; round < 12; round++) {
      for (let at = 0; at < 50; at++) {
        atLeaf.publish("up", `${round}.${at}`);
        atHub.publish("down", `${round}.${at}`);
        if (at % 10 === 0) await sleep(2);
      }
      if (round % 3 === 2) proxy.cut();
      await sleep(10);
    }
    await synced(atHub, atLeaf);
    await synced(atLeaf, atHub);
    for (const map of [seen.up, seen.down]) {
      expect(map.size).toBeGreaterThan(100);
      expect(Math.max(...map.values())).toBe(1);
    }
    atLeaf.publish("up", "last");
    await eventually(() => seen.up.has("last"), "it flows again");
    expect(linksOf(hub)).toBe(1);
    expect(hub.server?.broker.accounts.get("$G")?.connectionCount).toBe(2);
  });
});

describe("a link that takes nothing", () => {
  test("is cut when too much waits, and holds up nobody else", async () => {
    const { hub, proxy, atHub, atLeaf } = await pair('max_pending: 4mb\nwrite_deadline: "20s"');
    atLeaf.subscribe("flood");
    await synced(atHub, atLeaf);
    let local = 0;
    atHub.subscribe("flood", { callback: () => void local++ });
    await atHub.flush();
    proxy.stall("down");
    const payload = Buffer.alloc(64 * 1024);
    let sent = 0;
    for (; sent < 1_000 && linksOf(hub) > 0; sent++) {
      atHub.publish("flood", payload);
      if (sent % 4 === 0) await atHub.flush();
    }
    expect(linksOf(hub)).toBe(0);
    expect(hub.output()).toContain("Slow Consumer (Pending Bytes)");
    await eventually(() => local === sent, "those at home have all");
    proxy.flow();
    await synced(atHub, atLeaf);
  });

  test("is cut after the write deadline", async () => {
    const { hub, proxy, atHub, atLeaf } = await pair('write_deadline: "300ms"');
    atLeaf.subscribe("flood");
    await synced(atHub, atLeaf);
    proxy.stall("down");
    for (let at = 0; at < 300; at++) atHub.publish("flood", Buffer.alloc(64 * 1024));
    await eventually(() => linksOf(hub) === 0, "the link is cut");
    expect(hub.output()).toContain("Slow Consumer (Write Deadline)");
    proxy.flow();
    await synced(atHub, atLeaf);
  });
});

describe("a link that is half-open", () => {
  test("is found by pings at both ends, and made anew", async () => {
    const { hub, leaf, proxy, atHub, atLeaf } = await pair('ping_interval: "200ms"\nping_max: 2');
    proxy.swallow();
    await eventually(() => linksOf(hub) === 0 || linksOf(leaf) === 0, "one end has noticed");
    await eventually(() => /Stale Connection/.test(hub.output() + leaf.output()), "it is said why");
    proxy.flow();
    proxy.cut();
    await synced(atHub, atLeaf);
    expect(linksOf(hub)).toBe(1);
  });

  test("a hub that says nothing is given up", async () => {
    const { leaf, proxy } = await pair();
    proxy.stall("down");
    proxy.cut();
    await eventually(() => /no INFO came in time/.test(leaf.output()), "it is given up");
    proxy.flow();
    await eventually(() => linksOf(leaf) === 1, "there is a link again");
  });
});

test("a link that was dead for eight hours comes back by itself", async () => {
  const clock = new Clock();
  const { hub, leaf, proxy, atHub, atLeaf } = await pair("", clock, "1m");
  proxy.refuse(true);
  proxy.cut();
  await eventually(() => linksOf(leaf) === 0 && linksOf(hub) === 0, "both ends have noticed");
  const attemptsBefore = leaf.output().split("Trying to connect").length;
  await clock.advance("8h");
  expect(leaf.output().split("Trying to connect").length - attemptsBefore).toBeGreaterThan(240);
  expect(leaf.output().split("No leafnode connection").length).toBeGreaterThan(240);
  proxy.refuse(false);
  await clock.advance("2m");
  await synced(atHub, atLeaf);
});
