import { spawn } from "node:child_process";
import { readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { patienceMs } from "../fixture/waiting.ts";

const folder = new URL("../../examples/", import.meta.url);

/** What each example must print, line by line; other lines may stand between. */
const expected: Readonly<Record<string, readonly (string | RegExp)[]>> = {
  "request-reply.mjs": [
    /^broker at nats:\/\/127\.0\.0\.1:\d+$/,
    "4 lamps cost 1000",
    "301 requests, answered by 3 workers, more than 50 each",
    "answers in all: 301",
    "while worker-1 was going away: 100 requests, 100 answers",
    "nobody left: no responders",
  ],
  "edge-websocket.mjs": [
    "broker with a WebSocket port",
    "office reads 21.5",
    "device answers: valve open",
    'refused: Permissions Violation for Publish to "site.8.reading"',
    "broker away",
    "back again: office reads 22",
  ],
  "work-queue.mjs": [
    "order 4: chair is on disk",
    "lamp sent twice: duplicate true",
    "packed: table",
    "given up: anvil",
    "left in the queue: 0",
  ],
  "configuration.mjs": [
    "billing starts with discount 5",
    "billing has discount 10",
    /^refused: wrong last sequence: 3/,
    "history: 5, 10, 15",
  ],
  "broker-in-a-test.mjs": [
    /a service is tested against a real broker/,
    /a device that has lost its power is noticed within 90 seconds, and the test does not wait for them/,
    /a client that does not log in has two seconds/,
    /pass 3$/,
    /fail 0$/,
  ],
  "explain.mjs": [
    '"orders.eu.new" in account $G: one delivery',
    /queue group "billing": one of 2 members gets it/,
    /"audit-log" \(user audit\) subscribes to "orders\.>", but its permissions deny "orders\.eu\.>"/,
    /"orders\.\*" of cid \d+ "dashboard" \(user shop\)/,
    /"visitor" \(user guest\) may not publish it: denied by "orders\.>"/,
    "deliveries of one message: 1",
  ],
};

interface Run {
  readonly exitCode: number | null;
  readonly output: string;
  readonly lines: readonly string[];
}

describe("examples", () => {
  test("each is expected to print something", () => {
    const files = readdirSync(folder).filter((name) => name.endsWith(".mjs"));
    expect(Object.keys(expected).sort()).toEqual(files.sort());
  });

  test.each(Object.entries(expected))("%s shows what it says and ends by itself", async (name, wanted) => {
    const { exitCode, output, lines } = await run(name);
    let at = 0;
    for (const line of wanted) {
      const found = lines.findIndex((printed, place) => place >= at && isLine(printed, line));
      expect(found, `${String(line)} is missing after line ${at} of:\n${output}`).toBeGreaterThanOrEqual(0);
      at = found + 1;
    }
    expect(exitCode, output).toBe(0);
  });
});

function isLine(printed: string, wanted: string | RegExp): boolean {
  return typeof wanted === "string" ? printed === wanted : wanted.test(printed);
}

async function run(name: string): Promise<Run> {
  const { NATS_URL: _, NODE_OPTIONS: __, ...env } = process.env;
  const child = spawn(process.execPath, [fileURLToPath(new URL(name, folder))], {
    stdio: ["ignore", "pipe", "pipe"],
    env,
  });
  let output = "";
  const gather = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  child.stdout.on("data", gather);
  child.stderr.on("data", gather);
  const timer = setTimeout(() => child.kill("SIGKILL"), patienceMs);
  const exitCode = await new Promise<number | null>((resolve) => child.once("close", resolve));
  clearTimeout(timer);
  return { exitCode, output, lines: output.split("\n").map((line) => line.trimEnd()) };
}
