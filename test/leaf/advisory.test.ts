/** What a hub tells of those who ask it something over a link. */
import { expect, onTestFinished, test } from "vitest";
import { client, synced } from "../interop/leaf-fixture.ts";
import { startFrond } from "../interop/peer.ts";
import { eventually } from "../fixture/waiting.ts";

test("a request that came over a link is told of as the link's", async () => {
  const hub = await startFrond(
    'server_name: hub, jetstream { domain: hub }, leafnodes { listen: "127.0.0.1:-1", no_advertise: true }',
  );
  onTestFinished(async () => hub.stop());
  const edge = await startFrond(
    `server_name: edge, leafnodes { remotes: [{ url: "nats-leaf://127.0.0.1:${hub.leafPort}" }] }`,
  );
  onTestFinished(async () => edge.stop());
  const atHub = await client(hub.url);
  onTestFinished(async () => atHub.close());
  const atEdge = await client(edge.url, { name: "asker" });
  onTestFinished(async () => atEdge.close());

  const told: unknown[] = [];
  atHub.subscribe("$JS.EVENT.ADVISORY.API", {
    callback: (_error, message) => void told.push(message.json()),
  });
  await synced(atEdge, atHub);
  const subject = "$JS.hub.API.STREAM.CREATE.S";
  await atEdge.request(subject, JSON.stringify({ name: "S", subjects: ["s"], storage: "memory" }));
  await atHub.request("$JS.API.STREAM.DELETE.S");
  await eventually(() => told.length === 2, "both were told of");
  expect(told).toMatchObject([
    { client: { kind: "Leafnode", name: "edge", host: "127.0.0.1", server: "hub", acc: "$G" } },
    { client: { kind: "Client", client_type: "nats", server: "hub" } },
  ]);
});
