/** From a directory as the last run has left it to an environment that has all of the journal. */
import { Applier } from "./applier.ts";
import { type Environment, formatVersion, openEnvironment } from "./environment.ts";
import type { JournalGroup } from "./group.ts";
import { JournalReader } from "./journal-reader.ts";
import { DamageError } from "./journal-segment.ts";
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
  const env = openEnvironment(environmentPath);
  try {
    checkVersion(env, environmentPath);
    const applier = new Applier(env);
    const reader = new JournalReader(journalDirectory, applier.appliedGroup);
    try {
      for (let batch = nextBatch(reader); batch.length > 0; batch = nextBatch(reader)) applier.apply(batch);
    } finally {
      reader.close();
    }
    return { env, appliedGroup: applier.appliedGroup };
  } catch (error) {
    void env.close();
    throw error instanceof RangeError ? new DamageError(`${environmentPath}: ${error.message}`) : error;
  }
}

function nextBatch(reader: JournalReader): JournalGroup[] {
  const batch: JournalGroup[] = [];
  for (let bytes = 0; bytes < batchBytesMax; ) {
    const group = reader.nextRecovered();
    if (group === null) break;
    batch.push(group);
    bytes += group.end - group.start;
  }
  return batch;
}

/** A new environment gets the version of this program. */
function checkVersion(env: Environment, path: string): void {
  const version = readMeta(new Reads(env), metaNames.format);
  if (version === formatVersion) return;
  if (version !== 0)
    throw new Error(`${path} has format version ${version}; this program knows version ${formatVersion}`);
  env.transactionSync(() => writeMeta(env, metaNames.format, formatVersion));
}
