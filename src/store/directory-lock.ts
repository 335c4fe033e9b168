/**
 * One store a directory. The file `lock` says which process has it; that of a process which is no more counts for
 * nothing. Process ids are used again, so the time when the process began is written beside it where it can be known.
 */
import { closeSync, fsyncSync, linkSync, openSync, readFileSync, unlinkSync, writeSync } from "node:fs";
import { join } from "node:path";

interface Holder {
  readonly pid: number;
  /** In ticks since the machine started; null where it cannot be known. */
  readonly started: string | null;
  /** Of the machine's run and, in a container, of its own numbering of processes: elsewhere a pid means nothing. */
  readonly realm: string;
}

export class DirectoryLock {
  readonly #path: string;

  /** @throws Error when another process has the directory, or this one already */
  constructor(directory: string) {
    this.#path = join(directory, "lock");
    const own = `${this.#path}.${process.pid}`;
    writeHolder(own);
    try {
      // A name that appears with all its content at once, or not at all.
      if (tryLink(own, this.#path)) return;
      const holder = readHolder(this.#path);
      if (holder !== null && isAlive(holder))
        throw new Error(
          `${directory} is in use by process ${holder.pid}; if that is not so, remove ${this.#path}`,
        );
      unlinkSync(this.#path);
      if (!tryLink(own, this.#path)) throw new Error(`${directory} was just taken by another process`);
    } finally {
      unlinkSync(own);
    }
  }

  release(): void {
    unlinkSync(this.#path);
  }
}

function writeHolder(path: string): void {
  const holder: Holder = { pid: process.pid, started: startOf(process.pid), realm: realm() };
  const fd = openSync(path, "w");
  try {
    writeSync(fd, JSON.stringify(holder));
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
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

/** In another realm nothing can be asked of a process: then its broker is taken for gone, as after a restart of its container. */
function isAlive(holder: Holder): boolean {
  if (holder.realm !== realm()) return false;
  if (holder.started !== null) return startOf(holder.pid) === holder.started;
  try {
    process.kill(holder.pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
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

function realm(): string {
  try {
    const boot = readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim();
    return `${boot} ${startOf(1) ?? ""}`;
  } catch {
    return process.platform;
  }
}
