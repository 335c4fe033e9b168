/**
 * One store a directory. The file `lock` says which process has it; that of a process which is no more counts for
 * nothing. Process ids are used again, so the time when the process began is written beside it where it can be known.
 * Of a process in another container nothing can be known: it is asked by a file, `lock.asked`, which whoever has the
 * directory removes within a second.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  rmSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";

export interface Holder {
  readonly pid: number;
  /** In ticks since the machine started; null where it cannot be known. */
  readonly started: string | null;
  /** Of the machine: a process of an earlier run is no more. */
  readonly boot: string;
  /** Where the number is valid: a container has numbers of its own. */
  readonly space: string;
  /** Of those that its broker was told to listen on, without any that it was free to choose; missing: it is no broker. */
  readonly ports?: readonly number[];
}

const answerStepMs = 50;
const answerMsMax = 3_000;

/** Another process has the directory. */
export class DirectoryInUse extends Error {
  constructor(directory: string, holder: Holder | null) {
    super(
      `${directory} is in use by ${holder === null ? "another process" : `process ${holder.pid}`}; stop that, or give this one another directory (-sd, store_dir); if there is no such process, remove ${join(directory, "lock")}`,
    );
  }
}

export class DirectoryLock {
  readonly #path: string;

  /**
   * @param ports that the broker is to listen on, for others to know it by
   * @throws DirectoryInUse when another process has the directory, or this one already
   */
  constructor(directory: string, ports?: readonly number[]) {
    this.#path = join(directory, "lock");
    const own = `${this.#path}.${process.pid}`;
    writeHolder(own, ports);
    try {
      // A name that appears with all its content at once, or not at all.
      if (tryLink(own, this.#path)) return;
      const holder = readHolder(this.#path);
      if (holder !== null && isAlive(holder, directory)) throw new DirectoryInUse(directory, holder);
      unlinkSync(this.#path);
      if (!tryLink(own, this.#path)) throw new DirectoryInUse(directory, readHolder(this.#path));
    } finally {
      unlinkSync(own);
    }
  }

  release(): void {
    unlinkSync(this.#path);
  }
}

function writeHolder(path: string, ports: readonly number[] | undefined): void {
  const fd = openSync(path, "w");
  try {
    writeSync(fd, JSON.stringify({ ...ownHolder(), ports }));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** @returns who has the directory; null when nobody does */
export function holderOf(directory: string): Holder | null {
  const holder = readHolder(join(directory, "lock"));
  return holder !== null && isAlive(holder, directory) ? holder : null;
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Null when what stands there is no holder: a crash of the machine has torn it. */
function readHolder(path: string): Holder | null {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Holder;
  } catch {
    return null;
  }
}

function isAlive(holder: Holder, directory: string): boolean {
  const own = ownHolder();
  if (holder.boot !== own.boot) return false;
  if (holder.space !== own.space) return answers(directory);
  if (holder.started !== null) return startOf(holder.pid) === holder.started;
  try {
    process.kill(holder.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Waits for as long as it takes to be sure, which is seldom: a container was killed and has been started again. */
function answers(directory: string): boolean {
  const path = askedPath(directory);
  writeFileSync(path, "");
  const never = new Int32Array(new SharedArrayBuffer(4));
  for (let waitedMs = 0; waitedMs < answerMsMax; waitedMs += answerStepMs) {
    if (!existsSync(path)) return true;
    Atomics.wait(never, 0, 0, answerStepMs);
  }
  rmSync(path, { force: true });
  return false;
}

function askedPath(directory: string): string {
  return join(directory, "lock.asked");
}

/** To be called about every second by whoever has the directory. Where nobody has asked, nothing is written. */
export function answerForLock(directory: string): void {
  const path = askedPath(directory);
  if (existsSync(path)) rmSync(path, { force: true });
}

/** The 22nd field; the second, in parentheses, is a name that may hold anything. */
function startOf(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? null;
  } catch {
    return null;
  }
}

function ownHolder(): Holder {
  return { pid: process.pid, started: startOf(process.pid), boot: bootId(), space: startOf(1) ?? "" };
}

/** Empty where there is no such thing. */
function bootId(): string {
  try {
    return readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
  } catch {
    return "";
  }
}
