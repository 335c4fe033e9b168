import { randomBytes } from "node:crypto";
import { createAccount, createOperator, createServer, createUser, fromPublic } from "@nats-io/nkeys";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createServerId, isPublicNkey, PublicNkey, textOfNkey, type NkeyKind } from "../../src/auth/nkey.ts";

const nonce = "PXoWU7zWAMt75FY";

describe("reading", () => {
  test.each([
    ["user", createUser().getPublicKey(), "U"],
    ["account", createAccount().getPublicKey(), "A"],
    ["operator", createOperator().getPublicKey(), "O"],
    ["server", createServer().getPublicKey(), "N"],
  ] as [NkeyKind, string, string][])(
    "a key of kind %s made by the official library",
    (kind, text, letter) => {
      expect(text[0]).toBe(letter);
      const key = PublicNkey.parse(text);
      expect(key?.kind).toBe(kind);
      expect(textOfNkey(kind, key?.bytes as Uint8Array)).toBe(text);
      expect(isPublicNkey(text, kind)).toBe(true);
      expect(isPublicNkey(text, kind === "user" ? "account" : "user")).toBe(false);
    },
  );

  test("kinds that only the prefix tells apart", () => {
    const bytes = randomBytes(32);
    expect(textOfNkey("curve", bytes)).toMatch(/^X[A-Z2-7]{55}$/);
    expect(textOfNkey("cluster", bytes)).toMatch(/^C[A-Z2-7]{55}$/);
    expect(PublicNkey.parse(textOfNkey("curve", bytes))?.kind).toBe("curve");
    expect(PublicNkey.parse(textOfNkey("cluster", bytes))?.kind).toBe("cluster");
  });

  test.each([
    ["nothing", ""],
    ["lower case", createUser().getPublicKey().toLowerCase()],
    ["one character short", createUser().getPublicKey().slice(1)],
    ["one character long", `${createUser().getPublicKey()}A`],
    ["a character outside the alphabet", createUser().getPublicKey().replace(/.$/, "1")],
    ["characters beyond ASCII", "Ü".repeat(56)],
    ["surrogate pairs", "😀".repeat(28)],
    ["a seed", new TextDecoder().decode(createUser().getSeed())],
    ["a wrong checksum", changed(createUser().getPublicKey(), 55)],
    ["a changed key", changed(createUser().getPublicKey(), 20)],
    ["a megabyte", "U".repeat(1 << 20)],
  ])("refuses %s", (_what, text) => {
    expect(PublicNkey.parse(text)).toBeNull();
    expect(isPublicNkey(text, "user")).toBe(false);
  });

  test.each([
    ["a private key's", "PAAACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB7QT2"],
    ["a seed's", "SAAACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB6NKI"],
    ["an unknown", "ZAAACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB7GCZ"],
    ["an account's with a stray bit", "AEAACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB6I27"],
    ["a full", "74AACAQDAQCQMBYIBEFAWDANBYHRAEISCMKBKFQXDAMRUGY4DUPB7NZN"],
  ])("refuses %s prefix, though the checksum is right", (_what, text) => {
    expect(PublicNkey.parse(text)).toBeNull();
  });

  test("any 32 bytes survive the way to text and back", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 32, maxLength: 32 }), (bytes) => {
        const text = textOfNkey("user", bytes);
        expect(text).toHaveLength(56);
        expect(Buffer.from(PublicNkey.parse(text)?.bytes as Uint8Array)).toEqual(Buffer.from(bytes));
      }),
    );
  });

  test("no other length of key has a text", () => {
    expect(() => textOfNkey("user", new Uint8Array(31))).toThrow(/32 bytes, not 31/);
  });
});

describe("verifying", () => {
  const owner = createUser();
  const key = PublicNkey.parse(owner.getPublicKey()) as PublicNkey;
  const signed = Buffer.from(owner.sign(new TextEncoder().encode(nonce)));

  test("the owner's signature in both alphabets", () => {
    expect(key.verify(nonce, signed.toString("base64url"))).toBe(true);
    expect(key.verify(nonce, signed.toString("base64"))).toBe(true);
  });

  test("not for another nonce, key or signature", () => {
    const signature = signed.toString("base64url");
    expect(key.verify("PXoWU7zWAMt75FZ", signature)).toBe(false);
    expect(key.verify("", signature)).toBe(false);
    const stranger = PublicNkey.parse(createUser().getPublicKey()) as PublicNkey;
    expect(stranger.verify(nonce, signature)).toBe(false);
    for (const at of [0, 31, 32, 63]) {
      const bent = Buffer.from(signed);
      bent[at] = (bent[at] as number) ^ 1;
      expect(key.verify(nonce, bent.toString("base64url"))).toBe(false);
    }
  });

  test.each([
    ["nothing", ""],
    ["padding in the raw URL alphabet", Buffer.alloc(64, 0xff).toString("base64url").concat("==")],
    ["no padding in the standard alphabet", Buffer.alloc(64, 0xff).toString("base64").replace(/=+$/, "")],
    ["both alphabets at once", `${"-+".repeat(43)}==`],
    ["63 bytes", Buffer.alloc(63).toString("base64url")],
    ["65 bytes", Buffer.alloc(65).toString("base64url")],
    ["text that is no base64", "*".repeat(86)],
    ["a NUL in the middle", `${"A".repeat(43)}\0${"A".repeat(42)}`],
    ["a line feed at the end", `${"A".repeat(86)}\n`],
    ["a megabyte", "A".repeat(1 << 20)],
  ])("refuses %s for a signature", (_what, signature) => {
    expect(key.verify(nonce, signature)).toBe(false);
  });

  test("whatever 32 bytes a key has and whatever 64 a signature has, nothing throws", () => {
    const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
    fc.assert(
      fc.property(bytes(32), bytes(64), (keyBytes, signature) => {
        const hostile = PublicNkey.parse(textOfNkey("user", keyBytes)) as PublicNkey;
        // Some 32 bytes are a point of so small an order that a signature can be made up: a boolean is all there is to say.
        expect(hostile.verify(nonce, Buffer.from(signature).toString("base64url"))).toBeTypeOf("boolean");
      }),
      { numRuns: 200 },
    );
  });

  test("a curve key signs nothing", () => {
    const curve = PublicNkey.parse(textOfNkey("curve", key.bytes)) as PublicNkey;
    expect(curve.verify(nonce, signed.toString("base64url"))).toBe(false);
  });
});

test("a server id is a valid server key, and never the same twice", () => {
  const ids = new Set(Array.from({ length: 50 }, createServerId));
  expect(ids.size).toBe(50);
  for (const id of ids) {
    expect(id).toMatch(/^N[A-Z2-7]{55}$/);
    expect(isPublicNkey(id, "server")).toBe(true);
    expect(fromPublic(id).getPublicKey()).toBe(id);
  }
});

/** `text` with the character at `at` turned into another of the alphabet. */
function changed(text: string, at: number): string {
  return text.slice(0, at) + (text[at] === "A" ? "B" : "A") + text.slice(at + 1);
}
