import net from "node:net";
import { networkInterfaces } from "node:os";
import { expect, onTestFinished, test } from "vitest";
import { acceptSockets, OpenSockets, peerOf } from "../../src/transport/listener.ts";

const hasIpv6 = Object.values(networkInterfaces()).some((entries) =>
  entries?.some(({ address }) => address === "::1"),
);

async function listenOn(host: string) {
  const peers: string[] = [];
  const sockets = new OpenSockets();
  const listener = await acceptSockets(host, 0, sockets, (socket) => {
    sockets.add(socket);
    peers.push(peerOf(socket).address);
    socket.end("x");
  });
  onTestFinished(async () => {
    listener.destroy();
    await listener.close();
  });
  return { listener, peers };
}

/** Whether somebody is there. */
function call(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(port, host);
    socket.once("data", () => resolve(true));
    socket.once("error", () => resolve(false));
    socket.once("close", () => resolve(false));
  });
}

test("0.0.0.0 is every address, of IPv6 too, and called as it was given", async () => {
  const { listener, peers } = await listenOn("0.0.0.0");
  expect(listener.address.host).toBe("0.0.0.0");
  expect(await call("127.0.0.1", listener.address.port)).toBe(true);
  expect(await call("::1", listener.address.port)).toBe(hasIpv6);
  expect(peers).toEqual(hasIpv6 ? ["127.0.0.1", "::1"] : ["127.0.0.1"]);
});

test("one address is that address only", async () => {
  const { listener, peers } = await listenOn("127.0.0.1");
  expect(listener.address.host).toBe("127.0.0.1");
  expect(await call("127.0.0.1", listener.address.port)).toBe(true);
  expect(await call("::1", listener.address.port)).toBe(false);
  expect(peers).toEqual(["127.0.0.1"]);
});

test("an address in use is named as it was given", async () => {
  const { listener } = await listenOn("0.0.0.0");
  const { port } = listener.address;
  await expect(acceptSockets("0.0.0.0", port, new OpenSockets(), () => {})).rejects.toThrow(
    `cannot listen on 0.0.0.0:${port}: the address is in use`,
  );
});
