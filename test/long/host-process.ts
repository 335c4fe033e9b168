import { type ChildProcess, fork } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import type { HostReady, Memory } from "./host.ts";

export interface Host extends HostReady {
  memory(): Promise<Memory>;
  /** Null while it runs. */
  readonly ended: string | null;
  stop(): Promise<void>;
}

/** Bundles and starts the broker of `host.ts`. */
export async function startHost(): Promise<Host> {
  const folder = await mkdtemp(join(tmpdir(), "frond-soak-"));
  const program = join(folder, "host.mjs");
  await build({
    entryPoints: [fileURLToPath(new URL("./host.ts", import.meta.url))],
    outfile: program,
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    external: ["bcrypt"],
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module";\nconst require = __createRequire(import.meta.url);',
    },
    logLevel: "error",
  });
  const child = fork(program, { execArgv: ["--expose-gc"], stdio: ["ignore", "ignore", "pipe", "ipc"] });
  let said = "";
  let ended: string | null = null;
  child.stderr?.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const exited = new Promise<void>((resolve) => {
    child.once("exit", (code, signal) => {
      ended = `exit code ${code}, signal ${signal}: ${said}`;
      resolve();
    });
  });
  const ready = await answer<HostReady>(child, () => {});
  return {
    ...ready,
    memory: async () => answer<Memory>(child, () => child.send("memory")),
    get ended() {
      return ended;
    },
    stop: async () => {
      child.kill("SIGKILL");
      await exited;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const answerTimeoutMs = 20_000;

async function answer<T>(child: ChildProcess, ask: () => void): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const settle = (failure: string | null, message?: unknown): void => {
      clearTimeout(timer);
      child.off("message", onMessage);
      child.off("exit", onExit);
      if (failure === null) resolve(message as T);
      else reject(new Error(failure));
    };
    const onMessage = (message: unknown): void => settle(null, message);
    const onExit = (code: number | null): void => settle(`the broker ended with exit code ${code}`);
    const timer = setTimeout(() => settle("the broker does not answer"), answerTimeoutMs);
    child.on("message", onMessage);
    child.on("exit", onExit);
    ask();
  });
}
