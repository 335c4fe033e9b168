// From the edge to a replicated cluster: a Frond leaf stores what is published to it while the cluster is down. The cluster
// collects each message exactly once, while its nodes are killed one at a time.
//
//   node examples/edge-to-cluster/run.mjs
//
// The cluster is three nats-servers with JetStream: nats-server 2.10 or newer must be on the PATH. Frond runs inside this
// program. Everything uses loopback ports, and nothing is left at the end.
import { jetstream, jetstreamManager } from "@nats-io/jetstream";
import { connect } from "@nats-io/transport-node";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createBroker } from "frond";
import { natsServerVersion, prepareCluster } from "./cluster.mjs";

const version = natsServerVersion();
if (version === null) {
  console.error(
    "There is no nats-server on the PATH, and this example needs one: https://github.com/nats-io/nats-server",
  );
  process.exit(1);
}
console.log(version);

const waitMsMax = 90_000;
const folder = mkdtempSync(join(tmpdir(), "edge-to-cluster-"));
const cluster = await prepareCluster(folder, "hub");
process.once("exit", () => {
  for (const node of cluster.nodes) node.process?.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(1));

// This is all the configuration that the edge needs.
const edge = await createBroker({
  port: 0,
  monitor: 0,
  serverName: "plant-7",
  jetstream: { storeDir: join(folder, "edge") },
  leafNodes: {
    remotes: [
      {
        urls: cluster.leafUrls,
        forward: { up: [{ stream: "READINGS", subjects: ["reading.>"] }], replicas: 3, backOff: "3s" },
      },
    ],
  },
});
const device = await connect({ servers: edge.url });
const readings = jetstream(device);
await until("the stream is there", async () => (await lag()) !== undefined);

let published = 0;
/** Resolves when each is on the disk of the edge. */
async function publish(count) {
  const acks = [];
  for (let left = count; left > 0; left--) acks.push(readings.publish("reading.oven", String(++published)));
  await Promise.all(acks);
}

/** How far the cluster is behind, as the edge knows it. */
async function lag() {
  const { forward } = await leafz();
  return forward[0].lag;
}

/** What the edge says of its hub. */
async function leafz() {
  const answer = await fetch(`${edge.monitorUrl}/leafz`);
  const { remotes } = await answer.json();
  return remotes[0];
}

await publish(1000);
console.log("no cluster: 1000 readings are kept at the edge");

cluster.startAll();
const office = await connectToCluster();
const hub = await jetstreamManager(office, { checkAPI: false });
await until("the cluster has them", async () => (await stream())?.state.messages === published);
const { config } = await stream();
console.log(`the cluster has them, in ${config.num_replicas} replicas`);

async function connectToCluster() {
  for (const startMs = Date.now(); ; ) {
    try {
      return await connect({ servers: cluster.clientUrls, maxReconnectAttempts: -1, reconnectTimeWait: 200 });
    } catch (error) {
      if (Date.now() - startMs > waitMsMax) throw error;
      await sleep(100);
    }
  }
}

/** Null while nobody can tell: a cluster without a leader does not answer. */
async function stream() {
  try {
    return await hub.streams.info("READINGS");
  } catch {
    return null;
  }
}

/** Null while the cluster does not answer, as for some seconds after a node has come back. */
async function reader() {
  try {
    return await jetstream(office).consumers.get("READINGS", { deliver_policy: "all" });
  } catch {
    return null;
  }
}

async function isWhole() {
  const info = await stream();
  const replicas = info?.cluster?.replicas ?? [];
  return info?.cluster?.leader !== "" && replicas.length === 2 && replicas.every(({ current }) => current);
}

// Devices publish all the time.
let isPublishing = true;
const publishing = (async () => {
  while (isPublishing) {
    await publish(5);
    await sleep(20);
  }
})();

for (const node of cluster.nodes) {
  await until("all replicas are current", isWhole);
  await cluster.kill(node);
  const before = published;
  await until("the other two go on", async () => ((await stream())?.state.messages ?? 0) > before);
  console.log(`${node.name} is dead: the other two go on`);
  cluster.start(node);
}
isPublishing = false;
await publishing;
await until("all has arrived", async () => (await stream())?.state.messages >= published);
await until("the edge knows", async () => (await lag()) === 0);

await until("all replicas are current again", isWhole);
const { state } = await stream();
let consumer = null;
await until("the cluster makes a consumer", async () => (consumer = await reader()) !== null);
const arrived = [];
const messages = await consumer.consume();
for await (const message of messages) {
  arrived.push(message.string());
  if (message.info.pending === 0) break;
}
const isExact = arrived.length === published && arrived.every((text, at) => text === String(at + 1));
console.log(`published at the edge: ${published}`);
console.log(`in the cluster: ${state.messages}, ${isExact ? "each once and in order" : "WRONG"}`);

await device.close();
await office.close();
await edge.close();
await cluster.killAll();
process.exitCode = isExact && state.messages === published ? 0 : 1;

async function until(what, isSo) {
  for (const startMs = Date.now(); !(await isSo()); ) {
    if (Date.now() - startMs > waitMsMax) {
      const { forward, ...remote } = await leafz();
      console.error(remote, forward);
      throw new Error(`waited in vain until ${what}`);
    }
    await sleep(100);
  }
}
