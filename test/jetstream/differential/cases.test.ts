import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { noNatsServer, type Peer, type PeerKind, startPeer } from "../../interop/peer.ts";
import { cases } from "./cases.ts";
import { LineClient } from "./line-client.ts";
import { playBoth, shownDifference } from "./lockstep.ts";
import { Player } from "./player.ts";

// Written by hand, where the random sequences beside this are unlikely to get.

describe.skipIf(noNatsServer !== null)("beside nats-server", () => {
  const folders: string[] = [];
  const stops: (() => Promise<void>)[] = [];
  let ours: Player;
  let theirs: Player;

  async function start(kind: PeerKind): Promise<Player> {
    const folder = mkdtempSync(join(tmpdir(), "frond-cases-"));
    folders.push(folder);
    const store = `jetstream { store_dir: ${JSON.stringify(folder)}, sync_interval: "2m" }`;
    let peer: Peer;
    const open = async (): Promise<LineClient> => {
      peer = await startPeer(kind, `server_name: beside\n${store}\n`);
      return LineClient.open(Number(new URL(peer.url).port));
    };
    const player = new Player(await open(), async () => {
      await peer.stop();
      return open();
    });
    stops.push(async () => {
      player.close();
      await peer.stop();
    });
    return player;
  }

  beforeAll(async () => {
    ours = await start("frond");
    theirs = await start("nats-server");
  });
  afterAll(async () => {
    for (const stop of stops) await stop();
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  it.each(cases.map((each) => [each.title, each.operations] as const))(
    "%s",
    { timeout: 30_000 },
    async (_, operations) => {
      const found = await playBoth(operations, ours, theirs);
      expect(found === null ? "" : shownDifference(0, operations, found)).toBe("");
    },
  );
});
