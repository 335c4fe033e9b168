import { createUser, fromPublic } from "@nats-io/nkeys";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createServerId, PublicNkey } from "../../src/auth/nkey.ts";
import { encodePublicNkey, isPublicNkey } from "../../src/base/nkey.ts";

const nonce = "PXoWU7zWAMt75FY";

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
        const hostile = PublicNkey.parse(encodePublicNkey({ kind: "user", bytes: keyBytes })) as PublicNkey;
        // Some 32 bytes are a point of so small an order that a signature can be made up: a boolean is all there is to say.
        expect(hostile.verify(nonce, Buffer.from(signature).toString("base64url"))).toBeTypeOf("boolean");
      }),
      { numRuns: 200 },
    );
  });

  test("a curve key signs nothing", () => {
    const curve = PublicNkey.parse(encodePublicNkey({ kind: "curve", bytes: key.bytes })) as PublicNkey;
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
