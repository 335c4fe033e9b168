/**
 * Brokers at the ends of a link: Frond in this process, nats-server in one of its own. All on loopback ports that the
 * system picks.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Clock } from "../../src/base/clock.ts";
import { silentLog, type Log } from "../../src/base/log.ts";
import { optionsFromObject } from "../../src/config/embedding.ts";
import { Server } from "../../src/server/server.ts";
import { type Need, natsServer, nothing } from "../fixture/needs.ts";
import { eventually } from "../fixture/waiting.ts";

export type PeerKind = "frond" | "nats-server";

export interface Peer {
  readonly kind: PeerKind;
  /** For clients. */
  readonly url: string;
  readonly leafPort: number;
  readonly websocketPort: number;
  readonly monitorPort: number;
  /** What it has said in its log so far. */
  readonly output: () => string;
  /** The broker itself, where it is Frond. */
  readonly server: Server | null;
  stop(): Promise<void>;
}

const server = natsServer();

/** What it takes to start all of these. */
export function peers(...kinds: readonly PeerKind[]): Need {
  return kinds.includes("nats-server") ? server : nothing;
}

export async function startPeer(kind: PeerKind, config: string): Promise<Peer> {
  return kind === "frond" ? startFrond(config) : startNatsServer(config);
}

export async function startFrond(config: string, clock = new Clock()): Promise<Peer> {
  const { options } = optionsFromObject({ port: 0, config });
  const lines: string[] = [];
  const server = new Server(options, clock, recordingLog(lines));
  await server.start();
  const { client, leafnodes, websocket, monitor } = server.addresses;
  return {
    kind: "frond",
    url: `nats://127.0.0.1:${client?.port}`,
    leafPort: leafnodes?.port ?? 0,
    websocketPort: websocket?.port ?? 0,
    monitorPort: monitor?.port ?? 0,
    output: () => lines.join("\n"),
    server,
    stop: async () => server.close(),
  };
}

function recordingLog(lines: string[]): Log {
  const write = (text: string): void => void lines.push(text);
  return { ...silentLog, debugEnabled: true, error: write, warn: write, info: write, debug: write };
}

const running = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of running) child.kill("SIGKILL");
});

async function startNatsServer(config: string): Promise<Peer> {
  const folder = mkdtempSync(join(tmpdir(), "frond-peer-"));
  const file = join(folder, "peer.conf");
  writeFileSync(file, `listen: "127.0.0.1:-1"\n${config}`);
  const child = spawn(server.path, ["-D", "-c", file], { stdio: ["ignore", "pipe", "pipe"] });
  running.add(child);
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await exited;
    running.delete(child);
    rmSync(folder, { recursive: true, force: true });
  };
  const isReady = (): boolean => output.includes("Server is ready");
  await eventually(() => isReady() || child.exitCode !== null).catch(() => {});
  if (!isReady()) {
    await stop();
    throw new Error(`nats-server is not ready:\n${output}`);
  }
  const portAfter = (words: string): number =>
    Number(new RegExp(`${words}[^\\n]*:(\\d+)`).exec(output)?.[1] ?? 0);
  return {
    kind: "nats-server",
    url: `nats://127.0.0.1:${portAfter("Listening for client connections on")}`,
    leafPort: portAfter("Listening for leafnode connections on"),
    websocketPort: portAfter("Listening for websocket clients on"),
    monitorPort: portAfter("Starting http monitor on"),
    output: () => output,
    server: null,
    stop,
  };
}
