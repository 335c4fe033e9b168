/** Whom a leaf node that offers no login is taken for, by TCP and by WebSocket: the same at a hub of either kind. */
import { afterEach, expect, test } from "vitest";
import { describeWith, natsServer, nothing } from "../fixture/needs.ts";
import { eventually } from "../fixture/waiting.ts";
import { type Peer, type PeerKind, startFrond, startPeer } from "../interop/peer.ts";

const ended: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0).reverse()) await end();
});

interface LinkView {
  readonly account: string;
}

const kinds = [
  ["frond", nothing],
  ["nats-server", natsServer("2.15.3")],
] as const;

const accounts = `accounts {
  GENERAL { users: [ { user: general, password: p } ] }
  WEB { users: [ { user: web, password: p } ] }
  PLAIN { users: [ { user: plain, password: p, allowed_connection_types: ["STANDARD"] } ] }
}`;

async function hubWith(kind: PeerKind, general: string, websocket: string): Promise<Peer> {
  const hub = await startPeer(
    kind,
    `${accounts}\n${general}\nhttp: "127.0.0.1:-1"\nleafnodes { listen: "127.0.0.1:-1" }
     websocket { listen: "127.0.0.1:-1", no_tls: true, ${websocket} }`,
  );
  ended.push(() => hub.stop());
  return hub;
}

/** @returns the account that the hub binds a leaf to which offers nothing; null when it is not let in */
async function accountOf(hub: Peer, url: string): Promise<string | null> {
  const leaf = await startFrond(`leafnodes { remotes: [ { url: "${url}" } ] }`);
  ended.push(() => leaf.stop());
  let account: string | null = null;
  await eventually(async () => {
    const answer = await fetch(`http://127.0.0.1:${hub.monitorPort}/leafz`);
    const { leafs } = (await answer.json()) as { leafs?: LinkView[] };
    account = leafs?.[0]?.account ?? null;
    return account !== null || /Authorization Violation/.test(leaf.output());
  }, "the hub has decided");
  return account;
}

for (const [kind, need] of kinds)
  describeWith(need, `no_auth_user at a hub that is a ${kind}`, () => {
    const tcp = (hub: Peer): string => `nats-leaf://127.0.0.1:${hub.leafPort}`;
    const ws = (hub: Peer): string => `ws://127.0.0.1:${hub.websocketPort}`;

    test.each([
      ["no_auth_user: general", "no_auth_user: web", ws, "WEB"],
      ["no_auth_user: general", "no_auth_user: web", tcp, "GENERAL"],
      ["no_auth_user: general", "", ws, "GENERAL"],
      ["", "no_auth_user: web", ws, "WEB"],
      ["", "no_auth_user: web", tcp, null],
      ["no_auth_user: general", "no_auth_user: plain", ws, null],
    ] as const)("%s, websocket { %s }", async (general, websocket, url, account) => {
      const hub = await hubWith(kind, general, websocket);
      expect(await accountOf(hub, url(hub))).toBe(account);
    });
  });
