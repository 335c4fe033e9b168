/** How many streams a store holds that no broker uses. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DirectoryLock } from "../directory-lock.ts";
import { openRecovered } from "./recovery.ts";
import { Snapshot } from "./snapshot.ts";

/** @throws Error when another process has it, or what is in it cannot be read */
export function countStreams(directory: string): number {
  const path = join(directory, "streams.mdb");
  if (!existsSync(path)) return 0;
  const lock = new DirectoryLock(directory);
  try {
    const { env } = openRecovered(directory, path);
    const count = [...new Snapshot(env).streams()].length;
    void env.close();
    return count;
  } finally {
    lock.release();
  }
}
