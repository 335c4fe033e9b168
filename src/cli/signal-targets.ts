/** Whom `-sl` means: a process id, a pid file, process ids by their beginning, or the one broker that runs. */
import { readdirSync, readFileSync } from "node:fs";

/** @throws Error that says what to give instead, when nobody or more than one is meant */
export function signalTargets(target: string | null): number[] {
  if (target === null || target === "") return [onlyBroker()];
  if (/^\d+$/.test(target)) return [Number(target)];
  if (/^\d*\*$/.test(target)) return brokersBeginning(target.slice(0, -1));
  const text = readPidFile(target);
  if (!/^\d+$/.test(text)) throw new Error(`${target} holds no process id`);
  return [Number(text)];
}

function readPidFile(path: string): string {
  try {
    return readFileSync(path, "utf8").trim();
  } catch {
    throw new Error(`${JSON.stringify(path)} is neither a process id nor a file with one`);
  }
}

function onlyBroker(): number {
  const pids = runningBrokers();
  if (pids.length === 1) return pids[0] as number;
  if (pids.length === 0) throw new Error("no broker is running; name one by its process id or pid file");
  throw new Error(`several brokers are running (${pids.join(", ")}); name one: -sl <signal>=<pid>`);
}

function brokersBeginning(digits: string): number[] {
  const pids = runningBrokers().filter((pid) => String(pid).startsWith(digits));
  if (pids.length === 0) throw new Error(`no running broker has a process id that begins with ${digits}`);
  return pids;
}

/** Other processes of this command, where the system lists them as Linux does. */
function runningBrokers(): number[] {
  let names: string[];
  try {
    names = readdirSync("/proc");
  } catch {
    throw new Error("this system does not list its processes; name the broker by its process id or pid file");
  }
  return names.map(Number).filter((pid) => pid > 0 && pid !== process.pid && isBroker(pid));
}

function isBroker(pid: number): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    return (
      /(^|\/)node(js)?$/.test(words[0] ?? "") &&
      /(^|\/)frond(\.js)?$/.test(words[1] ?? "") &&
      !words.includes("-sl") &&
      !words.includes("--signal")
    );
  } catch {
    return false;
  }
}
