/** A program with a broker in it, run in a process of its own by the test beside this file. It must end by itself. */
import { connect, type Socket } from "node:net";
import { createBroker } from "../../src/index.ts";

async function greeted(port: number): Promise<Socket> {
  const socket = connect({ host: "127.0.0.1", port });
  socket.on("error", () => {});
  await new Promise((resolve) => void socket.once("data", resolve));
  socket.write('CONNECT {"verbose":false}\r\nSUB a 1\r\nPING\r\n');
  await new Promise((resolve) => void socket.once("data", resolve));
  return socket;
}

const scenario = process.argv[2];
const log = scenario === "log" ? { file: process.argv[3] as string, debug: true } : undefined;
const broker = await createBroker({
  port: 0,
  ...(log !== undefined && { log }),
  ...(scenario === "listeners" && { websocket: { port: 0 }, monitor: 0 }),
});
if (scenario === "frozen") broker.clock.freeze();
const sockets = await Promise.all([greeted(broker.port), greeted(broker.port)]);
// A peer that neither reads nor goes; one that is half closed.
if (scenario === "stuck") sockets[0]?.pause();
if (scenario === "half-closed") sockets[0]?.end();
if (scenario === "advance") await broker.clock.advance("10m");
await broker.close();
// Closed handles are counted until the next turn.
await new Promise((resolve) => void setImmediate(resolve));
process.stdout.write(
  `closed ${process.getActiveResourcesInfo().filter((name) => name === "TCPServerWrap").length}\n`,
);
// What is left is the program's own.
for (const socket of sockets) socket.unref();
