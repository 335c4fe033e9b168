/** The example of a leaf in front of a cluster, as its reader would run it. */
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { natsServer, testWith } from "../fixture/needs.ts";

const runMsMax = 150_000;

async function run(environment: NodeJS.ProcessEnv): Promise<{ exitCode: number | null; output: string }> {
  const file = fileURLToPath(new URL("../../examples/edge-to-cluster/run.mjs", import.meta.url));
  const child = spawn(process.execPath, [file], { stdio: ["ignore", "pipe", "pipe"], env: environment });
  let output = "";
  child.stdout.on("data", (chunk: Buffer) => (output += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output += chunk.toString()));
  // It ends the nodes that it has started when it is asked to end itself.
  const timer = setTimeout(() => child.kill("SIGTERM"), runMsMax);
  const exitCode = await new Promise<number | null>((resolve) => child.once("close", resolve));
  clearTimeout(timer);
  return { exitCode, output };
}

describe("examples/edge-to-cluster", () => {
  testWith(natsServer(), "has every message once in the cluster", async () => {
    const { NODE_OPTIONS: _, ...environment } = process.env;
    const { exitCode, output } = await run(environment);
    const lines = output.split("\n");
    expect(lines, output).toEqual(
      expect.arrayContaining([
        "no cluster: 1000 readings are kept at the edge",
        "the cluster has them, in 3 replicas",
        "n1 is dead: the other two go on",
        "n2 is dead: the other two go on",
        "n3 is dead: the other two go on",
        expect.stringMatching(/^in the cluster: \d+, each once and in order$/),
      ]),
    );
    expect(exitCode).toBe(0);
  });

  test("says what it lacks", async () => {
    const { exitCode, output } = await run({ PATH: "" });
    expect(output).toContain("There is no nats-server on the PATH");
    expect(exitCode).toBe(1);
  });
});
