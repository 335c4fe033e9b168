/** The real nats-server, where there is one on the PATH, to hold our verdicts to; and a client without manners. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";
import { Changes, eventually } from "../fixture/waiting.ts";
import { compareVersions } from "../fixture/needs.ts";

export interface ReferenceServer {
  readonly port: number;
  readonly websocketPort: number | null;
  stop(): Promise<void>;
}

/**
 * The newest nats-server that everything here was compared with. What a newer one says otherwise is news and not a fault of
 * this tree: it is reported, and does not fail.
 */
const comparedWith = "2.15.3";

/** @returns what to say in place of a failure when `version` is newer than what was compared with; else null */
export function newsOf(version: string, problem: Error): string | null {
  if (compareVersions(version, comparedWith) <= 0) return null;
  return `nats-server ${version} is newer than ${comparedWith} and says otherwise: ${problem.message}`;
}

/** @param config everything but where to listen */
export async function startNatsServer(path: string, config: string): Promise<ReferenceServer> {
  const folder = mkdtempSync(join(tmpdir(), "frond-reference-"));
  const file = join(folder, "server.conf");
  writeFileSync(file, `listen: "127.0.0.1:-1"\nports_file_dir: ${JSON.stringify(folder)}\n${config}\n`);
  const child = spawn(path, ["-c", file], { stdio: ["ignore", "ignore", "pipe"] });
  let log = "";
  child.stderr.on("data", (chunk: Buffer) => (log += chunk.toString()));
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const portsFile = join(folder, `nats-server_${child.pid}.ports`);
  try {
    await eventually(() => {
      if (child.exitCode !== null) return true;
      return existsSync(portsFile) && readFileSync(portsFile, "utf8") !== "";
    });
    if (child.exitCode !== null) throw new Error(`exit code ${child.exitCode}`);
  } catch (cause) {
    child.kill("SIGKILL");
    throw new Error(`nats-server did not start: ${String(cause)}\n${log}`, { cause });
  }
  const ports = JSON.parse(readFileSync(portsFile, "utf8")) as { nats: string[]; websocket?: string[] };
  const portOf = (urls: string[] | undefined): number | null =>
    urls?.[0] === undefined ? null : Number(new URL(urls[0]).port);
  return {
    port: portOf(ports.nats) as number,
    websocketPort: portOf(ports.websocket),
    stop: async () => {
      child.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Says and hears lines, over TCP or WebSocket. */
export class RawClient {
  readonly #say: (text: string) => void;
  readonly #close: () => void;
  #lines: string[] = [];
  #rest = "";
  #isClosed = false;
  readonly #changes = new Changes();

  private constructor(say: (text: string) => void, close: () => void) {
    this.#say = say;
    this.#close = close;
  }

  static overTcp(port: number): RawClient {
    const socket: Socket = connect(port, "127.0.0.1");
    const client = new RawClient(
      (text) => socket.write(text),
      () => socket.destroy(),
    );
    socket.on("data", (chunk: Buffer) => client.#hear(chunk.toString("latin1")));
    socket.on("error", () => undefined);
    socket.on("close", () => client.#end());
    return client;
  }

  static async overWebSocket(port: number): Promise<RawClient> {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`);
    const client = new RawClient(
      (text) => socket.send(text),
      () => socket.terminate(),
    );
    socket.on("message", (data: Buffer) => client.#hear(data.toString("latin1")));
    socket.on("error", () => undefined);
    socket.on("close", () => client.#end());
    await new Promise<void>((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("error", reject);
    });
    return client;
  }

  say(text: string): void {
    if (!this.#isClosed) this.#say(text);
  }

  close(): void {
    this.#close();
  }

  /** What was heard up to a line that begins with `start`, that line included, or up to the end of the connection. */
  async hearUntil(start: string): Promise<string[]> {
    const found = (): number => this.#lines.findIndex((line) => line.startsWith(start));
    await this.#changes.until(
      () => found() >= 0 || this.#isClosed,
      () => `${start}, heard ${JSON.stringify(this.#lines)}`,
    );
    const at = found();
    return this.#lines.splice(0, at >= 0 ? at + 1 : this.#lines.length);
  }

  /** Everything the server had to say to what was said so far. */
  async settle(): Promise<string[]> {
    this.say("PING\r\n");
    const lines = await this.hearUntil("PONG");
    return lines.filter((line) => line !== "PONG");
  }

  #hear(text: string): void {
    const lines = (this.#rest + text).split("\r\n");
    this.#rest = lines.pop() ?? "";
    this.#lines.push(...lines);
    this.#changes.notify();
  }

  #end(): void {
    this.#isClosed = true;
    this.#changes.notify();
  }
}
