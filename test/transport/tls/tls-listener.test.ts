import { createHash, X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import net from "node:net";
import tls from "node:tls";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connectRaw, type RawClient } from "../../fixture/raw-client.ts";
import { TlsHandshaker } from "../../../src/transport/tls/tls-handshaker.ts";
import type { TlsMode } from "../../../src/transport/tls/tls-listener.ts";
import { askFor, certificateFile, Harness, megabyte, messageLine, serverTls } from "../harness.ts";
import { eventually, handled } from "../../fixture/waiting.ts";

const pem = (name: string) => readFileSync(certificateFile(name), "utf8");
const ca = pem("ca.pem");
const identity = (name: string) => ({ cert: pem(`${name}.pem`), key: pem(`${name}-key.pem`) });
const required: TlsMode = { handshakeFirst: "after-info", allowNonTls: false };
const available: TlsMode = { handshakeFirst: "after-info", allowNonTls: true };
const first: TlsMode = { handshakeFirst: "first", allowNonTls: false };
const verifying = { ...serverTls, verify: true, caFile: certificateFile("ca.pem") };

let harness: Harness;
beforeEach(() => {
  harness = new Harness();
});
afterEach(async () => {
  await harness.close();
  expect(harness.faults).toEqual([]);
});

/** Reads INFO in clear, and goes on encrypted. */
async function upgrade(
  port: number,
  options: tls.ConnectionOptions = {},
): Promise<{ info: string; client: RawClient }> {
  const socket = net.connect({ host: "127.0.0.1", port });
  socket.on("error", () => {});
  const info = await new Promise<string>((resolve, reject) => {
    socket.once("data", (data) => resolve(data.toString()));
    socket.once("close", () => reject(new Error("closed")));
  });
  socket.removeAllListeners("data");
  const client = await connectRaw(0, {
    tls: { ca, servername: "localhost", ...options, socket, host: "", port: 0 },
  });
  return { info, client };
}

async function expectServed(client: RawClient): Promise<void> {
  client.send('CONNECT {"verbose":false}\r\nSUB a 1\r\nPUB a 2\r\nhi\r\n');
  expect([await client.line(), await client.line()]).toEqual(["MSG a 1 2", "hi"]);
}

const reasons = () => harness.closed.map(({ reason }) => reason);

describe("TLS required", () => {
  test("greets in clear and serves over TLS, as one and the same session", async () => {
    harness.authenticator = askFor("secret");
    const port = await harness.listenTls(serverTls, required);
    const { info, client } = await upgrade(port);
    expect(info).toMatch(/^INFO \{.*"tls_required":true.*"client_id":1.*"nonce":"a nonce".*\} \r\n$/);
    client.send('CONNECT {"verbose":false,"pass":"secret"}\r\n');
    expect(await client.untilPong()).toEqual([]);
    expect(harness.clients[0]?.tls).toEqual({
      version: "1.3",
      cipher: expect.stringMatching(/^TLS_(AES_(128|256)_GCM|CHACHA20_POLY1305)_SHA(256|384)$/) as string,
      peerCertificate: null,
      handshakeFirst: false,
    });
    client.close();
  });

  test("shows what is in the certificate's file, not the authorities for clients", async () => {
    const port = await harness.listenTls({ ...serverTls, caFile: certificateFile("ca.pem") }, required);
    const { client } = await upgrade(port, { ca: [], rejectUnauthorized: false });
    await expectServed(client);
    expect((client.socket as tls.TLSSocket).authorizationError).toBe("UNABLE_TO_VERIFY_LEAF_SIGNATURE");
    client.close();
  });

  test("says version and cipher of TLS 1.2 as Go does", async () => {
    const port = await harness.listenTls(serverTls, required);
    const { client } = await upgrade(port, {
      maxVersion: "TLSv1.2",
      ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256",
    });
    await expectServed(client);
    expect(harness.clients[0]?.tls).toMatchObject({
      version: "1.2",
      cipher: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    });
    client.close();
  });

  test("carries large messages both ways", async () => {
    const port = await harness.listenTls(serverTls, required);
    const { client } = await upgrade(port);
    const payload = "x".repeat(megabyte);
    client.send('CONNECT {"verbose":false}\r\nSUB a 1\r\n');
    for (let count = 0; count < 10; count++) client.send(`PUB a ${megabyte}\r\n${payload}\r\n`);
    for (let count = 0; count < 10; count++) {
      expect(await client.line()).toBe(`MSG a 1 ${megabyte}`);
      expect((await client.payload(megabyte)) === payload).toBe(true);
    }
    client.close();
  });

  test("the time to authenticate begins after the handshake", async () => {
    harness.authenticator = askFor("secret");
    harness.clock.freeze();
    const port = await harness.listenTls(serverTls, required);
    const socket = net.connect({ host: "127.0.0.1", port });
    socket.on("error", () => {});
    await new Promise((resolve) => socket.once("data", resolve));
    await harness.clock.advance("1.9s");
    const secure = tls.connect({ socket, ca, servername: "localhost" });
    await new Promise((resolve) => secure.once("secureConnect", resolve));
    let received = "";
    secure.on("data", (data: Buffer) => (received += data.toString()));
    await eventually(() => harness.clients[0]?.connection.tls !== null, "the handshake is done");
    await harness.clock.advance("1.9s");
    expect(received).toBe("");
    await harness.clock.advance("0.2s");
    await eventually(() => received !== "", "an answer");
    expect(received).toBe("-ERR 'Authentication Timeout'\r\n");
    secure.destroy();
  });

  test("a last word reaches a peer that is still sending", async () => {
    const port = await harness.listenTls(serverTls, required);
    const { client } = await upgrade(port);
    client.send('CONNECT {"verbose":false}\r\nNONSENSE\r\n');
    client.socket.write(Buffer.alloc(4 * megabyte));
    expect(await client.rest()).toContain("-ERR 'Unknown Protocol Operation'");
  });
});

describe("a handshake that does not come about", () => {
  const bad: [string, (socket: net.Socket) => void][] = [
    ["plain text", (socket) => socket.write("CONNECT {}\r\nPING\r\n")],
    ["HTTP", (socket) => socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n")],
    ["random bytes", (socket) => socket.write(Buffer.from("160301ffffdeadbeef00112233445566778899", "hex"))],
    ["a record of the wrong kind", (socket) => socket.write(Buffer.from("1703030005aaaaaaaaaa", "hex"))],
    ["half a hello and then the end", (socket) => socket.end(Buffer.from("16030100ff", "hex"))],
    ["an end at once", (socket) => socket.end()],
    ["a reset", (socket) => socket.resetAndDestroy()],
  ];

  test.each(bad)("because of %s closes that connection, and disturbs nobody", async (_name, speak) => {
    const port = await harness.listenTls(serverTls, required);
    const { client } = await upgrade(port);
    const socket = net.connect({ host: "127.0.0.1", port });
    let received = "";
    socket.on("error", () => {});
    socket.on("data", (data) => (received += data.toString("latin1")));
    await new Promise((resolve) => socket.once("data", resolve));
    speak(socket);
    await eventually(() => harness.closed.length === 1, "closed");
    expect(reasons()).toEqual(["TLS Handshake Failure"]);
    expect(harness.notes.length).toBe(1);
    expect(received).not.toContain("-ERR");
    await eventually(() => socket.destroyed, "its socket is gone");
    await expectServed(client);
    client.close();
  });

  test("in time is given up, however slowly it goes on", async () => {
    harness.clock.freeze();
    const port = await harness.listenTls(serverTls, required);
    const sockets = ["", "1603", "16030100f0"].map((hex) => {
      const socket = net.connect({ host: "127.0.0.1", port });
      socket.on("error", () => {});
      socket.on("data", () => {});
      socket.write(Buffer.from(hex, "hex"));
      return socket;
    });
    await eventually(() => harness.clients.length === 3, "accepted");
    await harness.clock.advance("1.5s");
    sockets[2]?.write(Buffer.alloc(1));
    await harness.clock.advance("0.4s");
    expect(reasons()).toEqual([]);
    await harness.clock.advance("0.2s");
    expect(reasons()).toEqual(Array.from({ length: 3 }, () => "TLS Handshake Failure"));
    await eventually(() => sockets.every((socket) => socket.destroyed), "their sockets are gone");
  });

  test("leaves nothing behind, a hundred at a time", async () => {
    harness.clock.freeze();
    const port = await harness.listenTls(serverTls, required);
    for (let count = 0; count < 100; count++) {
      const socket = net.connect({ host: "127.0.0.1", port });
      socket.on("error", () => {});
      socket.on("data", () => socket.write("x".repeat(1 + (count % 7))));
    }
    await eventually(() => harness.clients.length === 100, "accepted");
    await harness.clock.advance("3s");
    await eventually(() => harness.closed.length === 100, "closed");
    expect(harness.broker.sessions.size).toBe(0);
  });

  test("may be interrupted by the broker", async () => {
    const port = await harness.listenTls(serverTls, required);
    const client = await connectRaw(port);
    await client.line();
    harness.clients[0]?.close("Server Shutdown");
    await client.rest();
    expect(reasons()).toEqual(["Server Shutdown"]);
  });
});

describe("TLS available", () => {
  test("a client may use it, or do without", async () => {
    const port = await harness.listenTls(serverTls, available);
    const { info, client: secure } = await upgrade(port);
    expect(info).toContain('"tls_available":true');
    await expectServed(secure);
    const plain = await connectRaw(port);
    await plain.line();
    await expectServed(plain);
    expect(harness.clients.map(({ tls: state }) => state?.version ?? null)).toEqual(["1.3", null]);
    secure.close();
    plain.close();
  });

  test("a client that says nothing for long goes on in clear", async () => {
    harness.clock.freeze();
    const port = await harness.listenTls(serverTls, available);
    const plain = await connectRaw(port);
    await plain.line();
    await harness.clock.advance("2.1s");
    await expectServed(plain);
    plain.close();
  });

  test("a client that ends at once is closed", async () => {
    const port = await harness.listenTls(serverTls, available);
    const client = await connectRaw(port);
    await client.line();
    client.socket.end();
    await client.rest();
    await eventually(() => harness.closed.length === 1, "closed");
    expect(reasons()).toEqual(["Client Closed"]);
  });

  test("large messages pass in clear, first bytes included", async () => {
    const port = await harness.listenTls(serverTls, available);
    const client = await connectRaw(port);
    await client.line();
    const payload = "x".repeat(megabyte);
    client.send(`CONNECT {"verbose":false}\r\nSUB a 1\r\nPUB a ${megabyte}\r\n${payload}\r\n`);
    expect(await client.line()).toBe(`MSG a 1 ${megabyte}`);
    expect((await client.payload(megabyte)) === payload).toBe(true);
    client.close();
  });
});

describe("the handshake first", () => {
  test("comes before INFO, which then says that TLS is required", async () => {
    const port = await harness.listenTls(serverTls, { handshakeFirst: "first", allowNonTls: true });
    const client = await connectRaw(port, { tls: { ca, servername: "localhost" } });
    expect(await client.line()).toMatch(/^INFO .*"tls_required":true/);
    await expectServed(client);
    expect(harness.clients[0]?.tls?.handshakeFirst).toBe(true);
    client.close();
  });

  test("is waited for in vain by a client that waits for INFO", async () => {
    harness.clock.freeze();
    const port = await harness.listenTls(serverTls, first);
    const client = await connectRaw(port);
    await eventually(() => harness.clients.length === 1, "accepted");
    await harness.clock.advance("2.1s");
    expect(await client.rest()).toBe("");
    expect(reasons()).toEqual(["TLS Handshake Failure"]);
  });

  test("or INFO first, for clients that do not hurry", async () => {
    harness.clock.freeze();
    const port = await harness.listenTls(serverTls, {
      handshakeFirst: { fallbackMs: 50 },
      allowNonTls: false,
    });
    const hasty = await connectRaw(port, { tls: { ca, servername: "localhost" } });
    expect(await hasty.line()).toMatch(/^INFO /);
    await expectServed(hasty);
    const waiting = handled(upgrade(port));
    await eventually(() => harness.clients.length === 2, "accepted");
    await harness.clock.advance("60ms");
    const { info, client: patient } = await waiting;
    expect(info).toMatch(/^INFO /);
    await expectServed(patient);
    expect(harness.clients.map(({ tls: state }) => state?.handshakeFirst)).toEqual([true, false]);
    hasty.close();
    patient.close();
  });

  test("or INFO first, and then TLS or not", async () => {
    harness.clock.freeze();
    const port = await harness.listenTls(serverTls, {
      handshakeFirst: { fallbackMs: 50 },
      allowNonTls: true,
    });
    const client = await connectRaw(port);
    await eventually(() => harness.clients.length === 1, "accepted");
    await harness.clock.advance("60ms");
    expect(await client.line()).toMatch(/^INFO /);
    await expectServed(client);
    client.close();
  });
});

describe("client certificates", () => {
  test("are asked for, verified, and shown to the session", async () => {
    const port = await harness.listenTls(verifying, required);
    const { client } = await upgrade(port, identity("client-name"));
    await expectServed(client);
    const der = new X509Certificate(pem("client-name.pem")).raw;
    expect(harness.clients[0]?.connection.tls?.peerCertificate?.equals(der)).toBe(true);
    client.close();
  });

  const versions = ["TLSv1.3", "TLSv1.2"] as const;
  const suites = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

  test.each([
    ...suites.map((ciphers) => ["none", {}, { ciphers }, "CERTIFICATE_REQUIRED"] as const),
    ...suites.map(
      (ciphers) => ["one of another authority", identity("stranger"), { ciphers }, "UNKNOWN_CA"] as const,
    ),
    ["none", {}, { maxVersion: versions[1] }, "HANDSHAKE_FAILURE"] as const,
  ])("%s is refused with an alert that says why, %j %j", async (_name, shown, options, alert) => {
    const port = await harness.listenTls(verifying, required);
    const { client } = await upgrade(port, { ...shown, ...options });
    const failure = new Promise<NodeJS.ErrnoException>((resolve) => client.socket.once("error", resolve));
    expect((await failure).code).toMatch(new RegExp(`^ERR_SSL_.*ALERT_${alert}$`));
    expect(await client.rest()).toBe("");
    await eventually(() => harness.closed.length === 1, "closed");
    expect(reasons()).toEqual(["TLS Handshake Failure"]);
  });

  test("one of another authority is refused in words where TLS 1.2 leaves no other way", async () => {
    const port = await harness.listenTls(verifying, required);
    const { client } = await upgrade(port, { ...identity("stranger"), maxVersion: versions[1] });
    client.send("CONNECT {}\r\nPING\r\n");
    expect(await client.rest()).toMatch(/^-ERR 'TLS handshake error: .+'\r\n$/);
    await eventually(() => harness.closed.length === 1, "closed");
    expect(reasons()).toEqual(["TLS Handshake Failure"]);
  });

  test("may be left out where they are optional, but not be of another authority", async () => {
    const port = await harness.listenTls({ ...verifying, verify: "optional" }, required);
    const { client: without } = await upgrade(port, {});
    await expectServed(without);
    const { client: known } = await upgrade(port, identity("client-name"));
    await expectServed(known);
    const shown = harness.clients.map(({ connection }) => connection.tls?.peerCertificate ?? null);
    expect(shown).toEqual([null, new X509Certificate(pem("client-name.pem")).raw]);
    const { client: stranger } = await upgrade(port, identity("stranger"));
    const failure = new Promise<NodeJS.ErrnoException>((resolve) => stranger.socket.once("error", resolve));
    expect((await failure).code).toBe("ERR_SSL_TLSV1_ALERT_UNKNOWN_CA");
    expect(await stranger.rest()).toBe("");
    await eventually(() => harness.closed.length === 1, "closed");
    expect(reasons()).toEqual(["TLS Handshake Failure"]);
    without.close();
    known.close();
  });

  test("are not asked for where nobody verifies them", async () => {
    const port = await harness.listenTls({ ...serverTls, caFile: verifying.caFile }, required);
    const { client } = await upgrade(port, identity("stranger"));
    await expectServed(client);
    expect(harness.clients[0]?.connection.tls?.peerCertificate).toBeNull();
    client.close();
  });

  test("may be pinned", async () => {
    const pinned = createHash("sha256")
      .update(new X509Certificate(pem("client-name.pem")).raw)
      .digest("hex");
    const acceptPeer = (der: Buffer | null) =>
      createHash("sha256")
        .update(der ?? "")
        .digest("hex") === pinned;
    const port = await harness.listenTls(verifying, required, { acceptPeer });
    const { client } = await upgrade(port, identity("client-name"));
    await expectServed(client);
    const { client: other } = await upgrade(port, identity("client-email"));
    other.send("CONNECT {}\r\nPING\r\n");
    expect(await other.rest()).toBe("-ERR 'TLS handshake error: the certificate is not pinned'\r\n");
    await eventually(() => harness.closed.length === 1, "closed");
    expect([reasons(), harness.notes]).toEqual([
      ["TLS Handshake Failure"],
      ["the certificate is not pinned"],
    ]);
    client.close();
  });
});

describe("the listener", () => {
  test("answers new handshakes with what it was given last", async () => {
    const gate = new TlsHandshaker(serverTls, harness.clock, null);
    const port = await harness.listenTls(serverTls, required, { gate });
    const { client: before } = await upgrade(port);
    await expectServed(before);
    expect(() => gate.prepare({ ...serverTls, certFile: "/nowhere.pem" })).toThrow("/nowhere.pem");
    const { client: still } = await upgrade(port);
    await expectServed(still);
    gate.prepare({ ...serverTls, minVersion: "TLSv1.3" })();
    const { client: refused } = await upgrade(port, { maxVersion: "TLSv1.2" });
    expect(await refused.rest()).toBe("");
    const { client: after } = await upgrade(port);
    await expectServed(after);
    await before.untilPong();
    for (const client of [before, still, after]) client.close();
  });

  test("names the certificate that the client asks for", async () => {
    const { certFile, keyFile } = serverTls as { certFile: string; keyFile: string };
    const terms = {
      ...serverTls,
      certFile: null,
      keyFile: null,
      certificates: [
        { certFile: certificateFile("client-name.pem"), keyFile: certificateFile("client-name-key.pem") },
        { certFile, keyFile },
      ],
    };
    const port = await harness.listenTls(terms, first);
    const subjectFor = async (servername: string): Promise<string> => {
      const socket = tls.connect({ host: "127.0.0.1", port, servername, rejectUnauthorized: false });
      await new Promise((resolve) => socket.once("secureConnect", resolve));
      const subject = socket.getPeerX509Certificate()?.subject ?? "";
      socket.destroy();
      return subject;
    };
    expect(await subjectFor("localhost")).toContain("CN=localhost");
    expect(await subjectFor("elsewhere.test")).toContain("CN=device-8");
  });

  test("turns away more newcomers in a second than it may take", async () => {
    harness.clock.freeze();
    const port = await harness.listenTls(serverTls, required, { perSecondMax: 2 });
    const { client: one } = await upgrade(port);
    const { client: two } = await upgrade(port);
    const three = await connectRaw(port);
    await three.line();
    expect(await three.rest()).toBe("-ERR 'Connection throttling is active. Please try again later.'\r\n");
    expect(reasons()).toEqual(["Maximum Connections Exceeded"]);
    await expectServed(one);
    await expectServed(two);
    await harness.clock.advance("1s");
    const { client: four } = await upgrade(port);
    await expectServed(four);
    for (const client of [one, two, four]) client.close();
  });

  test("takes a thousand", async () => {
    const port = await harness.listenTls({ ...serverTls, timeoutMs: 60_000 }, required);
    const clients: RawClient[] = [];
    for (let round = 0; round < 20; round++) {
      const batch = await Promise.all(Array.from({ length: 50 }, async () => (await upgrade(port)).client));
      for (const client of batch)
        client.send(`CONNECT {"verbose":false}\r\nSUB all ${clients.push(client)}\r\n`);
      await Promise.all(batch.map(async (client) => client.untilPong()));
    }
    expect(harness.broker.sessions.size).toBe(1_000);
    clients[0]?.send("PUB all 2\r\nhi\r\n");
    const lines = await Promise.all(clients.map(messageLine));
    expect(lines).toEqual(clients.map((_, index) => `MSG all ${index + 1} 2`));
    for (const client of clients) client.close();
    await eventually(() => harness.broker.sessions.size === 0, "all are gone");
  });
});
