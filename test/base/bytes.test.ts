import fc from "fast-check";
import { describe, expect, it } from "vitest";
import * as bytesModule from "../../src/base/bytes.ts";
import {
  copyBytes,
  startsWith,
  viewBytes,
  wordsOf,
  wordsSlackBytes,
  writeWords,
} from "../../src/base/bytes.ts";

const text = fc.string({ unit: fc.constantFrom("a", "\x00", "\x7f", "\xff", "."), maxLength: 200 });

describe("copying bytes", () => {
  it("moves just those, from any place to any place", () => {
    fc.assert(
      fc.property(text, fc.nat(9), fc.nat(9), fc.nat(), fc.nat(), (source, before, at, from, to) => {
        const start = from % (source.length + 1);
        const end = start + (to % (source.length - start + 1));
        // A view into something larger, as chunks and pooled buffers are.
        const outer = Buffer.from(`${"<".repeat(before)}${source}>>>>`, "latin1");
        const inner = viewBytes(outer.subarray(before, before + source.length));
        const target = Buffer.alloc(at + end - start + 8, "#");
        expect(copyBytes(inner, start, end, viewBytes(target), at)).toBe(at + end - start);
        expect(target.latin1Slice()).toBe(`${"#".repeat(at)}${source.slice(start, end)}${"#".repeat(8)}`);
      }),
      { numRuns: 500 },
    );
  });

  it("works up to the very end of both", () => {
    for (let length = 0; length < 200; length++) {
      const source = Buffer.from("x".repeat(length));
      const target = Buffer.alloc(length);
      expect(copyBytes(viewBytes(source), 0, length, viewBytes(target), 0)).toBe(length);
      expect(target).toEqual(source);
    }
  });
});

describe("words", () => {
  it("are written where they belong, with up to three bytes beyond", () => {
    fc.assert(
      fc.property(text, fc.nat(9), (word, at) => {
        const target = Buffer.alloc(at + word.length + wordsSlackBytes, "#");
        expect(writeWords(viewBytes(target), at, wordsOf(word))).toBe(at + word.length);
        expect(target.latin1Slice(0, at + word.length)).toBe(`${"#".repeat(at)}${word}`);
      }),
      { numRuns: 300 },
    );
  });
});

describe("a prefix", () => {
  it("is found at the start of a range, and only within it", () => {
    const bytes = Buffer.from("..abc..");
    expect(startsWith(bytes, 2, 5, Buffer.from("ab"))).toBe(true);
    expect(startsWith(bytes, 2, 5, Buffer.from("abc"))).toBe(true);
    expect(startsWith(bytes, 2, 5, Buffer.from("abc."))).toBe(false);
    expect(startsWith(bytes, 2, 5, Buffer.from("b"))).toBe(false);
    expect(startsWith(bytes, 2, 5, Buffer.alloc(0))).toBe(true);
  });
});

describe("the names of bytes", () => {
  it("stand for what they say", () => {
    const { SPACE, TAB, CR, LF, DOT, STAR, GREATER, ZERO, NINE } = bytesModule;
    expect(String.fromCharCode(SPACE, TAB, CR, LF, DOT, STAR, GREATER, ZERO, NINE)).toBe(" \t\r\n.*>09");
  });
});
