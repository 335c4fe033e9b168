/**
 * The log: pino underneath. On a terminal each entry is a line as NATS users know it,
 * `[pid] 2026/01/31 12:00:00.000000 [INF] text`; anywhere else it is JSON.
 */
import { readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Log } from "../base/log.ts";
import { reasonOf } from "../base/system-error.ts";
import type { LogOptions } from "../config/options.ts";

export interface Logger extends Log {
  fatal(text: string): void;
  /** Opens the log file anew, after somebody moved it away. */
  reopen(): void;
  /**
   * Takes over what a reload may change, how much is logged and where to, once `change` has gone well.
   * @throws Error when the log file cannot be opened, and then `change` is not run; what `change` throws
   */
  changeOptions(options: LogOptions, change: () => Promise<unknown>): Promise<void>;
  /** Writes out what is still in memory, or lets it be written before the process ends. */
  close(): void;
}

/** What of pino's destination is used here. */
interface Destination {
  write(text: string): unknown;
  flushSync(): void;
  on(event: "error", listener: (error: Error) => void): unknown;
  reopen(file?: string): void;
  end(): void;
}

const stderrDescriptor = 2;
const levelTags: Readonly<Record<string, string>> = {
  fatal: "FTL",
  error: "ERR",
  warn: "WRN",
  info: "INF",
  debug: "DBG",
  trace: "TRC",
};

/** pino takes a sixth of a bare start, so it is loaded only by those who log. */
export async function createLogger(first: LogOptions): Promise<Logger> {
  const { default: pino } = await import("pino");
  let options = first;
  let target = openTarget(pino.destination, first);
  const stream = {
    write: (json: string) => {
      const isHuman = options.file === null && process.stderr.isTTY;
      target.write(isHuman ? lineOf(json, options) : json, options);
    },
  };
  const logger = pino(
    {
      level: "trace",
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    stream,
  );
  return {
    get debugEnabled() {
      return options.debug;
    },
    get traceEnabled() {
      return options.trace;
    },
    fatal: (text) => logger.fatal(text),
    error: (text) => logger.error(text),
    warn: (text) => logger.warn(text),
    info: (text) => logger.info(text),
    debug: (text) => {
      if (options.debug) logger.debug(text);
    },
    trace: (text) => {
      if (options.trace) logger.trace(text);
    },
    reopen: () => target.reopen(),
    changeOptions: async (changed, change) => {
      const next = changed.file === options.file ? target : openTarget(pino.destination, changed);
      try {
        await change();
      } catch (error) {
        if (next !== target) next.end();
        throw error;
      }
      const before = target;
      options = changed;
      target = next;
      if (before !== next) before.end();
    },
    close: () => target.close(),
  };
}

type OpenDestination = (options: { fd?: number; dest?: string; sync: boolean }) => unknown;

/** A line of the log for what happens where there is no logger yet, without the end of the line. */
export function fatalEntry(text: string): string {
  return JSON.stringify({ level: "fatal", time: new Date().toISOString(), pid: process.pid, msg: text });
}

interface Target {
  write(text: string, options: LogOptions): unknown;
  reopen(): void;
  close(): void;
  /** Closes it too: another takes its place. */
  end(): void;
}

/**
 * Where entries go: standard error, or a file that is rotated when it grows too large.
 * @throws Error when the file cannot be opened
 */
function openTarget(open: OpenDestination, { file, debug, trace }: LogOptions): Target {
  // Who traces looks in the log for what the broker has done, often just before ending it the hard way; so then nothing
  // is answered before it is written. Otherwise a slow reader of standard error holds nobody up.
  const sync = debug || trace;
  const destination = (
    file === null ? open({ fd: stderrDescriptor, sync }) : openFile(open, file)
  ) as Destination;
  // A log that cannot be written (a full disk, a reader that is gone) is no reason to end.
  let broken = false;
  destination.on("error", () => (broken = true));
  let bytes = file === null ? 0 : sizeOf(file);
  return {
    write: (text, { fileSizeBytesMax, fileCountMax }) => {
      bytes += Buffer.byteLength(text);
      destination.write(text);
      if (file !== null && fileSizeBytesMax > 0 && bytes >= fileSizeBytesMax) {
        rotate(file, fileCountMax);
        destination.reopen();
        bytes = 0;
      }
    },
    reopen: () => {
      if (file !== null) destination.reopen();
    },
    // What is on its way to standard error keeps the process until it is there. Nothing waits for it here: to flush
    // a pipe that nobody reads any more would be tried for ever.
    close: () => {
      if (file !== null && !broken) destination.flushSync();
    },
    end: () => {
      if (file !== null) destination.end();
    },
  };
}

function openFile(open: OpenDestination, file: string): unknown {
  try {
    return open({ dest: file, sync: true });
  } catch (error) {
    throw new Error(`cannot open the log file ${file}: ${reasonOf(error)}`, { cause: error });
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

/** Moves the file away under a name with the time in it, and removes the oldest beyond `countMax` (0: keeps all). */
function rotate(file: string, countMax: number): void {
  const stamp = new Date()
    .toISOString()
    .replace(/[-:TZ]/g, ".")
    .replace(/\.$/, "");
  renameSync(file, `${file}.${stamp}`);
  if (countMax <= 0) return;
  const rotated = readdirSync(dirname(file))
    .filter((name) => name.startsWith(`${basename(file)}.`))
    .sort();
  for (const name of rotated.slice(0, Math.max(0, rotated.length - countMax)))
    rmSync(join(dirname(file), name), { force: true });
}

function lineOf(json: string, options: LogOptions): string {
  const entry = JSON.parse(json) as { level: string; time: string; pid: number; msg: string };
  const time = options.time ? `${timeOf(entry.time, options.timeUtc)} ` : "";
  return `[${entry.pid}] ${time}[${levelTags[entry.level] ?? "INF"}] ${entry.msg}\n`;
}

/** `2026/01/31 12:00:00.000000`, local or UTC. */
function timeOf(iso: string, utc: boolean): string {
  const at = new Date(iso);
  const local = utc ? at : new Date(at.getTime() - at.getTimezoneOffset() * 60_000);
  return `${local.toISOString().replace(/-/g, "/").replace("T", " ").replace("Z", "")}000`;
}
