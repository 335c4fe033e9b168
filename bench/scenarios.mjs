// What is measured, and the bar for each number.
// @ts-check
import { setTimeout as sleep } from "node:timers/promises";
import { runGenerator } from "./generator.mjs";
import { LINK_SCENARIOS } from "./link-scenarios.mjs";
import { STREAM_SCENARIOS } from "./stream-scenarios.mjs";
import { processorSeconds, residentBytes, startBroker } from "./servers.mjs";

/** @typedef {import("./servers.mjs").Broker} Broker */
/** @typedef {import("./servers.mjs").Program} Program */
/**
 * @typedef {object} Metric
 * @property {string} key in a sample's values
 * @property {string} [label] what it is, where a scenario has several
 * @property {"msg/s" | "us" | "ms" | "B" | "MB"} unit
 * @property {"higher" | "lower"} better
 * @property {number} [ratioBar] Frond's median ratio to nats-server, at least (higher) or at most (lower)
 * @property {number} [ownBar] Frond's median, below this
 */
/** @typedef {{ values: Record<string, number>, brokerCores?: number, generatorCores?: number }} Sample */
/** @typedef {{ seconds: number, latencySeconds: number, warmUpSeconds: number, settleMs: number, connections: number }} Effort */
/**
 * @typedef {object} Scenario
 * @property {string} name
 * @property {Metric[]} metrics
 * @property {boolean} [websocket]
 * @property {(program: string) => { syncInterval?: string | null }} [store] it needs JetStream, with this configuration
 * @property {(broker: Broker, effort: Effort, warmUp: boolean) => Promise<Sample>} [measure] on a broker that lives for the scenario
 * @property {(link: import("./servers.mjs").Link, effort: Effort, warmUp: boolean) => Promise<Sample>} [measureLink] on two brokers that are linked
 * @property {(program: Program, effort: Effort) => Promise<Sample>} [measureFresh] starts a broker for each round
 */

/** @type {Effort} */
export const FULL = {
  seconds: 1,
  latencySeconds: 2,
  warmUpSeconds: 0.5,
  settleMs: 1500,
  connections: 10_000,
};
/** @type {Effort} */
export const QUICK = {
  seconds: 0.4,
  latencySeconds: 0.5,
  warmUpSeconds: 0.3,
  settleMs: 500,
  connections: 2_000,
};

const REQUEST_BYTES = 128;
const HOLD_SECONDS_MAX = 30;
/** @type {[string, number, number][]} name, bytes, one-to-one bar over TCP */
const SIZES = [
  ["16 B", 16, 2],
  ["128 B", 128, 2],
  ["1 KiB", 1024, 2],
  ["4 KiB", 4096, 1.5],
  ["64 KiB", 65536, 1.5],
];

/** @type {Scenario[]} */
export const SCENARIOS = [
  ...SIZES.map(([name, size, bar]) => throughput(`1:1, ${name}`, bar, { size })),
  throughput("no subscriber, 16 B", 2, { size: 16, subs: 0 }),
  throughput("fan-out to 8, 16 B", 1.5, { size: 16, subs: 8 }),
  throughput("fan-out to 8, 4 KiB", 1.5, { size: 4096, subs: 8 }),
  throughput("fan-out to 100, 16 B", 1.5, { size: 16, subs: 100 }),
  throughput("8 publishers to 8 subscribers, 16 B", 1.5, { size: 16, pubs: 8, subs: 8, shape: "pairs" }),
  throughput("10,000 subjects, one wildcard, 16 B", 2, { size: 16, subjects: 10_000 }),
  throughput("100,000 subjects, one wildcard, 16 B", 1.5, { size: 16, subjects: 100_000 }),
  throughput("queue group of 4, 16 B", 1.5, { size: 16, subs: 4, shape: "queue" }),
  latency("request-reply, one at a time", 1),
  latency("request-reply, 64 at once", 64),
  ...SIZES.map(([name, size]) => throughput(`WebSocket 1:1, ${name}`, 1.5, { size, websocket: true })),
  ...STREAM_SCENARIOS,
  ...LINK_SCENARIOS,
  {
    name: "idle connections",
    metrics: [{ key: "bytesEach", label: "memory each", unit: "B", better: "lower", ratioBar: 0.5 }],
    measureFresh: measureIdleConnections,
  },
  {
    name: "idle broker",
    metrics: [
      { key: "readyMs", label: "start to ready", unit: "ms", better: "lower", ownBar: 150 },
      { key: "residentMB", label: "resident", unit: "MB", better: "lower", ownBar: 60 },
    ],
    measureFresh: measureStart,
  },
];

/**
 * @param {string} name
 * @param {number} ratioBar
 * @param {{ size: number, pubs?: number, subs?: number, subjects?: number, shape?: string, websocket?: boolean }} load
 * @returns {Scenario}
 */
function throughput(name, ratioBar, load) {
  const { size, pubs = 1, subs = 1, subjects = 1, shape = "fan", websocket = false } = load;
  const options = { size, pubs, subs, subjects, shape };
  const args = Object.entries(options).flatMap(([key, value]) => [`--${key}`, String(value)]);
  return {
    name,
    websocket,
    metrics: [{ key: "rate", unit: "msg/s", better: "higher", ratioBar }],
    measure: (broker, effort, warmUp) =>
      measureOn(
        broker,
        ["throughput", ...args],
        warmUp ? effort.warmUpSeconds : effort.seconds,
        (result) => ({
          rate: result["msgs_per_second"] ?? Number.NaN,
        }),
      ),
  };
}

/** @param {string} name @param {number} inFlight @returns {Scenario} */
function latency(name, inFlight) {
  return {
    name,
    metrics: [
      { key: "p50", label: "p50", unit: "us", better: "lower", ratioBar: 1 },
      { key: "p99", label: "p99", unit: "us", better: "lower", ratioBar: 1 },
      { key: "p999", label: "p99.9", unit: "us", better: "lower" },
    ],
    measure: (broker, effort, warmUp) => {
      const args = ["latency", "--size", String(REQUEST_BYTES), "--in-flight", String(inFlight)];
      // One at a time, a round trip is mostly two sleepers waking each other: three times faster when the
      // scheduler happens to put both on one core. Keeping them apart is the same for both brokers.
      if (inFlight === 1) args.push("--apart", String(broker.pid));
      return measureOn(broker, args, warmUp ? effort.warmUpSeconds : effort.latencySeconds, (result) => ({
        p50: result["p50_us"] ?? Number.NaN,
        p99: result["p99_us"] ?? Number.NaN,
        p999: result["p999_us"] ?? Number.NaN,
      }));
    },
  };
}

/**
 * @param {Broker} broker
 * @param {string[]} args
 * @param {number} seconds
 * @param {(result: import("./generator.mjs").Numbers) => Record<string, number>} pick
 * @returns {Promise<Sample>}
 */
async function measureOn(broker, args, seconds, pick) {
  const where =
    broker.websocketPort === null
      ? ["--port", String(broker.port)]
      : ["--port", String(broker.websocketPort), "--ws"];
  const before = processorSeconds(broker);
  const result = await runGenerator([...args, ...where, "--seconds", String(seconds)]);
  const brokerCores = (processorSeconds(broker) - before) / (result["seconds"] ?? Number.NaN);
  return { values: pick(result), brokerCores, generatorCores: result["generator_cores"] ?? Number.NaN };
}

/** @param {Program} program @param {Effort} effort @returns {Promise<Sample>} */
async function measureIdleConnections(program, effort) {
  const broker = await startBroker(program);
  try {
    await sleep(effort.settleMs);
    const before = residentBytes(broker);
    let after = Number.NaN;
    const args = ["idle", "--port", String(broker.port), "--connections", String(effort.connections)];
    await runGenerator([...args, "--seconds", String(HOLD_SECONDS_MAX)], async () => {
      await sleep(effort.settleMs);
      after = residentBytes(broker);
    });
    return { values: { bytesEach: (after - before) / effort.connections } };
  } finally {
    await broker.stop();
  }
}

/** @param {Program} program @param {Effort} effort @returns {Promise<Sample>} */
async function measureStart(program, effort) {
  const broker = await startBroker(program);
  try {
    await sleep(effort.settleMs);
    return { values: { readyMs: broker.readyMs, residentMB: residentBytes(broker) / 1e6 } };
  } finally {
    await broker.stop();
  }
}
