/**
 * Makes the types in dist/ from what tsc wrote to dist/types: the declarations that the public API reaches, once for
 * `import` (src/index.d.ts) and once for `require` (cjs/index.d.cts). TypeScript takes the kind of a module from the
 * extension of its declarations, so one set cannot serve both.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const written = "dist/types/src";
const relativeImport = /(?<=from ")(\.[^"]+)\.ts(?=")/g;

const reached = new Set(["index"]);
for (const name of reached) {
  const text = readFileSync(join(written, `${name}.d.ts`), "utf8");
  for (const [, path] of text.matchAll(relativeImport)) reached.add(join(dirname(name), path));
  write(join("dist/src", `${name}.d.ts`), text.replace(relativeImport, "$1.js"));
  write(join("dist/cjs", `${name}.d.cts`), text.replace(relativeImport, "$1.cjs"));
}
rmSync("dist/types", { recursive: true });

function write(path, text) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, text);
}
