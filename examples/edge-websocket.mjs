// Edge devices: a sensor connects over WebSocket, as devices behind a firewall and pages in a browser do, and other
// programs connect over TCP. The device may use only its own subjects, and reconnects by itself after an outage.
//
//   node examples/edge-websocket.mjs
import { wsconnect } from "@nats-io/nats-core";
import { createBroker } from "frond";
// Not `@nats-io/transport-node`: in one process with `wsconnect`, each would reconnect over the other's transport.
import { connect } from "nats";
import { WebSocket } from "ws";

// Browsers and Node 22 or newer have a WebSocket of their own.
globalThis.WebSocket ??= WebSocket;

const users = [
  { user: "office", password: "office-secret" },
  {
    user: "sensor-7",
    password: "sensor-secret",
    // Over WebSocket only, so the password of a stolen device does not work on the TCP port.
    connectionTypes: ["WEBSOCKET"],
    permissions: {
      publish: "site.7.reading",
      subscribe: ["site.7.command", "_INBOX.>"],
      allowResponses: true,
    },
  },
];
// Without TLS, for a broker behind a proxy that terminates TLS. With `tls: { certFile, keyFile }` it accepts wss: itself.
let broker = await createBroker({ port: 0, websocket: { port: 0 }, users });
const ports = { port: broker.port, websocket: { port: Number(new URL(broker.websocketUrl).port) } };
console.log("broker with a WebSocket port");

const office = await connect({
  servers: broker.url,
  user: "office",
  pass: "office-secret",
  reconnectTimeWait: 50,
});
const readings = office.subscribe("site.*.reading")[Symbol.asyncIterator]();
await office.flush();
const nextReading = async () => (await readings.next()).value.json().celsius;

const device = await wsconnect({
  servers: broker.websocketUrl,
  user: "sensor-7",
  pass: "sensor-secret",
  maxReconnectAttempts: -1,
  reconnectTimeWait: 50,
});
device.subscribe("site.7.command", {
  callback: (error, command) => {
    if (error === null) command.respond(`valve ${command.string()}`);
  },
});
const refused = nextPermissionError(device);

device.publish("site.7.reading", JSON.stringify({ celsius: 21.5 }));
console.log(`office reads ${await nextReading()}`);

const answer = await office.request("site.7.command", "open", { timeout: 2_000 });
console.log(`device answers: ${answer.string()}`);

// Another site's subject: the broker refuses the message and sends the device an error; nobody receives the message.
device.publish("site.8.reading", JSON.stringify({ celsius: -40 }));
console.log(`refused: ${await refused}`);

// The broker stops and starts again. Both clients reconnect and renew their subscriptions by themselves.
const back = Promise.all([nextStatus(device, "reconnect"), nextStatus(office, "reconnect")]);
await broker.close();
console.log("broker away");
broker = await createBroker({ ...ports, users });
await back;
await Promise.all([office.flush(), device.flush()]);
device.publish("site.7.reading", JSON.stringify({ celsius: 22 }));
console.log(`back again: office reads ${await nextReading()}`);

await device.close();
await office.close();
await broker.close();

/** The text of the first error that the client receives. */
async function nextPermissionError(connection) {
  for await (const status of connection.status()) {
    if (status.type === "error") return status.error.message;
  }
}

async function nextStatus(connection, type) {
  for await (const status of connection.status()) if (status.type === type) return;
}
