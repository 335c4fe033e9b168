import type { ConnectionOptions, NatsConnection } from "@nats-io/nats-core";
import { readFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { brokerFor } from "../fixture/broker-lifetime.ts";
import { type BrokerProcess, certificatePath, websocketBlock } from "../fixture/broker-process.ts";
import type { ClientLibrary } from "../fixture/client-library.ts";
import { nodeLibraries, websocketFactory } from "../fixture/node-libraries.ts";
import { connectRaw } from "../fixture/raw-client.ts";
import { collect, failureOf, settle } from "./scenario.ts";
import { patienceMs } from "../fixture/waiting.ts";

const certificate = (name: string) => readFileSync(JSON.parse(certificatePath(name)), "utf8");
const ca = certificate("ca.pem");
const identity = (name: string) => ({
  cert: certificate(`${name}.pem`),
  key: certificate(`${name}-key.pem`),
});
const serverFiles = `cert_file: ${certificatePath("server.pem")}, key_file: ${certificatePath("server-key.pem")}`;
const clientCa = `ca_file: ${certificatePath("ca.pem")}`;

const tcpLibraries = nodeLibraries.filter((library) => library.transport === "tcp");

describe("TLS required", () => {
  const broker = brokerFor(`tls { ${serverFiles} }\n ${websocketBlock(`tls { ${serverFiles} }`)}`);

  describe.each(nodeLibraries)("$name", (library) => {
    test("a client that trusts the authority talks to it", async () => {
      const connection = await connectSecurely(broker(), library, { ca });
      expect(isEncrypted(connection)).toBe(true);
      await expectWorks(connection);
    });

    test("a client that does not know the authority refuses", async () => {
      await failureOf(connectSecurely(broker(), library, {}), "an unknown authority");
    });

    test("large messages both ways", async () => {
      const connection = await connectSecurely(broker(), library, { ca });
      const received = collect(connection, "large");
      const payload = new Uint8Array(1024 * 1024).map((_, index) => index & 0xff);
      for (let count = 0; count < 5; count++) connection.publish("large", payload);
      await settle(connection);
      expect(received.messages.map((message) => Buffer.compare(message.data, payload))).toEqual([
        0, 0, 0, 0, 0,
      ]);
    });
  });

  test("INFO says so in the clear, and a client that goes on in the clear is closed without a word", async () => {
    const client = await connectRaw(broker().port);
    const info = infoOf(await client.line());
    expect(info["tls_required"]).toBe(true);
    expect(info["tls_verify"] ?? false).toBe(false);
    client.send("CONNECT {}\r\nPING\r\n");
    expect(await client.rest()).toBe("");
  });
});

describe("TLS available", () => {
  const broker = brokerFor(`allow_non_tls: true\n tls { ${serverFiles} }`);

  describe.each(tcpLibraries)("$name", (library) => {
    test("a client may use it", async () => {
      const connection = await connectSecurely(broker(), library, { ca });
      expect(isEncrypted(connection)).toBe(true);
      await expectWorks(connection);
    });

    test("a client may do without", async () => {
      const connection = await connectPlainly(broker(), library, { tls: null });
      expect(isEncrypted(connection)).toBe(false);
      await expectWorks(connection);
    });

    test("both talk to each other", async () => {
      const secure = await connectSecurely(broker(), library, { ca });
      const plain = await connectPlainly(broker(), library, { tls: null });
      const received = collect(secure, "both");
      await secure.flush();
      plain.publish("both", "hello");
      await settle(plain, secure);
      expect(received.texts()).toEqual(["hello"]);
    });
  });

  test("INFO offers it and does not require it", async () => {
    const client = await connectRaw(broker().port);
    const info = infoOf(await client.line());
    expect([info["tls_available"], info["tls_required"] ?? false]).toEqual([true, false]);
    client.close();
  });
});

describe("TLS handshake first", () => {
  const broker = brokerFor(`tls { ${serverFiles}, handshake_first: true, timeout: 1 }`);

  test.each(tcpLibraries)("$name connects when it starts with the handshake", async (library) => {
    await expectWorks(await connectSecurely(broker(), library, { ca, handshakeFirst: true }));
  });

  test.each(tcpLibraries)("$name waits in vain for INFO in the clear", async (library) => {
    await failureOf(connectSecurely(broker(), library, { ca }, { timeout: 400 }), "INFO first");
  });

  test("INFO comes behind the handshake", async () => {
    const client = await connectRaw(broker().port, { tls: { ca } });
    expect(infoOf(await client.line())["tls_required"]).toBe(true);
    client.send("CONNECT {}\r\n");
    expect((await client.untilPong()).filter((line) => line.startsWith("-ERR"))).toEqual([]);
    client.close();
  });

  test("a client in the clear gets nothing and is closed", async () => {
    const client = await connectRaw(broker().port);
    client.send("CONNECT {}\r\nPING\r\n");
    expect(await client.rest()).not.toContain("PONG");
  });
});

describe("TLS handshake first for clients that hurry", () => {
  const broker = brokerFor(`tls { ${serverFiles}, handshake_first: "100ms" }`);

  describe.each(tcpLibraries)("$name", (library) => {
    test("starts with the handshake", async () => {
      await expectWorks(await connectSecurely(broker(), library, { ca, handshakeFirst: true }));
    });

    test("waits for INFO", async () => {
      const connection = await connectSecurely(broker(), library, { ca });
      expect(isEncrypted(connection)).toBe(true);
      await expectWorks(connection);
    });
  });
});

describe("TLS with client certificates", () => {
  const verify = `tls { ${serverFiles}, ${clientCa}, verify: true }`;
  const broker = brokerFor(`${verify}\n ${websocketBlock(verify)}`);

  describe.each(nodeLibraries)("$name", (library) => {
    test("a certificate of the authority opens", async () => {
      await expectWorks(await connectSecurely(broker(), library, { ca, ...identity("client-name") }));
    });

    test("no certificate does not", async () => {
      await failureOf(connectSecurely(broker(), library, { ca }, { timeout: 2000 }), "no certificate");
    });

    test("a certificate of another authority does not", async () => {
      const options = { ca, ...identity("stranger") };
      await failureOf(connectSecurely(broker(), library, options, { timeout: 2000 }), "another authority");
    });
  });

  test("INFO asks for the certificate", async () => {
    const client = await connectRaw(broker().port);
    const info = infoOf(await client.line());
    expect([info["tls_required"], info["tls_verify"]]).toEqual([true, true]);
    client.close();
  });
});

describe("users from client certificates", () => {
  const map = `tls { ${serverFiles}, ${clientCa}, verify_and_map: true }`;
  const broker = brokerFor(`${map}
    authorization { users: [
      { user: "device@frond.test", permissions { publish: "email.>", subscribe: ">" } }
      { user: "CN=device-8,OU=edge,O=Frond Test", permissions { publish: "name.>", subscribe: ">" } }
    ] }`);

  test.each(tcpLibraries)("$name is the user of its email address or its name", async (library) => {
    const email = await connectSecurely(broker(), library, { ca, ...identity("client-email") });
    const name = await connectSecurely(broker(), library, { ca, ...identity("client-name") });
    const received = collect(email, "*.x");
    await email.flush();
    for (const [connection, text] of [
      [email, "from email"],
      [name, "from name"],
    ] as const) {
      connection.publish("email.x", text);
      connection.publish("name.x", text);
      await settle(connection, email);
    }
    expect(received.messages.map((message) => `${message.subject} ${message.string()}`)).toEqual([
      "email.x from email",
      "name.x from name",
    ]);
  });

  test.each(tcpLibraries)("$name is not whoever it says it is", async (library) => {
    const options = { ca, ...identity("client-email") };
    const claimed = { user: "CN=device-8,OU=edge,O=Frond Test", pass: "" };
    const connection = await connectSecurely(broker(), library, options, claimed);
    const received = collect(connection, "*.x");
    connection.publish("email.x", "the user of the certificate");
    connection.publish("name.x", "the user of CONNECT");
    await settle(connection);
    expect(received.texts()).toEqual(["the user of the certificate"]);
  });

  test.each(tcpLibraries)("$name is refused with a good certificate of nobody we know", async (library) => {
    const options = { ca, ...identity("client-unknown") };
    const failure = await failureOf(connectSecurely(broker(), library, options), "an unknown name");
    expect(failure.kind).toBe("authorization");
  });

  test.each(tcpLibraries)("$name is refused with a certificate of another authority", async (library) => {
    const options = { ca, ...identity("stranger") };
    await failureOf(connectSecurely(broker(), library, options, { timeout: 2000 }), "another authority");
  });
});

const opened: NatsConnection[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((connection) => connection.close()));
});

interface SecureOptions {
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly handshakeFirst?: boolean;
}

/** TLS as each library takes it: as an option over TCP, through the socket factory over WebSocket. */
function connectSecurely(
  broker: BrokerProcess,
  library: ClientLibrary,
  tls: SecureOptions,
  options: ConnectionOptions = {},
): Promise<NatsConnection> {
  return connectPlainly(broker, library, {
    ...options,
    ...(library.transport === "tcp" ? { tls } : websocketFactory(tls)),
  });
}

async function connectPlainly(
  broker: BrokerProcess,
  library: ClientLibrary,
  options: ConnectionOptions,
): Promise<NatsConnection> {
  const servers = library.transport === "tcp" ? broker.url : broker.wsUrl;
  if (servers === undefined) throw new Error(`no address for ${library.name}`);
  const connection = await library.connect({
    servers,
    reconnect: false,
    noAsyncTraces: true,
    timeout: patienceMs,
    ...options,
  });
  opened.push(connection);
  return connection;
}

async function expectWorks(connection: NatsConnection): Promise<void> {
  const received = collect(connection, "works");
  connection.publish("works", "hello");
  await settle(connection);
  expect(received.texts()).toEqual(["hello"]);
}

function infoOf(line: string): Record<string, unknown> {
  expect(line.startsWith("INFO {")).toBe(true);
  return JSON.parse(line.slice("INFO ".length)) as Record<string, unknown>;
}

// No library says whether it is encrypted, but all keep the transport in the same place.
function isEncrypted(connection: NatsConnection): boolean {
  const inside = connection as unknown as { protocol: { transport: { isEncrypted(): boolean } } };
  return inside.protocol.transport.isEncrypted();
}
