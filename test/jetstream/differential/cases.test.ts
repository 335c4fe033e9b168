import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { describeWith, natsServer } from "../../fixture/needs.ts";
import { type Peer, type PeerKind, startPeer } from "../../interop/peer.ts";
import { ask, cases, consumer, create, fetch, publish } from "./cases.ts";
import { LineClient } from "./line-client.ts";
import type { Operation } from "./operation.ts";
import { playBoth, shownDifference } from "./lockstep.ts";
import { Player } from "./player.ts";

const accounts = `accounts {
  A: { jetstream: enabled, users: [ { user: a, password: a } ] }
  B: { jetstream: enabled, users: [ { user: b, password: b } ] }
}
no_auth_user: a`;

// Written by hand, where the random sequences beside this are unlikely to get.

describeWith(natsServer("2.15.3"), "beside nats-server", () => {
  const folders: string[] = [];
  const stops: (() => Promise<void>)[] = [];
  /** For a player in another account of the same broker. */
  const openers: (() => Promise<Player>)[] = [];
  let ours: Player;
  let theirs: Player;

  async function start(kind: PeerKind): Promise<Player> {
    const folder = mkdtempSync(join(tmpdir(), "frond-cases-"));
    folders.push(folder);
    const store = `jetstream { store_dir: ${JSON.stringify(folder)}, sync_interval: "2m" }`;
    let peer: Peer;
    const open = async (): Promise<LineClient> => {
      peer = await startPeer(kind, `server_name: beside\n${store}\n${accounts}\n`);
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
    openers.push(async () => {
      const port = Number(new URL(peer.url).port);
      const other = new Player(await LineClient.open(port, { user: "b", pass: "b" }));
      stops.unshift(async () => Promise.resolve(other.close()));
      return other;
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

  it("a consumer that is reset leaves the one of that name in another account alone", async () => {
    const [ourB, theirB] = (await Promise.all(openers.map(async (open) => open()))) as [Player, Player];
    const before = [
      create("S", { storage: "memory" }),
      consumer("S", "c"),
      ...[1, 2, 3].map((at) => publish(`s.${at}`)),
      fetch("S", "c", 3),
    ];
    expect(await playBoth(before, ours, theirs)).toBeNull();
    expect(await playBoth(before, ourB, theirB)).toBeNull();
    const both = async (operation: Operation, a: Player, b: Player): Promise<string> => {
      const [our, their] = await Promise.all([a.play(operation), b.play(operation)]);
      expect(our).toEqual(their);
      return String(our);
    };
    expect(await both(ask("CONSUMER.RESET.S.c"), ours, theirs)).toContain('"reset_seq":1');
    expect(await both(ask("CONSUMER.INFO.S.c"), ours, theirs)).toContain('"num_ack_pending":0');
    expect(await both(ask("CONSUMER.INFO.S.c"), ourB, theirB)).toContain('"num_ack_pending":3');
  });
});
