import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { describeWith, signals } from "./fixture/needs.ts";

const command = fileURLToPath(new URL("../bin/frond", import.meta.url));
const hook = new URL("./fixture/signal-at-import.mjs", import.meta.url).href;

/** What a process that starts imports one after the other, and what its log says then. */
const imports = ["../dist/bin/frond.js", "pino", "jetstream-setup", "disk-store", "lmdb"];
const lines = ["Starting Frond", "Listening for client connections", "Server is ready"];

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
  const child = spawn(process.execPath, ["--import", hook, command, ...(args ?? ["-c", config])], {
    stdio: ["ignore", "ignore", "pipe"],
    env: {
      ...process.env,
      FROND_SIGNAL_AT: `${signal} ${lines.includes(moment) ? "no such import" : moment}`,
    },
  });
  const log = new Log(child);
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await log.exited;
    rmSync(folder, { recursive: true, force: true });
  });
  if (lines.includes(moment))
    log.until(moment).then(
      () => child.kill(signal),
      () => {},
    );
  return { child, log };
}

class Log {
  readonly exited: Promise<[number | null, NodeJS.Signals | null]>;
  #text = "";
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
