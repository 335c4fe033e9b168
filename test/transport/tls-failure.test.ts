/** What the log says of handshakes that fail, as they fail in Node and OpenSSL. */
import { readFileSync } from "node:fs";
import net, { type Socket } from "node:net";
import tls from "node:tls";
import { afterEach, describe, expect, test } from "vitest";
import { Clock } from "../../src/base/clock.ts";
import { TlsHandshaker } from "../../src/transport/tls/tls-handshaker.ts";
import { tlsFailureText } from "../../src/transport/tls-failure.ts";
import { certificateFile, serverTls } from "./harness.ts";

const pem = (name: string) => readFileSync(certificateFile(name), "utf8");
const ca = pem("ca.pem");
const clientOf = (name: string) => ({ cert: pem(`${name}.pem`), key: pem(`${name}-key.pem`) });
const verifying = { ...serverTls, verify: true, caFile: certificateFile("ca.pem") };

const ended: (() => void)[] = [];
afterEach(() => {
  for (const end of ended.splice(0)) end();
});

/** What the gate says of the client that `dial` makes. */
async function failureOf(terms: typeof serverTls, dial: (port: number) => Socket): Promise<string> {
  const gate = new TlsHandshaker(terms, new Clock(), null);
  const server = net.createServer();
  ended.push(() => server.close());
  const failure = new Promise<string>((resolve) => {
    server.on("connection", (socket) => {
      socket.on("error", () => {});
      gate.secure(socket, true, (outcome) => {
        outcome.socket?.destroy();
        resolve(outcome.failure ?? "none");
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", () => resolve()));
  const client = dial((server.address() as net.AddressInfo).port);
  client.on("error", () => {});
  ended.push(() => client.destroy());
  return failure;
}

const says =
  (text: string | Buffer) =>
  (port: number): Socket => {
    const socket = net.connect(port, "127.0.0.1");
    socket.write(text);
    return socket;
  };
const dials =
  (options: tls.ConnectionOptions) =>
  (port: number): Socket =>
    tls.connect({ host: "127.0.0.1", port, ca, ...options });

describe("a handshake that fails says why in words", () => {
  test.each([
    ["plain HTTP", serverTls, says("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), /^a plain HTTP request came/],
    ["plain NATS", serverTls, says('CONNECT {"verbose":false}\r\nPING\r\n'), /^plain text came instead/],
    [
      "an old version of TLS",
      { ...serverTls, minVersion: "TLSv1.3" as const },
      dials({ maxVersion: "TLSv1.2" }),
      /no version of TLS that is allowed here/,
    ],
    ["no certificate", verifying, dials({}), /^the peer sent no certificate, which is asked for here/],
    [
      "a certificate of an unknown authority",
      verifying,
      dials(clientOf("stranger")),
      /signed by an authority that is not trusted here/,
    ],
    ["a certificate for servers", verifying, dials(clientOf("server")), /not made for this/],
  ])("for %s", async (_what, terms, dial, expected) => {
    const failure = await failureOf(terms, dial);
    expect(failure).toMatch(expected);
    expect(failure).not.toMatch(/error:|SSL routines|ERR_/);
  });

  test("for what there are no words for yet, with OpenSSL's reason alone", () => {
    const message = "80BCA1EB627F0000:error:0A0000A0:SSL routines:f:some new reason:ssl.c:1456:\n";
    expect(tlsFailureText(new Error(message))).toBe("some new reason");
    expect(tlsFailureText(new Error("plain words"))).toBe("plain words");
  });
});
