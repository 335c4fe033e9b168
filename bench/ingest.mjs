// Main-thread time for each publish into a stream, without sockets and without a disk: routing, checks, log and ack.
// `node bench/ingest.mjs [messages] [scenario] [--prof]`; with --prof a CPU profile is left in the current directory.
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL("../", import.meta.url));
const folder = await mkdtemp(join(tmpdir(), "frond-ingest-"));
try {
  const outfile = join(folder, "ingest.mjs");
  await build({
    entryPoints: [join(root, "bench/ingest-pipeline.ts")],
    bundle: true,
    platform: "node",
    format: "esm",
    packages: "external",
    sourcemap: "inline",
    outfile,
  });
  const [count = "1000000", scenario = ""] = process.argv
    .slice(2)
    .filter((argument) => !argument.startsWith("--"));
  const profile = process.argv.includes("--prof") ? ["--cpu-prof"] : [];
  spawnSync(process.execPath, [...profile, outfile, count, scenario], { stdio: "inherit" });
} finally {
  await rm(folder, { recursive: true, force: true });
}
