// What is measured of a leaf link, two brokers of the same kind at its ends, and the bar for each number.
// @ts-check
import { runGenerator } from "./generator.mjs";
import { processorSeconds } from "./servers.mjs";

/** @typedef {import("./servers.mjs").Link} Link */
/** @typedef {import("./scenarios.mjs").Scenario} Scenario */
/** @typedef {import("./scenarios.mjs").Effort} Effort */
/** @typedef {import("./scenarios.mjs").Sample} Sample */

const SUBSCRIPTIONS = 100_000;

/** @type {Scenario[]} */
export const LINK_SCENARIOS = [
  ...[16, 1024].flatMap((size) => [throughput(size, true), throughput(size, false)]),
  {
    name: "link: request-reply across, one at a time",
    metrics: [
      { key: "p50", label: "p50", unit: "us", better: "lower", ratioBar: 1 },
      { key: "p99", label: "p99", unit: "us", better: "lower", ratioBar: 1 },
    ],
    measureLink: (link, effort, warmUp) => {
      const args = ["latency", "--size", "128", "--in-flight", "1", ...ports(link, true)];
      return measured(link, args, warmUp ? effort.warmUpSeconds : effort.latencySeconds, (result) => ({
        p50: result["p50_us"] ?? Number.NaN,
        p99: result["p99_us"] ?? Number.NaN,
      }));
    },
  },
  {
    name: `link: interest of ${SUBSCRIPTIONS.toLocaleString("en")} subscriptions`,
    metrics: [{ key: "ms", unit: "ms", better: "lower", ratioBar: 1 }],
    measureLink: (link) => {
      const args = ["interest", "--subjects", String(SUBSCRIPTIONS), ...ports(link, true)];
      return measured(link, args, null, (result) => ({ ms: result["ms"] ?? Number.NaN }));
    },
  },
];

/** @param {number} size @param {boolean} down from the hub to the leaf @returns {Scenario} */
function throughput(size, down) {
  const shown = size < 1024 ? `${size} B` : `${size / 1024} KiB`;
  return {
    name: `link: ${down ? "hub to leaf" : "leaf to hub"}, ${shown}`,
    metrics: [{ key: "rate", unit: "msg/s", better: "higher", ratioBar: 1.5 }],
    measureLink: (link, effort, warmUp) => {
      const args = ["throughput", "--size", String(size), ...ports(link, down)];
      return measured(link, args, warmUp ? effort.warmUpSeconds : effort.seconds, (result) => ({
        rate: result["msgs_per_second"] ?? Number.NaN,
      }));
    },
  };
}

/** @param {Link} link @param {boolean} down */
function ports({ hub, leaf }, down) {
  const [from, to] = down ? [hub, leaf] : [leaf, hub];
  return ["--from-port", String(from.port), "--port", String(to.port)];
}

/**
 * @param {Link} link
 * @param {string[]} args
 * @param {number | null} seconds
 * @param {(result: import("./generator.mjs").Numbers) => Record<string, number>} pick
 * @returns {Promise<Sample>}
 */
async function measured({ hub, leaf }, args, seconds, pick) {
  const used = () => processorSeconds(hub) + processorSeconds(leaf);
  const before = used();
  const result = await runGenerator(seconds === null ? args : [...args, "--seconds", String(seconds)]);
  return {
    values: pick(result),
    brokerCores: (used() - before) / (result["seconds"] ?? Number.NaN),
    generatorCores: result["generator_cores"] ?? Number.NaN,
  };
}
