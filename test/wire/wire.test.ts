/**
 * What a client sees on the wire, against Frond and, where there is one on the PATH, against the real nats-server.
 * `FROND_WIRE_REWRITE=1` writes what Frond says now into the transcripts, `=nats` what nats-server says; look at the
 * difference before you keep it.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { createBroker } from "../../src/create-broker.ts";
import { newsOf, startNatsServer } from "../auth/reference-server.ts";
import { check, rewrite } from "./play.ts";
import { parseTranscript, printTranscript, type Subject, type Transcript } from "./transcript.ts";
import { compareVersions, describeWith, natsServer } from "../fixture/needs.ts";

interface Running {
  readonly port: number;
  stop(): Promise<void>;
}

const folder = new URL("./", import.meta.url);
const files = readdirSync(folder).filter((name) => name.endsWith(".txt"));
const transcripts = files.map((name): [string, Transcript] => [
  name,
  parseTranscript(name, readFileSync(new URL(name, folder), "utf8")),
]);
const rewriting = process.env["FROND_WIRE_REWRITE"] ?? "";

it("has transcripts, each with a title of its own", () => {
  expect(files.length).toBeGreaterThanOrEqual(60);
  const titles = transcripts.map(([, { title }]) => title);
  expect(new Set(titles).size).toBe(titles.length);
  expect(titles.every((title) => title !== "")).toBe(true);
});

it("prints what it has read", () => {
  for (const [name, transcript] of transcripts)
    expect(printTranscript(transcript)).toBe(readFileSync(new URL(name, folder), "utf8"));
});

describe("Frond", () => {
  playAll("frond", async (config) => {
    const broker = await createBroker({ port: 0, config });
    return { port: broker.port, stop: broker.close };
  });
});

const nats = natsServer("2.15.0");
describeWith(nats, "nats-server", () => {
  playAll("nats", async (config) => startNatsServer(nats.path, config));
});

async function problemOf(checking: Promise<void>): Promise<Error | null> {
  try {
    await checking;
    return null;
  } catch (error) {
    return error as Error;
  }
}

function playAll(subject: Subject, start: (config: string) => Promise<Running>): void {
  // One server for each configuration; subjects may repeat, since no client outlives its transcript.
  const running = new Map<string, Promise<Running>>();
  afterAll(async () => {
    for (const server of running.values()) await (await server).stop();
  });
  it.for(transcripts)("%s", async ([name, transcript], { skip }) => {
    const version = subject === "nats" ? nats.version : null;
    const { natsSince } = transcript;
    if (version !== null && natsSince !== null && compareVersions(version, natsSince) < 0)
      skip(`nats-server ${version} is older than ${natsSince}, from which on it holds`);
    let server = running.get(transcript.config);
    if (server === undefined) running.set(transcript.config, (server = start(transcript.config)));
    const { port } = await server;
    const rewrites = rewriting === subject || (rewriting === "1" && subject === "frond");
    const differs = transcript.blocks.some(({ hears }) => hears.some(({ only }) => only !== null));
    if (rewrites && !differs)
      writeFileSync(new URL(name, folder), printTranscript(await rewrite(transcript, port)));
    else {
      const problem = await problemOf(check(transcript, port, subject));
      const news = problem === null || version === null ? null : newsOf(version, problem);
      if (news !== null) skip(news);
      if (problem !== null) throw problem;
    }
  });
}
