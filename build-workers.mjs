/**
 * The threads of the store are files of their own in dist/, also for tests: Node 20 runs no TypeScript, so a worker
 * that is started from src/ is loaded from there.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const root = fileURLToPath(new URL(".", import.meta.url));

/** Files that are as they should be are not touched, and the others appear at once: somebody may be loading them. */
export async function buildWorkers() {
  const { outputFiles } = await build({
    absWorkingDir: root,
    entryPoints: {
      "sync-worker": "src/store/journal/sync-worker.ts",
      "apply-worker": "src/store/lmdb/apply-worker.ts",
    },
    outdir: "dist/src/store",
    bundle: true,
    format: "esm",
    platform: "node",
    target: "node20",
    external: ["lmdb"],
    write: false,
    logLevel: "warning",
  });
  for (const { path, contents } of outputFiles) {
    if (isSame(path, contents)) continue;
    mkdirSync(dirname(path), { recursive: true });
    const temporary = `${dirname(path)}/.${basename(path)}.${process.pid}`;
    writeFileSync(temporary, contents);
    renameSync(temporary, path);
  }
}

function isSame(path, contents) {
  try {
    return readFileSync(path).equals(contents);
  } catch {
    return false;
  }
}
