/**
 * Makes the code in dist/: bundled into a few files, since loading seventy costs a start more than running them. The
 * modules are split: what is imported lazily stays in a file of its own, so a program that does not use it does not
 * load it. The CommonJS build, for `require("frond")`, is one file. `build-types.mjs` adds the types.
 */
import { existsSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";
import { buildWorkers } from "./build-workers.mjs";

const shared = {
  bundle: true,
  platform: "node",
  target: "node20",
  sourcemap: true,
  sourcesContent: false,
  // Native, or with files of their own to load.
  external: ["bcrypt", "lmdb", "ws"],
  logLevel: "warning",
};

clear("dist", "src", "store");
await Promise.all([
  build({
    ...shared,
    entryPoints: { "bin/frond": "src/cli/main.ts", "src/index": "src/index.ts" },
    outdir: "dist",
    chunkNames: "chunks/[name]-[hash]",
    splitting: true,
    format: "esm",
    // pino and what it needs are CommonJS.
    banner: {
      js: 'import { createRequire as __createRequire } from "node:module";\nconst require = __createRequire(import.meta.url);',
    },
  }),
  build({
    ...shared,
    entryPoints: { index: "src/index.ts" },
    outdir: "dist/cjs",
    outExtension: { ".js": ".cjs" },
    format: "cjs",
    // Under jest, import() would load a package outside of the test's own modules, or fail.
    supported: { "dynamic-import": false },
    define: { "import.meta.url": "__moduleUrl" },
    banner: { js: 'const __moduleUrl = require("node:url").pathToFileURL(__filename).href;' },
  }),
]);
await buildWorkers();

/** Empties a folder, except for the store's worker files: running tests may load them, so they are replaced atomically. */
function clear(folder, ...way) {
  if (!existsSync(folder)) return;
  for (const name of readdirSync(folder)) {
    if (name === way[0]) clear(join(folder, name), ...way.slice(1));
    else if (way.length > 0 || !name.endsWith("-worker.js")) rmSync(join(folder, name), { recursive: true });
  }
}
