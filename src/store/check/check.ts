/**
 * Whether a store that nobody uses is as it should be: pages of LMDB, then what stands in them, then the journal. It
 * changes nothing. What is wrong is named with its file and place; one fault may show more than once.
 */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { checkStream } from "./check-stream.ts";
import { walkDataFile } from "../lmdb/data-file.ts";
import { DirectoryLock } from "../directory-lock.ts";
import { type Environment, formatVersion, openEnvironment } from "../lmdb/environment.ts";
import { JournalReader } from "../journal/journal-reader.ts";
import { listSegments } from "../journal/journal-segment.ts";
import { keyKinds, incarnationKinds, streamKinds } from "../lmdb/keys.ts";
import { decodeOperation, Operation } from "../journal/operation.ts";
import { Reads } from "../lmdb/reads.ts";
import { decodeState, type StreamState } from "../lmdb/stream-state.ts";
import { metaNames, readMeta } from "../lmdb/stream-writer.ts";

const dataFileName = "streams.mdb";

export interface StoreCheck {
  /** What was looked at, line by line. */
  readonly lines: readonly string[];
  /** Empty when all is well. */
  readonly diagnostics: readonly string[];
}

/**
 * @param given where the files are, or the folder above, which is what a configuration calls `store_dir`
 * @throws Error when there is no store, or a process has it
 */
export async function checkStore(given: string): Promise<StoreCheck> {
  const directory = [given, join(given, "jetstream")].find((each) => existsSync(join(each, dataFileName)));
  if (directory === undefined) throw new Error(`there is no store in ${given}`);
  const path = join(directory, dataFileName);
  const lock = new DirectoryLock(directory);
  try {
    return await checkLocked(directory, path);
  } finally {
    lock.release();
  }
}

async function checkLocked(directory: string, path: string): Promise<StoreCheck> {
  const lines: string[] = [];
  const diagnostics: string[] = [];
  try {
    const pages = walkDataFile(path);
    lines.push(`${path}: ${statSync(path).size} bytes, ${pages} pages in use`);
  } catch (error) {
    // To go on would be to map pages that are not there.
    return { lines, diagnostics: [textOf(error)] };
  }
  const env = openEnvironment(path);
  try {
    const version = readMeta(new Reads(env), metaNames.format);
    if (version !== formatVersion)
      return {
        lines,
        diagnostics: [`${path} has format version ${version}; this program knows version ${formatVersion}`],
      };
    checkEnvironment(env, path, lines, diagnostics);
    checkJournal(directory, readMeta(new Reads(env), metaNames.applied), lines, diagnostics);
  } finally {
    await env.close();
  }
  return { lines, diagnostics };
}

function checkEnvironment(env: Environment, path: string, lines: string[], diagnostics: string[]): void {
  const streams = new Map<number, StreamState>();
  const reads = new Reads(env);
  const owned = { incarnations: new Set<number>(), streams: new Set<number>() };
  for (const { key, value } of reads.range(rangeOf(keyKinds.stream))) {
    const id = key.readUInt32BE(1);
    const state = decodeState(value);
    streams.set(id, state);
    owned.streams.add(id);
    if (owned.incarnations.has(state.incarnation))
      diagnostics.push(`${path}: space ${state.incarnation} belongs to two streams`);
    owned.incarnations.add(state.incarnation);
  }
  for (const { key } of reads.range(rangeOf(keyKinds.garbage))) owned.incarnations.add(key.readUInt32BE(1));
  for (const { key } of reads.range(rangeOf(keyKinds.dropped))) owned.streams.add(key.readUInt32BE(1));
  for (const [id, state] of streams) {
    const found = attempt(() => checkStream(reads, id, state));
    const name = `stream ${JSON.stringify(state.name)} of account ${JSON.stringify(state.account)}`;
    if (typeof found === "string") diagnostics.push(`${path}: ${name}: ${found}`);
    else for (const diagnostic of found) diagnostics.push(`${path}: ${name}: ${diagnostic}`);
    lines.push(`${name}: ${state.messages} messages, ${state.bytes} bytes, ${state.subjectCount} subjects`);
  }
  for (const kind of Object.values(keyKinds)) {
    const owners = incarnationKinds.includes(kind)
      ? owned.incarnations
      : streamKinds.includes(kind)
        ? owned.streams
        : null;
    if (owners !== null) checkOwners(reads, path, kind, owners, diagnostics);
  }
}

/** Goes from owner to owner, not from key to key. */
function checkOwners(
  reads: Reads,
  path: string,
  kind: number,
  owners: ReadonlySet<number>,
  diagnostics: string[],
): void {
  const { start, end } = rangeOf(kind);
  for (let entry = reads.first({ start, end }); entry !== null; ) {
    const owner = entry.key.readUInt32BE(1);
    if (!owners.has(owner))
      diagnostics.push(`${path}: entries of kind ${kind} belong to nobody (number ${owner})`);
    const next = Buffer.alloc(5);
    next[0] = kind;
    if (owner === 0xffff_ffff) return;
    next.writeUInt32BE(owner + 1, 1);
    entry = reads.first({ start: next, end });
  }
}

function checkJournal(directory: string, appliedGroup: number, lines: string[], diagnostics: string[]): void {
  const segments = listSegments(directory);
  const reader = new JournalReader(directory, appliedGroup);
  const operation = new Operation();
  let groups = 0;
  let operations = 0;
  const diagnostic = attempt(() => {
    for (let group = reader.nextRecovered(); group !== null; group = reader.nextRecovered()) {
      for (let at = group.start; at < group.end; operations++)
        at = decodeOperation(group, at, group.end, operation);
      groups++;
    }
    return null;
  });
  reader.close();
  if (diagnostic !== null) diagnostics.push(diagnostic);
  lines.push(
    `the journal: ${segments.length} segments, ${groups} groups with ${operations} operations behind group ${appliedGroup}`,
  );
}

function rangeOf(kind: number): { start: Buffer; end: Buffer } {
  return { start: Buffer.from([kind]), end: Buffer.from([kind + 1]) };
}

function attempt<T>(work: () => T): T | string {
  try {
    return work();
  } catch (error) {
    return textOf(error);
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
