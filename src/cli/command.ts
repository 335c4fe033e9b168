/** What the command does with its arguments, short of ending the process. */
import type { Log } from "../base/log.ts";
import type { Command } from "../config/flags.ts";
import { deepFreeze } from "../config/freeze.ts";
import { loadOptions } from "../config/load.ts";
import type { LoadedOptions } from "../config/load.ts";
import type { Options } from "../config/options.ts";
import { Clock } from "../base/clock.ts";
import { nameOtherStores, pickStoreDirectory } from "../server/default-store.ts";
import { createLogger, type Logger } from "../server/logger.ts";
import { Server } from "../server/server.ts";
import { DirectoryInUse } from "../store/directory-lock.ts";
import { natsVersion, productVersion } from "../base/version.ts";

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

/**
 * @param stopping ends the start, as a failure, of which the log says nothing
 * @throws ConfigError, or Error when a listener cannot be had
 */
export async function runBroker(command: RunCommand, stopping?: AbortSignal): Promise<RunningBroker> {
  const loaded = load(command);
  const logger = await createLogger(loaded.options.log);
  for (const warning of [...command.warnings, ...loaded.warnings]) logger.warn(warning);
  try {
    const server = await startServer(loaded, logger, stopping);
    return { server, logger, reload: async () => reloadFrom(command, server, logger) };
  } catch (error) {
    // Standard error gets it from whoever catches it.
    if (loaded.options.log.file !== null && stopping?.aborted !== true)
      logger.fatal(error instanceof Error ? error.message : String(error));
    logger.close();
    throw error;
  }
}

/** Brokers that start at the same moment may want the same directory. */
const storeAttemptsMax = 5;

async function startServer(
  { options, hasDefaultStore = false }: LoadedOptions,
  log: Log,
  stopping?: AbortSignal,
): Promise<Server> {
  const shared = hasDefaultStore ? (options.jetstream?.storeDir ?? null) : null;
  for (let attempt = 1; ; attempt++) {
    const directory = shared === null ? null : await pickStoreDirectory(shared, options, log, stopping);
    const server = new Server(withStoreDirectory(options, directory), new Clock(), log);
    try {
      await server.start(stopping);
    } catch (error) {
      if (shared !== null && error instanceof DirectoryInUse && attempt < storeAttemptsMax) continue;
      throw error;
    }
    if (shared !== null && directory !== null) await nameOtherStores(directory, shared, log);
    return server;
  }
}

/** What a reload leaves as it is, where nobody has said anything else. */
async function storeDirectoryFor(
  { options, hasDefaultStore }: LoadedOptions,
  server: Server,
  log: Log,
): Promise<string | null> {
  const shared = options.jetstream?.storeDir ?? null;
  if (hasDefaultStore !== true || shared === null) return null;
  return server.options.jetstream?.storeDir ?? pickStoreDirectory(shared, options, log);
}

/** @param directory null: the one that they name */
function withStoreDirectory(options: Options, directory: string | null): Options {
  if (directory === null || options.jetstream === null) return options;
  return deepFreeze({ ...options, jetstream: { ...options.jetstream, storeDir: directory } });
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
    const options = withStoreDirectory(loaded.options, await storeDirectoryFor(loaded, server, logger));
    await logger.changeOptions(options.log, () => server.reload(options));
    logger.info("Reloaded server configuration");
  } catch (error) {
    logger.error(
      `Failed to reload server configuration: ${error instanceof Error ? error.message : String(error)}`,
    );
  }
}
