// `npm run bench`: Frond and a nats-server side by side, in alternating rounds. See README.md.
// @ts-check
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg, release, totalmem } from "node:os";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { killChildren } from "./children.mjs";
import { buildGenerator } from "./generator.mjs";
import { resultsPage, rowsOf, summaryOf, textHead, textLine } from "./report.mjs";
import { FULL, QUICK, SCENARIOS } from "./scenarios.mjs";
import { frondProgram, natsServerProgram, reason, startBroker, startLink } from "./servers.mjs";

/** @typedef {import("./report.mjs").Outcome} Outcome */
/** @typedef {import("./scenarios.mjs").Effort} Effort */
/** @typedef {import("./scenarios.mjs").Sample} Sample */
/** @typedef {import("./scenarios.mjs").Scenario} Scenario */
/** @typedef {import("./servers.mjs").Program} Program */

const USAGE = `usage: npm run bench -- [options]
  --only REGEX       only the scenarios whose name matches
  --rounds N         rounds of each scenario (default 5)
  --quick            one short round
  --no-write         leave bench/RESULTS.md as it is; --only, --quick and --frond-cmd imply it
  --frond-cmd "CMD"  measure this command in Frond's place; it must take nats-server's flags
The nats-server is the one named by NATS_SERVER, else the first on the PATH.`;

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const RESULTS = fileURLToPath(new URL("RESULTS.md", import.meta.url));

process.on("exit", killChildren);
process.on("SIGINT", () => process.exit(130));
process.on("SIGTERM", () => process.exit(143));

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`bench: ${reason(error)}\n`);
  process.exitCode = 1;
}

/** @returns {Promise<number>} the exit code: 0 when everything could be measured, bars met or not */
async function main() {
  const options = readOptions();
  if (options === null) return 0;
  const scenarios = SCENARIOS.filter((scenario) => options.only.test(scenario.name));
  if (scenarios.length === 0) throw new Error(`no scenario matches --only ${options.only.source}`);
  buildGenerator();
  const frond = frondProgram(options.frondCommand);
  const peer = natsServerProgram();
  if (!peer) {
    process.stdout.write(
      "No nats-server on the PATH: Frond is measured alone, without ratios. To compare, put one there or name it " +
        "in NATS_SERVER (https://github.com/nats-io/nats-server/releases).\n\n",
    );
  }
  const startedAt = performance.now();
  const facts = await machineFacts(frond, peer, options.frondCommand);
  for (const [name, value] of facts) process.stdout.write(`${name}: ${value}\n`);
  process.stdout.write(`\n${textHead()}\n`);
  const rows = [];
  for (const scenario of scenarios) {
    const outcome = await runScenario(scenario, frond, peer, options);
    for (const row of rowsOf(outcome)) {
      process.stdout.write(`${textLine(row.cells)}\n`);
      rows.push(row);
    }
  }
  const summary = summaryOf(rows);
  const minutes = ((performance.now() - startedAt) / 60_000).toFixed(1);
  process.stdout.write(`\n${summary}, in ${minutes} minutes\n`);
  if (options.write) writeFileSync(RESULTS, resultsPage({ facts, rows, rounds: options.rounds, summary }));
  return rows.some((row) => row.verdict === "FAILED") ? 1 : 0;
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      only: { type: "string" },
      rounds: { type: "string" },
      quick: { type: "boolean", default: false },
      "no-write": { type: "boolean", default: false },
      "frond-cmd": { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) {
    process.stdout.write(`${USAGE}\n`);
    return null;
  }
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 5));
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 100)
    throw new Error("--rounds takes a number from 1 to 100");
  const frondCommand = values["frond-cmd"];
  const partial = values.only !== undefined || values.quick || frondCommand !== undefined;
  return {
    only: new RegExp(values.only ?? "", "i"),
    rounds,
    frondCommand,
    write: !partial && !values["no-write"],
    effort: values.quick ? QUICK : FULL,
  };
}

/**
 * @param {Scenario} scenario
 * @param {Program} frond
 * @param {Program | null} peer
 * @param {{ rounds: number, effort: Effort }} options
 * @returns {Promise<Outcome>}
 */
async function runScenario(scenario, frond, peer, { rounds, effort }) {
  /** @type {Outcome} */
  const outcome = { scenario, frond: [], peer: [], failure: null };
  const sides = [
    { program: frond, samples: outcome.frond },
    ...(peer ? [{ program: peer, samples: outcome.peer }] : []),
  ];
  /** @type {{ stop: () => Promise<void> }[]} */
  const brokers = [];
  let measuring = frond.name;
  try {
    /** @type {{ name: string, samples: Sample[], measure: () => Promise<Sample> }[]} */
    const turns = [];
    for (const { program, samples } of sides) {
      measuring = program.name;
      turns.push({ name: program.name, samples, measure: await prepare(scenario, program, effort, brokers) });
    }
    for (let round = 0; round < rounds; round++) {
      for (const { name, samples, measure } of turns) {
        measuring = name;
        samples.push(await measure());
      }
    }
  } catch (error) {
    outcome.failure = `${measuring}: ${reason(error)}`;
  }
  for (const broker of brokers) await broker.stop();
  return outcome;
}

/**
 * @param {Scenario} scenario
 * @param {Program} program
 * @param {Effort} effort
 * @param {{ stop: () => Promise<void> }[]} brokers what is started here is added, for the caller to stop
 * @returns {Promise<() => Promise<Sample>>} measures one round
 */
async function prepare(scenario, program, effort, brokers) {
  const { measure, measureFresh, measureLink, websocket = false, store } = scenario;
  if (measureFresh) return () => measureFresh(program, effort);
  if (measureLink) {
    const link = await startLink(program);
    brokers.push(link);
    await measureLink(link, effort, true);
    return () => measureLink(link, effort, false);
  }
  if (!measure) throw new Error(`${scenario.name} measures nothing`);
  const broker = await startBroker(program, { websocket, store: store?.(program.name) ?? null });
  brokers.push(broker);
  await measure(broker, effort, true);
  return () => measure(broker, effort, false);
}

/**
 * @param {Program} frond
 * @param {Program | null} peer
 * @param {string | undefined} substitute what runs in Frond's place
 * @returns {Promise<[string, string][]>}
 */
async function machineFacts(frond, peer, substitute) {
  const { version } = JSON.parse(readFileSync(`${ROOT}/package.json`, "utf8"));
  const cores = cpus();
  const gib = (totalmem() / 2 ** 30).toFixed(0);
  /** @type {[string, string][]} */
  const facts = [
    ["Date", new Date().toISOString().slice(0, 16).replace("T", " ") + " UTC"],
    [
      "Command",
      ["npm run bench", ...(process.argv.length > 2 ? ["--", ...process.argv.slice(2)] : [])].join(" "),
    ],
    ["Machine", `${cores[0]?.model ?? "unknown"}, ${cores.length} cores, ${gib} GiB, Linux ${release()}`],
    [
      "Load before the run",
      loadavg()
        .map((load) => load.toFixed(2))
        .join(", "),
    ],
    ["Frond", substitute ? `in its place: ${substitute}` : `${version}${commit()}, Node ${process.version}`],
  ];
  for (const program of peer ? [frond, peer] : [frond]) {
    const broker = await startBroker(program);
    await broker.stop();
    const { version: level = "unknown", go = "no Go version" } = broker.info;
    if (program === peer) facts.push(["nats-server", `${level} (${go})`]);
    else facts.push(["Frond's INFO", `version ${level}`]);
  }
  return facts;
}

function commit() {
  try {
    const git = (/** @type {string[]} */ args) =>
      execFileSync("git", args, { cwd: ROOT, stdio: "pipe", encoding: "utf8" });
    const changed = git(["status", "--porcelain", "--untracked-files=no", "--", "src", "bin"]).trim() !== "";
    return ` (${git(["rev-parse", "--short", "HEAD"]).trim()}${changed ? ", with uncommitted changes" : ""})`;
  } catch {
    return "";
  }
}
