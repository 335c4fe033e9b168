/** Links as whoever runs a broker sees them: `/leafz`, reload, lame duck, what is logged. */
import { afterEach, describe, expect, test } from "vitest";
import { optionsFromObject } from "../../src/config/embedding.ts";
import { createBroker } from "../../src/create-broker.ts";
import { client, synced } from "../interop/leaf-fixture.ts";
import { startFrond, type Peer } from "../interop/peer.ts";
import { eventually, patienceMs } from "../fixture/waiting.ts";

const ended: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

async function frond(config: string): Promise<Peer> {
  const peer = await startFrond(config);
  ended.push(() => peer.stop());
  return peer;
}

interface Leafz {
  readonly leafnodes: number;
  readonly leafs: readonly Record<string, unknown>[];
  readonly remotes?: readonly Record<string, unknown>[];
}

const leafz = async ({ monitorPort }: Peer, query = ""): Promise<Leafz> =>
  (await (await fetch(`http://127.0.0.1:${monitorPort}/leafz${query}`)).json()) as Leafz;

const monitored = 'http: "127.0.0.1:-1"';

test("/leafz shows both ends of a link, and why there is none", async () => {
  const hub = await frond(`${monitored}\nserver_name: the-hub\nleafnodes { listen: "127.0.0.1:-1" }`);
  const leaf = await frond(
    `${monitored}\nserver_name: the-leaf\nleafnodes { remotes: [{ url: "nats-leaf://127.0.0.1:${hub.leafPort}" }, { url: "nats-leaf://127.0.0.1:1", account: "$SYS" }] }`,
  );
  const [atHub, atLeaf] = [await client(hub.url), await client(leaf.url)];
  ended.push(() => Promise.all([atHub.close(), atLeaf.close()]).then(() => {}));
  atLeaf.subscribe("a.b");
  await synced(atHub, atLeaf);
  atHub.publish("a.b", "12345");
  await atHub.flush();
  const shown = await leafz(hub, "?subs=1");
  expect(shown.leafnodes).toBe(1);
  expect(shown.leafs[0]).toMatchObject({
    name: "the-leaf",
    is_spoke: false,
    account: "$G",
    ip: "127.0.0.1",
    compression: "off",
    subscriptions_list: expect.arrayContaining(["a.b"]),
  });
  expect(shown).not.toHaveProperty("remotes");
  const other = await leafz(leaf);
  expect(other.leafs[0]).toMatchObject({ name: "the-hub", is_spoke: true, port: hub.leafPort });
  expect(other.remotes).toEqual([
    { account: "$G", url: `127.0.0.1:${hub.leafPort}`, connected: true, id: expect.any(Number) },
    {
      account: "$SYS",
      url: "127.0.0.1:1",
      connected: false,
      reason: "connection refused",
      next_attempt: expect.stringMatching(/^20\d\d-/),
    },
  ]);
  expect((await leafz(leaf, "?acc=nobody")).leafs).toEqual([]);
  const varz = (await (await fetch(`http://127.0.0.1:${leaf.monitorPort}/varz`)).json()) as Record<
    string,
    unknown
  >;
  expect(varz).toMatchObject({
    leafnodes: 1,
    connections: 1,
    leaf: {
      remotes: [{ local_account: "$G", urls: [`127.0.0.1:${hub.leafPort}`] }, { local_account: "$SYS" }],
    },
  });
});

test("a reload takes hubs away and adds others", async () => {
  const [one, two] = [
    await frond('leafnodes { listen: "127.0.0.1:-1" }'),
    await frond('leafnodes { listen: "127.0.0.1:-1" }'),
  ];
  const remoteTo = ({ leafPort }: Peer): string =>
    `leafnodes { remotes: [{ url: "nats-leaf://127.0.0.1:${leafPort}" }] }`;
  const leaf = await frond(remoteTo(one));
  const atLeaf = await client(leaf.url);
  ended.push(() => atLeaf.close());
  const [atOne, atTwo] = [await client(one.url), await client(two.url)];
  ended.push(() => Promise.all([atOne.close(), atTwo.close()]).then(() => {}));
  await synced(atOne, atLeaf);
  await leaf.server?.reload(optionsFromObject({ port: 0, config: remoteTo(two) }).options);
  await synced(atTwo, atLeaf);
  await eventually(() => one.output().includes("Leafnode connection closed"), "the first is gone");
  await expect(atOne.request("sync", "", { timeout: patienceMs })).rejects.toThrow(/no responders/i);
});

describe("a hub that announces another one", () => {
  const pairOfHubs = async (remote: string): Promise<{ leaf: Peer; first: Peer; second: Peer }> => {
    const second = await frond('leafnodes { listen: "127.0.0.1:-1" }');
    const first = await frond(
      `leafnodes { listen: "127.0.0.1:-1", advertise: "127.0.0.1:${second.leafPort}" }`,
    );
    const leaf = await frond(
      `leafnodes { reconnect: "10ms", remotes: [{ url: "127.0.0.1:${first.leafPort}", ${remote} }] }`,
    );
    await eventually(() => first.output().includes("Leafnode connection accepted"), "there is a link");
    await first.stop();
    return { leaf, first, second };
  };

  test("is taken at its word when it goes", async () => {
    const { leaf, second } = await pairOfHubs("");
    await eventually(
      () => second.output().includes("Leafnode connection accepted"),
      "the other one has the link",
    );
    expect(leaf.output()).toContain(`"127.0.0.1:${second.leafPort}"`);
  });

  test("is dialled itself, and no other, with ignore_discovered_servers", async () => {
    const { leaf, first, second } = await pairOfHubs("ignore_discovered_servers: true");
    const attempts = (): string[] => leaf.output().match(/Trying to connect as leafnode .*/g) ?? [];
    await eventually(() => attempts().length > 4, "it was dialled again and again");
    for (const attempt of attempts()) expect(attempt).toContain(`"127.0.0.1:${first.leafPort}"`);
    expect(second.output()).not.toContain("Leafnode connection accepted");
  });
});

test("a broker that closes leaves no link and dials no more", async () => {
  const hub = await frond('leafnodes { listen: "127.0.0.1:-1" }');
  const leaf = await startFrond(
    `leafnodes { reconnect: "20ms", remotes: [{ url: "nats-leaf://127.0.0.1:${hub.leafPort}" }] }`,
  );
  await eventually(() => hub.output().includes("Leafnode connection accepted"), "there is a link");
  await leaf.stop();
  await eventually(() => hub.output().includes("Leafnode connection closed"), "the hub has noticed");
  const before = hub.output();
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(hub.output()).toBe(before);
  expect(hub.server?.broker.accounts.get("$G")?.interest.size).toBe(0);
});

test("one program holds a hub and a leaf", async () => {
  const hub = await createBroker({ port: 0, leafNodes: { port: 0 } });
  ended.push(() => hub.close());
  const leaf = await createBroker({ port: 0, leafNodes: { remotes: [{ urls: [hub.leafNodeUrl ?? ""] }] } });
  ended.push(() => leaf.close());
  expect(hub.leafNodeUrl).toMatch(/^nats-leaf:\/\/127\.0\.0\.1:\d+$/);
  expect(leaf.leafNodeUrl).toBeNull();
  const [atHub, atLeaf] = [await client(hub.url), await client(leaf.url)];
  ended.push(() => Promise.all([atHub.close(), atLeaf.close()]).then(() => {}));
  await synced(atHub, atLeaf);
});

test("a WebSocket port takes no leaf nodes where there is no block for them", async () => {
  const hub = await frond('websocket { listen: "127.0.0.1:-1", no_tls: true }');
  const leaf = await frond(`leafnodes { remotes: [{ url: "ws://127.0.0.1:${hub.websocketPort}" }] }`);
  await eventually(() => leaf.output().includes("Unexpected server response: 404"), "the leaf is told");
});
