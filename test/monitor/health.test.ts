/** Health and certificates as a running broker shows them. */
import { readFileSync } from "node:fs";
import { X509Certificate } from "node:crypto";
import { afterEach, describe, expect, test } from "vitest";
import { Clock } from "../../src/base/clock.ts";
import { eventually } from "../fixture/waiting.ts";
import { startFrond, type Peer } from "../interop/peer.ts";
import { connectRaw } from "../fixture/raw-client.ts";
import { certificateFile } from "../transport/harness.ts";

const peers: Peer[] = [];
afterEach(async () => {
  for (const peer of peers.splice(0)) await peer.stop();
});

async function start(config: string, clock = new Clock()): Promise<Peer> {
  const peer = await startFrond(`http: "127.0.0.1:-1"\n${config}`, clock);
  peers.push(peer);
  return peer;
}

async function get({ monitorPort }: Peer, target: string): Promise<{ status: number; body: unknown }> {
  const response = await fetch(`http://127.0.0.1:${monitorPort}${target}`);
  const text = await response.text();
  return { status: response.status, body: text.startsWith("{") ? JSON.parse(text) : text };
}

describe("/healthz", () => {
  test("says in lame duck that no listener takes connections, while monitoring goes on", async () => {
    const clock = new Clock();
    const peer = await start(
      'lame_duck_duration: "60s"\nlame_duck_grace_period: "10s"\nleafnodes { listen: "127.0.0.1:-1" }',
      clock,
    );
    const client = await connectRaw(Number(new URL(peer.url).port), { connect: { verbose: false } });
    expect(await get(peer, "/healthz")).toMatchObject({ status: 200 });
    clock.freeze();
    const ended = peer.server?.enterLameDuck();
    await eventually(() => peer.server?.isLameDuck === true, "it is in lame duck");
    expect(await get(peer, "/healthz")).toEqual({
      status: 500,
      body: { status: "error", error: "failed to be ready for connections after 1ms: server, leafnode" },
    });
    expect(await get(peer, "/varz")).toMatchObject({ status: 200 });
    client.close();
    await clock.advance("61s");
    await ended;
  });

  test("says which remote is not linked when that is asked for, by its account and URLs", async () => {
    const hub = await start('leafnodes { listen: "127.0.0.1:-1" }');
    const url = `127.0.0.1:${hub.leafPort}`;
    const leaf = await start(
      `accounts { A { users: [{ user: a, password: p }] } }
       leafnodes { remotes: [
         { url: "nats-leaf://u:secret@${url}" }
         { account: A, urls: ["ws://u:secret@127.0.0.1:9", "wss://127.0.0.1:10"] }
       ] }`,
    );
    await eventually(() => leaf.output().includes("Leafnode connection to"), "one of two is linked");
    const query = "/healthz?leaf-remotes-connected=true";
    const error =
      'leafnode remote for account "A" (urls=["ws://127.0.0.1:9" "wss://127.0.0.1:10"]) is not connected';
    expect(await get(leaf, query)).toEqual({ status: 503, body: { status: "unavailable", error } });
    expect(await get(leaf, `${query}&details=1`)).toEqual({
      status: 503,
      body: { status: "error", errors: [{ type: "CONNECTION", error }] },
    });
    expect(await get(leaf, "/healthz")).toMatchObject({ status: 200 });
    await hub.stop();
    const linked = (): boolean =>
      [...(leaf.server?.broker.sessions.values() ?? [])].some(({ kind }) => kind === "Leafnode");
    await eventually(() => !linked(), "the other is gone too");
    const both = (await get(leaf, `${query}&details=1`)).body as { errors: { error: string }[] };
    expect(both.errors.map(({ error: text }) => text)).toEqual(
      [`leafnode remote for account "$G" (urls=["nats-leaf://${url}"]) is not connected`, error].sort(),
    );
  });
});

test("/varz says when the certificates of all listeners and remotes end", async () => {
  const [cert, key] = [certificateFile("server.pem"), certificateFile("server-key.pem")];
  const tls = `tls { cert_file: "${cert}", key_file: "${key}" }`;
  const peer = await start(
    `${tls}\nwebsocket { listen: "127.0.0.1:-1", ${tls} }
     leafnodes { listen: "127.0.0.1:-1", ${tls}, remotes: [{ url: "tls://127.0.0.1:9", ${tls} }] }`,
  );
  const end = new Date(new X509Certificate(readFileSync(cert)).validTo).toISOString().replace(".000Z", "Z");
  expect((await get(peer, "/varz")).body).toMatchObject({
    tls_cert_not_after: end,
    websocket: { tls_cert_not_after: end },
    leaf: { tls_cert_not_after: end, remotes: [{ tls_cert_not_after: end }] },
  });
});

test("/stacksz shows the thread that answers and what is open, as text; /ipqueuesz has no queues", async () => {
  const peer = await start("");
  const { status, body } = await get(peer, "/stacksz");
  expect(status).toBe(200);
  expect(body).toMatch(/^main thread \[running\]:\n {4}at .*stacksz/);
  expect(body).toMatch(/\nopen resources:\n(?: {4}\w+: \d+\n)* {4}TCPServerWrap: \d+\n/);
  expect(await get(peer, "/ipqueuesz?all=1")).toEqual({ status: 200, body: {} });
});
