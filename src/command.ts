/** What the command does with its arguments, short of ending the process. */
import type { Command } from "./config/flags.ts";
import { loadOptions } from "./config/load.ts";
import type { LoadedOptions } from "./config/load.ts";
import { Clock } from "./base/clock.ts";
import { createLogger, type Logger } from "./logger.ts";
import { Server } from "./server.ts";
import { natsVersion, productVersion } from "./version.ts";

export type RunCommand = Extract<Command, { command: "run" | "test" }>;

export interface RunningBroker {
  readonly server: Server;
  readonly logger: Logger;
  /** Reads the configuration file again; what is wrong with it is logged and changes nothing. */
  reload(): Promise<void>;
}

export function versionText(): string {
  return `frond: v${productVersion} (NATS v${natsVersion})`;
}

/** @throws ConfigError, or Error when a listener cannot be had */
export async function runBroker(command: RunCommand): Promise<RunningBroker> {
  const loaded = load(command);
  const logger = await createLogger(loaded.options.log);
  const server = new Server(loaded.options, new Clock(), logger);
  for (const warning of [...command.warnings, ...loaded.warnings]) logger.warn(warning);
  try {
    await server.start();
  } catch (error) {
    // Standard error gets it from whoever catches it.
    if (loaded.options.log.file !== null)
      logger.fatal(error instanceof Error ? error.message : String(error));
    logger.close();
    throw error;
  }
  return { server, logger, reload: async () => reloadFrom(command, server, logger) };
}

function load(command: RunCommand): LoadedOptions {
  return loadOptions({ file: command.configFile, flags: command.overrides, env: process.env });
}

async function reloadFrom(command: RunCommand, server: Server, logger: Logger): Promise<void> {
  if (command.configFile === null)
    return logger.error("Failed to reload server configuration: there is no configuration file");
  try {
    const loaded = load(command);
    for (const warning of loaded.warnings) logger.warn(warning);
    if (loaded.hasMisuse) throw new Error("the configuration has warnings; nothing was changed");
    await logger.changeOptions(loaded.options.log, () => server.reload(loaded.options));
    logger.info("Reloaded server configuration");
  } catch (error) {
    logger.error(
      `Failed to reload server configuration: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
