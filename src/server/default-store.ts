/**
 * Where streams are kept when nobody has said where: a directory among the temporary files, which all brokers of the
 * machine would share. One that finds it taken takes a directory of its own.
 */
import { existsSync, mkdtempSync, readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { realDelay } from "../base/clock.ts";
import type { Log } from "../base/log.ts";
import { reasonOf } from "../base/system-error.ts";
import type { Options } from "../config/options.ts";
import { DirectoryInUse, holderOf } from "../store/directory-lock.ts";

const ownPrefix = "frond-store-";
const waitStepMs = 100;
/** As long as it takes a broker to end that holds streams, many times over. */
const waitMsMax = 10_000;

/** Those that the broker is told to listen on; any free one is none. */
export function fixedPorts({ port, websocket, leafnodes, monitor }: Options): number[] {
  const ports = [port, websocket?.port, leafnodes?.listener?.port, monitor?.port, monitor?.httpsPort];
  return ports.filter((each): each is number => typeof each === "number" && each > 0);
}

/**
 * Waits for a broker on the same ports, which is one that is being restarted, and does not wait for another.
 * @param shared the directory that is used by default
 * @param stopping ends the wait, with its reason
 * @returns it, or a fresh one
 */
export async function pickStoreDirectory(
  shared: string,
  options: Options,
  log: Log,
  stopping?: AbortSignal,
): Promise<string> {
  const ports = fixedPorts(options);
  for (let waitedMs = 0; ; waitedMs += waitStepMs) {
    stopping?.throwIfAborted();
    const holder = holderOf(join(shared, "jetstream"));
    if (holder === null) return shared;
    if (holder.ports !== undefined && !holder.ports.some((port) => ports.includes(port)))
      return freshDirectory(shared, holder.pid, log);
    if (waitedMs >= waitMsMax) throw new DirectoryInUse(join(shared, "jetstream"), holder);
    if (waitedMs === 0)
      log.warn(`Waiting for process ${holder.pid} to end, which uses ${shared} on the same port`);
    await realDelay(waitStepMs, true);
  }
}

function freshDirectory(shared: string, pid: number, log: Log): string {
  const fresh = mkdtempSync(join(tmpdir(), ownPrefix));
  log.warn(
    `${shared} is in use by process ${pid}: streams are kept in ${fresh} instead, which stays when the broker ends; to use it again, start with -sd ${fresh}`,
  );
  return fresh;
}

/** Names the directories that brokers have taken by default at other times, where there are streams in them. */
export async function nameOtherStores(chosen: string, shared: string, log: Log): Promise<void> {
  const others = storesBeside(shared).filter((directory) => directory !== chosen);
  if (others.length === 0) return;
  const { countStreams } = await import("../store/lmdb/stream-count.ts");
  for (const directory of others) {
    try {
      const count = countStreams(join(directory, "jetstream"));
      if (count > 0)
        log.warn(`${directory} holds streams too (${count}); to use them, start with -sd ${directory}`);
    } catch (error) {
      // Somebody is using it.
      if (error instanceof DirectoryInUse) continue;
      log.warn(`${directory} may hold streams, and cannot be read: ${reasonOf(error)}`);
    }
  }
}

function storesBeside(shared: string): string[] {
  const parent = dirname(shared);
  const isStore = (name: string): boolean => name === basename(shared) || name.startsWith(ownPrefix);
  return readdirSync(parent)
    .filter((name) => isStore(name) && existsSync(join(parent, name, "jetstream", "streams.mdb")))
    .map((name) => join(parent, name))
    .sort();
}
