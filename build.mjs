/**
 * Makes dist/: the code bundled into a few files, since loading seventy costs a start more than running them, and the
 * types beside it. What is imported lazily stays in files of its own, so that who does not use it does not load it.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { buildWorkers } from "./build-workers.mjs";

clear("dist", "src", "store");
await build({
  entryPoints: { "bin/frond": "bin/frond.ts", "src/index": "src/index.ts" },
  outdir: "dist",
  chunkNames: "chunks/[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  sourcemap: true,
  sourcesContent: false,
  // Native, or with files of their own to load.
  external: ["bcrypt", "lmdb", "ws"],
  // pino and what it needs are CommonJS.
  banner: { js: 'import { createRequire as __createRequire } from "node:module";\nconst require = __createRequire(import.meta.url);' },
  logLevel: "warning",
});
await buildWorkers();

/** Empties a folder but for the threads of the store, which are replaced at once: tests may be running meanwhile. */
function clear(folder, ...way) {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    if (name === way[0]) clear(join(folder, name), ...way.slice(1));
    else if (way.length > 0 || !name.endsWith("-worker.js")) rmSync(join(folder, name), { recursive: true });
  }
}
