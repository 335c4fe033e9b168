// From samples to medians, ratios and verdicts, as a table for the terminal and for RESULTS.md.
// @ts-check

/** @typedef {import("./scenarios.mjs").Metric} Metric */
/** @typedef {import("./scenarios.mjs").Sample} Sample */
/** @typedef {import("./scenarios.mjs").Scenario} Scenario */
/**
 * @typedef {object} Outcome of one scenario
 * @property {Scenario} scenario
 * @property {Sample[]} frond one for each round
 * @property {Sample[]} peer the same rounds; empty without a nats-server
 * @property {string | null} failure
 */
/** @typedef {{ cells: string[], verdict: "pass" | "MISS" | "FAILED" | "" }} Row */

// A generator this busy may be what limits the rate, so the broker may be faster than the number says.
const GENERATOR_BUSY_CORES = 0.9;
const COLUMNS = [
  "scenario",
  "Frond",
  "nats-server",
  "ratio",
  "min–max",
  "bar",
  "verdict",
  "cores",
  "generator",
];
const WIDTHS = [41, 11, 11, 7, 13, 9, 7, 11, 9];

/** @param {Outcome} outcome @returns {Row[]} one for each metric */
export function rowsOf(outcome) {
  const { scenario, failure } = outcome;
  if (failure !== null) {
    return [{ cells: [scenario.name, "", "", "", "", "", "FAILED", "", failure], verdict: "FAILED" }];
  }
  return scenario.metrics.map((metric) => rowOf(outcome, metric));
}

/** @param {Outcome} outcome @param {Metric} metric @returns {Row} */
function rowOf({ scenario, frond, peer }, metric) {
  const ours = frond.map((sample) => sample.values[metric.key] ?? Number.NaN);
  const theirs = peer.map((sample) => sample.values[metric.key] ?? Number.NaN);
  const ratios = theirs.map((value, round) => (ours[round] ?? Number.NaN) / value);
  const ratio = median(ratios);
  const verdict = judge(metric, median(ours), ratio);
  const busy = median(frond.map((sample) => sample.generatorCores ?? Number.NaN));
  return {
    verdict,
    cells: [
      metric.label ? `${scenario.name}: ${metric.label}` : scenario.name,
      withUnit(median(ours), metric.unit),
      withUnit(median(theirs), metric.unit),
      times(ratio),
      ratios.length > 0 ? `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}` : "",
      barText(metric),
      verdict,
      [frond, peer]
        .map((samples) => cores(samples))
        .filter(Boolean)
        .join(" / "),
      Number.isNaN(busy) ? "" : busy.toFixed(2) + (busy >= GENERATOR_BUSY_CORES ? " (!)" : ""),
    ],
  };
}

/** @param {Metric} metric @param {number} own @param {number} ratio @returns {Row["verdict"]} */
function judge(metric, own, ratio) {
  if (metric.ownBar !== undefined) return own < metric.ownBar ? "pass" : "MISS";
  if (metric.ratioBar === undefined || Number.isNaN(ratio)) return "";
  return (metric.better === "higher" ? ratio >= metric.ratioBar : ratio <= metric.ratioBar) ? "pass" : "MISS";
}

/** NaN for no values. @param {number[]} values */
export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] ?? Number.NaN;
  return Number.isInteger(middle) ? ((sorted[middle - 1] ?? Number.NaN) + upper) / 2 : upper;
}

/** @param {Metric} metric */
function barText(metric) {
  if (metric.ownBar !== undefined) return `< ${metric.ownBar} ${metric.unit}`;
  if (metric.ratioBar === undefined) return "";
  return `${metric.better === "higher" ? "≥" : "≤"} ${metric.ratioBar}×`;
}

/** @param {Sample[]} samples */
function cores(samples) {
  const value = median(samples.map((sample) => sample.brokerCores ?? Number.NaN));
  return Number.isNaN(value) ? "" : value.toFixed(2);
}

/** @param {number} ratio */
function times(ratio) {
  return Number.isNaN(ratio) ? "" : `${ratio.toFixed(2)}×`;
}

/** @param {number} value @param {Metric["unit"]} unit */
function withUnit(value, unit) {
  if (Number.isNaN(value)) return "";
  if (unit === "msg/s")
    return value >= 1e6 ? `${(value / 1e6).toFixed(2)} M/s` : `${(value / 1e3).toFixed(1)} k/s`;
  if (unit === "B") return value >= 1e3 ? `${(value / 1e3).toFixed(1)} kB` : `${value.toFixed(0)} B`;
  return `${value.toFixed(value < 10 ? 2 : 1)} ${unit === "us" ? "µs" : unit}`;
}

export function textHead() {
  return `${textLine(COLUMNS)}\n${textLine(WIDTHS.map((width) => "-".repeat(width)))}`;
}

/** @param {string[]} cells */
export function textLine(cells) {
  return cells
    .map((cell, column) =>
      column === 0 ? cell.padEnd(WIDTHS[column] ?? 0) : cell.padStart(WIDTHS[column] ?? 0),
    )
    .join("  ")
    .trimEnd();
}

/**
 * @param {{ facts: [string, string][], rows: Row[], rounds: number, summary: string }} run
 * @returns {string} the whole page
 */
export function resultsPage({ facts, rows, rounds, summary }) {
  const line = (/** @type {string[]} */ cells) =>
    `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
  return [
    "# Benchmark results",
    "",
    "Written by `npm run bench`; what the scenarios do is in [README.md](README.md).",
    "",
    ...facts.map(([name, value]) => `- ${name}: ${value}`),
    "",
    `Medians of ${rounds} alternating rounds. The ratio is Frond to nats-server in the same round (median, then the`,
    "least and the most); for latency and memory, lower is better. Cores: processor time of each broker by wall time,",
    "Frond / nats-server. Generator: its own share of a core while Frond was measured; (!) marks a rate that the",
    "generator may have limited.",
    "",
    `**${summary}**`,
    "",
    line(COLUMNS),
    line(COLUMNS.map((_, column) => (column === 0 ? ":--" : "--:"))),
    ...rows.map((row) => line(row.cells)),
    "",
  ].join("\n");
}

/** @param {Row[]} rows */
export function summaryOf(rows) {
  const count = (/** @type {Row["verdict"]} */ verdict) =>
    rows.filter((row) => row.verdict === verdict).length;
  const parts = [`${count("pass")} bars met`, `${count("MISS")} missed`];
  if (count("FAILED") > 0) parts.push(`${count("FAILED")} scenarios failed`);
  return parts.join(", ");
}
