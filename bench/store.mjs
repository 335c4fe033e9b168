/**
 * How many groups a second a store on disk makes durable, and how long one takes: `node bench/store.mjs [seconds]`.
 * Each line: so many publishers, of which each waits until its message is durable before it brings the next.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const seconds = Number(process.argv[2] ?? 3);
const payload = Buffer.alloc(128, "x");
const root = fileURLToPath(new URL("..", import.meta.url));

async function loadStore() {
  // Two levels below the root, from where it finds its threads in dist/.
  const outfile = join(root, "node_modules/.frond-test/bench-store.js");
  await build({
    entryPoints: [join(root, "src/store/disk/disk-store.ts")],
    outfile,
    bundle: true,
    format: "esm",
    platform: "node",
    external: ["lmdb"],
    logLevel: "warning",
  });
  return import(pathToFileURL(outfile).href);
}

async function measure({ DiskStore }, syncIntervalMs, publishers) {
  const directory = mkdtempSync(join(tmpdir(), "frond-bench-"));
  const store = DiskStore.open({
    directory,
    schedule: (_phase, work) => queueMicrotask(work),
    syncIntervalMs,
    onFault: (error) => process.stderr.write(`${error.message}\n`),
    onWarning: (text) => process.stderr.write(`${text}\n`),
  });
  const { log } = store.create("BENCH", "BENCH", "file");
  const waiting = [];
  let idle = publishers;
  let messages = 0;
  let groups = 0;
  const latencies = [];
  store.observe({
    onDurable: (group) => {
      while (waiting.length > 0 && waiting[0].group <= group) {
        const { count, startMs } = waiting.shift();
        idle += count;
        groups++;
        messages += count;
        latencies.push(performance.now() - startMs);
      }
    },
  });
  const endMs = performance.now() + seconds * 1000;
  while (performance.now() < endMs) {
    const count = idle;
    idle = 0;
    for (let index = 0; index < count; index++) append(log);
    if (count > 0) waiting.push({ group: store.lastGroup, count, startMs: performance.now() });
    await new Promise((resolve) => setImmediate(resolve));
  }
  const { usage } = store;
  await store.close();
  rmSync(directory, { recursive: true });
  latencies.sort((a, b) => a - b);
  const at = (share) => latencies[Math.floor(latencies.length * share)]?.toFixed(3);
  const sync = syncIntervalMs === null ? "always" : `${syncIntervalMs} ms`;
  process.stdout.write(
    `sync ${sync.padEnd(9)} publishers ${String(publishers).padStart(5)}: ` +
      `${Math.round(messages / seconds)} messages/s in ${Math.round(groups / seconds)} groups/s, ` +
      `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(0.99999)} ms, ${Math.round(usage.memoryBytes / 1024)} KiB in memory\n`,
  );
}

function append(log) {
  log.append({
    subject: "bench.subject",
    bytes: payload,
    bodyStart: 0,
    bodyEnd: payload.length,
    headerBytes: 0,
    timeMs: Date.now(),
    timeNs: 0,
    seq: 0,
    messageId: null,
    expiresMs: 0,
    wakesMs: 0,
  });
}

const store = await loadStore();
for (const syncIntervalMs of [null, 120_000])
  for (const publishers of [1, 16, 256, 4_096]) await measure(store, syncIntervalMs, publishers);
