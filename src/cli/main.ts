/** The command: arguments, signals and the exit code, nothing else. */
import { codeOf, reasonOf } from "../base/system-error.ts";
import { runBroker, versionText, type RunCommand, type RunningBroker } from "./command.ts";
import { parseCommandLine, type Command } from "../config/flags.ts";
import { testConfig } from "../config/load.ts";
import { tlsUsageText, usageText } from "../config/usage.ts";
import { fatalEntry } from "../server/logger.ts";
import { signalTargets } from "./signal-targets.ts";

const program = "frond";

/** The signals that `bin/frond` has caught since the process began. */
interface Signals {
  /** From now on each is given to `act`; those that have waited are at once. */
  take(act: (name: NodeJS.Signals) => void): void;
  /** From now on they do what they do to any process; those that have waited do it at once. */
  release(): void;
}

/** Runs one command line to its end, and sets the exit code. */
export async function main(args: readonly string[], signals: Signals): Promise<void> {
  let isRun = false;
  try {
    const command = parseCommandLine(args);
    isRun = command.command === "run";
    if (!isRun) signals.release();
    await perform(command, signals);
  } catch (error) {
    const text = `${program}: ${error instanceof Error ? error.message : String(error)}`;
    // Where the log is JSON, so is the reason that there will be none.
    fail(isRun && !process.stderr.isTTY ? fatalEntry(text) : text);
  }
}

function fail(text: string, exitCode = 1): void {
  process.stderr.write(`${text}\n`);
  process.exitCode = exitCode;
}

async function perform(command: Command, signals: Signals): Promise<void> {
  switch (command.command) {
    case "version":
      process.stdout.write(`${versionText()}\n`);
      return;
    case "help":
      process.stdout.write(usageText);
      return;
    case "help-tls":
      process.stdout.write(tlsUsageText());
      return;
    case "error":
      // Last, where whoever has a screen of usage before them looks.
      if (command.showsUsage) process.stderr.write(`${usageText}\n`);
      return fail(`${program}: ${command.message}`, command.exitCode);
    case "explain": {
      const { explain } = await import("./explain.ts");
      const { text, exitCode } = await explain(command);
      (exitCode === 0 ? process.stdout : process.stderr).write(`${text}\n`);
      process.exitCode = exitCode;
      return;
    }
    case "store-check": {
      const { checkStore } = await import("../store/check/check.ts");
      const { lines, diagnostics } = await checkStore(command.directory);
      process.stdout.write(lines.map((line) => `${line}\n`).join(""));
      if (diagnostics.length > 0) fail(diagnostics.join("\n"));
      return;
    }
    case "signal":
      return sendSignal(command.signal, signalTargets(command.target));
    case "test": {
      const result = testConfig(
        {
          file: command.configFile,
          reloadFile: command.reloadFile,
          flags: command.overrides,
          env: process.env,
        },
        program,
      );
      fail(result.lines.join("\n"), result.exitCode);
      return;
    }
    case "run":
      return run(command, signals);
  }
}

function sendSignal(signal: NodeJS.Signals, pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      const why =
        codeOf(error) === "EPERM"
          ? "it belongs to another user: send the signal as that user"
          : reasonOf(error);
      throw new Error(`cannot send ${signal} to process ${pid}: ${why}`, { cause: error });
    }
  }
}

async function run(command: RunCommand, signals: Signals): Promise<void> {
  hideSecrets(command);
  const broker = await start(command, signals);
  if (broker === null) return;
  try {
    await broker.server.closed;
  } catch {
    process.exitCode = 1;
  }
  broker.logger.close();
}

/** What asks for an end ends the start too; all else waits until it is over. @returns null when it was ended */
async function start(command: RunCommand, signals: Signals): Promise<RunningBroker | null> {
  const stopping = new AbortController();
  const waiting: NodeJS.Signals[] = [];
  signals.take((name) => {
    if (name === "SIGTERM" || name === "SIGINT") stopping.abort();
    waiting.push(name);
  });
  try {
    const broker = await runBroker(command, stopping.signal);
    for (const name of waiting) obey(name, broker);
    signals.take((name) => obey(name, broker));
    return broker;
  } catch (error) {
    if (stopping.signal.aborted) return null;
    throw error;
  }
}

function obey(name: NodeJS.Signals, { server, logger, reload }: RunningBroker): void {
  switch (name) {
    case "SIGINT":
      return void server.close();
    case "SIGTERM":
      if (!server.isLameDuck) void server.close();
      return;
    case "SIGHUP":
      return void reload();
    case "SIGUSR1":
      return logger.reopen();
    case "SIGUSR2":
      return void server.enterLameDuck();
  }
}

/** Passwords and tokens given as flags are not for everyone who may list processes. */
function hideSecrets({ overrides }: RunCommand): void {
  if (overrides.password !== undefined || overrides.token !== undefined) process.title = program;
}
