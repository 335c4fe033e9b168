/** TLS that a reload adds, changes and takes away: new connections follow, on each listener, and those there stay. */
import { once } from "node:events";
import { connect as connectTls } from "node:tls";
import { describe, expect, onTestFinished, test } from "vitest";
import { connectRaw } from "../fixture/raw-client.ts";
import { certificateFile, greeted, startReloadable, tlsBlock, type Reloadable } from "./reloadable.ts";

/** Shows another certificate than {@link tlsBlock}. */
const otherTls = `tls { cert_file: ${JSON.stringify(certificateFile("client-name.pem"))},
  key_file: ${JSON.stringify(certificateFile("client-name-key.pem"))} }`;

/** Whose certificate a port shows to who begins with the handshake; null when there is none. */
async function certificateOn(port: number): Promise<string | null> {
  const socket = connectTls({ host: "127.0.0.1", port, rejectUnauthorized: false });
  onTestFinished(() => void socket.destroy());
  try {
    await once(socket, "secureConnect");
  } catch {
    return null;
  }
  return String(socket.getPeerCertificate().subject.CN);
}

describe.each([
  ["clients", (tls: string) => tls, (broker: Reloadable) => broker.port],
  [
    "leaf nodes",
    (tls: string) => `leafnodes { listen: "127.0.0.1:-1"\n${tls} }`,
    (broker: Reloadable) => broker.leafPort,
  ],
])("the port for %s", (_who, config, portOf) => {
  test("goes over to TLS and back", async () => {
    const broker = await startReloadable(config(""));
    const port = portOf(broker);
    const plain = await greeted(port);
    expect(plain.info["tls_required"]).toBeUndefined();
    await broker.reload(config(tlsBlock()));
    const secure = await greeted(port);
    expect(secure.info["tls_required"]).toBe(true);
    await broker.reload(config(""));
    const last = await greeted(port);
    expect(last.info["tls_required"]).toBeUndefined();
    for (const { client } of [plain, secure, last]) {
      client.send('CONNECT {"server_id":"ID","version":"2.15.3","verbose":false}\r\n');
      await client.untilPong();
    }
  });

  test("takes each key of the tls block for new connections", async () => {
    const broker = await startReloadable(config(tlsBlock()));
    const port = portOf(broker);
    await broker.reload(config(tlsBlock("verify: true")));
    expect((await greeted(port, "client-name")).info["tls_verify"]).toBe(true);
    await broker.reload(config(tlsBlock("handshake_first: true")));
    expect(await certificateOn(port)).toBe("localhost");
    await broker.reload(config(otherTls.replace("}", ", handshake_first: true }")));
    expect(await certificateOn(port)).toBe("device-8");
  });

  test("stays as it is when a certificate cannot be read", async () => {
    const broker = await startReloadable(config(""));
    const key = JSON.stringify(certificateFile("client-name-key.pem"));
    const wrong = tlsBlock().replace(/key_file: "[^"]*"/, `key_file: ${key}`);
    await expect(broker.reload(config(wrong))).rejects.toThrow("does not belong to the certificate");
    expect((await greeted(portOf(broker))).info["tls_required"]).toBeUndefined();
  });
});

test("a certificate that cannot be read on one listener changes none of them", async () => {
  const websocket = (tls: string): string => `websocket { listen: "127.0.0.1:-1"\n${tls} }\n`;
  const broker = await startReloadable(`${websocket(tlsBlock())}${tlsBlock()}`);
  const key = JSON.stringify(certificateFile("server-key.pem"));
  const wrong = otherTls.replace(/key_file: "[^"]*"/, `key_file: ${key}`);
  await expect(broker.reload(`${websocket(otherTls)}${wrong}`)).rejects.toThrow("does not belong");
  await expect(broker.reload(`${websocket(wrong)}${otherTls}`)).rejects.toThrow("does not belong");
  expect(await certificateOn(broker.wsPort)).toBe("localhost");
  await broker.reload(`${websocket(tlsBlock())}${tlsBlock("handshake_first: true")}`);
  expect(await certificateOn(broker.port)).toBe("localhost");
});

test("the WebSocket listener and monitoring show the new certificate, and do not go over to TLS or back", async () => {
  const config = (websocket: string, tls: string): string =>
    `websocket { listen: "127.0.0.1:-1"\n${websocket} }\nhttps: "127.0.0.1:-1"\n${tls}`;
  const broker = await startReloadable(config(tlsBlock(), tlsBlock()));
  const ports = [broker.wsPort, broker.monitorPort];
  expect(await Promise.all(ports.map(certificateOn))).toEqual(["localhost", "localhost"]);
  await broker.reload(config(otherTls, otherTls));
  expect(await Promise.all(ports.map(certificateOn))).toEqual(["device-8", "device-8"]);
  await expect(broker.reload(config("no_tls: true", otherTls))).rejects.toThrow(
    "config reload not supported for Websocket.tls",
  );
  await expect(broker.reload(config(otherTls, ""))).rejects.toThrow("TLS cert and key required for HTTPS");
  expect(await Promise.all(ports.map(certificateOn))).toEqual(["device-8", "device-8"]);
});

test("a client that began in clear before TLS was required goes on", async () => {
  const broker = await startReloadable("");
  const early = await connectRaw(broker.port);
  onTestFinished(() => early.close());
  await early.line();
  await broker.reload(tlsBlock());
  early.send("CONNECT {}\r\n");
  await early.untilPong();
});
