// `node bench/scale.mjs`: what a large stream and many streams cost, Frond and a nats-server one after the other on the
// same data. Writes SCALE.md. Takes many minutes and some gigabytes below the system's folder for temporary files.
// @ts-check
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { connect } from "@nats-io/transport-node";
import { killChildren } from "./children.mjs";
import { buildGenerator, runGenerator } from "./generator.mjs";
import { frondProgram, natsServerProgram, reason, residentBytes, startBroker } from "./servers.mjs";

/** @typedef {import("./servers.mjs").Broker} Broker */
/** @typedef {import("./servers.mjs").Program} Program */
/** @typedef {[what: string, value: string][]} Figures */

const RESULTS = fileURLToPath(new URL("SCALE.md", import.meta.url));
const MEBIBYTE = 1024 * 1024;

process.on("exit", killChildren);
process.on("SIGINT", () => process.exit(130));

const { values } = parseArgs({
  options: {
    messages: { type: "string", default: "10000000" },
    subjects: { type: "string", default: "1000000" },
    streams: { type: "string", default: "10000" },
    "no-write": { type: "boolean", default: false },
  },
});
const size = {
  messages: Number(values.messages),
  subjects: Number(values.subjects),
  streams: Number(values.streams),
};

try {
  buildGenerator();
  const peer = natsServerProgram();
  const programs = [frondProgram(undefined), ...(peer ? [peer] : [])];
  /** @type {Figures[]} */
  const columns = [];
  for (const program of programs)
    columns.push([...(await largeStream(program)), ...(await manyStreams(program))]);
  const page = pageOf(programs, columns);
  process.stdout.write(page);
  if (!values["no-write"]) writeFileSync(RESULTS, page);
} catch (error) {
  process.stderr.write(`scale: ${reason(error)}\n`);
  process.exitCode = 1;
}

/** @param {Program} program @returns {Promise<Figures>} */
async function largeStream(program) {
  return inFolder(program, async (start) => {
    let broker = await start();
    await request(broker, "$JS.API.STREAM.CREATE.BIG", {
      name: "BIG",
      subjects: ["big.>"],
      allow_direct: true,
    });
    const began = performance.now();
    for (let stored = 0; stored < size.messages; ) {
      const flags = { subject: "big.", subjects: size.subjects, expected: '"seq":', size: 128, window: 5000 };
      const result = await generate("asking", broker, { ...flags, connections: 1, seconds: 10 });
      stored += result["answered"] ?? 0;
    }
    const filledSeconds = (performance.now() - began) / 1000;
    const { state } = await request(broker, "$JS.API.STREAM.INFO.BIG", {});
    const filledBytes = residentBytes(broker);
    await broker.stop();
    const stoppedBytes = broker.storeBytes();
    const startedAt = performance.now();
    broker = await start();
    await request(broker, "$JS.API.STREAM.INFO.BIG", {});
    const readyMs = performance.now() - startedAt;
    const idleBytes = residentBytes(broker);
    const gets = await generate("asking", broker, {
      subject: "$JS.API.DIRECT.GET.BIG.big.",
      subjects: size.subjects,
      expected: "Nats-Sequence",
      size: 0,
      connections: 1,
      window: 1,
      seconds: 3,
    });
    const one = await firstDelivery(broker, "big.4711");
    const some = await firstDelivery(broker, "big.47*");
    /** @type {Figures} */
    const figures = [
      ["stream of", `${state.messages} messages, ${state.num_subjects} subjects`],
      ["filled, messages a second", String(Math.round(state.messages / filledSeconds))],
      ["resident after filling", mebibytes(filledBytes)],
      ["on disk", mebibytes(stoppedBytes)],
      ["start to the stream's info", `${readyMs.toFixed(0)} ms`],
      ["resident after the start", mebibytes(idleBytes)],
      ["last by subject, p50", `${(gets["p50_us"] ?? 0).toFixed(0)} µs`],
      ["last by subject, p99", `${(gets["p99_us"] ?? 0).toFixed(0)} µs`],
      ["consumer of one subject: created", `${one.createdMs.toFixed(1)} ms, ${one.pending} pending`],
      ["consumer of one subject: all delivered", `${one.deliveredMs.toFixed(1)} ms`],
      ["consumer of a pattern that takes nothing: created", `${some.createdMs.toFixed(1)} ms`],
      ["resident at the end", mebibytes(residentBytes(broker))],
    ];
    await broker.stop();
    return figures;
  });
}

/** @param {Program} program @returns {Promise<Figures>} */
async function manyStreams(program) {
  return inFolder(program, async (start) => {
    let broker = await start();
    const connection = await connect({ servers: `127.0.0.1:${broker.port}` });
    const began = performance.now();
    const each = 100;
    for (let first = 0; first < size.streams; first += each) {
      const made = Array.from({ length: Math.min(each, size.streams - first) }, async (_, at) => {
        const name = `S${first + at}`;
        const config = JSON.stringify({ name, subjects: [`many.${name}`] });
        const answer = await connection.request(`$JS.API.STREAM.CREATE.${name}`, config, { timeout: 60_000 });
        const refused = answer.json().error;
        if (refused) throw new Error(refused.description);
        await connection.request(`many.${name}`, "x", { timeout: 60_000 });
      });
      await Promise.all(made);
    }
    const createdSeconds = (performance.now() - began) / 1000;
    await connection.close();
    const filledBytes = residentBytes(broker);
    await broker.stop();
    const startedAt = performance.now();
    broker = await start();
    const answer = await request(broker, "$JS.API.STREAM.INFO.S1", {});
    if (answer.state.messages !== 1) throw new Error("a stream has lost its message");
    const readyMs = performance.now() - startedAt;
    /** @type {Figures} */
    const figures = [
      ["streams", String(size.streams)],
      ["created with a message each, a second", String(Math.round(size.streams / createdSeconds))],
      ["resident with all of them", mebibytes(filledBytes)],
      ["start with all of them", `${readyMs.toFixed(0)} ms`],
      ["resident after that start", mebibytes(residentBytes(broker))],
    ];
    await broker.stop();
    return figures;
  });
}

/** @param {Broker} broker @param {string} filter */
async function firstDelivery(broker, filter) {
  const connection = await connect({ servers: `127.0.0.1:${broker.port}` });
  try {
    const inbox = "bench.scale.deliver";
    const config = {
      ack_policy: "none",
      filter_subject: filter,
      deliver_policy: "all",
      deliver_subject: inbox,
    };
    const delivered = connection.subscribe(inbox);
    await connection.flush();
    const began = performance.now();
    const body = JSON.stringify({
      stream_name: "BIG",
      config: { ...config, replay_policy: "instant", num_replicas: 1 },
    });
    const answer = (
      await connection.request("$JS.API.CONSUMER.CREATE.BIG", body, { timeout: 60_000 })
    ).json();
    if (answer.error) throw new Error(answer.error.description);
    const createdMs = performance.now() - began;
    let left = answer.num_pending + answer.delivered.consumer_seq;
    if (left > 0) for await (const _ of delivered) if (--left === 0) break;
    return { createdMs, deliveredMs: performance.now() - began, pending: answer.num_pending };
  } finally {
    await connection.close();
  }
}

/**
 * @template T
 * @param {Program} program
 * @param {(start: () => Promise<Broker & { storeBytes: () => number }>) => Promise<T>} work
 */
async function inFolder(program, work) {
  const folder = await mkdtemp(join(tmpdir(), "frond-scale-"));
  const config = join(folder, "scale.conf");
  const store = join(folder, "store");
  await writeFile(config, `jetstream { store_dir: ${JSON.stringify(store)} }\n`);
  try {
    return await work(async () => {
      const command = [...program.command, "-c", config];
      const broker = await startBroker({ name: program.name, command });
      return { ...broker, storeBytes: () => bytesBelow(store) };
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @param {string} mode @param {Broker} broker @param {Record<string, string | number>} flags */
async function generate(mode, broker, flags) {
  const all = { port: broker.port, ...flags };
  return runGenerator([
    mode,
    ...Object.entries(all).flatMap(([name, value]) => [`--${name}`, String(value)]),
  ]);
}

/** @param {Broker} broker @param {string} subject @param {object} body */
async function request(broker, subject, body) {
  const connection = await connect({ servers: `127.0.0.1:${broker.port}` });
  try {
    const answer = (await connection.request(subject, JSON.stringify(body), { timeout: 120_000 })).json();
    if (answer.error) throw new Error(`${subject}: ${answer.error.description}`);
    return answer;
  } finally {
    await connection.close();
  }
}

/** Blocks in use, since files may have holes. @param {string} folder @returns {number} */
function bytesBelow(folder) {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    bytes += entry.isDirectory() ? bytesBelow(path) : statSync(path).blocks * 512;
  }
  return bytes;
}

/** @param {number} bytes */
function mebibytes(bytes) {
  return `${(bytes / MEBIBYTE).toFixed(0)} MiB`;
}

/** @param {Program[]} programs @param {Figures[]} columns */
function pageOf(programs, columns) {
  const rows = (columns[0] ?? []).map(([what], row) => [
    what,
    ...columns.map((figures) => figures[row]?.[1] ?? ""),
  ]);
  const line = (/** @type {string[]} */ cells) => `| ${cells.join(" | ")} |\n`;
  const names = programs.map((program) => program.name);
  return (
    "# Scale\n\n`node bench/scale.mjs`, " +
    `${new Date().toISOString().slice(0, 10)}. Both with JetStream as it comes.\n\n` +
    line(["", ...names]) +
    line([":--", ...names.map(() => "--:")]) +
    rows.map(line).join("")
  );
}
