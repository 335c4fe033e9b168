import { createPrivateKey } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { ServerCertificates, type TlsSettings } from "../../../src/transport/tls/server-certificates.ts";
import { certificateFile, serverTls } from "../harness.ts";

const folder = mkdtempSync(join(tmpdir(), "frond-tls-"));
afterAll(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const make = (terms: Partial<TlsSettings>) => () => new ServerCertificates({ ...serverTls, ...terms });

describe("what is wrong with a file is said with its name", () => {
  const missing = join(folder, "missing.pem");
  const nonsense = file("nonsense.pem", "no PEM at all\n");
  const key = createPrivateKey(readFileSync(serverTls.keyFile ?? ""));
  const cipher = { cipher: "aes-256-cbc", passphrase: "x" };
  const encrypted = file("encrypted.pem", key.export({ type: "pkcs8", format: "pem", ...cipher }) as string);
  const damaged = file("damaged.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");

  test.each<[string, Partial<TlsSettings>, string]>([
    ["no certificate at all", { certFile: null, keyFile: null }, "TLS needs a certificate"],
    [
      "a certificate that is not there",
      { certFile: missing },
      `cannot read the TLS certificate file ${missing}: ENOENT`,
    ],
    ["a key that is not there", { keyFile: missing }, `cannot read the TLS key file ${missing}: ENOENT`],
    [
      "authorities that are not there",
      { caFile: missing },
      `cannot read the TLS authorities file ${missing}: ENOENT`,
    ],
    ["a folder", { certFile: folder }, `cannot read the TLS certificate file ${folder}: EISDIR`],
    [
      "a certificate that is none",
      { certFile: nonsense },
      `${nonsense} holds no valid certificate in PEM form`,
    ],
    ["a damaged certificate", { certFile: damaged }, `${damaged} holds no valid certificate in PEM form`],
    ["a key that is none", { keyFile: nonsense }, `${nonsense}: no valid private key in PEM form`],
    [
      "a certificate for a key",
      { keyFile: certificateFile("server.pem") },
      "no valid private key in PEM form",
    ],
    ["authorities that are none", { caFile: nonsense }, `${nonsense} holds no certificate in PEM form`],
    ["damaged authorities", { caFile: damaged }, `${damaged} holds no valid certificate in PEM form`],
    [
      "the key of another certificate",
      { keyFile: certificateFile("stranger-key.pem") },
      `${certificateFile("stranger-key.pem")} does not belong to the certificate in ${serverTls.certFile}`,
    ],
    [
      "a further pair that is not there",
      { certificates: [{ certFile: missing, keyFile: missing }] },
      `cannot read the TLS certificate file ${missing}`,
    ],
    ["ciphers that OpenSSL does not know", { ciphers: "NONE-SUCH" }, `cipher list "NONE-SUCH"`],
    ["curves that OpenSSL does not know", { curves: "none-such" }, `curve list "none-such"`],
  ])("%s", (_name, terms, message) => {
    expect(make(terms)).toThrow(message);
  });

  test("an encrypted key", () => {
    expect(make({ keyFile: encrypted })).toThrow(`cannot use the TLS key file ${encrypted}: it is encrypted`);
  });
});

describe("the certificate", () => {
  // The stranger stands for another name: the fixture names nobody but its holder.
  const other = {
    certFile: certificateFile("client-name.pem"),
    keyFile: certificateFile("client-name-key.pem"),
  };

  test("is the one whose name is asked for, and the first for any other name", () => {
    const { certFile, keyFile } = serverTls as { certFile: string; keyFile: string };
    const certificates = new ServerCertificates({
      ...serverTls,
      certFile: null,
      keyFile: null,
      certificates: [other, { certFile, keyFile }],
    });
    expect(certificates.count).toBe(2);
    expect(certificates.forName("nobody.test")).toBe(certificates.forName("elsewhere.test"));
    expect(certificates.forName("localhost")).not.toBe(certificates.forName("nobody.test"));
  });

  test("of the listener goes before further ones", () => {
    const certificates = new ServerCertificates({ ...serverTls, certificates: [other] });
    expect(certificates.forName("nobody.test")).toBe(certificates.forName("localhost"));
  });
});
