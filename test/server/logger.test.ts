import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { startBroker } from "../fixture/broker-process.ts";
import { connectRaw } from "../fixture/raw-client.ts";
import { describeWith, linux, signals, testWith } from "../fixture/needs.ts";

test("what was answered is in the trace, even when the broker is killed right after", async () => {
  const broker = await startBroker({ args: ["-DV"] });
  onTestFinished(() => broker.kill());
  const client = await connectRaw(broker.port, { connect: { verbose: false } });
  const sids = Array.from({ length: 200 }, (_, at) => at + 1);
  client.send(`${sids.map((sid) => `SUB foo.${sid} ${sid}\r\n`).join("")}PING\r\n`);
  await client.untilPong();
  await broker.kill();
  const traced = [...broker.output.matchAll(/\[SUB (\S+) (\d+)]/g)].map(([, , sid]) => Number(sid));
  expect(traced).toEqual(sids);
});

test.each([[[]], [["-DV"]]])(
  "with nobody there to read the log, it serves and ends as ever: %j",
  async (flags) => {
    const command = fileURLToPath(new URL("../../bin/frond", import.meta.url));
    const child = spawn(process.execPath, [command, "-a", "127.0.0.1", "-p", "-1", ...flags], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    let log = "";
    for await (const chunk of child.stderr) {
      log += String(chunk);
      if (log.includes("Server is ready")) break;
    }
    const client = await connectRaw(Number(/on 127\.0\.0\.1:(\d+)/.exec(log)?.[1]), {
      connect: { verbose: false },
    });
    client.send("SUB a 1\r\nPUB a 2\r\nhi\r\n");
    expect([await client.line(), await client.line()]).toEqual(["MSG a 1 2", "hi"]);
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
  },
);

testWith(linux(), "a log that cannot be written is no reason to end", async () => {
  const broker = await startBroker({ args: ["-l", "/dev/full"] });
  onTestFinished(() => broker.kill());
  const client = await connectRaw(broker.port, { connect: { verbose: false } });
  expect(await client.untilPong()).toEqual([]);
  broker.signal("SIGTERM");
  expect(await broker.exited).toEqual({ code: 0, signal: null });
});

describeWith(signals(), "a reload", () => {
  test("opens the log file that it adds, changes to another, and takes away", async () => {
    const folder = mkdtempSync(join(tmpdir(), "frond-log-"));
    const [first, second] = [join(folder, "first.log"), join(folder, "second.log")];
    const broker = await startBroker({ config: "debug: false" });
    onTestFinished(async () => {
      await broker.kill();
      rmSync(folder, { recursive: true, force: true });
    });
    await broker.reload(`log_file: ${JSON.stringify(first)}`);
    await until(() => reloadsIn(first) === 1);
    await broker.reload(`log_file: ${JSON.stringify(second)}`);
    await until(() => reloadsIn(second) === 1);
    expect(reloadsIn(first)).toBe(1);
    const before = count(broker.output);
    await broker.reload("debug: false");
    await until(() => count(broker.output) > before);
    expect([reloadsIn(first), reloadsIn(second)]).toEqual([1, 1]);
  });

  test("with a log file that cannot be opened changes nothing", async () => {
    const broker = await startBroker({ config: "max_payload: 1000" });
    onTestFinished(() => broker.kill());
    await broker.reload("max_payload: 2000, log_file: '/dev/null/x.log'");
    await until(() => broker.output.includes("Failed to reload server configuration"));
    const client = await connectRaw(broker.port);
    expect(JSON.parse((await client.line()).slice(5))).toMatchObject({ max_payload: 1000 });
  });
});

const count = (log: string): number => log.split("Reloaded server configuration").length - 1;

function reloadsIn(file: string): number {
  return existsSync(file) ? count(readFileSync(file, "utf8")) : 0;
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await new Promise((resolve) => setTimeout(resolve, 10));
}

test("off a terminal every line is JSON with its level by name", async () => {
  const broker = await startBroker({ args: ["-D"], config: "authorization { user: u, password: p }" });
  onTestFinished(() => broker.kill());
  const client = await connectRaw(broker.port);
  await client.line();
  client.send('CONNECT {"user":"x","pass":"y"}\r\n');
  await client.rest();
  broker.signal("SIGTERM");
  await broker.exited;
  const entries = broker.output.trimEnd().split("\n");
  const levels = entries.map((line) => (JSON.parse(line) as { level: string }).level);
  expect(new Set(levels)).toEqual(new Set(["debug", "info", "error"]));
});

test.each([
  ["an address that is taken", ["-a", "203.0.113.1"]],
  ["a configuration file that is not there", ["-c", "/nowhere/frond.conf"]],
])("off a terminal a start that fails for %s says so in JSON alone", async (_what, args) => {
  const command = fileURLToPath(new URL("../../bin/frond", import.meta.url));
  const child = spawn(process.execPath, [command, "-p", "-1", ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => (said += String(chunk)));
  const [code] = (await once(child, "close")) as [number];
  expect(code).toBe(1);
  const entries = said
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const fatal = entries.filter(({ level }) => level === "fatal");
  expect(fatal).toMatchObject([{ pid: child.pid, msg: expect.stringMatching(/^frond: /) }]);
});

test("a start that fails is told in the log file, too", async () => {
  const directory = mkdtempSync(join(tmpdir(), "frond-log-"));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const file = join(directory, "frond.log");
  const command = fileURLToPath(new URL("../../bin/frond", import.meta.url));
  const child = spawn(process.execPath, [command, "-a", "203.0.113.1", "-p", "-1", "-l", file], {
    stdio: "ignore",
  });
  expect(await once(child, "exit")).toEqual([1, null]);
  expect(readFileSync(file, "utf8")).toMatch(/"level":"fatal".*cannot listen on 203\.0\.113\.1/);
});
