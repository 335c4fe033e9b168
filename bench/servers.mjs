// Starts and stops the brokers that are compared: free loopback ports, ready when INFO has arrived.
// @ts-check
import { spawn } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { tracked } from "./children.mjs";

/** @typedef {{ name: string, command: string[] }} Program a broker that takes nats-server's flags */
/**
 * @typedef {object} Broker a running process
 * @property {number} pid
 * @property {number} port
 * @property {number | null} websocketPort
 * @property {{ version?: string, go?: string }} info what its first INFO said
 * @property {number} readyMs from spawn to the first byte of INFO
 * @property {() => Promise<void>} stop
 */

/** @typedef {{ hub: Broker, leaf: Broker, stop: () => Promise<void> }} Link two brokers, the second a leaf node of the first */

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** A nats-server with ten thousand streams takes more than ten seconds. */
const READY_WITHIN_MS = 60_000;
const STOP_WITHIN_MS = 5_000;
const LINKED_AFTER_MS = 2_500;
const STDERR_KEPT_CHARS = 2_000;

/** @param {string | undefined} substitute a command line to measure in Frond's place @returns {Program} */
export function frondProgram(substitute) {
  if (substitute) return { name: "Frond", command: substitute.trim().split(/\s+/) };
  const launcher = join(ROOT, "bin", "frond");
  if (!existsSync(launcher)) {
    throw new Error('bin/frond is missing: run "npm run build", or name a broker with --frond-cmd');
  }
  return { name: "Frond", command: [process.execPath, launcher] };
}

/** NATS_SERVER, else the PATH. @returns {Program | null} */
export function natsServerProgram() {
  const named = process.env["NATS_SERVER"];
  const candidates = named
    ? [named]
    : (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, "nats-server"));
  for (const path of candidates) {
    try {
      accessSync(path, constants.X_OK);
      return { name: "nats-server", command: [path] };
    } catch {
      // Not here; the next folder may have it.
    }
  }
  if (named) throw new Error(`NATS_SERVER names ${named}, which is not an executable file`);
  return null;
}

/**
 * @param {Program} program
 * @param {{ websocket?: boolean, store?: { syncInterval?: string | null } | null, config?: string }} [options] with a
 *   store: JetStream in a folder of its own; config: further lines of its configuration
 * @returns {Promise<Broker>}
 */
export async function startBroker(program, options = {}) {
  const port = await freePort();
  const websocketPort = options.websocket ? await freePort() : null;
  const folder = await mkdtemp(join(tmpdir(), "frond-bench-"));
  const args = ["-a", "127.0.0.1", "-p", String(port)];
  const blocks = [];
  if (websocketPort !== null) blocks.push(`websocket { listen: "127.0.0.1:${websocketPort}", no_tls: true }`);
  if (options.store) {
    const sync = options.store.syncInterval ? `, sync_interval: ${options.store.syncInterval}` : "";
    blocks.push(`jetstream { store_dir: ${JSON.stringify(join(folder, "store"))}${sync} }`);
  }
  if (options.config) blocks.push(options.config);
  if (blocks.length > 0) {
    const config = join(folder, "bench.conf");
    await writeFile(config, `${blocks.join("\n")}\n`);
    args.push("-c", config);
  }
  const [file = "", ...leading] = program.command;
  const spawnedAt = performance.now();
  const child = tracked(
    spawn(file, [...leading, ...args], { cwd: ROOT, stdio: ["ignore", "ignore", "pipe"] }),
  );
  let said = "";
  /** @type {string | null} */
  let ended = null;
  child.stderr.on("data", (data) => {
    said = (said + data).slice(-STDERR_KEPT_CHARS);
  });
  const exited = new Promise((resolve) => {
    child.on("error", (error) => resolve((ended = error.message)));
    child.on("exit", (code, signal) => resolve((ended = `it ended with ${signal ?? `code ${code}`}`)));
  });
  const stop = async () => {
    if (ended === null) {
      child.kill("SIGTERM");
      const forced = setTimeout(() => child.kill("SIGKILL"), STOP_WITHIN_MS);
      await exited;
      clearTimeout(forced);
    }
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const first = await firstInfo(port, spawnedAt, () => ended);
    if (websocketPort !== null) await untilOpen(websocketPort, () => ended);
    return { pid: child.pid ?? 0, port, websocketPort, stop, ...first };
  } catch (error) {
    await stop();
    throw new Error(`${program.name} did not start: ${reason(error)}\n${said}`.trimEnd(), { cause: error });
  }
}

/** @param {Program} program @returns {Promise<Link>} */
export async function startLink(program) {
  const port = await freePort();
  const hub = await startBroker(program, { config: `leafnodes { listen: "127.0.0.1:${port}" }` });
  try {
    const remotes = `remotes: [ { url: "nats-leaf://127.0.0.1:${port}" } ]`;
    const leaf = await startBroker(program, { config: `leafnodes { ${remotes} }` });
    // A leaf dials some moments after it listens, and nats-server waits a second before the first try.
    await sleep(LINKED_AFTER_MS);
    const stop = async () => {
      await leaf.stop();
      await hub.stop();
    };
    return { hub, leaf, stop };
  } catch (error) {
    await hub.stop();
    throw error;
  }
}

/** Resident memory in bytes. @param {Broker} broker */
export function residentBytes(broker) {
  const line = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${broker.pid}/status`, "latin1"));
  if (!line) throw new Error(`no resident size of process ${broker.pid}`);
  return Number(line[1]) * 1024;
}

/** Processor seconds so far, all threads. @param {Broker} broker */
export function processorSeconds(broker) {
  const stat = readFileSync(`/proc/${broker.pid}/stat`, "latin1");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const ticksPerSecond = 100;
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** @param {unknown} error */
export function reason(error) {
  return error instanceof Error ? error.message : String(error);
}

/**
 * @param {number} port
 * @param {number} spawnedAt
 * @param {() => string | null} ended
 */
async function firstInfo(port, spawnedAt, ended) {
  for (;;) {
    const got = await tryInfo(port);
    if (got) {
      const info = /** @type {Broker["info"]} */ (JSON.parse(got.line.replace(/^INFO /, "")));
      return { info, readyMs: got.at - spawnedAt };
    }
    await pauseBeforeRetry(spawnedAt, ended);
  }
}

/** @param {number} port @returns {Promise<{ line: string, at: number } | null>} */
function tryInfo(port) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    let text = "";
    let at = 0;
    socket.setTimeout(READY_WITHIN_MS, () => socket.destroy());
    socket.on("error", () => undefined);
    socket.on("close", () => resolve(null));
    socket.on("data", (data) => {
      at ||= performance.now();
      text += data;
      if (!text.includes("\r\n")) return;
      resolve({ line: text, at });
      socket.destroy();
    });
  });
}

/** @param {number} port @param {() => string | null} ended */
async function untilOpen(port, ended) {
  const since = performance.now();
  for (;;) {
    const open = await new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1", () => {
        resolve(true);
        socket.destroy();
      });
      socket.on("error", () => resolve(false));
    });
    if (open) return;
    await pauseBeforeRetry(since, ended);
  }
}

/** @param {number} since @param {() => string | null} ended */
async function pauseBeforeRetry(since, ended) {
  const end = ended();
  if (end !== null) throw new Error(end);
  if (performance.now() - since > READY_WITHIN_MS) throw new Error(`not ready within ${READY_WITHIN_MS} ms`);
  await sleep(1);
}

// Below the range from which the kernel takes the source ports of outgoing connections: those of
// another run cannot sit on it between this check and the broker's start.
async function freePort() {
  for (let attempt = 0; attempt < 100; attempt++) {
    const port = 20_000 + Math.floor(Math.random() * 10_000);
    const free = await new Promise((resolve) => {
      const probe = createServer();
      probe.on("error", () => resolve(false));
      probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)));
    });
    if (free) return port;
  }
  throw new Error("no free port on 127.0.0.1 from 20000 to 29999");
}
