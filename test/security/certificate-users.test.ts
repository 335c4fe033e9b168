/** A user without a password whom a certificate chooses is nobody's by name alone, on whichever listener. */
import { afterEach, expect, test } from "vitest";
import { certificatePath } from "../fixture/broker-process.ts";
import { connectRaw } from "../fixture/raw-client.ts";
import { openWebSocket } from "../fixture/raw-websocket.ts";
import { startFrond, type Peer } from "../interop/peer.ts";

let peer: Peer | null = null;
afterEach(async () => {
  await peer?.stop();
  peer = null;
});

const tls = `cert_file: ${certificatePath("server.pem")}, key_file: ${certificatePath("server-key.pem")}, ca_file: ${certificatePath("ca.pem")}`;
const listeners = `leafnodes { listen: "127.0.0.1:-1", tls { ${tls}, verify_and_map: true } }
  websocket { listen: "127.0.0.1:-1", no_tls: true }`;
const violation = "-ERR 'Authorization Violation'";

test("a user whom leaf certificates choose does not log in by name over TCP, WebSocket or the leaf port", async () => {
  peer = await startFrond(
    `${listeners}\nauthorization { users: [ { user: "u" }, { user: "v", password: "p" } ] }`,
  );
  const tcp = await connectRaw(Number(new URL(peer.url).port));
  await tcp.line();
  tcp.send('CONNECT {"user":"u"}\r\nPING\r\n');
  expect(await tcp.rest()).toBe(`${violation}\r\n`);

  const web = await openWebSocket(`ws://127.0.0.1:${peer.websocketPort}`);
  web.socket.send('CONNECT {"user":"u"}\r\nPING\r\n');
  await web.closed;
  expect(web.received()).toContain(violation);
  expect(web.received()).not.toContain("PONG");

  const other = await connectRaw(Number(new URL(peer.url).port), { connect: { user: "v", pass: "p" } });
  expect(await other.untilPong()).toEqual([]);
  other.close();
});
