/** Hubs at the end of a slow path: each step of making a link has the time that the configuration gives it. */
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { afterEach, describe, expect, test } from "vitest";
import { Clock } from "../../src/base/clock.ts";
import { startTcpProxy, type TcpProxy } from "../fixture/tcp-proxy.ts";
import { eventually } from "../fixture/waiting.ts";
import { startFrond, type Peer } from "../interop/peer.ts";
import { certificateFile } from "../transport/harness.ts";

const ended: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

const [cert, key] = [certificateFile("server.pem"), certificateFile("server-key.pem")];
const server = `tls { cert_file: "${cert}", key_file: "${key}" }`;
const times = 'first_info_timeout: "3s", dial_timeout: "1s"';

interface Slow {
  readonly leaf: Peer;
  readonly proxy: TcpProxy;
  readonly clock: Clock;
}

/** A leaf that has reached its hub, and hears nothing of it until the proxy lets it. Its clock stands still. */
async function slow(scheme: "nats-leaf" | "tls" | "ws" | "wss"): Promise<Slow> {
  const isWebSocket = scheme.startsWith("ws");
  const isSecure = scheme === "tls" || scheme === "wss";
  const hub = await startFrond(
    `leafnodes { listen: "127.0.0.1:-1", no_advertise: true${scheme === "tls" ? `, ${server}` : ""} }
     ${isWebSocket ? `websocket { listen: "127.0.0.1:-1", ${isSecure ? server : "no_tls: true"} }` : ""}`,
  );
  ended.push(() => hub.stop());
  const proxy = await startTcpProxy(isWebSocket ? hub.websocketPort : hub.leafPort);
  ended.push(() => proxy.close());
  proxy.stall();
  const clock = new Clock();
  clock.freeze();
  const tls = isSecure ? ", tls { insecure: true, timeout: 2 }" : "";
  const leaf = await startFrond(
    `leafnodes { remotes: [{ url: "${scheme}://127.0.0.1:${proxy.port}", ${times}${tls} }] }`,
    clock,
  );
  ended.push(() => leaf.stop());
  await eventually(() => proxy.count === 1, "the leaf has reached the proxy");
  // Both ends of the connection are in this process: the leaf is told of it by the next turn of the event loop.
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve));
  return { leaf, proxy, clock };
}

const isLinked = ({ server: broker }: Peer): boolean =>
  [...(broker?.broker.sessions.values() ?? [])].some(({ account }) => account !== null);

describe("a hub whose path is slow", () => {
  test.each([
    ["ws", "2.9s"],
    ["wss", "1.9s"],
    ["nats-leaf", "2.9s"],
    ["tls", "2.9s"],
  ] as const)(
    "is reached over %s although the first answer takes %s, longer than to dial",
    async (scheme, wait) => {
      const { leaf, proxy, clock } = await slow(scheme);
      await clock.advance(wait);
      proxy.flow();
      await eventually(() => isLinked(leaf), "the link is made");
      expect(leaf.output()).not.toContain("No leafnode connection");
    },
  );

  test.each([
    ["ws", "3.1s", "no answer to the WebSocket request within 3 s"],
    ["wss", "2.1s", "TLS handshake: timed out"],
    ["nats-leaf", "3.1s", "no INFO came in time"],
  ] as const)(
    "is given up over %s after %s, with the step that took too long",
    async (scheme, wait, reason) => {
      const { leaf, clock } = await slow(scheme);
      await clock.advance(wait);
      await eventually(() => leaf.output().includes("No leafnode connection"), "the leaf has given up");
      expect(leaf.output()).toContain(reason);
    },
  );

  test("may be as long about the answer to CONNECT as about its INFO", async () => {
    const sockets: Socket[] = [];
    const hub = createServer((socket) => void sockets.push(socket)).listen(0, "127.0.0.1");
    await once(hub, "listening");
    ended.push(() => {
      for (const socket of sockets) socket.destroy();
      hub.close();
    });
    const clock = new Clock();
    clock.freeze();
    const { port } = hub.address() as AddressInfo;
    const leaf = await startFrond(
      `leafnodes { remotes: [{ url: "nats-leaf://127.0.0.1:${port}", ${times} }] }`,
      clock,
    );
    ended.push(() => leaf.stop());
    await eventually(() => sockets.length === 1, "the leaf dials");
    const [socket] = sockets as [Socket];
    const info = { server_id: "HUB", version: "2.15.3", headers: true, client_id: 7, info_on_connect: true };
    socket.write(`INFO ${JSON.stringify(info)}\r\n`);
    const [said] = (await once(socket, "data")) as [Buffer];
    expect(said.toString()).toMatch(/^CONNECT /);
    await clock.advance("2.9s");
    socket.write(`INFO ${JSON.stringify({ ...info, connect_info: true, remote_account: "$G" })}\r\n`);
    await eventually(() => isLinked(leaf), "the link is made");
  });
});
