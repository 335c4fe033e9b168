/**
 * Makes dist/: the code bundled into a few files, since loading seventy costs a start more than running them, and the
 * types beside it. What is imported lazily stays in files of its own, so that who does not use it does not load it.
 */
import { rmSync } from "node:fs";
import { build } from "esbuild";
import { buildWorkers } from "./build-workers.mjs";

rmSync("dist", { recursive: true, force: true });
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
