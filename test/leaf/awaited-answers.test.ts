/** What is said of mirrors and sources at the other end that have asked too early. */
import { once } from "node:events";
import { createServer, type AddressInfo, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { Clock } from "../../src/base/clock.ts";
import { eventually } from "../fixture/waiting.ts";
import { startFrond, type Peer } from "../interop/peer.ts";

const ended: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

/** A leaf whose hub is this test. */
async function linked(): Promise<{ leaf: Peer; socket: Socket; clock: Clock }> {
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
    `http: "127.0.0.1:-1"\nleafnodes { remotes: [{ url: "nats-leaf://127.0.0.1:${port}" }] }`,
    clock,
  );
  ended.push(() => leaf.stop());
  await eventually(() => sockets.length === 1, "the leaf dials");
  const [socket] = sockets as [Socket];
  const info = { server_id: "HUB", server_name: "hub", version: "2.15.3", headers: true, client_id: 7 };
  socket.write(`INFO ${JSON.stringify({ ...info, info_on_connect: true })}\r\n`);
  await once(socket, "data");
  socket.write(`INFO ${JSON.stringify({ ...info, connect_info: true, remote_account: "$G" })}\r\n`);
  return { leaf, socket, clock };
}

async function awaited({ monitorPort }: Peer): Promise<unknown> {
  const response = await fetch(`http://127.0.0.1:${monitorPort}/leafz`);
  const { leafs } = (await response.json()) as { leafs: { awaited_answers?: number }[] };
  return leafs.map(({ awaited_answers: count }) => count ?? 0);
}

async function crossed({ server }: Peer, count: number): Promise<void> {
  const links = () => [...(server?.broker.sessions.values() ?? [])];
  await eventually(() => links().some((link) => link.subscriptionCount === count), "interest has crossed");
}

test("copies at the hub that asked before the link was up are shown and logged, until they are answered", async () => {
  const { leaf, socket, clock } = await linked();
  socket.write("LS+ $JSC.R.aaaaaaaa\r\nLS+ $JSC.R.bbbbbbbb\r\nLS+ other\r\n");
  await crossed(leaf, 3);
  expect(await awaited(leaf)).toEqual([2]);
  expect(leaf.output()).not.toContain("mirrors and sources");
  await clock.advance("5s");
  expect(leaf.output()).toContain(
    "Leafnode connection to hub: 2 mirrors and sources over there asked for streams of account $G before the link was up",
  );
  socket.write("LS- $JSC.R.aaaaaaaa\r\nLS- $JSC.R.bbbbbbbb\r\n");
  await crossed(leaf, 1);
  expect(await awaited(leaf)).toEqual([0]);
});

test("nothing is logged when the answers have come in time", async () => {
  const { leaf, socket, clock } = await linked();
  socket.write("LS+ $JSC.R.aaaaaaaa\r\nLS+ other\r\n");
  await crossed(leaf, 2);
  socket.write("LS- $JSC.R.aaaaaaaa\r\n");
  await crossed(leaf, 1);
  await clock.advance("5s");
  expect(leaf.output()).not.toContain("mirror");
});
