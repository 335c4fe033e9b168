/** The one LMDB environment of a store. Keys and values are bytes; {@link keys.ts} says which. */
import { open, type RootDatabase, type Transaction } from "lmdb";

export type Environment = RootDatabase<Buffer, Buffer>;
export type ReadTransaction = Transaction;

/** Address space, not disk: the file grows as it is needed. From the start, since mapping anew keeps the old map. */
const mapBytes = 2 ** 40;

/** What is written to a new environment and asked of an old one. */
export const formatVersion = 1;

/**
 * `safeRestore` makes LMDB go back to the last commit that was synced whole; without it a torn image lost commits.
 *
 * @param path of the file; to be checked before, since LMDB raises SIGBUS where a file is shorter than it says
 */
export function openEnvironment(path: string): Environment {
  return open<Buffer, Buffer>({
    path,
    noSubdir: true,
    keyEncoding: "binary",
    encoding: "binary",
    safeRestore: true,
    mapSize: mapBytes,
    maxReaders: 16,
  } as Parameters<typeof open>[0] & { path: string }) as Environment;
}
