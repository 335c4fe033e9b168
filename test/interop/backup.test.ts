import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { Clock } from "../../src/base/clock.ts";
import { nats, startNats } from "../fixture/nats-command.ts";
import { startTcpProxy, type TcpProxy } from "../fixture/tcp-proxy.ts";
import { type Arrival, LineClient } from "../jetstream/differential/line-client.ts";
import { peers, type Peer, type PeerKind, startFrond, startPeer } from "./peer.ts";
import { describeWith, program, testWith } from "../fixture/needs.ts";
import { eventually } from "../fixture/waiting.ts";

// Online backup and restore as operators do it: by the `nats` command.

const ends: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "frond-backup-"));
  ends.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function settings(): string {
  return `server_name: backup\njetstream { store_dir: ${JSON.stringify(newFolder())}, sync_interval: "2m" }\n`;
}

async function start(kind: PeerKind): Promise<Peer> {
  const peer = await startPeer(kind, settings());
  ends.push(() => peer.stop());
  return peer;
}

async function open(peer: Pick<Peer, "url">): Promise<LineClient> {
  const client = await LineClient.open(Number(new URL(peer.url).port));
  ends.push(() => client.close());
  return client;
}

async function api(
  client: LineClient,
  subject: string,
  body: object | string = "",
): Promise<Record<string, unknown>> {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  const answer = await client.request(`$JS.API.${subject}`, text, "", 10_000);
  return JSON.parse(answer?.payload ?? "{}") as Record<string, unknown>;
}

/** A stream of many kinds of messages, some of which are gone, with consumers in the middle of their work. */
async function fill(client: LineClient): Promise<void> {
  await api(client, "STREAM.CREATE.ORDERS", { name: "ORDERS", subjects: ["orders.>"], allow_msg_ttl: true });
  const many = "the same words again, ".repeat(200);
  for (let index = 1; index <= 300; index++) {
    const noise = Array.from(
      { length: index % 7 === 0 ? 3_000 : 20 },
      (_, at) => (at * at * index * 7_919) % 251,
    );
    const payload = index % 3 === 0 ? many : String.fromCharCode(...noise);
    const header =
      index % 2 === 0 ? `NATS/1.0\r\nNats-Msg-Id: id-${index}\r\nKind: ${index % 5}\r\n\r\n` : "";
    await client.request(`orders.${index % 11}.\u00c3\u00a4`, payload, header);
  }
  await client.request("orders.stays", "", "NATS/1.0\r\nNats-TTL: 1h\r\n\r\n");
  for (const seq of [1, 2, 17, 300]) await api(client, "STREAM.MSG.DELETE.ORDERS", { seq });
  for (const [name, more] of [
    ["explicit", { ack_policy: "explicit", ack_wait: 600_000_000_000 }],
    ["filtered", { ack_policy: "all", filter_subject: "orders.4.>", ack_wait: 600_000_000_000 }],
    ["push", { ack_policy: "none", deliver_subject: "pushed" }],
  ] as const)
    await api(client, `CONSUMER.CREATE.ORDERS.${name}${name === "filtered" ? ".orders.4.>" : ""}`, {
      stream_name: "ORDERS",
      config: { durable_name: name, ...more },
    });
  for (const name of ["explicit", "filtered"]) {
    const got: Arrival[] = [];
    await client.gather(`$JS.API.CONSUMER.MSG.NEXT.ORDERS.${name}`, '{"batch":5}', "", 5_000, (arrival) => {
      got.push(arrival);
      return got.length === 5;
    });
    for (const at of [0, 2]) await client.request(got[at]?.reply ?? "", "", "", 5_000);
  }
}

/** What matters of a stream: configuration, state, each message, each consumer. */
async function shown(client: LineClient): Promise<unknown> {
  const info = await api(client, "STREAM.INFO.ORDERS", { deleted_details: true });
  const { metadata: _, ...config } = info["config"] as Record<string, unknown>;
  const messages: unknown[] = [];
  for (let seq = 3; seq <= 301; seq++)
    messages.push((await api(client, "STREAM.MSG.GET.ORDERS", { seq }))["message"]);
  const { consumers } = (await api(client, "CONSUMER.LIST.ORDERS")) as {
    consumers: Record<string, unknown>[];
  };
  const positions = consumers.map(({ name, num_pending, num_ack_pending, num_redelivered, ...rest }) => ({
    ...{ name, num_pending, num_ack_pending, num_redelivered },
    delivered: { ...(rest["delivered"] as object), last_active: null },
    ack_floor: { ...(rest["ack_floor"] as object), last_active: null },
    config: { ...(rest["config"] as object), metadata: null },
  }));
  positions.sort((a, b) => (String(a.name) < String(b.name) ? -1 : 1));
  return { config, state: info["state"], messages, positions };
}

const kinds: readonly PeerKind[] = ["frond", "nats-server"];
const pairs = kinds.flatMap((from) => kinds.map((to) => ({ from, to })));

describeWith(program("nats"), "backups by the nats command", () => {
  it("a bucket is backed up as soon as it was written, and restored", async () => {
    const peer = await start("frond");
    const folder = join(newFolder(), "taken");
    await nats(peer.url, "kv", "add", "cfg");
    await nats(peer.url, "kv", "put", "cfg", "a", "1");
    expect(await nats(peer.url, "backup", "stream", "KV_cfg", folder)).toContain("Received ");
    expect(await nats(peer.url, "backup", "validate", folder)).toContain("1 messages");
    await nats(peer.url, "kv", "put", "cfg", "a", "2");
    await nats(peer.url, "stream", "rm", "KV_cfg", "-f");
    await nats(peer.url, "backup", "restore", "stream", folder);
    expect(await nats(peer.url, "kv", "get", "cfg", "a", "--raw")).toBe("1");
  });

  async function takeAndRestore({ from, to }: (typeof pairs)[number]): Promise<void> {
    const source = await start(from);
    const target = from === to ? source : await start(to);
    const client = await open(source);
    await fill(client);
    const before = await shown(client);
    const folder = newFolder();
    await nats(source.url, "backup", "account", folder, "-f");
    expect(readdirSync(folder)).toEqual(["ORDERS"]);
    if (from === to) await nats(source.url, "stream", "rm", "ORDERS", "-f");
    await nats(target.url, "backup", "restore", "account", folder);
    const there = await open(target);
    expect(await shown(there)).toEqual(before);
    const again = await there.request("orders.0.x", "", "NATS/1.0\r\nNats-Msg-Id: id-298\r\n\r\n");
    expect(again?.payload).toContain('"duplicate": true');
  }

  for (const { from, to } of pairs)
    testWith(peers(from, to), `an account of ${from} is restored on ${to}, consumers and all`, async () =>
      takeAndRestore({ from, to }),
    );

  it("a backup and a restore that are cut leave nothing behind, and can be done again", async () => {
    const clock = new Clock();
    const peer = await startFrond(settings(), clock);
    ends.push(() => peer.stop());
    const client = await open(peer);
    await api(client, "STREAM.CREATE.BIG", { name: "BIG", subjects: ["big"] });
    for (let index = 0; index < 40; index++) await client.request("big", "x".repeat(500_000));
    const proxy = await startTcpProxy(Number(new URL(peer.url).port));
    ends.push(() => proxy.close());
    const url = `nats://127.0.0.1:${proxy.port}`;
    const folder = join(newFolder(), "taken");

    await cut(proxy, "down", "Starting snapshot", peer, startNats(url, "backup", "stream", "BIG", folder));
    await eventually(() => expect(peer.output()).toMatch(/Snapshot .* failed: no interest/));
    await nats(url, "backup", "stream", "BIG", folder);
    await nats(url, "backup", "validate", folder);
    await nats(url, "stream", "rm", "BIG", "-f");

    await cut(proxy, "up", "Starting restore", peer, startNats(url, "backup", "restore", "stream", folder));
    clock.freeze();
    await clock.advance("6s");
    clock.resume();
    expect(peer.output()).toMatch(/Restore .* failed: .* is stalled/);
    await nats(url, "backup", "restore", "stream", folder);
    expect(await api(client, "STREAM.INFO.BIG")).toMatchObject({ state: { messages: 40, last_seq: 40 } });
  });

  /** Stalls the way as soon as the broker has begun, and kills the command. */
  async function cut(
    proxy: TcpProxy,
    way: "up" | "down",
    begun: string,
    peer: Peer,
    command: ReturnType<typeof startNats>,
  ): Promise<void> {
    await eventually(() => expect(peer.output()).toContain(begun));
    proxy.stall(way);
    command.process.kill("SIGKILL");
    await command.ended;
    proxy.cut();
    proxy.flow();
  }
});

describe("a receiver of a snapshot", () => {
  async function bigStream(clock: Clock): Promise<LineClient> {
    const peer = await startFrond(settings(), clock);
    ends.push(() => peer.stop());
    const client = await open(peer);
    await api(client, "STREAM.CREATE.BIG", { name: "BIG", subjects: ["big"] });
    for (let index = 0; index < 20; index++) await client.request("big", "x".repeat(10_000));
    return client;
  }

  it("that is slow, and subscribes late, gets all of it", async () => {
    const clock = new Clock();
    const client = await bigStream(clock);
    // As clients do that have one subscription for all inboxes: it is no sign that anybody knows this one.
    client.subscribe("_INBOX.all.>", () => {});
    clock.freeze();
    const request = { deliver_subject: "_INBOX.all.7", chunk_size: 10_240, window_size: 10_240 };
    expect((await api(client, "STREAM.SNAPSHOT.BIG", request))["error"]).toBeUndefined();
    await clock.advance("1s");
    const got: Arrival[] = [];
    client.subscribe("_INBOX.all.7", (arrival) => void got.push(arrival));
    await client.flush();
    for (let answered = 0; got.at(-1)?.payload !== ""; answered++) {
      await clock.advance("4s");
      await client.flush();
      expect(got).toHaveLength(answered + 1);
      if (got[answered]?.reply !== "") client.publish(got[answered]?.reply ?? "", "");
      await client.flush();
      if (got.length === answered + 1)
        await eventually(() => expect(got.length).toBeGreaterThan(answered + 1));
    }
    expect(got.at(-1)?.header).toMatch(/^NATS\/1\.0 204/);
    expect(got.length).toBeGreaterThan(20);
    expect(got.map(({ payload }) => payload.length).slice(0, 3)).toEqual([10_240, 10_240, 10_240]);
  });

  it("that has one subscription for all its inboxes gets it after two seconds", async () => {
    const clock = new Clock();
    const client = await bigStream(clock);
    const got: Arrival[] = [];
    client.subscribe("_INBOX.all.*", (arrival) => {
      got.push(arrival);
      if (arrival.reply !== "") client.publish(arrival.reply, "");
    });
    clock.freeze();
    await api(client, "STREAM.SNAPSHOT.BIG", { deliver_subject: "_INBOX.all.7" });
    await clock.advance("1900ms");
    await client.flush();
    expect(got).toHaveLength(0);
    await clock.advance("200ms");
    await eventually(() => expect(got.at(-1)?.header).toMatch(/^NATS\/1\.0 204/));
  });
});
