/** Where the compiled file of one of the store's threads is. */

/** From `src/store`, `dist/src`, `dist/bin` and `dist/chunks` alike: Node 20 runs no TypeScript. */
export function workerUrl(name: string): URL {
  return new URL(`../../dist/src/store/${name}.js`, import.meta.url);
}
