import { randomBytes } from "node:crypto";
import { createAccount, createOperator, createServer, createUser, type KeyPair } from "@nats-io/nkeys";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  decodeNkeySeed,
  decodePublicNkey,
  encodePublicNkey,
  isPublicNkey,
  type NkeyKind,
} from "../../src/base/nkey.ts";

describe("the text of a public key", () => {
  test.each([
    ["user", createUser().getPublicKey(), "U"],
    ["account", createAccount().getPublicKey(), "A"],
    ["operator", createOperator().getPublicKey(), "O"],
    ["server", createServer().getPublicKey(), "N"],
  ] as [NkeyKind, string, string][])(
    "a key of kind %s made by the official library",
    (kind, text, letter) => {
      expect(text[0]).toBe(letter);
      const key = decodePublicNkey(text);
      expect(key?.kind).toBe(kind);
      expect(encodePublicNkey({ kind, bytes: key?.bytes as Uint8Array })).toBe(text);
      expect(isPublicNkey(text, kind)).toBe(true);
      expect(isPublicNkey(text, kind === "user" ? "account" : "user")).toBe(false);
    },
  );

  test("kinds that only the prefix tells apart", () => {
    const bytes = randomBytes(32);
    expect(encodePublicNkey({ kind: "curve", bytes })).toMatch(/^X[A-Z2-7]{55}$/);
    expect(encodePublicNkey({ kind: "cluster", bytes })).toMatch(/^C[A-Z2-7]{55}$/);
    expect(decodePublicNkey(encodePublicNkey({ kind: "curve", bytes }))?.kind).toBe("curve");
    expect(decodePublicNkey(encodePublicNkey({ kind: "cluster", bytes }))?.kind).toBe("cluster");
  });

  test.each([
    ["nothing", ""],
    ["lower case", createUser().getPublicKey().toLowerCase()],
    ["one character short", createUser().getPublicKey().slice(1)],
    ["one character long", `${createUser().getPublicKey()}A`],
    ["a character too many in front", `A${createUser().getPublicKey()}`],
    ["a character outside the alphabet", createUser().getPublicKey().replace(/.$/, "1")],
    ["characters beyond ASCII", "Ü".repeat(56)],
    ["surrogate pairs", "😀".repeat(28)],
    ["a seed", new TextDecoder().decode(createUser().getSeed())],
    ["a wrong checksum", changed(createUser().getPublicKey(), 55)],
    ["a changed key", changed(createUser().getPublicKey(), 20)],
    ["a megabyte", "U".repeat(1 << 20)],
  ])("refuses %s", (_what, text) => {
    expect(decodePublicNkey(text)).toBeNull();
    expect(isPublicNkey(text, "user")).toBe(false);
  });

  test.each([
    ["a private key's", "PAAACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB7QT2"],
    ["a seed's", "SAAACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB6NKI"],
    ["an unknown", "ZAAACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB7GCZ"],
    ["an account's with a stray bit", "AEAACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB6I27"],
    ["a full", "74AACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB7NZN"],
  ])("refuses %s prefix, though the checksum is right", (_what, text) => {
    expect(decodePublicNkey(text)).toBeNull();
  });

  test("any 32 bytes survive the way to text and back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const text = encodePublicNkey({ kind: "user", bytes });
        expect(text).toHaveLength(56);
        expect(Buffer.from(decodePublicNkey(text)?.bytes as Uint8Array)).toEqual(Buffer.from(bytes));
      }),
    );
  });

  test("no other length of key has a text", () => {
    expect(() => encodePublicNkey({ kind: "user", bytes: new Uint8Array(31) })).toThrow(/32 bytes, not 31/);
  });
});

describe("the text of a seed", () => {
  const seedOf = (pair: KeyPair): string => new TextDecoder().decode(pair.getSeed());

  test.each([
    ["user", createUser()],
    ["account", createAccount()],
    ["operator", createOperator()],
    ["server", createServer()],
  ] as [NkeyKind, KeyPair][])("of kind %s holds what the official library put in", (kind, pair) => {
    const decoded = decodeNkeySeed(seedOf(pair));
    expect(decoded?.kind).toBe(kind);
    expect(Buffer.from(decoded?.bytes as Uint8Array)).toEqual(
      Buffer.from((pair as KeyPair & { getRawSeed(): Uint8Array }).getRawSeed()),
    );
  });

  test.each([
    ["a public key", createUser().getPublicKey()],
    ["one character long", `${seedOf(createUser())}A`],
    ["one character short", seedOf(createUser()).slice(0, -1)],
    ["a wrong checksum", changed(seedOf(createUser()), 55)],
    ["a changed seed", changed(seedOf(createUser()), 20)],
    ["another first letter", seedOf(createUser()).replace("S", "T")],
  ])("refuses %s", (_what, text) => {
    expect(decodeNkeySeed(text)).toBeNull();
  });
});

/** `text` with the character at `at` turned into another of the alphabet. */
function changed(text: string, at: number): string {
  return text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
}
