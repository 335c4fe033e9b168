import { createHash, X509Certificate } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  alternativeNames,
  clientCertificateFromDer,
  spkiFingerprint,
  subjectTexts,
} from "../../src/auth/certificate.ts";
import type { ClientCertificate } from "../../src/auth/identity.ts";
import { certificates } from "./certificate-fixtures.ts";

const der = (name: string): Buffer =>
  Buffer.from(certificates.find((fixture) => fixture.name === name)?.der ?? "", "base64");
const read = (name: string): ClientCertificate => clientCertificateFromDer(der(name)) as ClientCertificate;

describe.each(certificates)("the certificate $name", (fixture) => {
  const certificate = clientCertificateFromDer(Buffer.from(fixture.der, "base64"));

  test("is read as Go reads it", () => {
    expect(certificate?.subject).toBe(fixture.subject);
    expect(certificate?.emails).toEqual(fixture.emails);
    expect(certificate?.dnsNames).toEqual(fixture.dnsNames);
    expect(certificate?.uris).toEqual(fixture.uris);
  });

  test("has Go's fingerprint, and Node's", () => {
    const fingerprint = spkiFingerprint(Buffer.from(fixture.der, "base64"));
    expect(fingerprint).toBe(fixture.fingerprint);
    const key = new X509Certificate(Buffer.from(fixture.der, "base64")).publicKey;
    const spki = key.export({ format: "der", type: "spki" });
    expect(fingerprint).toBe(createHash("sha256").update(spki).digest("hex"));
  });
});

describe("names to try", () => {
  test("emails come before DNS names, those before URIs", () => {
    expect(alternativeNames(read("plain"))).toEqual([
      "alice@example.com",
      "a2@example.com",
      "alice.example.com",
      "*.example.com",
      "spiffe://example.com/alice",
    ]);
    expect(alternativeNames(read("no-sans"))).toEqual([]);
  });

  test("the subject is written with its domain components first, then without", () => {
    expect(subjectTexts(read("domain-components"))).toEqual([
      "CN=carol,OU=people,DC=com,DC=example",
      "CN=carol,OU=people",
    ]);
    expect(subjectTexts(read("plain"))).toEqual(["CN=alice,OU=dev,O=Frond,C=US"]);
    expect(subjectTexts(read("attributes-without-a-name"))).toEqual(["CN=dave"]);
    expect(subjectTexts(read("no-subject"))).toEqual([]);
  });
});

describe("bytes that are no certificate", () => {
  const whole = der("plain");

  test.each([
    ["nothing", Buffer.alloc(0)],
    ["a lone tag", Buffer.from([0x30])],
    ["an empty sequence", Buffer.from([0x30, 0x00])],
    ["an indefinite length", Buffer.from([0x30, 0x80, 0x00, 0x00])],
    ["a length of four gigabytes", Buffer.from([0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 0x30])],
    ["a length of eight octets", Buffer.from([0x30, 0x88, 0, 0, 0, 0, 0, 0, 0, 1, 0])],
    ["a tag of two octets", Buffer.from([0x3f, 0x81, 0x00])],
    ["zeros", Buffer.alloc(1 << 16)],
    ["text", Buffer.from("-----BEGIN CERTIFICATE-----")],
  ])("%s", (_what, bytes) => {
    expect(clientCertificateFromDer(bytes)).toBeNull();
    expect(spkiFingerprint(bytes)).toBeNull();
  });

  test("any cut of a certificate is refused, or at most says the same", () => {
    for (let length = 0; length < whole.length; length++) {
      expect(clientCertificateFromDer(whole.subarray(0, length))).toBeNull();
    }
  });

  test("any change of a certificate is read or refused, never thrown over", () => {
    fc.assert(
      fc.property(
        fc.nat(whole.length - 1),
        fc.nat(255),
        fc.nat(whole.length - 1),
        fc.nat(255),
        (a, x, b, y) => {
          const bent = Buffer.from(whole);
          bent[a] = x;
          bent[b] = y;
          const certificate = clientCertificateFromDer(bent);
          if (certificate !== null) expect(certificate.subject).toBeTypeOf("string");
          const fingerprint = spkiFingerprint(bent);
          if (fingerprint !== null) expect(fingerprint).toMatch(/^[0-9a-f]{64}$/);
        },
      ),
      { numRuns: 3000 },
    );
  });

  test("a subject that is not text in its own encoding is refused", () => {
    const bent = Buffer.from(whole);
    bent[bent.indexOf("alice")] = 0xff;
    expect(clientCertificateFromDer(bent)).toBeNull();
    expect(spkiFingerprint(bent)).toBe(spkiFingerprint(whole));
  });
});
