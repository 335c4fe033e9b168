/** A hub over WebSocket may put all that waits for a leaf into one frame; nats-server does. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { client } from "../interop/leaf-fixture.ts";
import { startFrond } from "../interop/peer.ts";
import { eventually } from "../fixture/waiting.ts";

const ended: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

const megabyte = 1024 * 1024;

/** Speaks as much of a hub's part as a leaf needs. */
async function startHub(onLink: (link: WebSocket, said: string) => void): Promise<number> {
  const hub = new WebSocketServer({ host: "127.0.0.1", port: 0 });
  ended.push(() => {
    for (const link of hub.clients) link.terminate();
    hub.close();
  });
  hub.on("connection", (link) => {
    link.send(
      `INFO ${JSON.stringify({ server_id: "HUB", max_payload: megabyte, headers: true, client_id: 1, leafnode_urls: ["127.0.0.1:1"] })}\r\n`,
    );
    let said = "";
    link.on("message", (data: Buffer) => {
      said += data.toString("latin1");
      if (data.includes("PING\r\n")) link.send("PONG\r\n");
      onLink(link, said);
    });
  });
  await once(hub, "listening");
  return (hub.address() as AddressInfo).port;
}

test("a frame of many messages is as long as it is", async () => {
  const payload = "m".repeat(megabyte);
  let isSent = false;
  const port = await startHub((link, said) => {
    if (isSent || !said.includes("LS+ large\r\n")) return;
    isSent = true;
    link.send(Buffer.from(`LMSG large ${payload.length}\r\n${payload}\r\n`.repeat(20), "latin1"));
  });
  const leaf = await startFrond(`leafnodes { remotes: [{ url: "ws://127.0.0.1:${port}" }] }`);
  ended.push(() => leaf.stop());
  const listener = await client(leaf.url);
  ended.push(() => listener.close());
  let count = 0;
  listener.subscribe("large", { callback: (_error, { data }) => void (count += data.length / megabyte) });
  await eventually(() => count === 20, "all have come");
  expect(leaf.output()).not.toContain("closed");
});
