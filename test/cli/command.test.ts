/** The command as those meet it who have not read about it: what goes wrong, and what it says then. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, test } from "vitest";
import { acceptSockets, OpenSockets } from "../../src/transport/listener.ts";
import { linux, notRoot, testWith } from "../fixture/needs.ts";

const command = fileURLToPath(new URL("../../bin/frond", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "frond-command-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** @returns what the command says as it fails: in text, or as the last entry of its log, which is JSON off a terminal */
function failureOf(...args: string[]): { lines: string[]; status: number | null } {
  const { stderr, status } = spawnSync(process.execPath, [command, ...args], {
    encoding: "utf8",
    timeout: 60_000,
    killSignal: "SIGKILL",
  });
  return { lines: stderr.split("\n").flatMap(saidIn), status };
}

function saidIn(line: string): string[] {
  if (line === "") return [];
  if (!line.startsWith("{")) return [line];
  const { level, msg } = JSON.parse(line) as { level: string; msg: string };
  return level === "fatal" ? [msg] : [];
}

const broker = ["-a", "127.0.0.1", "-p", "-1"];

test("an unknown flag is named in the last line, behind the usage, with the one that was meant", () => {
  const { lines, status } = failureOf("-prot", "4222");
  expect(lines.at(-1)).toBe("frond: flag provided but not defined: -prot; did you mean -port?");
  expect(lines.length).toBeGreaterThan(20);
  expect(status).toBe(0);
});

test.each([
  ["start", 'unrecognized command: "start"; a broker starts without a word: frond [flags]'],
  ["stop", 'unrecognized command: "stop"; to stop the broker that runs: frond -sl quit'],
  [
    "status",
    'unrecognized command: "status"; a broker with -m 8222 says how it is at http://127.0.0.1:8222/healthz and /varz',
  ],
  ["explian", 'unrecognized command: "explian"; did you mean "explain"?'],
  ["frobnicate", 'unrecognized command: "frobnicate"; frond -h lists what there is'],
])("frond %s says what to do instead", (word, problem) => {
  expect(failureOf(word)).toEqual({ lines: [`frond: ${problem}`], status: 1 });
});

describe("a start fails, and says so in words", () => {
  const nowhere = join(folder, "nowhere", "x");
  test.each([
    ["-l", `cannot open the log file ${nowhere}: no such file or directory`],
    ["-P", `cannot write the pid file ${nowhere}: no such file or directory`],
    ["-c", `open ${nowhere}: no such file or directory`],
  ])("where the file of %s is in no directory", (flag, problem) => {
    expect(failureOf(...broker, flag, nowhere)).toEqual({ lines: [`frond: ${problem}`], status: 1 });
  });

  test("where the directory of the ports file is not there", () => {
    expect(failureOf(...broker, "-ports_file_dir", nowhere)).toEqual({
      lines: [
        expect.stringMatching(/^frond: cannot write the ports file .*\.ports: no such file or directory$/),
      ],
      status: 1,
    });
  });

  testWith(linux(), "where no directory can be made for streams", () => {
    expect(failureOf(...broker, "-js", "-sd", "/proc/frond")).toEqual({
      lines: [
        expect.stringMatching(
          /^frond: cannot use the store directory \/proc\/frond\/jetstream: .+; give another one with -sd or store_dir/,
        ),
      ],
      status: 1,
    });
  });

  test("where a file stands in the place of the directory for streams", () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    expect(failureOf(...broker, "-js", "-sd", file).lines).toEqual([
      expect.stringContaining(
        `cannot use the store directory ${join(file, "jetstream")}: not a directory; give another one with -sd`,
      ),
    ]);
  });

  testWith(notRoot(), "where the directory for streams belongs to somebody else", () => {
    const closed = join(folder, "closed");
    mkdirSync(closed, { mode: 0o500 });
    expect(failureOf(...broker, "-js", "-sd", closed).lines).toEqual([
      expect.stringMatching(
        /: permission denied; give another one with -sd or store_dir, or this one to the user/,
      ),
    ]);
  });

  test("where another program listens", async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    expect(failureOf("-a", "127.0.0.1", "-p", String(port))).toEqual({
      lines: [
        `frond: cannot listen on 127.0.0.1:${port}: the address is in use; stop what listens there, or choose another port`,
      ],
      status: 1,
    });
    server.close();
  });

  testWith(notRoot(), "where the port takes privileges", async () => {
    await expect(acceptSockets("0.0.0.0", 80, new OpenSockets(), () => {})).rejects.toThrow(
      "cannot listen on 0.0.0.0:80: permission denied; ports below 1024 take privileges: choose a higher one",
    );
  });

  test("where the address is no one's here", () => {
    expect(failureOf("-a", "192.0.2.1", "-p", "-1").lines).toEqual([
      "frond: cannot listen on 192.0.2.1:0: this machine has no such address",
    ]);
  });
});

test("a signal to a process that is gone says so", () => {
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  expect(failureOf("-sl", `reload=${pid}`)).toEqual({
    lines: [`frond: cannot send SIGHUP to process ${pid}: there is no such process`],
    status: 1,
  });
});

describe("a Node that is too old", () => {
  test("says so in one line", () => {
    const pretend = `Object.defineProperty(process.versions, "node", { value: "20.9.0" }); require(${JSON.stringify(command)});`;
    const { stderr, status } = spawnSync(process.execPath, ["-e", pretend], { encoding: "utf8" });
    expect(stderr).toBe("frond: needs Node 20.19 or newer; this is Node 20.9.0\n");
    expect(status).toBe(1);
  });

  test("can read the file that says it, and the version is the one that the package asks for", () => {
    const code = readFileSync(command, "utf8").replace(/\/\/.*/g, "");
    expect(code).not.toMatch(/=>|\b(?:const|let|class|async|import|export)\b|`|\.\.\.|\?\./);
    const { engines } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
      engines: { node: string };
    };
    const [major, minor] = engines.node.replace(">=", "").split(".");
    expect(code).toContain(`oldest = [${major}, ${minor}]`);
  });
});
