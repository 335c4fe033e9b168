/** The directory of a store. */
import { accessSync, constants, mkdirSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { reasonOf } from "../base/system-error.ts";

/** Makes it, and what it stands in, where it is not there. @throws Error that says what to do, when it cannot be used */
export function makeDirectory(directory: string): void {
  try {
    make(resolve(directory));
    accessSync(directory, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw new Error(
      `cannot use the store directory ${directory}: ${reasonOf(error)}; give another one with -sd or store_dir, or this one to the user that frond runs as`,
      { cause: error },
    );
  }
}

/**
 * One after the other: Node's own way (`recursive`) tries for ever below a directory in which none can be made, such as
 * /proc.
 */
function make(path: string): void {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found?.isDirectory() === true) return;
  if (found !== undefined) throw new Error(`${path} is not a directory`);
  if (dirname(path) !== path) make(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}
