import bcrypt from "bcrypt";
import { afterEach, describe, expect, test, vi } from "vitest";
import { isBcrypt, PasswordChecker } from "../../src/auth/password.ts";

/** Of "secret", as Go's bcrypt package made it. */
const goHash = "$2a$04$prXnN1gisuLMRc8u7bd7GuPtByq8U7d.bQbLPplumAubm52QnAtuy";
/** Of the empty password, from the same source. */
const goHashOfNothing = "$2a$04$PpzdHdT7F0jPC05oZyCVteQUIR2WcXP8xAPjgRfWoRtrDD02dFJk2";

afterEach(() => {
  vi.doUnmock("bcrypt");
  vi.resetModules();
});

describe("plain text", () => {
  const checker = new PasswordChecker();
  test.each([
    ["secret", "secret", true],
    ["secret", "Secret", false],
    ["secret", "secre", false],
    ["secret", "secret ", false],
    ["", "", true],
    ["", "x", false],
    ["x", "", false],
    ["pässwörd", "pässwörd", true],
    ["a\0b", "a\0c", false],
    // Almost a hash.
    ["$2a$4$x", "$2a$4$x", true],
    ["$2z$04$x", "$2z$04$x", true],
  ])("%j offered %j: %s", (configured, offered, isRight) => {
    expect(checker.check(configured, offered)).toBe(isRight);
  });

  test("a megabyte is compared, not choked on", () => {
    expect(checker.check("secret", "x".repeat(1 << 20))).toBe(false);
    expect(checker.check("x".repeat(1 << 20), "x".repeat(1 << 20))).toBe(true);
  });
});

describe("what counts as a hash", () => {
  test.each([
    [goHash, true],
    ["$2b$10$anything", true],
    ["$2x$10$", true],
    ["$2y$10$", true],
    ["$2$10$", false],
    ["$2c$10$", false],
    ["$2a$1$", false],
    ["2a$10$", false],
    ["", false],
  ])("%j: %s", (text, is) => {
    expect(isBcrypt(text)).toBe(is);
  });
});

describe("a bcrypt hash", () => {
  const right = async (configured: string, offered: string): Promise<boolean> =>
    await new PasswordChecker().check(configured, offered);

  test.each(["2a", "2b", "2x", "2y"])("of variant %s", async (variant) => {
    const hash = goHash.replace("2a", variant);
    expect(await right(hash, "secret")).toBe(true);
    expect(await right(hash, "Secret")).toBe(false);
    expect(await right(hash, "")).toBe(false);
    expect(await right(hash, hash)).toBe(false);
  });

  test("of nothing matches nothing", async () => {
    expect(await right(goHashOfNothing, "")).toBe(true);
    expect(await right(goHashOfNothing, "x")).toBe(false);
  });

  test("with text behind it, or with stray bits in its salt, as Go reads it", async () => {
    expect(await right(`${goHash}x`, "secret")).toBe(true);
    const digits = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    const stray = digits[digits.indexOf(goHash[28] as string) | 5] as string;
    expect(stray).not.toBe(goHash[28]);
    expect(await right(goHash.slice(0, 28) + stray + goHash.slice(29), "secret")).toBe(true);
  });

  test.each([
    ["too short", goHash.slice(0, 59)],
    ["nothing but a prefix", "$2a$04$"],
    ["a cost that is too low", goHash.replace("$04$", "$03$")],
    ["a cost that is too high", goHash.replace("$04$", "$32$")],
    ["a character outside the alphabet", goHash.replace("pr", "p!")],
  ])("that is %s matches nothing, without any work", (_what, hash) => {
    expect(new PasswordChecker().check(hash, "secret")).toBe(false);
  });

  test("reads 72 bytes of a password, whatever the variant", async () => {
    const hash = bcrypt.hashSync("x".repeat(72), 4);
    for (const variant of ["2a", "2b"]) {
      const configured = hash.replace("2b", variant);
      for (const length of [72, 73, 254, 255, 256, 300, 1 << 20]) {
        expect(await right(configured, "x".repeat(length))).toBe(true);
      }
      expect(await right(configured, "x".repeat(71))).toBe(false);
    }
  });

  test("counts bytes, not characters, and cuts none in two before the end", async () => {
    const password = `${"x".repeat(68)}😀`;
    const hash = bcrypt.hashSync(Buffer.from(password, "utf8"), 4);
    expect(await right(hash, password)).toBe(true);
    expect(await right(hash, `${password}!`)).toBe(true);
    expect(await right(hash, `${"x".repeat(68)}😁`)).toBe(false);
    const cut = bcrypt.hashSync(Buffer.from(`${"x".repeat(71)}😀`, "utf8").subarray(0, 72), 4);
    expect(await right(cut, `${"x".repeat(71)}😀`)).toBe(true);
  });

  test("sees past a NUL", async () => {
    const hash = bcrypt.hashSync("a\0b", 4);
    expect(await right(hash, "a\0b")).toBe(true);
    expect(await right(hash, "a\0c")).toBe(false);
    expect(await right(hash, "a")).toBe(false);
  });
});

describe("what was proven", () => {
  test("is answered at once the next time, and nothing else is", async () => {
    const checker = new PasswordChecker();
    expect(checker.check(goHash, "secret")).toBeInstanceOf(Promise);
    expect(await checker.check(goHash, "secret")).toBe(true);
    expect(checker.check(goHash, "secret")).toBe(true);
    expect(checker.check(`${goHash}trailing`, "secret")).toBe(true);
    expect(checker.check(goHashOfNothing, "secret")).toBeInstanceOf(Promise);
    expect(new PasswordChecker().check(goHash, "secret")).toBeInstanceOf(Promise);
  });

  test("a wrong password is not remembered in any way", async () => {
    const checker = new PasswordChecker();
    expect(await checker.check(goHash, "wrong")).toBe(false);
    expect(checker.check(goHash, "wrong")).toBeInstanceOf(Promise);
    expect(await checker.check(goHash, "wrong")).toBe(false);
  });

  test("the same question asked many times at once is worked out once", () => {
    const checker = new PasswordChecker();
    const answers = Array.from({ length: 1000 }, () => checker.check(goHash, "secret"));
    expect(new Set(answers).size).toBe(1);
    return expect(answers[0]).resolves.toBe(true);
  });
});

describe("under a flood", () => {
  const ask = (checker: PasswordChecker, offered: string, isWanted?: () => boolean): Promise<boolean> =>
    Promise.resolve(checker.check(goHash, offered, isWanted));

  test("two checks run, the others wait their turn", async () => {
    const checker = new PasswordChecker();
    const started: number[] = [];
    const answers = Array.from({ length: 6 }, (_, n) =>
      ask(checker, `wrong ${n}`, () => {
        started.push(n);
        return true;
      }),
    );
    expect(started).toEqual([0, 1]);
    expect(await Promise.all(answers)).toEqual(Array.from({ length: 6 }, () => false));
    expect(started).toEqual([0, 1, 2, 3, 4, 5]);
  });

  test("a check nobody waits for any more is not made", async () => {
    const checker = new PasswordChecker();
    const first = [ask(checker, "wrong 0"), ask(checker, "wrong 1")];
    // The right password, yet the answer is no: it was not worked out.
    const left = ask(checker, "secret", () => false);
    await Promise.all(first);
    expect(await left).toBe(false);
    expect(await ask(checker, "secret")).toBe(true);
  });

  test("a check that somebody still waits for is made", async () => {
    const checker = new PasswordChecker();
    const first = [ask(checker, "wrong 0"), ask(checker, "wrong 1")];
    void ask(checker, "secret", () => false);
    const wanted = ask(checker, "secret", () => true);
    await Promise.all(first);
    expect(await wanted).toBe(true);
  });

  test("the line has an end, beyond which the answer is no", async () => {
    const checker = new PasswordChecker();
    let isWanted = true;
    const answers: Promise<boolean>[] = [];
    for (let n = 0; n < 16_384 + 2; n++) answers.push(ask(checker, `wrong ${n}`, () => isWanted));
    expect(checker.check(goHash, "one more")).toBe(false);
    isWanted = false;
    expect(new Set(await Promise.all(answers))).toEqual(new Set([false]));
    expect(await ask(checker, "secret")).toBe(true);
  });
});

describe("where the package cannot be loaded", () => {
  test("start says so, and no password is right", async () => {
    vi.doMock("bcrypt", () => {
      throw new Error("no such binding");
    });
    const checker = new PasswordChecker();
    await expect(checker.prepare()).rejects.toThrow(/package "bcrypt" cannot be loaded.*plain text/s);
    expect(await checker.check(goHash, "secret")).toBe(false);
    expect(checker.check("plain", "plain")).toBe(true);
  });

  test("where it can, start has nothing to say", async () => {
    await expect(new PasswordChecker().prepare()).resolves.toBeUndefined();
  });
});
