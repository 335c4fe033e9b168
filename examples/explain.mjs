// "Why did my message not arrive?": asks a running broker who receives a message on a subject, who does not, and why.
//
//   node examples/explain.mjs
//
// The same question on the command line: `npx frond explain orders.eu.new`, with the monitoring port on 8222.
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { connect } from "@nats-io/transport-node";
import { createBroker } from "frond";

const broker = await createBroker({
  port: 0,
  monitor: 0,
  users: [
    { user: "billing", password: "b" },
    { user: "shop", password: "s" },
    { user: "audit", password: "a", permissions: { subscribe: { allow: ">", deny: "orders.eu.>" } } },
    { user: "guest", password: "g", permissions: { publish: { deny: "orders.>" } } },
  ],
});
const login = (user, pass, name) => connect({ servers: broker.url, user, pass, name });
const connections = [
  await login("billing", "b", "billing-1"),
  await login("billing", "b", "billing-2"),
  await login("shop", "s", "dashboard"),
  await login("audit", "a", "audit-log"),
  await login("guest", "g", "visitor"),
];
const [billing1, billing2, dashboard, audit] = connections;
billing1.subscribe("orders.*.new", { queue: "billing" });
billing2.subscribe("orders.*.new", { queue: "billing" });
// This pattern has one token too few for the subject.
dashboard.subscribe("orders.*");
audit.subscribe("orders.>");
await Promise.all(connections.map((connection) => connection.flush()));

const frond = fileURLToPath(new URL("../bin/frond", import.meta.url));
const words = [frond, "explain", "orders.eu.new", "--url", broker.monitorUrl];
const { stdout } = await promisify(execFile)(process.execPath, words);
console.log(stdout);

// Programs can ask over HTTP, and get JSON.
const response = await fetch(`${broker.monitorUrl}/explainz?subject=orders.eu.new`);
const { accounts } = await response.json();
console.log(`deliveries of one message: ${accounts[0].routes[0].deliveries}`);

await Promise.all(connections.map((connection) => connection.close()));
await broker.close();
