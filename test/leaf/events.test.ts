/** What the system account hears of links. */
import type { NatsConnection } from "@nats-io/transport-node";
import { afterEach, expect, test } from "vitest";
import { client, synced } from "../interop/leaf-fixture.ts";
import { startFrond, type Peer } from "../interop/peer.ts";
import { eventually } from "../fixture/waiting.ts";

const ended: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

interface Event {
  readonly subject: string;
  readonly body: Readonly<Record<string, unknown>>;
}

const accounts =
  "accounts { A { users: [{ user: a, password: a }] }, SYS { users: [{ user: s, password: s }] } }";

async function listen(peer: Peer): Promise<Event[]> {
  const connection = await client(peer.url, { user: "s", pass: "s" });
  ended.push(async () => connection.close());
  const events: Event[] = [];
  connection.subscribe("$SYS.ACCOUNT.>", {
    callback: (_error, message) => void events.push({ subject: message.subject, body: message.json() }),
  });
  await connection.flush();
  return events;
}

test("links that come and go, at both ends", async () => {
  const general = `${accounts}\nsystem_account: SYS`;
  const hub = await startFrond(`server_name: hub\n${general}\nleafnodes { listen: "127.0.0.1:-1" }`);
  ended.push(async () => hub.stop());
  const atHub = await listen(hub);
  const leaf = await startFrond(
    `server_name: edge\n${general}\nleafnodes { reconnect: "50ms", remotes: [{ url: "nats-leaf://a:a@127.0.0.1:${hub.leafPort}", account: A }] }`,
  );
  ended.push(async () => leaf.stop());
  const atLeaf = await listen(leaf);
  const ends: NatsConnection[] = [];
  for (const { url } of [hub, leaf]) ends.push(await client(url, { user: "a", pass: "a" }));
  ended.push(async () => Promise.all(ends.map(async (end) => end.close())));
  const [hubClient, leafClient] = ends as [NatsConnection, NatsConnection];
  await synced(hubClient, leafClient);
  await eventually(() => atHub.length === 1, "the hub has told of the link");
  expect(atHub[0]).toMatchObject({
    subject: "$SYS.ACCOUNT.A.CONNECT",
    body: {
      type: "io.nats.server.advisory.v1.client_connect",
      id: expect.stringMatching(/^\w{22}$/),
      timestamp: expect.stringMatching(/^\d{4}-.*Z$/),
      server: { name: "hub", id: hub.server?.identity.id, jetstream: false, flags: 0, seq: 1 },
      client: { host: "127.0.0.1", acc: "A", user: "a", name: "edge", kind: "Leafnode" },
    },
  });
  hubClient.publish("nobody.there", "x");
  leafClient.subscribe("here", { callback: () => {} });
  await synced(hubClient, leafClient);
  hubClient.publish("here", "four");
  await hubClient.flush();
  const link = [...(hub.server?.broker.sessions.values() ?? [])].find(({ kind }) => kind === "Leafnode");
  link?.close("Server Shutdown");
  await eventually(() => atHub.length === 3, "the link has gone and come");
  expect(atHub.map(({ subject }) => subject.split(".").at(-1))).toEqual(["CONNECT", "DISCONNECT", "CONNECT"]);
  const { body } = atHub[1] as Event;
  expect(body).toMatchObject({
    type: "io.nats.server.advisory.v1.client_disconnect",
    client: { acc: "A", kind: "Leafnode", stop: expect.stringMatching(/Z$/) },
    reason: "Server Shutdown",
  });
  expect((body["received"] as { bytes: number }).bytes).toBeGreaterThanOrEqual(4);
  // Whether the leaf's client was there in time for the first CONNECT is open.
  const lastTwo = () => atLeaf.slice(-2).map(({ subject }) => subject.split(".").at(-1));
  await eventually(() => lastTwo().join() === "DISCONNECT,CONNECT", "the leaf has told of it too");
});
