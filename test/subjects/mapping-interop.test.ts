import { afterAll, beforeAll, expect, it } from "vitest";
import { spawn, spawnSync } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SubjectMappings } from "../../src/subjects/mapping.ts";
import { textFromWire, wireFromText } from "../../src/subjects/subject.ts";
import { refusedCases, transformCases } from "./transform-table.ts";
import { patienceMs } from "../fixture/waiting.ts";
import { describeWith, natsServer } from "../fixture/needs.ts";

const server = natsServer();

describeWith(server, "beside a real nats-server", () => {
  let folder = "";
  let child: ChildProcess | undefined;
  let port = 0;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "frond-mapping-"));
    const lines = transformCases.map(
      ({ source, destination }) => `  ${JSON.stringify(source)}: ${JSON.stringify(destination)}`,
    );
    const weighted = `  "lost.*": [{destination: "kept.$1", weight: 0}], "gone": [{destination: "gone", weight: 0}]`;
    const config = join(folder, "good.conf");
    writeFileSync(config, `listen: "127.0.0.1:-1"\nmappings {\n${lines.join("\n")}\n${weighted}\n}\n`);
    child = spawn(server.path, ["-c", config], { stdio: ["ignore", "ignore", "pipe"] });
    port = await portFromLog(child);
  });

  afterAll(async () => {
    if (child !== undefined && child.exitCode === null) {
      const ended = once(child, "exit");
      child.kill();
      await ended;
    }
    rmSync(folder, { recursive: true, force: true });
  });

  it("delivers to the same subjects", async () => {
    const published = transformCases.flatMap(({ subjects }) => Object.keys(subjects));
    const delivered = await deliveredSubjects(port, published);
    const expected = transformCases.flatMap(({ subjects }) => Object.values(subjects));
    // A subject with an empty token reaches nobody, mapped or not.
    expect(delivered).toEqual(expected.map((subject) => (subject.endsWith(".") ? null : subject)));

    const mappings = new SubjectMappings(
      transformCases.map(({ source, destination }) => ({
        source: wireFromText(source),
        destinations: [{ subject: wireFromText(destination), weightPercent: 100 }],
      })),
    );
    expect(published.map((subject) => textFromWire(mappings.map(wireFromText(subject)) ?? ""))).toEqual(
      expected,
    );
  });

  it("hashes into the same partitions", async () => {
    const subjects = Array.from(
      { length: 300 },
      (_, at) => `h2.key-${at * 7919}.${String.fromCharCode(97 + (at % 26))}`,
    );
    const mappings = new SubjectMappings([
      { source: "h2.*.*", destinations: [{ subject: "o.{{partition(10,2,1)}}", weightPercent: 100 }] },
    ]);
    expect(subjects.map((subject) => mappings.map(subject))).toEqual(await deliveredSubjects(port, subjects));
  });

  it("drops the share of a source that is its own destination, and leaves the rest of others alone", async () => {
    expect(await deliveredSubjects(port, ["lost.x", "gone"])).toEqual(["lost.x", null]);
    const mappings = new SubjectMappings([
      { source: "lost.*", destinations: [{ subject: "kept.$1", weightPercent: 0 }] },
      { source: "gone", destinations: [{ subject: "gone", weightPercent: 0 }] },
    ]);
    expect(["lost.x", "gone"].map((subject) => mappings.map(subject))).toEqual(["lost.x", null]);
  });

  it("refuses the same destinations for the same reasons", () => {
    const config = join(folder, "bad.conf");
    const lines = refusedCases.map(
      ({ source, destination }) => `  ${JSON.stringify(source)}: ${JSON.stringify(destination)}`,
    );
    writeFileSync(config, `mappings {\n${lines.join("\n")}\n}\n`);
    const { stderr } = spawnSync(server.path, ["-t", "-c", config], {
      encoding: "utf8",
      timeout: patienceMs,
    });
    const said = new Map(
      [...stderr.matchAll(/Error adding mapping for "([^"]+)" to .*? : (.*)/g)].map((m) => [m[1], m[2]]),
    );
    expect(refusedCases.map(({ source }) => said.get(source))).toEqual(
      refusedCases.map(({ message }) => message),
    );
  });
});

async function portFromLog(child: ChildProcess): Promise<number> {
  let log = "";
  return new Promise((resolve, reject) => {
    const giveUp = setTimeout(() => reject(new Error(`nats-server did not start: ${log}`)), patienceMs);
    child.stderr?.on("data", (chunk: Buffer) => {
      log += chunk.toString();
      const port = /Listening for client connections on 127\.0\.0\.1:(\d+)/.exec(log)?.[1];
      if (port === undefined) return;
      clearTimeout(giveUp);
      resolve(Number(port));
    });
    child.once("exit", () => reject(new Error(`nats-server ended: ${log}`)));
  });
}

/** Publishes to each subject in turn; for each, the subject it arrived with, or null when it did not arrive. */
async function deliveredSubjects(port: number, subjects: readonly string[]): Promise<(string | null)[]> {
  const lines = subjects.map((subject, at) => `PUB ${subject} ${String(at).length}\r\n${at}\r\n`);
  const socket = connect({ host: "127.0.0.1", port });
  const timeout = setTimeout(() => socket.destroy(new Error("no answer")), patienceMs);
  try {
    let received = "";
    socket.write(`CONNECT {"verbose":false}\r\nSUB > 1\r\n${lines.join("")}PING\r\n`);
    for await (const chunk of socket) {
      received += (chunk as Buffer).toString("latin1");
      if (received.endsWith("PONG\r\n")) break;
    }
    const delivered = new Map<number, string>();
    for (const [, subject, at] of received.matchAll(/MSG (\S+) 1 \d+\r\n(\d+)\r\n/g)) {
      delivered.set(Number(at), textFromWire(subject as string));
    }
    return subjects.map((_, at) => delivered.get(at) ?? null);
  } finally {
    clearTimeout(timeout);
    socket.destroy();
  }
}
