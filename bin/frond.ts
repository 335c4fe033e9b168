/** The command: arguments, signals and the exit code, nothing else. */
import { runBroker, versionText, type RunCommand, type RunningBroker } from "../src/command.ts";
import { parseCommandLine, type Command } from "../src/config/flags.ts";
import { testConfig } from "../src/config/load.ts";
import { tlsUsageText, usageText } from "../src/config/usage.ts";
import { signalTargets } from "../src/signal-targets.ts";

const program = "frond";

function fail(text: string, exitCode = 1): void {
  process.stderr.write(`${text}\n`);
  process.exitCode = exitCode;
}

async function main(command: Command): Promise<void> {
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
      fail(`${program}: ${command.message}`, command.exitCode);
      if (command.showsUsage) process.stderr.write(usageText);
      return;
    case "explain": {
      const { explain } = await import("../src/explain.ts");
      const { text, exitCode } = await explain(command);
      (exitCode === 0 ? process.stdout : process.stderr).write(`${text}\n`);
      process.exitCode = exitCode;
      return;
    }
    case "store-check": {
      const { checkStore } = await import("../src/store/check.ts");
      const { lines, problems } = await checkStore(command.directory);
      process.stdout.write(lines.map((line) => `${line}\n`).join(""));
      if (problems.length > 0) fail(problems.join("\n"));
      return;
    }
    case "signal":
      for (const pid of signalTargets(command.target)) process.kill(pid, command.signal);
      return;
    case "test": {
      const result = testConfig(
        { file: command.configFile, flags: command.overrides, env: process.env },
        program,
      );
      fail(result.lines.join("\n"), result.exitCode);
      return;
    }
    case "run":
      return run(command);
  }
}

async function run(command: RunCommand): Promise<void> {
  hideSecrets(command);
  const broker = await runBroker(command);
  obeySignals(broker);
  try {
    await broker.server.closed;
  } catch {
    process.exitCode = 1;
  }
  broker.logger.close();
}

function obeySignals({ server, logger, reload }: RunningBroker): void {
  const stop = (): void => {
    if (!server.isLameDuck) void server.close();
  };
  process.on("SIGINT", () => void server.close());
  process.on("SIGTERM", stop);
  process.on("SIGHUP", () => void reload());
  if (process.platform === "win32") return;
  process.on("SIGUSR1", () => logger.reopen());
  process.on("SIGUSR2", () => void server.enterLameDuck());
}

/** Passwords and tokens given as flags are not for everyone who may list processes. */
function hideSecrets({ overrides }: RunCommand): void {
  if (overrides.password !== undefined || overrides.token !== undefined) process.title = program;
}

try {
  await main(parseCommandLine(process.argv.slice(2)));
} catch (error) {
  fail(`${program}: ${error instanceof Error ? error.message : String(error)}`);
}
