import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test, vi } from "vitest";
import { DirectoryLock } from "../src/store/directory-lock.ts";
import { describeWith, signals } from "./fixture/needs.ts";

const command = fileURLToPath(new URL("../bin/frond", import.meta.url));
const hook = new URL("./fixture/signal-at-import.mjs", import.meta.url).href;

/** What a process that starts imports one after the other, and what its log says then. */
const imports = ["../dist/bin/frond.js", "pino", "jetstream-setup", "disk-store", "lmdb"];
const lines = ["Starting Frond", "Listening for client connections", "Server is ready"];
const waits = "Waiting for process";

describeWith(signals(), "a signal that comes while the broker starts", () => {
  test.each([...imports, ...lines])("SIGHUP at %j reloads once it has started", async (moment) => {
    const { child, log } = start(moment, "SIGHUP");
    await log.until("Reloaded server configuration");
    child.kill("SIGTERM");
    expect(await log.exited).toEqual([0, null]);
  });

  test.each([...imports, ...lines])("SIGTERM at %j ends it in order", async (moment) => {
    expect(await start(moment, "SIGTERM").log.exited).toEqual([0, null]);
  });

  test.each(imports)("SIGTERM at %j does not wait until it has started", async (moment) => {
    const { log } = start(moment, "SIGTERM");
    expect(await log.exited).toEqual([0, null]);
    expect(log.text).not.toContain("Listening for client connections");
  });

  test.each(["SIGTERM", "SIGINT"] as const)("%s ends the wait for another's store", async (signal) => {
    const folder = mkdtempSync(join(tmpdir(), "frond-signals-"));
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
    for (const name of ["TMPDIR", "TEMP"]) vi.stubEnv(name, folder);
    onTestFinished(() => void vi.unstubAllEnvs());
    const store = join(folder, "frond", "jetstream");
    mkdirSync(store, { recursive: true });
    const lock = new DirectoryLock(store, [4222]);
    onTestFinished(() => lock.release());
    const { log } = start(waits, signal, ["-js", "-a", "127.0.0.1", "-p", "4222"]);
    expect(await log.exited).toEqual([0, null]);
    expect(log.text).not.toContain("is in use");
  });

  test("SIGUSR2 at the first import ends it in order", async () => {
    expect(await start("../dist/bin/frond.js", "SIGUSR2").log.exited).toEqual([0, null]);
  });

  test("SIGTERM ends what is no broker as it ends any process", async () => {
    const { log } = start("../dist/bin/frond.js", "SIGTERM", ["--version"]);
    expect(await log.exited).toEqual([null, "SIGTERM"]);
  });
});

/** Starts the command, which is sent the signal at the moment: by its own hook at an import, or when its log says so. */
function start(
  moment: string,
  signal: NodeJS.Signals,
  args?: readonly string[],
): { child: ChildProcess; log: Log } {
  const folder = mkdtempSync(join(tmpdir(), "frond-signals-"));
  const config = join(folder, "broker.conf");
  writeFileSync(config, `listen: "127.0.0.1:-1", jetstream { store_dir: ${JSON.stringify(folder)} }`);
  const isLogged = moment === waits || lines.includes(moment);
  const child = spawn(process.execPath, ["--import", hook, command, ...(args ?? ["-c", config])], {
    stdio: ["ignore", "ignore", "pipe"],
    env: {
      ...process.env,
      FROND_SIGNAL_AT: `${signal} ${isLogged ? "no such import" : moment}`,
    },
  });
  const log = new Log(child);
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await log.exited;
    rmSync(folder, { recursive: true, force: true });
  });
  if (isLogged)
    log.until(moment).then(
      () => child.kill(signal),
      () => {},
    );
  return { child, log };
}

class Log {
  readonly exited: Promise<[number | null, NodeJS.Signals | null]>;
  #text = "";

  get text(): string {
    return this.#text;
  }

  readonly #waiting = new Set<() => void>();

  constructor(child: ChildProcess) {
    this.exited = new Promise((resolve) => child.once("exit", (...how) => resolve(how)));
    child.stderr?.on("data", (chunk: Buffer) => {
      this.#text += chunk.toString();
      for (const look of this.#waiting) look();
    });
  }

  /** Rejects with what was logged when the process ends first. */
  async until(text: string): Promise<void> {
    const said = new Promise<void>((resolve) => {
      const look = (): void => (this.#text.includes(text) ? resolve() : undefined);
      this.#waiting.add(look);
      look();
    });
    const ended = this.exited.then((how) => {
      throw new Error(`ended with ${how.join(", ")} before it said ${JSON.stringify(text)}:\n${this.#text}`);
    });
    await Promise.race([said, ended]);
  }
}
