// Three nats-servers on loopback ports, as one cluster with JetStream. Each can be killed and started again.
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";

const nodeCount = 3;

/** @returns what `nats-server -v` says, or null when there is none on the PATH */
export function natsServerVersion() {
  const { stdout, error } = spawnSync("nats-server", ["-v"], { encoding: "utf8" });
  return error === undefined ? stdout.trim() : null;
}

/** @param folder for its configuration and its streams @param domain of its streams */
export async function prepareCluster(folder, domain) {
  const ports = await freePorts(nodeCount * 3);
  const nodes = Array.from({ length: nodeCount }, (_, at) => ({
    name: `n${at + 1}`,
    client: ports[at * 3],
    leaf: ports[at * 3 + 1],
    route: ports[at * 3 + 2],
    process: null,
  }));
  const routes = nodes.map(({ route }) => `nats-route://127.0.0.1:${route}`);
  for (const node of nodes) {
    const store = join(folder, node.name);
    mkdirSync(store, { recursive: true });
    node.config = join(folder, `${node.name}.conf`);
    writeFileSync(
      node.config,
      `server_name: ${node.name}
listen: "127.0.0.1:${node.client}"
jetstream { store_dir: ${JSON.stringify(store)}, domain: ${domain} }
leafnodes { listen: "127.0.0.1:${node.leaf}" }
cluster { name: ${domain}, listen: "127.0.0.1:${node.route}", routes: ${JSON.stringify(routes)} }
`,
    );
  }
  const start = (node) => {
    node.process = spawn("nats-server", ["-c", node.config], { stdio: "ignore" });
  };
  const kill = async (node) => {
    const { process } = node;
    node.process = null;
    if (process === null || process.exitCode !== null) return;
    process.kill("SIGKILL");
    await once(process, "exit");
  };
  return {
    nodes,
    clientUrls: nodes.map(({ client }) => `127.0.0.1:${client}`),
    leafUrls: nodes.map(({ leaf }) => `nats-leaf://127.0.0.1:${leaf}`),
    start,
    kill,
    startAll: () => nodes.forEach(start),
    killAll: () => Promise.all(nodes.map(kill)),
  };
}

async function freePorts(count) {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => server.address().port);
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return ports;
}
