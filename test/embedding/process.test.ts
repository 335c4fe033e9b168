import { spawn } from "node:child_process";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, test } from "vitest";
import { patienceMs } from "../fixture/waiting.ts";

let folder = "";

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "frond-embedding-"));
  await build({
    entryPoints: [fileURLToPath(new URL("./program.ts", import.meta.url))],
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    external: ["bcrypt", "ws"],
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module";\nconst require = __createRequire(import.meta.url);',
    },
    alias: { ws: fileURLToPath(import.meta.resolve("ws")) },
    logLevel: "error",
  });
});

afterAll(async () => rm(folder, { recursive: true, force: true }));

interface Ending {
  readonly code: number | null;
  readonly tookMs: number;
  readonly output: string;
}

/** Runs the program until it ends by itself, or is ended when patience is. */
async function runProgram(...args: readonly string[]): Promise<Ending> {
  const startMs = performance.now();
  const child = spawn(process.execPath, [join(folder, "program.mjs"), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => (output += chunk.toString()));
  const timer = setTimeout(() => child.kill("SIGKILL"), patienceMs);
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  clearTimeout(timer);
  return { code, tookMs: performance.now() - startMs, output };
}

test.each([["plain"], ["listeners"], ["frozen"], ["stuck"], ["half-closed"], ["advance"]])(
  "a program ends by itself when its broker is closed: %s",
  async (scenario) => {
    const { code, output } = await runProgram(scenario);
    expect([output, code]).toEqual(["closed 0\n", 0]);
  },
);

test("a program that logs ends by itself, with its log written", async () => {
  const file = join(folder, "broker.log");
  const { code, output } = await runProgram("log", file);
  expect([output, code]).toEqual(["closed 0\n", 0]);
  const log = await readFile(file, "utf8");
  expect(log).toContain("Server is ready");
  expect(log).toContain("Server Exiting..");
});
