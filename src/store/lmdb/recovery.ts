/** From a directory as the last run has left it to an environment that has all of the journal. */
import { renameSync, rmSync } from "node:fs";
import { Applier } from "./applier.ts";
import { Batch } from "./batch.ts";
import { checkDataFile } from "./data-file.ts";
import { type Environment, formatVersion, openEnvironment } from "./environment.ts";
import { JournalReader } from "../journal/journal-reader.ts";
import { DamageError, syncDirectory } from "../journal/journal-segment.ts";
import { Reads } from "./reads.ts";
import { metaNames, readMeta, writeMeta } from "./stream-writer.ts";

/** Of one transaction. */
const batchBytesMax = 33_554_432;

/**
 * The same code and the same transactions as in the apply worker.
 * @throws DamageError, or Error for a version that this program does not know
 */
export function openRecovered(
  journalDirectory: string,
  environmentPath: string,
): { env: Environment; appliedGroup: number } {
  const isNew = !checkDataFile(environmentPath);
  if (isNew) createEnvironment(journalDirectory, environmentPath);
  const env = openEnvironment(environmentPath);
  try {
    checkVersion(env, environmentPath);
    const applier = new Applier(env);
    const reader = new JournalReader(journalDirectory, applier.appliedGroup);
    try {
      for (;;) {
        const batch = new Batch(() => reader.nextRecovered(), batchBytesMax);
        if (batch.isEmpty) break;
        applier.apply(batch);
      }
    } finally {
      reader.close();
    }
    return { env, appliedGroup: applier.appliedGroup };
  } catch (error) {
    void env.close();
    throw error instanceof RangeError ? new DamageError(`${environmentPath}: ${error.message}`) : error;
  }
}

/** What has the name of an environment is one: a power cut leaves nothing that looks like a damaged store. */
function createEnvironment(directory: string, path: string): void {
  const temporaryPath = `${path}.new`;
  for (const left of [temporaryPath, `${temporaryPath}-lock`]) rmSync(left, { force: true });
  const env = openEnvironment(temporaryPath);
  env.transactionSync(() => writeMeta(env, metaNames.format, formatVersion));
  void env.close();
  renameSync(temporaryPath, path);
  rmSync(`${temporaryPath}-lock`, { force: true });
  syncDirectory(directory);
}

function checkVersion(env: Environment, path: string): void {
  const version = readMeta(new Reads(env), metaNames.format);
  if (version !== formatVersion)
    throw new Error(`${path} has format version ${version}; this program knows version ${formatVersion}`);
}
