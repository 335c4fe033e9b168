// Builds the load generator when its sources are newer, and runs it.
// @ts-check
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, renameSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tracked } from "./children.mjs";

/** @typedef {Record<string, number>} Numbers one JSON line of the generator */

const SOURCES = fileURLToPath(new URL("loadgen", import.meta.url));
const BUILD = fileURLToPath(new URL(".build", import.meta.url));
const BINARY = join(BUILD, "loadgen");

export function buildGenerator() {
  if (process.platform !== "linux")
    throw new Error("the load generator uses epoll and /proc: it runs on Linux");
  const sources = readdirSync(SOURCES).map((name) => join(SOURCES, name));
  const newest = Math.max(...sources.map((path) => statSync(path).mtimeMs));
  if ((statSync(BINARY, { throwIfNoEntry: false })?.mtimeMs ?? 0) > newest) return;
  const compiler = process.env["CC"] ?? "cc";
  mkdirSync(BUILD, { recursive: true });
  const fresh = `${BINARY}.${process.pid}`;
  const flags = ["-O2", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-o", fresh];
  const built = spawnSync(compiler, [...flags, ...sources.filter((path) => path.endsWith(".c"))], {
    encoding: "utf8",
  });
  if (built.error) {
    throw new Error(
      `no C compiler: "${compiler}" could not be run, and the load generator is C. ` +
        "Install gcc or clang (Debian, Ubuntu: apt install gcc libc6-dev; Fedora: dnf install gcc), or set CC.",
    );
  }
  if (built.status !== 0) throw new Error(`${compiler} could not build the load generator:\n${built.stderr}`);
  renameSync(fresh, BINARY);
}

/**
 * One run. `whileHeld` is for the mode that holds connections: called when they are open, they close after it.
 * @param {string[]} args
 * @param {() => Promise<void>} [whileHeld]
 * @returns {Promise<Numbers>} the last line it printed
 */
export async function runGenerator(args, whileHeld) {
  const child = tracked(spawn(BINARY, args, { stdio: ["pipe", "pipe", "pipe"] }));
  let out = "";
  let complaints = "";
  /** @type {Promise<void> | undefined} */
  let held;
  child.stdin.on("error", () => undefined);
  child.stderr.on("data", (data) => {
    complaints += data;
  });
  child.stdout.on("data", (data) => {
    out += data;
    if (!whileHeld || held || !out.includes('"opened"')) return;
    held = whileHeld().finally(() => child.stdin.end("\n"));
    held.catch(() => undefined);
  });
  if (!whileHeld) child.stdin.end();
  const code = await new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  await held;
  const last = out.trimEnd().split("\n").at(-1);
  const result = last ? JSON.parse(last) : {};
  if (code !== 0 || !last)
    throw new Error(result.error ?? (complaints.trim() || `the generator ended with ${code}`));
  return result;
}
