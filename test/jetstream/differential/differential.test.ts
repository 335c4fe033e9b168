import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { peers as peersFor, type Peer, type PeerKind, startPeer } from "../../interop/peer.ts";
import { Random, seedFromEnvironment } from "../../fuzz/random.ts";
import { LineClient } from "./line-client.ts";
import { type Difference, playBoth, shownDifference, shrink } from "./lockstep.ts";
import { type Operation, shownOperation } from "./operation.ts";
import { Player } from "./player.ts";
import { Sequence } from "./sequence.ts";
import { describeWith } from "../../fixture/needs.ts";

// The same in each run of all tests; chance is for long runs, and for `FROND_SEED`.
const isLong = process.env["FROND_LONG"] === "1" || process.env["FROND_SEED"] !== undefined;
const seed = isLong ? seedFromEnvironment() : 1;
const rounds = Number(process.env["FROND_ROUNDS"] ?? 2);
/** Whether the same operation has two answers again; shortening must not end at another difference. */
function isSame(found: Difference | null, before: Difference): boolean {
  return found !== null && shownOperation(found.operation) === shownOperation(before.operation);
}

const length = Number(process.env["FROND_LENGTH"] ?? 60);

describeWith(peersFor("nats-server"), `streams beside nats-server's, seed ${seed}`, () => {
  const folders: string[] = [];
  const peers: Peer[] = [];
  const players: Player[] = [];

  async function start(kind: PeerKind): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), "frond-beside-"));
    folders.push(folder);
    const peer = await startPeer(
      kind,
      `server_name: beside\njetstream { store_dir: ${JSON.stringify(folder)}, sync_interval: "2m" }\n`,
    );
    peers.push(peer);
    players.push(new Player(await LineClient.open(Number(new URL(peer.url).port))));
  }

  beforeAll(async () => {
    await start("frond");
    await start("nats-server");
  });
  afterAll(async () => {
    for (const player of players) player.close();
    for (const peer of peers) await peer.stop();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  // By hand: a file with operations, a line each, as failures print them. Shows what both answer.
  const operationsPath = process.env["FROND_OPERATIONS"];
  if (operationsPath !== undefined) {
    it("answer so", async () => {
      const lines = readFileSync(operationsPath, "utf8").split("\n");
      for (const line of lines.filter((text) => text.trim() !== "")) {
        const operation = JSON.parse(line) as Operation;
        const answers = await Promise.all(players.map(async (player) => player.play(operation)));
        process.stdout.write(
          `${[line.trim(), ...answers.map((answer) => `  ${answer.join("\n  ")}`)].join("\n")}\n`,
        );
      }
    });
    return;
  }

  it("answer alike", async () => {
    const [ours, theirs] = players;
    if (ours === undefined || theirs === undefined) throw new Error("a broker did not start");
    const random = new Random(seed);
    const differences: string[] = [];
    for (let round = 0; round < rounds; round++) {
      const operations = new Sequence(random.fork()).take(length);
      const found = await playBoth(operations, ours, theirs);
      if (found === null) continue;
      const differs = async (shorter: readonly (typeof operations)[number][]): Promise<boolean> =>
        isSame(await playBoth(shorter, ours, theirs), found);
      const shortest = await shrink(operations.slice(0, found.index + 1), differs);
      const again = await playBoth(shortest, ours, theirs);
      differences.push(shownDifference(seed, shortest, again ?? found));
      if (process.env["FROND_ALL"] === undefined) break;
    }
    expect(differences.join("\n\n")).toBe("");
  });
});
